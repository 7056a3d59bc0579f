//! The way of a request: read, recover the signer, decode, find the colony, wait for the answer.

use super::dispatch::{self, Decoded, Entry};
use super::envelope::{Envelope, write_refusal, write_reply};
use super::past::Followed;
use super::rate::Rates;
use super::strict::Strict;
use crate::clock::Clock;
use crate::colony::mailbox::{Call, Outcome, ReplyTo};
use crate::colony::matching::nothing_to_do;
use crate::colony::message::{Address, Answered, Body, Command};
use crate::colony::poll::{Delivery, Left, PollSlot};
use crate::crypto::{Identity, Memo, signer};
use crate::metrics::Metrics;
use crate::queue::queue;
use crate::refusal::Refusal;
use crate::server::actor::{ServerActor, ServerCall};
use crate::server::directory::{ColonyHandle, Directory};
use crate::server::open::ServerInfo;
use crate::storage::history::HistoryStore;
use actix::prelude::{Addr, SendError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use wal::Log;

/// What the http workers share.
pub struct Rpc {
    /// Signers recovered before.
    pub memo: Memo,
    /// Where colonies are found.
    pub directory: Arc<Directory>,
    /// Colony zero, once the log has been replayed.
    pub server: OnceLock<Addr<ServerActor>>,
    /// The log, once it is open.
    pub log: OnceLock<Arc<dyn Log>>,
    /// What is past, once the history store is open.
    pub history: OnceLock<HistoryStore>,
    /// Whether the server is ending: nobody is made to wait any more.
    pub stopping: AtomicBool,
    /// How many requests have come of late, where they are limited.
    pub rates: Rates,
    /// What has come of late, where each message may come once.
    pub strict: Option<Strict>,
    /// The clock by which that is.
    pub clock: Clock,
    /// Elements of one list in one message.
    pub list_elements: usize,
    /// What the server says of itself.
    pub info: ServerInfo,
    /// What is counted.
    pub metrics: Metrics,
}

/// An answer's bytes.
#[derive(Debug)]
pub struct HttpReply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl From<Refusal> for HttpReply {
    fn from(refusal: Refusal) -> Self {
        HttpReply { status: refusal.status, body: write_refusal(&refusal) }
    }
}

/// Who waits for an answer.
pub trait Client {
    /// Whether it is certain that the client has not left; that it is not certain says nothing.
    fn certainly_waits(&self) -> bool;
}

/// A request that was read and whose signer is known.
pub struct Request {
    began: Instant,
    place: usize,
    entry: &'static Entry,
    caller: Identity,
    payload: Option<Vec<u8>>,
    message: Decoded,
}

impl Rpc {
    /// Reads a body and recovers its signer: all that costs time, and nothing that waits.
    ///
    /// # Errors
    /// The refusals of chapter 1, 3.3, 400 for a message that can't be read, 429 for one too many, and those of
    /// strict mode.
    pub fn read(&self, body: &[u8]) -> Result<Request, Refusal> {
        let began = Instant::now();
        let mut place = None;
        let read = self.read_placed(body, began, &mut place);
        if let Err(refusal) = &read {
            self.metrics.messages.refused(place, refusal.status, began);
        }
        read
    }

    /// As [`Rpc::read`]; notes the message's place in the table as soon as it is known.
    fn read_placed(&self, body: &[u8], began: Instant, found: &mut Option<usize>) -> Result<Request, Refusal> {
        let envelope = Envelope::read(body)?;
        *found = dispatch::place(&envelope.payloadtype);
        let entry = found.map(|place| (place, &dispatch::TABLE[place]));
        let is_open = entry.is_some_and(|(_, entry)| entry.access == crate::colony::access::Access::Anyone);
        let caller = if is_open {
            Identity::default()
        } else {
            signer(&self.memo, envelope.payload.as_bytes(), &envelope.signature)
                .map_err(|error| Refusal::forbidden(error.to_string()))?
        };
        if !is_open {
            self.rates.count_identity(&caller)?;
        }
        let Some((place, entry)) = entry else {
            return Err(unknown_type(&envelope.payloadtype));
        };
        let payload = envelope.message();
        if !is_open {
            self.take_once(&caller, payload.as_deref())?;
        }
        let message = entry.decode(payload.as_deref(), self.list_elements)?;
        Ok(Request { began, place, entry, caller, payload, message })
    }

    /// In strict mode, sees to it that this message comes for the first time; its signer is proved. That the signer of the
    /// same bytes was remembered says nothing here.
    ///
    /// # Errors
    /// As [`Strict::take`].
    pub fn take_once(&self, signer: &Identity, message: Option<&[u8]>) -> Result<(), Refusal> {
        match &self.strict {
            None => Ok(()),
            Some(strict) => strict.take(signer, message, self.clock.wall() / 1_000_000),
        }
    }

    /// Sends a request on its way and waits for its answer; `client` where it can be looked at.
    pub async fn answer(&self, request: Request, client: Option<&dyn Client>) -> HttpReply {
        let under_way = self.metrics.messages.under_way(request.place, request.began);
        let reply = self.find_answer(request, client).await;
        under_way.answered(reply.status);
        reply
    }

    async fn find_answer(&self, request: Request, client: Option<&dyn Client>) -> HttpReply {
        let Request { entry, caller, payload, message, .. } = request;
        let outcome = match message {
            Decoded::Open(message) => Ok(Answered { payload_type: None, body: Body::Ready(self.info.answer(message)) }),
            Decoded::Server(command) => {
                if let Err(refusal) = command.check() {
                    return refusal.into();
                }
                let Some(server) = self.server.get() else {
                    return not_ready().into();
                };
                let (tell, told) = oneshot::channel();
                let reply = Box::new(move |outcome| {
                    // Nobody waits any more when the client has gone.
                    let _ = tell.send(outcome);
                });
                match server.try_send(ServerCall { caller, command, reply }) {
                    Ok(()) => told.await.unwrap_or_else(|_| Err(stopped())),
                    Err(error) => {
                        if matches!(error, SendError::Full(_)) {
                            self.metrics.mailbox_refusals.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(too_busy())
                    }
                }
            }
            Decoded::Colony(command) => self.ask_colony(entry, caller, payload.as_deref(), command, client).await,
        };
        match (outcome, payload) {
            (Ok(_), Some(payload)) if entry.echoes => {
                HttpReply { status: 200, body: write_reply(entry.name, &payload) }
            }
            (outcome, _) => outcome.map_or_else(HttpReply::from, |answered| write_answer(entry, &answered)),
        }
    }

    async fn ask_colony(
        &self,
        entry: &'static Entry,
        caller: Identity,
        payload: Option<&[u8]>,
        mut command: Box<dyn Command>,
        client: Option<&dyn Client>,
    ) -> Outcome {
        if self.server.get().is_none() {
            return Err(not_ready());
        }
        command.check()?;
        let mut colonies = self.resolve(command.address(), &caller).into_iter();
        let first = match (colonies.next(), command.address()) {
            // Boxed, as all that few requests need: a parked poll's future has room for whatever may happen in it.
            (None, Address::Attribute(id)) => Box::pin(self.of_past_attribute(id)).await?,
            (first, _) => first,
        };
        let Some(mut colony) = first else {
            Box::pin(self.settled()).await;
            return Err(command.unknown());
        };
        let mut first_refusal = None;
        loop {
            let outcome = if entry.parks() && self.stopping.load(Ordering::Acquire) {
                Err(nothing_to_do())
            } else if entry.parks() {
                wait_for_process(&colony, caller.clone(), command, client).await
            } else {
                self.ask(&colony, &caller, command, || entry.decode(payload, self.list_elements)).await
            };
            // Where several colonies may be meant, the caller gets the first one's refusal only if none lets it in.
            match (outcome, colonies.next()) {
                (Err(refusal), Some(next)) if matches!(refusal.status, 403 | 404) => {
                    let Decoded::Colony(again) = entry.decode(payload, self.list_elements)? else {
                        return Err(refusal);
                    };
                    first_refusal.get_or_insert(refusal);
                    (colony, command) = (next, again);
                }
                (Err(refusal), None) => return Err(first_refusal.unwrap_or(refusal)),
                (outcome, _) => return outcome,
            }
        }
    }

    /// A message that is answered once; it is read again with `again` where it has to be sent again.
    async fn ask(
        &self,
        colony: &ColonyHandle,
        caller: &Identity,
        mut command: Box<dyn Command>,
        again: impl Fn() -> Result<Decoded, Refusal>,
    ) -> Outcome {
        let mut searched = false;
        for look in 1..=LOOKS {
            let answered = ask_once(colony, caller.clone(), command, searched).await?;
            if matches!(answered.body, Body::Ready(_)) {
                return Ok(answered);
            }
            match Box::pin(self.follow(colony, caller, answered)).await {
                Followed::Answer(outcome) => return outcome,
                Followed::Again => {}
                Followed::Moved => tokio::time::sleep(LOOK_PAUSE * look).await,
                Followed::NothingFound => searched = true,
            }
            let Decoded::Colony(same) = again()? else {
                return Err(too_busy());
            };
            command = same;
        }
        Err(Refusal::unavailable("what this is about moves between memory and history all the time, try again soon"))
    }

    /// Waits until everything that is queued in the log is durable: that something is not there may be the doing of a
    /// record that could still be lost.
    async fn settled(&self) {
        let Some(log) = self.log.get() else {
            return;
        };
        let (tell, told) = oneshot::channel();
        log.after_queued(Box::new(move |_| {
            // Nobody waits any more when the client has gone.
            let _ = tell.send(());
        }));
        // A log that has stopped drops what waits for it.
        let _ = told.await;
    }

    fn resolve(&self, address: Address<'_>, caller: &Identity) -> Vec<Arc<ColonyHandle>> {
        match address {
            Address::Colony(name) => self.directory.by_name(name).into_iter().collect(),
            Address::Process(id) => self.directory.of_process(id).into_iter().collect(),
            Address::Graph(id) => self.directory.of_graph(id).into_iter().collect(),
            Address::Cron(id) => self.directory.of_cron(id).into_iter().collect(),
            Address::Generator(id) => self.directory.of_generator(id).into_iter().collect(),
            Address::Attribute(id) => self.directory.of_attribute(id).into_iter().collect(),
            Address::Function(id) => self.directory.of_function(id, caller),
            Address::Blueprint(id) => self.directory.of_blueprint(id, caller),
            Address::Caller(name) => {
                let named = self.directory.by_name(name);
                let known = self.directory.of_identity(caller).into_iter();
                let others = known.filter(|colony| colony.name != name).collect::<Vec<_>>();
                named.into_iter().chain(others).collect()
            }
        }
    }
}

/// How often a message is sent whose record moves between memory and the history store meanwhile.
const LOOKS: u32 = 10;

/// How much longer each look waits than the one before: about a second together.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

async fn ask_once(colony: &ColonyHandle, caller: Identity, command: Box<dyn Command>, searched: bool) -> Outcome {
    let (tell, told) = oneshot::channel();
    let reply = ReplyTo::Once(Box::new(move |outcome| {
        // Nobody waits any more when the client has gone.
        let _ = tell.send(outcome);
    }));
    if colony.mailbox.call(Call { caller, command, reply, searched }).is_err() {
        return Err(too_busy());
    }
    told.await.unwrap_or_else(|_| Err(stopped()))
}

/// A long poll. When this future is dropped, the client has gone: the colony takes back what was held for it.
async fn wait_for_process(
    colony: &Arc<ColonyHandle>,
    caller: Identity,
    command: Box<dyn Command>,
    client: Option<&dyn Client>,
) -> Outcome {
    let (tell, mut told) = queue::<Delivery>(usize::MAX);
    let slot = Arc::new(PollSlot::new(move |delivery| {
        // There is room for any number: one comes each time that something is held for this poll or that it ends.
        let _ = tell.give(delivery);
    }));
    let reply = ReplyTo::Poll(slot.clone());
    if colony.mailbox.call(Call { caller, command, reply, searched: false }).is_err() {
        return Err(too_busy());
    }
    // Weak: when the colony has let go of the poll, nothing can answer it any more, and waiting must end.
    let slot = Arc::downgrade(&slot);
    let guard = Parked { colony: colony.clone(), slot: slot.clone() };
    while let Some((generation, outcome)) = told.take().await {
        let answered = outcome?;
        // A client that hung up in the meantime must be noticed before the assignment counts as sent. Where a look at its
        // socket can't tell (TLS, requests behind this one), the first pause lets the worker hear of sockets that were
        // closed; then the connection marks its own and polls this future once more; in the second pause it drops it.
        if !client.is_some_and(Client::certainly_waits) {
            for _ in 0..2 {
                tokio::task::yield_now().await;
            }
        }
        if slot.upgrade().is_some_and(|slot| slot.send(generation)) {
            drop(guard);
            return Ok(answered);
        }
    }
    Err(stopped())
}

struct Parked {
    colony: Arc<ColonyHandle>,
    slot: Weak<PollSlot>,
}

impl Drop for Parked {
    fn drop(&mut self) {
        let slot = self.slot.upgrade();
        if let Some(slot) = slot.filter(|slot| slot.leave() != Left::Answered) {
            self.colony.mailbox.gone(slot);
        }
    }
}

fn write_answer(entry: &Entry, answered: &Answered) -> HttpReply {
    let written = match &answered.body {
        Body::Ready(body) => body.json(),
        Body::FromPast(_) | Body::Elsewhere(_) => {
            tracing::error!(message = entry.name, "an answer from the past was never made; this is a defect");
            return Refusal::odd("the server can't write this answer").into();
        }
    };
    match written {
        Ok(payload) => {
            HttpReply { status: 200, body: write_reply(answered.payload_type.unwrap_or(entry.name), &payload) }
        }
        Err(error) => {
            tracing::error!(message = entry.name, %error, "an answer can't be written as JSON");
            Refusal::odd("the server can't write this answer").into()
        }
    }
}

/// 403 for a message that is not served (chapter 1, 3.3).
fn unknown_type(name: &str) -> Refusal {
    if name.is_empty() {
        return Refusal::forbidden(
            "invalid rpcMsg.PayloadType: empty (this usually means the client is misconfigured - check that \
             COLONIES_PRVKEY and other environment variables are set correctly)",
        );
    }
    Refusal::forbidden(format!("invalid rpcMsg.PayloadType: {name}"))
}

/// 503 while the log is being replayed.
pub fn not_ready() -> Refusal {
    Refusal::unavailable("the server is starting: it is reading its log back, try again soon")
}

pub(super) fn too_busy() -> Refusal {
    Refusal::unavailable("too many messages wait for this colony: nothing was changed, try again soon")
}

pub(super) fn stopped() -> Refusal {
    Refusal::unavailable("the server is stopping: whether this was done is known after its restart")
}
