//! What a colony could not answer from memory: it is looked for in the history store, on a thread that may block.

use super::route::{Rpc, stopped, too_busy};
use crate::colony::history::{Elsewhere, Found, Lookup, Missing, Past, ProcessRecord, Purpose, Recalled, Verdict};
use crate::colony::mailbox::{Outcome, Retrieve};
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
    /// The message is to be sent again, in a moment: its record moved meanwhile.
    Moved,
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
        let mut lookup = elsewhere.lookup.clone();
        let Some(mut recalled) = self.look_up(&lookup).await? else {
            return Ok(Followed::NothingFound);
        };
        match elsewhere.read(recalled.clone(), caller) {
            Err(refusal) => Err(refusal),
            Ok(Verdict::Answer(answered)) => Ok(Followed::Answer(Ok(answered))),
            Ok(Verdict::Removal(answered)) => {
                let is_done = self.retrieve(colony, Found { recalled, lookup }, Purpose::Removal).await?;
                Ok(if is_done { Followed::Answer(Ok(answered)) } else { Followed::Moved })
            }
            Ok(Verdict::Change) => {
                // A node comes back with its workflow.
                if let Recalled::Process(record) = &recalled
                    && let Some(graph) = record.process.graph
                {
                    lookup.missing = Missing::Workflow(graph);
                    match self.look_up(&lookup).await? {
                        Some(workflow) => recalled = workflow,
                        None => return Ok(Followed::Moved),
                    }
                }
                let is_done = self.retrieve(colony, Found { recalled, lookup }, Purpose::Revival).await?;
                Ok(if is_done { Followed::Again } else { Followed::Moved })
            }
        }
    }

    /// What a subscription is about, where that is past.
    pub(crate) async fn past_process(&self, lookup: &Lookup) -> Result<Option<ProcessRecord>, Refusal> {
        match self.look_up(lookup).await? {
            Some(Recalled::Process(record)) => Ok(Some(record)),
            _ => Ok(None),
        }
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
        self.read_past(move |past: &dyn Past| Ok(past.find(of, &missing, &hidden)?)).await
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

    async fn retrieve(&self, colony: &ColonyHandle, found: Found, purpose: Purpose) -> Result<bool, Refusal> {
        let (tell, told) = oneshot::channel();
        let reply = Box::new(move |outcome| {
            // Nobody waits any more when the client has gone.
            let _ = tell.send(outcome);
        });
        if colony.mailbox.retrieve(Retrieve { found, purpose, reply }).is_err() {
            return Err(too_busy());
        }
        told.await.unwrap_or_else(|_| Err(stopped()))
    }
}
