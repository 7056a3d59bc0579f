//! One websocket connection: frames in, events out, one writer.

use super::subscribe::{Kind, SubscribeRequest, Unreadable, read};
use crate::colony::mailbox::Subscribe;
use crate::colony::message::Answer;
use crate::colony::processes::ProcessAnswer;
use crate::colony::subscriptions::{Subject, Subscriber, Subscription, SubscriptionId, unknown_process};
use crate::crypto::signer;
use crate::ids::ProcessId;
use crate::limits;
use crate::refusal::Refusal;
use crate::rpc::envelope::{Envelope, write_refusal, write_reply};
use crate::rpc::route::Rpc;
use crate::server::directory::ColonyHandle;
use actix_ws::{AggregatedMessage, MessageStream, Session};
use futures_util::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// How long a client may take to read an event.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// What is to be written to the client.
enum Out {
    Event(Arc<ProcessAnswer>),
    Refusal(Refusal),
}

/// A subscription of this connection.
struct Subscribed {
    colony: Arc<ColonyHandle>,
    id: SubscriptionId,
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        self.colony.mailbox.unsubscribe(self.id);
    }
}

/// Where a colony leaves events for this connection.
struct Outlet {
    queue: mpsc::Sender<Out>,
    /// Set when the client is too slow: the connection is cut.
    overrun: Arc<AtomicBool>,
}

impl Subscriber for Outlet {
    fn event(&self, process: Arc<ProcessAnswer>) {
        self.put(Out::Event(process));
    }
    fn end(&self, refusal: Refusal) {
        self.put(Out::Refusal(refusal));
    }
}

impl Outlet {
    fn put(&self, out: Out) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(out) {
            self.overrun.store(true, Ordering::Release);
        }
    }
}

/// Serves a connection until it ends. There is no greeting, no acknowledgement and no ping: clients take the first
/// frame for the event that they wait for (chapter 4, 8).
pub async fn serve(mut session: Session, messages: MessageStream, rpc: Arc<Rpc>) {
    let mut messages = messages
        .max_frame_size(limits::FRAME_BYTES)
        .aggregate_continuations()
        .max_continuation_size(limits::FRAME_BYTES);
    let (queue, mut outgoing) = mpsc::channel(limits::EVENTS_PER_SUBSCRIBER);
    let overrun = Arc::new(AtomicBool::new(false));
    let mut subscriptions: Vec<Subscribed> = Vec::new();
    // The reply has the opcode of the request.
    let mut binary = false;
    let mut until: Option<Instant> = None;
    loop {
        let deadline = until.unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400));
        tokio::select! {
            biased;
            out = outgoing.recv() => {
                let Some(out) = out else { return };
                if overrun.load(Ordering::Acquire) {
                    tracing::warn!("a websocket client did not read its events and was cut off");
                    return;
                }
                // A client that does not read must hold nothing up, not even its own time-out.
                let by = until.map_or(WRITE_TIMEOUT, |until| WRITE_TIMEOUT.min(until - Instant::now()));
                match tokio::time::timeout(by, write(&mut session, out, binary)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return,
                }
                if until.is_some_and(|until| until <= Instant::now()) {
                    return;
                }
            }
            () = tokio::time::sleep_until(deadline), if until.is_some() => {
                // The TCP connection ends without a close frame: with one, clients would take the wait for done.
                return;
            }
            frame = messages.next() => {
                let body = match frame {
                    Some(Ok(AggregatedMessage::Text(text))) => { binary = false; text.into_bytes() }
                    Some(Ok(AggregatedMessage::Binary(bytes))) => { binary = true; bytes }
                    Some(Ok(AggregatedMessage::Ping(bytes))) => {
                        if session.pong(&bytes).await.is_err() { return; }
                        continue;
                    }
                    Some(Ok(AggregatedMessage::Pong(_))) => continue,
                    Some(Ok(AggregatedMessage::Close(reason))) => {
                        let reason = reason.map(|reason| actix_ws::CloseReason { code: reason.code, description: None });
                        // The client is going; whether it reads our goodbye does not matter.
                        let _ = session.close(reason).await;
                        return;
                    }
                    Some(Err(_)) | None => return,
                };
                match subscribe(&rpc, &body, &queue, &overrun).await {
                    Taken::Ignored => {}
                    Taken::Dropped => return,
                    Taken::Refused(refusal) => {
                        if write(&mut session, Out::Refusal(refusal), binary).await.is_err() { return; }
                    }
                    Taken::Subscribed(subscribed, timeout) => {
                        subscriptions.push(subscribed);
                        let ends = Instant::now() + timeout;
                        // The first time-out ends the connection.
                        until = Some(until.map_or(ends, |earlier| earlier.min(ends)));
                    }
                }
            }
        }
    }
}

