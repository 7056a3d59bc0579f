//! Colony zero's actor, and how colonies' actors are started.

use super::directory::{ColonyHandle, Directory, DirectoryEntry, Figures};
use super::message::{self, ServerCommand, ServerDecision, ServerTurn};
use super::open::ServerInfo;
use super::state::{ListedColony, ServerEvent, ServerPiece, ServerState};
use crate::clock::Clock;
use crate::colony::actor::{ActorMailbox, ColonyActor, Parts, answer_when_durable, once_durable};
use crate::colony::event::Event;
use crate::colony::mailbox::Outcome;
use crate::colony::message::{Answer, Answered, Body};
use crate::colony::state::State;
use crate::colony::{Colony, Options, access};
use crate::crypto::{Identity, random_id};
use crate::ids::IdSource;
use crate::limits;
use crate::refusal::Refusal;
use crate::storage::codec::RecordWriter;
use crate::storage::history::HistoryStore;
use crate::storage::stream::StreamWriter;
use actix::prelude::*;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::oneshot;
use wal::{Class, Log, Position, StreamId};

/// Ids from the operating system's random bytes.
pub struct RandomIds;

impl IdSource for RandomIds {
    fn random(&mut self) -> [u8; 32] {
        random_id()
    }
}

/// Starts colonies' actors on the http workers' arbiters.
#[derive(Clone)]
pub struct Launcher {
    /// The workers that colonies live on; there is one at least.
    pub homes: Vec<actix_rt::ArbiterHandle>,
    /// The log.
    pub log: Arc<dyn Log>,
    /// What the operator chose.
    pub options: Arc<Options>,
    /// Where colonies are found.
    pub directory: Arc<Directory>,
    /// The clocks.
    pub clock: Clock,
    /// The history store.
    pub history: HistoryStore,
    /// Counts what found a colony's mailbox full.
    pub mailbox_refusals: Arc<AtomicU64>,
}

impl Launcher {
    /// Starts a colony with the state that was read back for it; one that has none yet is founded.
    pub fn launch(&self, listed: &ListedColony, state: State, last: Position) {
        let is_new = last == Position::ZERO;
        let founding = is_new.then(|| Event::Founded {
            name: listed.name.clone(),
            owner: listed.owner.clone(),
            incarnation: listed.incarnation,
        });
        let colony = Colony::new(state, self.options.clone());
        self.directory.index(&colony);
        let figures = Arc::new(Mutex::new(Figures { owner: listed.owner.clone(), ..Figures::default() }));
        let parts = Parts {
            colony,
            founding,
            stream: StreamWriter::new(self.log.clone(), StreamId(listed.incarnation.into()), last),
            clock: self.clock,
            archive: Some((Arc::new(self.history.clone()), self.history.holdings(listed.incarnation))),
            ids: Box::new(RandomIds),
            surroundings: Arc::new(DirectoryEntry { directory: self.directory.clone(), figures: figures.clone() }),
        };
        let worker = &self.homes[listed.incarnation as usize % self.homes.len()];
        let address = ColonyActor::start_in_arbiter(worker, move |_| ColonyActor::new(parts));
        self.directory.insert(Arc::new(ColonyHandle {
            name: listed.name.clone(),
            incarnation: listed.incarnation,
            mailbox: Box::new(ActorMailbox { address, refusals: self.mailbox_refusals.clone() }),
            figures,
        }));
    }
}

/// Colony zero's actor.
pub struct ServerActor {
    state: ServerState,
    stream: StreamWriter,
    launcher: Launcher,
    info: ServerInfo,
}

/// A message on its way to the server itself.
pub struct ServerCall {
    /// Who sent it.
    pub caller: Identity,
    /// The message.
    pub command: Box<dyn ServerCommand>,
    /// Who is told.
    pub reply: Box<dyn FnOnce(Outcome) + Send>,
}

impl ServerActor {
    /// The actor with the state that was read back.
    pub fn new(state: ServerState, last: Position, launcher: Launcher, info: ServerInfo) -> ServerActor {
        let stream = StreamWriter::new(launcher.log.clone(), crate::storage::replay::SERVER_STREAM, last);
        ServerActor { state, stream, launcher, info }
    }

