//! The actor around a colony: a thin shell that gives the pure core its turns.
//!
//! A turn decides, takes credit from the log, applies, brings waiters and processes together, and appends one record.
//! Replies leave when what they reveal is durable: the log's thread completes them, and the actor goes on meanwhile.

mod archive;
mod checkpoint;
mod inbox;
mod jobs;
mod starts;

use super::history::{Archive, Elsewhere, Holdings, Recall};
use super::mailbox::{Call, Ended, Outcome, ReplyTo};
use super::matching::{Moment, PollAnswer, Record, Settled};
use super::message::{Answered, Body, Decision, Reply, Reveals, Turn, Volatile};
use super::poll::PollSlot;
use super::subscriptions::Notice;
use super::{Colony, access};
use crate::clock::Clock;
use crate::colony::event::Event;
use crate::ids::{IdSource, Incarnation};
use crate::limits;
use crate::refusal::Refusal;
use crate::storage::codec::RecordWriter;
use crate::storage::stream::StreamWriter;
use crate::time::micros;
use actix::prelude::*;
pub use inbox::ActorMailbox;
use jobs::Job;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use wal::{Class, NoRoom, OnDurable};

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

type Tell = Box<dyn FnOnce(Outcome) + Send>;

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

/// A turn's record, with the credit that it has.
struct TurnRecord {
    writer: RecordWriter,
    /// Bytes that the record may have.
    room: usize,
}

impl Record for TurnRecord {
    fn has_room(&self) -> bool {
        self.writer.len() + limits::ASSIGNMENT_EVENT_BYTES <= self.room
    }
    fn add(&mut self, event: &Event) {
        self.writer.add(event);
    }
}

/// What came of a message.
enum Decided {
    /// A decision.
    Here(Decision),
    /// None yet: it is about something that may be past.
    Elsewhere(Elsewhere),
}