async fn write(session: &mut Session, out: Out, binary: bool) -> Result<(), actix_ws::Closed> {
    let body = match out {
        // The name is the singular one for both kinds (chapter 4, 6.4).
        Out::Event(process) => match process.json() {
            Ok(payload) => write_reply("subscribeprocessmsg", &payload),
            Err(_) => write_refusal(&Refusal::odd("the server can't write this event")),
        },
        Out::Refusal(refusal) => write_refusal(&refusal),
    };
    if binary { session.binary(body).await } else { session.text(String::from_utf8(body).unwrap_or_default()).await }
}

/// What became of a frame.
enum Taken {
    /// A message that means nothing here.
    Ignored,
    /// The connection is dropped without a word.
    Dropped,
    /// An error frame; the connection stays open.
    Refused(Refusal),
    /// A subscription, and how long it lasts.
    Subscribed(Subscribed, Duration),
}

async fn subscribe(rpc: &Rpc, body: &[u8], queue: &mpsc::Sender<Out>, overrun: &Arc<AtomicBool>) -> Taken {
    let Ok(envelope) = Envelope::read(body) else {
        return Taken::Dropped;
    };
    let Ok(identity) = signer(&rpc.memo, envelope.payload.as_bytes(), &envelope.signature) else {
        return Taken::Dropped;
    };
    let Some(kind) = Kind::of(&envelope.payloadtype) else {
        return Taken::Ignored;
    };
    let request = match read(kind, envelope.message().as_deref()) {
        Ok(request) => request,
        Err(Unreadable::Null) => return Taken::Dropped,
        Err(reason) => return Taken::Refused(unreadable(kind, reason)),
    };
    let timeout = Duration::from_secs(u64::try_from(request.timeout.min(limits::POLL_SECONDS)).unwrap_or(0));
    let (colony, subject) = match find(rpc, kind, &request) {
        Ok(found) => found,
        Err(refusal) => return Taken::Refused(refusal),
    };
    let subscriber = Arc::new(Outlet { queue: queue.clone(), overrun: overrun.clone() });
    let subscription = Subscription { identity, subject, state: request.state, subscriber };
    let (tell, told) = oneshot::channel();
    let reply = Box::new(move |outcome| {
        // Nobody waits any more when the client has gone.
        let _ = tell.send(outcome);
    });
    if colony.mailbox.subscribe(Subscribe { subscription, reply }).is_err() {
        return Taken::Refused(Refusal::unavailable("too many messages wait for this colony, try again soon"));
    }
    match told.await {
        Ok(Ok(id)) => Taken::Subscribed(Subscribed { colony, id }, timeout),
        Ok(Err(refusal)) => Taken::Refused(refusal),
        Err(_) => Taken::Dropped,
    }
}

fn find(rpc: &Rpc, kind: Kind, request: &SubscribeRequest) -> Result<(Arc<ColonyHandle>, Subject), Refusal> {
    match kind {
        Kind::Process => {
            let unknown = || unknown_process(&request.processid);
            let id = ProcessId::from_text(&request.processid).ok_or_else(unknown)?;
            let colony = rpc.directory.of_process(&request.processid).ok_or_else(unknown)?;
            Ok((colony, Subject::Process(id)))
        }
        Kind::Processes => {
            let colony = rpc.directory.by_name(&request.colonyname);
            let colony = colony.ok_or_else(|| Refusal::forbidden("executor not found"))?;
            Ok((colony, Subject::ExecutorType(request.executortype.as_str().into())))
        }
    }
}

fn unreadable(kind: Kind, reason: Unreadable) -> Refusal {
    match (kind, reason) {
        (Kind::Process, Unreadable::Mismatch) => {
            Refusal::forbidden("Failed to subscribe to process, msg.msgType does not match rpcMsg.PayloadType")
        }
        (Kind::Processes, Unreadable::Mismatch) => {
            Refusal::forbidden("Failed to subscribe to processes, msg.msgType does not match rpcMsg.PayloadType")
        }
        (Kind::Process, _) => Refusal::bad_request("Failed to subscribe to process, invalid JSON"),
        (Kind::Processes, _) => Refusal::forbidden("Failed to subscribe to processes, invalid JSON"),
    }
}