    fn handle_call(&mut self, call: ServerCall, ctx: &mut Context<Self>) {
        let ServerCall { caller, command, reply } = call;
        let decided = catch_unwind(AssertUnwindSafe(|| {
            message::check(command.access(), &self.state, &caller)?;
            let directory = &self.launcher.directory;
            let bounds = self.launcher.options.bounds;
            let (state, info) = (&self.state, &self.info);
            command.decide(&mut ServerTurn { state, directory, info, bounds, ids: &mut RandomIds })
        }));
        let decision = decided.unwrap_or_else(|_| {
            tracing::error!("a message to the server made its decision panic");
            Err(Refusal::odd("the server failed to decide about this message; nothing has changed"))
        });
        let ServerDecision { events, answer } = match decision {
            Ok(decision) => decision,
            Err(refusal) => return self.answer(reply, Err(refusal)),
        };
        if events.is_empty() {
            // It may show figures of colonies: it waits for what they have queued.
            return self.answer_after_all(reply, Ok(Answered { payload_type: None, body: Body::Ready(answer) }));
        }
        let now = self.launcher.clock.wall().max(self.state.newest.saturating_add(1));
        let mut record = RecordWriter::new(now);
        events.iter().for_each(|event| record.add(event));
        let credit = match self.stream.reserve(record.len(), Class::Essential) {
            Ok(credit) => credit,
            Err(reason) => {
                return self.answer(reply, Err(Refusal::unavailable(format!("{reason}: nothing was changed"))));
            }
        };
        let removed = events.iter().find_map(|event| match event {
            ServerEvent::ColonyRemoved(name) => self.launcher.directory.remove(name),
            _ => None,
        });
        let turn = Prepared { events, now, record: record.into_bytes(), credit, answer, reply };
        let Some(handle) = removed else {
            return self.carry_out(turn);
        };
        // The colony is sealed first: nothing of it may be appended after its removal.
        let (sealed, wait) = oneshot::channel();
        let done = Box::new(move || {
            // The server's actor is gone only when the process is about to be.
            let _ = sealed.send(());
        });
        let history = self.launcher.history.clone();
        let incarnation = handle.incarnation;
        handle.mailbox.seal(access::no_such_colony(&handle.name), done);
        ctx.wait(wait.into_actor(self).map(move |_, actor, _| {
            actor.carry_out(turn);
            // Not before the removal is durable: a colony that is there after a crash has its past.
            actor.stream.after_queued(Box::new(move |log| {
                if log == wal::Outcome::Durable {
                    history.forget(incarnation);
                }
            }));
        }));
    }

    fn carry_out(&mut self, turn: Prepared) {
        let Prepared { events, now, record, credit, answer, reply } = turn;
        let mut added = Vec::new();
        for event in events {
            if let ServerEvent::ColonyAdded(colony) = &event {
                added.push(colony.clone());
            }
            self.state.apply(event, now);
        }
        self.stream.append(record, credit, Vec::new());
        // After the append: the log keeps the order, so that a colony's first record is never durable before this one.
        for colony in &added {
            self.launcher.launch(colony, State::default(), Position::ZERO);
        }
        // And before the answer can leave: whoever is told that a colony is there must find it.
        self.answer_after_all(reply, Ok(Answered { payload_type: None, body: Body::Ready(answer) }));
    }

    fn answer(&self, reply: Box<dyn FnOnce(Outcome) + Send>, outcome: Outcome) {
        answer_when_durable(&self.stream, self.stream.number(), reply, outcome);
    }

    fn answer_after_all(&self, reply: Box<dyn FnOnce(Outcome) + Send>, outcome: Outcome) {
        self.stream.answer_after_queued(move |log| reply(once_durable(log, outcome)));
    }
}

/// Asks for the server's own part of a checkpoint: all of it, and its newest record.
pub struct TakeServer(pub Box<dyn FnOnce(Position, ServerPiece) + Send>);

impl Message for TakeServer {
    type Result = ();
}

impl Handler<TakeServer> for ServerActor {
    type Result = ();
    fn handle(&mut self, TakeServer(reply): TakeServer, _: &mut Self::Context) {
        reply(self.stream.position(), self.state.piece());
    }
}

/// A turn that is ready to be carried out.
struct Prepared {
    events: Vec<ServerEvent>,
    now: crate::time::Nanos,
    record: Vec<u8>,
    credit: wal::Credit,
    answer: Box<dyn Answer>,
    reply: Box<dyn FnOnce(Outcome) + Send>,
}

impl Actor for ServerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(limits::MAILBOX);
    }
}

impl Message for ServerCall {
    type Result = ();
}

impl Handler<ServerCall> for ServerActor {
    type Result = ();
    fn handle(&mut self, call: ServerCall, ctx: &mut Self::Context) {
        self.handle_call(call, ctx);
    }
}
