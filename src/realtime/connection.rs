//! One websocket connection: frames in, events out, one writer.

use super::feed::{End, Feed, Next};
use super::open::{NotWanted, Subscribed, Wanted};
use super::socket::{Heard, Socket};
use super::subscribe::Kind;
use crate::colony::channels::Entry;
use crate::colony::message::Answer;
use crate::colony::processes::ProcessAnswer;
use crate::colony::subscriptions::{Said, Subscriber};
use crate::limits;
use crate::queue::{Full, Giver, queue};
use crate::refusal::Refusal;
use crate::rpc::envelope::{write_refusal, write_reply};
use crate::rpc::route::Rpc;
use actix_http::ws::{CloseReason, Message};
use actix_web::web::Bytes;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// What is to be written to the client.
enum Out {
    Event(Arc<ProcessAnswer>),
    Entries(Vec<Arc<Entry>>),
    Refusal(Refusal),
}

/// Where a colony leaves events of processes for this connection.
struct Outlet {
    queue: Giver<Out>,
    /// Set when the client is too slow: the connection is cut.
    overrun: AtomicBool,
}

impl Subscriber for Outlet {
    fn tell(&self, said: Said) {
        let out = match said {
            Said::Event(process) => Out::Event(process),
            Said::Refused(refusal) => Out::Refusal(refusal),
            // Of channels, which have a feed.
            Said::Backlog(_) | Said::Entry(_) | Said::Closed => return,
        };
        if let Err(Full) = self.queue.give(out) {
            self.overrun.store(true, Ordering::Release);
        }
    }
}

/// The channel that a connection listens to. Entries do not say which channel they are of, so it is one at a time.
struct Listening {
    feed: Arc<Feed>,
    until: Instant,
    _subscribed: Subscribed,
}

/// The connection is to end without a close frame: with one, clients would take the wait for done.
struct Cut;

struct Connection<T> {
    socket: Socket<T>,
    rpc: Arc<Rpc>,
    outlet: Arc<Outlet>,
    subscriptions: Vec<Subscribed>,
    /// When the first of the subscriptions to processes ends, and the connection with it; when there has to be a
    /// subscription, before there is one.
    until: Option<Instant>,
    has_subscribed: bool,
    listening: Option<Listening>,
    /// Frames that came while it listened; they have their turn afterwards (chapter 4, 6.5).
    ahead: VecDeque<(bool, Bytes)>,
    /// The reply has the opcode of the request.
    binary: bool,
}

/// What happened on a connection.
enum Happened {
    Out(Out),
    TimedOut,
    Channel(Next),
    Heard(Heard),
    Lost,
}

/// Serves a connection until it ends. There is no greeting, no acknowledgement and no ping: clients take the first
/// frame for the event that they wait for (chapter 4, 8).
pub async fn serve<T: AsyncRead + AsyncWrite + Unpin>(socket: Socket<T>, rpc: Arc<Rpc>) {
    let _open = rpc.metrics.websockets.open();
    let (queue, mut outgoing) = queue(limits::EVENTS_PER_SUBSCRIBER);
    let outlet = Arc::new(Outlet { queue, overrun: AtomicBool::new(false) });
    let mut connection = Connection {
        socket,
        rpc,
        outlet,
        subscriptions: Vec::new(),
        until: Some(Instant::now() + limits::UNSUBSCRIBED_TIMEOUT),
        has_subscribed: false,
        listening: None,
        ahead: VecDeque::new(),
        binary: false,
    };
    loop {
        let listening = connection.listening.as_ref();
        let happened = tokio::select! {
            biased;
            out = outgoing.take() => out.map_or(Happened::Lost, Happened::Out),
            () = sleep_until(connection.until), if connection.until.is_some() => Happened::TimedOut,
            next = next_of(listening), if listening.is_some() => Happened::Channel(next),
            heard = connection.socket.hear() => Happened::Heard(heard),
        };
        // Boxed: little happens, and the connection waits for the rest of its life without what that needs.
        if Box::pin(connection.follow(happened)).await.is_err() {
            break;
        }
    }
    connection.end().await;
}

