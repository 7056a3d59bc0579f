//! From a client's frame to a subscription.

use super::subscribe::{Kind, SubscribeRequest, Unreadable, read};
use crate::colony::channels;
use crate::colony::mailbox::{NotSubscribed, PastProcess, Subscribe};
use crate::colony::subscriptions::{Subscriber, Subscription, SubscriptionId, Topic, not_an_executor, unknown_process};
use crate::crypto::{Identity, signer};
use crate::ids::ProcessId;
use crate::limits;
use crate::refusal::Refusal;
use crate::rpc::envelope::Envelope;
use crate::rpc::route::Rpc;
use crate::server::directory::ColonyHandle;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A subscription of this connection; it ends when this is dropped.
pub(super) struct Subscribed {
    colony: Arc<ColonyHandle>,
    id: SubscriptionId,
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        self.colony.mailbox.unsubscribe(self.id);
    }
}

/// What a frame asks for.
pub(super) struct Wanted {
    /// Of what kind it is.
    pub kind: Kind,
    /// How long it lasts.
    pub timeout: Duration,
    identity: Identity,
    /// The colony, or all that may be meant, where no name is given.
    colonies: Vec<Arc<ColonyHandle>>,
    topic: Topic,
}

/// Why a frame asks for nothing.
pub(super) enum NotWanted {
    /// It is a message that means nothing here.
    Ignored,
    /// It drops the connection without a word.
    Dropped,
    /// It gets an error; the connection stays open.
    Refused(Refusal),
}

impl From<Refusal> for NotWanted {
    fn from(refusal: Refusal) -> NotWanted {
        NotWanted::Refused(refusal)
    }
}

impl Wanted {
    /// Reads a frame.
    pub fn read(rpc: &Rpc, body: &[u8]) -> Result<Wanted, NotWanted> {
        let envelope = Envelope::read(body).map_err(|_| NotWanted::Dropped)?;
        let identity = signer(&rpc.memo, envelope.payload.as_bytes(), &envelope.signature);
        let identity = identity.map_err(|_| NotWanted::Dropped)?;
        rpc.rates.count_identity(&identity)?;
        let kind = Kind::of(&envelope.payloadtype).ok_or(NotWanted::Ignored)?;
        let message = envelope.message();
        rpc.take_once(&identity, message.as_deref())?;
        let request = read(kind, message.as_deref()).map_err(|reason| match reason {
            Unreadable::Null => NotWanted::Dropped,
            reason => kind.unreadable(reason).into(),
        })?;
        let timeout = timeout(kind, request.timeout);
        let (colonies, topic) = find(rpc, kind, request, &identity)?;
        Ok(Wanted { kind, timeout, identity, colonies, topic })
    }

    /// Subscribes, in the first colony that lets the caller.
    pub async fn subscribe(self, rpc: &Rpc, subscriber: Arc<dyn Subscriber>) -> Result<Subscribed, NotWanted> {
        let Wanted { identity, colonies, topic, .. } = self;
        let subscription = || {
            let (identity, topic, subscriber) = (identity.clone(), topic.clone(), subscriber.clone());
            Subscription { identity, topic, subscriber }
        };
        let mut refused = not_an_executor();
        for colony in colonies {
            match subscribe_to(rpc, colony, &subscription).await {
                // Another one may let it; where one is full, that is what it is told.
                Err(NotWanted::Refused(refusal)) if refusal.status == 403 => refused = refusal,
                other => return other,
            }
        }
        Err(refused.into())
    }
}

async fn subscribe_to(
    rpc: &Rpc,
    colony: Arc<ColonyHandle>,
    subscription: &impl Fn() -> Subscription,
) -> Result<Subscribed, NotWanted> {
    let mut outcome = subscribe_once(&colony, subscription(), PastProcess::NotSearched).await?;
    if let Err(NotSubscribed::Elsewhere(lookup)) = outcome {
        let past = PastProcess::Searched(rpc.past_process(&lookup).await?.map(Box::new));
        outcome = subscribe_once(&colony, subscription(), past).await?;
    }
    match outcome {
        Ok(id) => Ok(Subscribed { colony, id }),
        Err(NotSubscribed::Refused(refusal)) => Err(refusal.into()),
        Err(NotSubscribed::Elsewhere(_)) => Err(too_busy().into()),
    }
}

async fn subscribe_once(
    colony: &ColonyHandle,
    subscription: Subscription,
    past: PastProcess,
) -> Result<Result<SubscriptionId, NotSubscribed>, NotWanted> {
    let (tell, told) = oneshot::channel();
    let reply = Box::new(move |outcome| {
        // Nobody waits any more when the client has gone.
        let _ = tell.send(outcome);
    });
    if colony.mailbox.subscribe(Subscribe { subscription, reply, past }).is_err() {
        return Err(too_busy().into());
    }
    told.await.map_err(|_| NotWanted::Dropped)
}

fn too_busy() -> Refusal {
    Refusal::unavailable("too many messages wait for this colony, try again soon")
}

/// How long a subscription lasts.
fn timeout(kind: Kind, seconds: i64) -> Duration {
    let seconds = if kind == Kind::Channel && seconds == 0 { limits::CHANNEL_SECONDS } else { seconds };
    Duration::from_secs(u64::try_from(seconds.min(limits::POLL_SECONDS)).unwrap_or(0))
}

fn find(
    rpc: &Rpc,
    kind: Kind,
    request: SubscribeRequest,
    caller: &Identity,
) -> Result<(Vec<Arc<ColonyHandle>>, Topic), Refusal> {
    let of_process = || {
        let id = ProcessId::from_text(&request.processid)?;
        Some((rpc.directory.of_process(&request.processid)?, id))
    };
    match kind {
        Kind::Process => {
            let (colony, id) = of_process().ok_or_else(|| unknown_process(&request.processid))?;
            Ok((vec![colony], Topic::Process { id, state: request.state }))
        }
        Kind::Processes => {
            let colonies = match request.colonyname.as_str() {
                "" => rpc.directory.of_identity(caller),
                name => rpc.directory.by_name(name).into_iter().collect(),
            };
            Ok((colonies, Topic::ExecutorType { name: request.executortype.into(), state: request.state }))
        }
        Kind::Channel => {
            let (colony, process) = of_process().ok_or_else(channels::unknown_process)?;
            Ok((vec![colony], Topic::Channel { process, name: request.name.into(), after: request.afterseq }))
        }
    }
}