/// Whom a turn answers.
enum Answering {
    Nobody,
    Once(Tell, Outcome),
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
        if let Some((refusal, _)) = &self.ended {
            return refuse(reply, refusal.clone());
        }
        if !self.is_founded() {
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
            (Ok(Decided::Here(Decision::Park(poll))), ReplyTo::Poll(slot)) => {
                let taken = self.take_credit(limits::MATCH_CREDIT, Class::Ordinary);
                let (credit, room) = match taken {
                    Ok(credit) => (Some(credit), limits::MATCH_CREDIT),
                    // It may still wait, or be told that there is nothing to do.
                    Err(_) => (None, 0),
                };
                let mut record = TurnRecord { writer: RecordWriter::new(at.now), room };
                self.guarded(|actor| {
                    let answers = actor.colony.poll(poll, slot, at, &mut record);
                    let mut settled = actor.colony.settle(at, &mut record);
                    settled.answers.splice(..0, answers);
                    actor.finish(record, credit, settled, Answering::Nobody);
                });
            }
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

    /// Carries out a decision: record, apply, answer, match, append.
    fn carry_out(&mut self, decided: Reply, tell: Tell, class: Class, at: Moment) {
        let Reply { events, answer, reveals, payload_type } = decided;
        if events.is_empty() {
            let outcome = Ok(Answered { payload_type, body: Body::Ready(answer(&self.colony)) });
            return self.answer_when_durable(tell, outcome, reveals);
        }
        match self.make_record(&events, class, at) {
            Ok((record, credit)) => self.record(events, record, credit, at, |colony| {
                Answering::Once(tell, Ok(Answered { payload_type, body: Body::Ready(answer(colony)) }))
            }),
            Err(refusal) => self.answer_refusal(ReplyTo::Once(tell), refusal),
        }
    }

    /// Changes what is in memory only. What that tells waits for no record: it would not outlive a crash either.
    fn carry_out_volatile(&mut self, volatile: Volatile, tell: Tell, at: Moment) {
        let Volatile { effect, reveals } = volatile;
        self.guarded(|actor| {
            let outcome = effect(&mut actor.colony, at);
            actor.colony.take_notices().into_iter().for_each(Notice::tell);
            let outcome = outcome.map(|body| Answered { payload_type: None, body: Body::Ready(body) });
            actor.answer_when_durable(tell, outcome, reveals);
        });
    }

    /// A record of these events, with credit for them and for the assignments that they may cause.
    fn make_record(&self, events: &[Event], class: Class, at: Moment) -> Result<(TurnRecord, wal::Credit), Refusal> {
        let mut writer = RecordWriter::new(at.now);
        events.iter().for_each(|event| writer.add(event));
        let mut credit = self.take_credit(writer.len(), class)?;
        let room = writer.len() + self.add_match_credit(&mut credit);
        Ok((TurnRecord { writer, room }, credit))
    }

    /// Adds credit for the assignments that a turn may cause, and says for how many bytes. The log's reserve is not for
    /// handing out work, only for ending it: where there is no ordinary room, waiters stay.
    fn add_match_credit(&self, credit: &mut wal::Credit) -> usize {
        match self.take_credit(limits::MATCH_CREDIT, Class::Ordinary) {
            Ok(more) => {
                credit.absorb(more);
                limits::MATCH_CREDIT
            }
            Err(_) => 0,
        }
    }

    /// Applies the events, which the record holds already, and ends the turn.
    fn record(
        &mut self,
        events: Vec<Event>,
        mut record: TurnRecord,
        credit: wal::Credit,
        at: Moment,
        answering: impl FnOnce(&Colony) -> Answering,
    ) {
        self.guarded(|actor| {
            for event in events {
                actor.colony.apply(event, at.now, at.number);
            }
            let answering = answering(&actor.colony);
            let settled = actor.colony.settle(at, &mut record);
            actor.finish(record, Some(credit), settled, answering);
        });
    }

    /// A turn of the colony's own, for what nobody asked for: `decide` says what happens. Without credit from the log
    /// nothing happens, and the timer tries again.
    fn own_turn(&mut self, decide: impl FnOnce(&mut ColonyActor, Moment) -> Vec<Event>) {
        let at = self.moment();
        let Ok(mut credit) = self.take_credit(limits::OWN_TURN_CREDIT, Class::Essential) else {
            self.colony.unmatched = true;
            return;
        };
        self.guarded(|actor| {
            let events = decide(actor, at);
            let mut record = TurnRecord { writer: RecordWriter::new(at.now), room: 0 };
            events.iter().for_each(|event| record.add(event));
            record.room = record.writer.len() + actor.add_match_credit(&mut credit);
            for event in events {
                actor.colony.apply(event, at.now, at.number);
            }
            let settled = actor.colony.settle(at, &mut record);
            actor.finish(record, Some(credit), settled, Answering::Nobody);
        });
    }

    /// Appends the turn's record and lets its answers wait for it.
    fn finish(&mut self, record: TurnRecord, credit: Option<wal::Credit>, settled: Settled, answering: Answering) {
        self.surroundings.turned(&mut self.colony);
        let Settled { answers, notices } = settled;
        let mut then: Vec<OnDurable> = Vec::with_capacity(answers.len() + notices.len() + 1);
        if let Answering::Once(tell, outcome) = answering {
            then.push(Box::new(move |log| tell(once_durable(log, outcome))));
        }
        for PollAnswer { slot, generation, outcome } in answers {
            then.push(Box::new(move |log| {
                slot.deliver(generation, once_durable(log, outcome));
            }));
        }
        for notice in notices {
            then.push(Box::new(move |log| {
                if log == wal::Outcome::Durable {
                    notice.tell();
                }
            }));
        }
        if record.writer.is_empty() {
            if self.stream.is_durable(self.stream.number()) {
                then.into_iter().for_each(|then| then(wal::Outcome::Durable));
            } else {
                then.into_iter().for_each(|then| self.stream.after_queued(then));
            }
            return;
        }
        match credit {
            Some(credit) => self.stream.append(record.writer.into_bytes(), credit, then),
            None => tracing::error!(
                colony = %self.colony.state.name,
                "a turn changed something without the log's credit; this is a defect"
            ),
        }
    }

    /// Answers a refusal once everything that it may reveal is durable.
    fn answer_refusal(&mut self, reply: ReplyTo, refusal: Refusal) {
        match reply {
            ReplyTo::Once(tell) => self.answer_when_durable(tell, Err(refusal), Reveals::Colony),
            ReplyTo::Poll(slot) => {
                let tell = Box::new(move |outcome| {
                    let generation = slot.generation();
                    if slot.finish() {
                        slot.deliver(generation, outcome);
                    }
                });
                self.answer_when_durable(tell, Err(refusal), Reveals::Colony);
            }
        }
    }

    fn answer_when_durable(&mut self, tell: Tell, outcome: Outcome, reveals: Reveals) {
        let number = match reveals {
            Reveals::Colony => self.stream.number(),
            Reveals::Record(number) => number,
        };
        if self.stream.is_durable(number) {
            return tell(outcome);
        }
        self.stream.after_queued(Box::new(move |log| {
            tell(once_durable(log, outcome));
        }));
    }

    fn take_credit(&self, bytes: usize, class: Class) -> Result<wal::Credit, Refusal> {
        self.stream.reserve(bytes, class).map_err(|reason| match reason {
            NoRoom::DiskFull => Refusal::unavailable("the server's disk is full: nothing was changed, try again later"),
            NoRoom::Busy => Refusal::unavailable("the server's log is busy: nothing was changed, try again soon"),
            NoRoom::TooLarge { .. } => Refusal::new(413, "the message is too large for the server's log"),
            NoRoom::Poisoned | NoRoom::Closed => log_stopped(),
        })
    }

    /// Runs what changes the state. A panic there leaves it in doubt: this colony stops, the others go on.
    fn guarded(&mut self, change: impl FnOnce(&mut ColonyActor)) {
        if catch_unwind(AssertUnwindSafe(|| change(self))).is_err() {
            self.stop_broken("applying an event or matching panicked after this record");
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

    /// Sets the one timer to whatever is due next.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        if self.ended.is_some() {
            return;
        }
        let now = self.clock.monotonic();
        let pending = self.has_unmatched() || !self.leavers.is_empty();
        let retry = pending.then(|| now + RETRY_MICROS);
        let giving_up = self.colony.waiters.next_to_give_up().map(|(until, _)| until);
        let step = (!self.jobs.is_empty()).then_some(now);
        let sweep = self.colony.signs.next_sweep();
        let old = self.colony.retention.next_sweep();
        let start = self.colony.schedule.next_look(self.clock.wall(), now);
        let archiving = self.next_archiving(now);
        let timers = [self.colony.timers.next(), giving_up, retry, step, sweep, old, start, archiving];
        let Some(due) = timers.into_iter().flatten().min() else {
            return;
        };
        match self.timer {
            Some((_, armed)) if armed <= due => return,
            Some((handle, _)) => {
                ctx.cancel_future(handle);
            }
            None => {}
        }
        // At least a millisecond, the timer's resolution; a long wait is cut, since sleeps beyond it are not supported.
        let wait = Duration::from_micros(due.saturating_sub(now)).clamp(MIN_SLEEP, MAX_SLEEP);
        let handle = ctx.run_later(wait, |actor, ctx| {
            actor.timer = None;
            actor.tick();
            actor.arm(ctx);
        });
        self.timer = Some((handle, due));
    }

    /// Whether somebody waits who may be given work.
    fn has_unmatched(&self) -> bool {
        self.colony.unmatched && !self.colony.state.paused && !self.colony.waiters.is_empty()
    }

    /// Ends polls whose time is over, takes back what was held for those who left, and lets expire what is due.
    fn tick(&mut self) {
        if self.ended.is_some() {
            return;
        }
        let monotonic = self.clock.monotonic();
        let answers = self.colony.give_up(monotonic);
        if !answers.is_empty() {
            self.tell(Settled { answers, notices: Vec::new() });
        }
        let expires = self.colony.timers.next().is_some_and(|due| due <= monotonic);
        if expires || !self.leavers.is_empty() || self.has_unmatched() {
            self.own_turn(|actor, at| {
                let count = actor.leavers.len().min(limits::LEAVERS_A_TURN);
                let leavers: Vec<_> = actor.leavers.drain(..count).collect();
                let mut events: Vec<Event> = leavers.iter().flat_map(|poll| actor.colony.gone(poll)).collect();
                // A process that was just taken back has not expired.
                let taken: Vec<_> = events.iter().filter_map(Event::process).collect();
                let expired = actor.colony.expired(at.monotonic).into_iter();
                events.extend(expired.filter(|event| event.process().is_none_or(|id| !taken.contains(&id))));
                events
            });
        }
        if self.colony.signs.next_sweep().is_some_and(|due| due <= monotonic) {
            self.own_turn(|actor, at| actor.colony.sweep(at));
        }
        if self.colony.retention.next_sweep().is_some_and(|due| due <= monotonic) {
            self.expire_old();
        }
        self.start_due();
        self.step_job();
        self.archive_due();
    }

    /// Tells something that changes nothing.
    fn tell(&mut self, settled: Settled) {
        let record = TurnRecord { writer: RecordWriter::new(self.moment().now), room: 0 };
        self.finish(record, None, settled, Answering::Nobody);
    }
}

const MIN_SLEEP: Duration = Duration::from_millis(1);
/// How soon a turn that the log had no room for is tried again, in microseconds.
const RETRY_MICROS: u64 = 2_000;
const MAX_SLEEP: Duration = Duration::from_secs(86_400);

/// 503 for whoever waits for a log that has stopped: whether the change is there after a restart is not known.
fn log_stopped() -> Refusal {
    Refusal::unavailable("the server's log has stopped: whether this was done is known after its restart")
}

/// What the caller is told when the log reports on the record that the outcome waited for.
pub fn once_durable(log: wal::Outcome, outcome: Outcome) -> Outcome {
    if log == wal::Outcome::Durable { outcome } else { Err(log_stopped()) }
}

fn refuse(reply: ReplyTo, refusal: Refusal) {
    match reply {
        ReplyTo::Once(tell) => tell(Err(refusal)),
        ReplyTo::Poll(slot) => {
            let generation = slot.generation();
            if slot.finish() {
                slot.deliver(generation, Err(refusal));
            }
        }
    }
}