async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// What is next on a channel; at the end of its time, once all that was said is written, the end.
async fn next_of(listening: Option<&Listening>) -> Next {
    match listening {
        Some(listening) => tokio::select! {
            biased;
            next = listening.feed.next() => next,
            () = tokio::time::sleep_until(listening.until) => Next::End(End::Closed),
        },
        None => std::future::pending().await,
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    /// Does what has to be done about it.
    async fn follow(&mut self, happened: Happened) -> Result<(), Cut> {
        match happened {
            Happened::Out(out) => self.pass_on(out).await,
            Happened::Channel(next) => self.pass_on_channel(next).await,
            Happened::Heard(Heard::Message(binary, body)) => self.take(binary, body).await,
            Happened::Heard(Heard::Ping(bytes)) => self.send(Message::Pong(bytes)).await,
            Happened::Heard(Heard::Close(reason)) => {
                let reason = reason.map(|reason| CloseReason { code: reason.code, description: None });
                // The client is going; whether it reads our goodbye does not matter.
                let _ = self.send(Message::Close(reason)).await;
                Err(Cut)
            }
            Happened::TimedOut | Happened::Heard(Heard::Lost) | Happened::Lost => Err(Cut),
        }
    }

    /// Ends the subscriptions at once, and then the connection.
    async fn end(self) {
        let Connection { socket, subscriptions, listening, .. } = self;
        drop((subscriptions, listening));
        socket.end().await;
    }

    /// An event of a process.
    async fn pass_on(&mut self, out: Out) -> Result<(), Cut> {
        if self.outlet.overrun.load(Ordering::Acquire) {
            tracing::warn!("a websocket client did not read its events and was cut off");
            return Err(Cut);
        }
        self.write(out).await
    }

    /// Something of the channel that it listens to.
    async fn pass_on_channel(&mut self, next: Next) -> Result<(), Cut> {
        let end = match next {
            Next::Entries(entries) => return self.write(Out::Entries(entries)).await,
            Next::End(end) => end,
        };
        self.listening = None;
        match end {
            // The mark by which clients know the end, for a process that ended as for the time that is over.
            End::Closed => self.write(Out::Entries(Vec::new())).await?,
            End::Refused(refusal) => self.write(Out::Refusal(refusal)).await?,
            End::TooSlow => {}
        }
        while self.listening.is_none()
            && let Some((binary, body)) = self.ahead.pop_front()
        {
            self.subscribe(binary, &body).await?;
        }
        Ok(())
    }

    /// A frame of the client's.
    async fn take(&mut self, binary: bool, body: Bytes) -> Result<(), Cut> {
        if self.listening.is_none() {
            return self.subscribe(binary, &body).await;
        }
        let bytes = self.ahead.iter().map(|(_, body)| body.len()).sum::<usize>() + body.len();
        if self.ahead.len() >= limits::FRAMES_AHEAD || bytes > limits::FRAME_BYTES {
            tracing::warn!("a websocket client sent too much ahead while it listened to a channel and was cut off");
            return Err(Cut);
        }
        self.ahead.push_back((binary, body));
        Ok(())
    }

    async fn subscribe(&mut self, binary: bool, body: &[u8]) -> Result<(), Cut> {
        self.binary = binary;
        match self.try_subscribe(body).await {
            Ok(()) | Err(NotWanted::Ignored) => Ok(()),
            Err(NotWanted::Dropped) => Err(Cut),
            Err(NotWanted::Refused(refusal)) => self.write(Out::Refusal(refusal)).await,
        }
    }

    async fn try_subscribe(&mut self, body: &[u8]) -> Result<(), NotWanted> {
        let wanted = Wanted::read(&self.rpc, body)?;
        let timeout = wanted.timeout;
        if wanted.kind == Kind::Channel {
            let feed = Arc::new(Feed::default());
            let until = Instant::now() + timeout;
            let subscribed = wanted.subscribe(&self.rpc, feed.clone()).await?;
            self.note_subscribed();
            self.listening = Some(Listening { feed, until, _subscribed: subscribed });
        } else {
            let subscribed = wanted.subscribe(&self.rpc, self.outlet.clone()).await?;
            self.note_subscribed();
            self.subscriptions.push(subscribed);
            let ends = Instant::now() + timeout;
            // The first time-out ends the connection.
            self.until = Some(self.until.map_or(ends, |earlier| earlier.min(ends)));
        }
        Ok(())
    }

    fn note_subscribed(&mut self) {
        if !std::mem::replace(&mut self.has_subscribed, true) {
            self.until = None;
        }
    }

    async fn write(&mut self, out: Out) -> Result<(), Cut> {
        let (payload_type, payload) = match out {
            // The name is the singular one for both kinds (chapter 4, 6.4).
            Out::Event(process) => ("subscribeprocessmsg", process.json()),
            Out::Entries(entries) => ("subscribechannelmsg", entries.json()),
            Out::Refusal(refusal) => return self.send_body(write_refusal(&refusal)).await,
        };
        let body = match payload {
            Ok(payload) => write_reply(payload_type, &payload),
            Err(_) => write_refusal(&Refusal::odd("the server can't write this event")),
        };
        self.send_body(body).await
    }

    async fn send_body(&mut self, body: Vec<u8>) -> Result<(), Cut> {
        let message = if self.binary {
            Message::Binary(body.into())
        } else {
            Message::Text(String::from_utf8(body).unwrap_or_default().into())
        };
        self.send(message).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Cut> {
        self.socket.say(message).await.map_err(|error| {
            if error.kind() == io::ErrorKind::TimedOut {
                tracing::warn!("a websocket client did not read for too long and was cut off");
            }
            Cut
        })
    }
}
