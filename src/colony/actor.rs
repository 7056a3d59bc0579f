//! The actor around a colony: a thin shell that gives the pure core its turns.
//!
//! A turn decides, takes credit from the log, applies, brings waiters and processes together, and appends one record.
//! Replies leave when what they reveal is durable: the log's thread completes them, and the actor goes on meanwhile.

mod answers;
mod archive;
mod checkpoint;
mod inbox;
mod jobs;
mod starts;
mod timer;
mod turn;

use super::history::{Archive, Elsewhere, Holdings, Recall};
use super::mailbox::{Call, Ended, ReplyTo};
use super::matching::{Moment, PollAnswer};
use super::message::{Answered, Body, Decision, Reveals, Turn};
use super::poll::PollSlot;
use super::{Colony, access};
use crate::clock::Clock;
use crate::colony::event::Event;
use crate::ids::{IdSource, Incarnation};
use crate::limits;
use crate::refusal::Refusal;
use crate::storage::stream::StreamWriter;
use crate::time::micros;
use actix::prelude::*;
use answers::refuse;
pub use answers::{answer_when_durable, once_durable};
pub use inbox::ActorMailbox;
use jobs::Job;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a colony tells the rest of the server in each turn, before the turn's replies can leave.
pub trait Surroundings: Send + Sync {
    /// A turn was carried out.
    fn turned(&self, colony: &mut Colony);
}

/// A colony's actor.
pub struct ColonyActor {
    colony: Colony,
    /// What to record in the first turn of a colony that has no record yet.
    founding: Option<Event>,
    stream: StreamWriter,
    clock: Clock,
    ids: Box<dyn IdSource + Send>,
    surroundings: Arc<dyn Surroundings>,
    /// The history store.
    archive: Option<Arc<dyn Archive>>,
    /// What the store holds, until the first turn has taken it over.
    holdings: Option<Holdings>,
    /// Whom to tell that a loss is recorded, of which colony, and up to which batch.
    told_lost: Option<(Arc<dyn Archive>, Incarnation, u64)>,
    /// Whether the batch that was written last has worked, until a turn has taken that over.
    written: Option<bool>,
    /// The way in, for those who report back.
    me: Option<Addr<ColonyActor>>,
    /// The timer that is running, and when it fires.
    timer: Option<(SpawnHandle, u64)>,
    /// Polls whose client has gone and that are still to be looked at.
    leavers: Vec<Arc<PollSlot>>,
    /// What is being done in steps.
    jobs: VecDeque<Job>,
    /// What everybody is told since it has ended, and how it did.
    ended: Option<(Refusal, Ended)>,
}

/// What an actor is made of.
pub struct Parts {
    /// The colony.
    pub colony: Colony,
    /// What to record first, for a new one.
    pub founding: Option<Event>,
    /// Where its records go.
    pub stream: StreamWriter,
    /// The clocks.
    pub clock: Clock,
    /// Where ids come from.
    pub ids: Box<dyn IdSource + Send>,
    /// Who wants to know of its turns.
    pub surroundings: Arc<dyn Surroundings>,
    /// The history store, and what it holds of this colony.
    pub archive: Option<(Arc<dyn Archive>, Holdings)>,
}

/// What came of a message.
enum Decided {
    /// A decision.
    Here(Decision),
    /// None yet: it is about something that may be past.
    Elsewhere(Elsewhere),
}

impl ColonyActor {
    /// The actor of these parts.
    pub fn new(parts: Parts) -> ColonyActor {
        let Parts { mut colony, founding, stream, clock, ids, surroundings, archive } = parts;
        let at =
            Moment { now: colony.next_turn(clock.wall()), monotonic: clock.monotonic(), number: colony.state.number };
        colony.start_timers(at, micros(limits::RESTART_GRACE));
        if archive.is_some() {
            colony.start_archiving(at.monotonic);
        }
        ColonyActor {
            colony,
            founding,
            stream,
            clock,
            ids,
            surroundings,
            holdings: archive.as_ref().map(|(_, holdings)| holdings.clone()),
            archive: archive.map(|(archive, _)| archive),
            told_lost: None,
            written: None,
            me: None,
            timer: None,
            leavers: Vec::new(),
            jobs: VecDeque::new(),
            ended: None,
        }
    }

