//! What a colony could not answer from memory: it is looked for in the history store, on a thread that may block.

use super::route::{Rpc, stopped, too_busy};
use crate::colony::history::{Elsewhere, Found, Lookup, Missing, Past, PastError, Recall, Recalled};
use crate::colony::mailbox::{Outcome, Revive};
use crate::colony::message::{Answered, Body};
use crate::crypto::Identity;
use crate::ids::AttributeId;
use crate::refusal::Refusal;
use crate::server::directory::ColonyHandle;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What became of an answer that may lie in the past.
pub(super) enum Followed {
    /// This is the answer.
    Answer(Outcome),
    /// The message is to be sent again: its record is back in memory.
    Again,
    /// The message is to be sent again: nothing was found.
    NothingFound,
}

impl Rpc {
    /// Follows an answer to where it is.
    pub(super) async fn follow(&self, colony: &ColonyHandle, caller: &Identity, answered: Answered) -> Followed {
        let Answered { payload_type, body } = answered;
        match body {
            Body::Ready(_) => Followed::Answer(Ok(Answered { payload_type, body })),
            Body::FromPast(read) => {
                let read = self.read_past(read).await;
                Followed::Answer(read.map(|body| Answered { payload_type, body: Body::Ready(body) }))
            }
            Body::Elsewhere(elsewhere) => match self.recall(colony, caller, *elsewhere).await {
                Ok(followed) => followed,
                Err(refusal) => Followed::Answer(Err(refusal)),
            },
        }
    }

    async fn recall(
        &self,
        colony: &ColonyHandle,
        caller: &Identity,
        elsewhere: Elsewhere,
    ) -> Result<Followed, Refusal> {
        let lookup = elsewhere.lookup.clone();
        let found = self.look_up(&lookup).await?;
        let Some(recalled) = found else {
            return Ok(Followed::NothingFound);
        };
        if elsewhere.command.recall() == Recall::Reads {
            return Ok(Followed::Answer(elsewhere.read(recalled, caller)));
        }
        self.revive(colony, Found { recalled, lookup }).await?;
        Ok(Followed::Again)
    }

    /// Brings back what a subscription is about. `false` where there is nothing.
    pub(crate) async fn bring_back(&self, colony: &ColonyHandle, lookup: Lookup) -> Result<bool, Refusal> {
        let Some(recalled) = self.look_up(&lookup).await? else {
            return Ok(false);
        };
        self.revive(colony, Found { recalled, lookup }).await?;
        Ok(true)
    }

    /// The colony of an attribute whose process is past.
    pub(super) async fn of_past_attribute(&self, id: &str) -> Result<Option<Arc<ColonyHandle>>, Refusal> {
        let (Some(id), Some(history)) = (AttributeId::from_text(id), self.history.get()) else {
            return Ok(None);
        };
        let of = history.read(move |past| past.colony_of_attribute(&id)).await?;
        Ok(of.and_then(|incarnation| self.directory.by_incarnation(incarnation)))
    }

    async fn look_up(&self, lookup: &Lookup) -> Result<Option<Recalled>, Refusal> {
        let Lookup { of, missing, hidden, .. } = lookup.clone();
        self.read_past(move |past: &dyn Past| find(past, of, &missing, &hidden)).await
    }

    async fn read_past<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Past) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        match self.history.get() {
            Some(history) => history.read(move |past| Ok(read(past))).await?,
            None => Err(super::route::not_ready()),
        }
    }

    async fn revive(&self, colony: &ColonyHandle, found: Found) -> Result<(), Refusal> {
        let (tell, told) = oneshot::channel();
        let reply = Box::new(move |outcome| {
            // Nobody waits any more when the client has gone.
            let _ = tell.send(outcome);
        });
        if colony.mailbox.revive(Revive { found, reply }).is_err() {
            return Err(too_busy());
        }
        told.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn find(
    past: &dyn Past,
    of: crate::ids::Incarnation,
    missing: &Missing,
    hidden: &crate::colony::history::Hidden,
) -> Result<Option<Recalled>, Refusal> {
    past.find(of, missing, hidden).map_err(|error: PastError| error.into())
}