    /// Whether the colony has its first record; tries to write it where it has not.
    fn is_founded(&mut self) -> bool {
        if let Some(founding) = self.founding.clone() {
            self.own_turn(|actor, _| {
                actor.founding = None;
                vec![founding]
            });
        }
        self.founding.is_none()
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.colony.next_turn(self.clock.wall()),
            monotonic: self.clock.monotonic(),
            number: self.stream.number() + 1,
        }
    }

    /// One message.
    fn handle_call(&mut self, call: Call) {
        let Call { caller, command, reply, searched } = call;
        self.stop_if_disowned();
        let is_founded = self.is_founded();
        if let Some((refusal, _)) = &self.ended {
            return refuse(reply, refusal.clone());
        }
        if !is_founded {
            return refuse(
                reply,
                Refusal::unavailable("the colony's first record has no room in the log, try again soon"),
            );
        }
        let at = self.moment();
        self.colony.heard_from(&caller, at.monotonic);
        let (name, class) = (command.name(), command.class());
        let decided = catch_unwind(AssertUnwindSafe(|| {
            access::check(command.access(), &self.colony.state, &caller)?;
            if !searched
                && command.recall() != Recall::Itself
                && let Some(lookup) = self.colony.lookup(command.address())
            {
                let empty = Box::new(self.colony.empty());
                return Ok(Decided::Elsewhere(Elsewhere { command, lookup, empty }));
            }
            let mut turn = Turn { colony: &self.colony, caller: &caller, now: at.now, ids: &mut *self.ids };
            command.decide(&mut turn).map(Decided::Here)
        }));
        let decision = decided.unwrap_or_else(|_| {
            // The panic's own message has been logged by the hook; nothing has changed.
            tracing::error!(colony = %self.colony.state.name, message = name, "a message made its decision panic");
            Err(Refusal::odd("the server failed to decide about this message; nothing has changed"))
        });
        match (decision, reply) {
            (Err(refusal), reply) => self.answer_refusal(reply, refusal),
            (Ok(Decided::Elsewhere(elsewhere)), ReplyTo::Once(tell)) => {
                let body = Body::Elsewhere(Box::new(elsewhere));
                self.answer_when_durable(tell, Ok(Answered { payload_type: None, body }), Reveals::Colony);
            }
            (Ok(Decided::Here(Decision::FromPast(read))), ReplyTo::Once(tell)) => {
                let answered = Answered { payload_type: None, body: Body::FromPast(read) };
                self.answer_when_durable(tell, Ok(answered), Reveals::Colony);
            }
            (Ok(Decided::Here(Decision::Reply(decided))), ReplyTo::Once(tell)) => {
                self.carry_out(decided, tell, class, at);
            }
            (Ok(Decided::Here(Decision::Park(poll))), ReplyTo::Poll(slot)) => self.carry_out_poll(poll, slot, at),
            (Ok(Decided::Here(Decision::Volatile(volatile))), ReplyTo::Once(tell)) => {
                self.carry_out_volatile(volatile, tell, at);
            }
            (Ok(Decided::Here(Decision::Gradually(work))), ReplyTo::Once(tell)) => self.begin_job(work, tell),
            (Ok(_), reply) => {
                tracing::error!(message = name, "a message and its reply do not fit each other");
                refuse(reply, Refusal::odd("the server does not know how to answer this message"));
            }
        }
    }

    /// What is in memory is not what is in the log, if somebody else appends to the colony's stream: it must not go on.
    fn stop_if_disowned(&mut self) {
        if self.ended.is_none() && self.stream.is_disowned() {
            self.stop_broken("the log has refused a record before this one, since somebody else appends to its stream");
        }
    }

    fn stop_broken(&mut self, why: &str) {
        let refusal = Refusal::unavailable("this colony has stopped after a defect of the server; see its log");
        tracing::error!(
            colony = %self.colony.state.name,
            stream = self.stream.id().0,
            record = self.stream.number(),
            "a colony has stopped: {why}"
        );
        self.end_jobs(&refusal);
        // Nobody is left hanging. The waiters are in doubt, too, so that a second panic is caught as well.
        let dismissed = catch_unwind(AssertUnwindSafe(|| self.colony.dismiss_all(&refusal)));
        for PollAnswer { slot, generation, outcome } in dismissed.unwrap_or_default() {
            slot.deliver(generation, outcome);
        }
        self.ended = Some((refusal, Ended::Broken));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::Options;
    use crate::colony::state::State;
    use wal::{Log, Position, StreamId};

    /// Surroundings without anybody.
    pub(super) struct Nobody;

    impl Surroundings for Nobody {
        fn turned(&self, _: &mut Colony) {}
    }

    impl IdSource for Nobody {
        fn random(&mut self) -> [u8; 32] {
            [7; 32]
        }
    }

    impl ColonyActor {
        /// An empty colony whose records go to this log.
        pub(super) fn sample(log: Arc<dyn Log>, surroundings: Arc<dyn Surroundings>) -> ColonyActor {
            ColonyActor::new(Parts {
                colony: Colony::new(State::default(), Arc::new(Options::default())),
                founding: None,
                stream: StreamWriter::new(log, StreamId(1), Position::ZERO),
                clock: Clock::default(),
                ids: Box::new(Nobody),
                surroundings,
                archive: None,
            })
        }
    }
}
