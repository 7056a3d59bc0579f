//! A turn that changes something: credit from the log, a record, what is in memory, whoever waits, the append.

use super::ColonyActor;
use super::answers::{Tell, log_stopped, once_durable, too_many_wait};
use crate::colony::Colony;
use crate::colony::event::Event;
use crate::colony::mailbox::{Outcome, ReplyTo};
use crate::colony::matching::{Moment, PollAnswer, Record, Settled};
use crate::colony::message::{Answered, Body, Reply, Volatile};
use crate::colony::poll::PollSlot;
use crate::colony::subscriptions::Notice;
use crate::colony::waiters::Poll;
use crate::limits;
use crate::refusal::Refusal;
use crate::storage::codec::RecordWriter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use wal::{Class, NoRoom, OnDurable};

/// A turn's record, with the credit that it has.
pub(super) struct TurnRecord {
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

/// Whom a turn answers.
pub(super) enum Answering {
    Nobody,
    Once(Tell, Outcome),
}

impl ColonyActor {
    /// Carries out a decision: record, apply, answer, match, append.
    pub(super) fn carry_out(&mut self, decided: Reply, tell: Tell, class: Class, at: Moment) {
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

    /// Gives a poll what there is for it, or lets it wait.
    pub(super) fn carry_out_poll(&mut self, poll: Poll, slot: Arc<PollSlot>, at: Moment) {
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

    /// Changes what is in memory only. What that tells waits for no record: it would not outlive a crash either.
    pub(super) fn carry_out_volatile(&mut self, volatile: Volatile, tell: Tell, at: Moment) {
        let Volatile { effect, reveals } = volatile;
        // Before it has an effect: who is told to try again must not have done it already.
        if let Some(refusal) = too_many_wait(&self.stream).filter(|_| !self.stream.is_durable(self.newest(reveals))) {
            return tell(Err(refusal));
        }
        self.guarded(|actor| {
            let outcome = effect(&mut actor.colony, at);
            actor.colony.take_notices().into_iter().for_each(Notice::tell);
            let outcome = outcome.map(|body| Answered { payload_type: None, body: Body::Ready(body) });
            actor.answer_when_durable(tell, outcome, reveals);
        });
    }

    /// A record of these events, with credit for them and for the assignments that they may cause.
    pub(super) fn make_record(
        &self,
        events: &[Event],
        class: Class,
        at: Moment,
    ) -> Result<(TurnRecord, wal::Credit), Refusal> {
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
    pub(super) fn record(
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
    /// nothing happens, and the timer tries again; nothing happens any more in a colony that has ended.
    pub(super) fn own_turn(&mut self, decide: impl FnOnce(&mut ColonyActor, Moment) -> Vec<Event>) {
        if self.ended.is_some() {
            return;
        }
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

    /// Tells something that changes nothing.
    pub(super) fn tell(&mut self, settled: Settled) {
        let record = TurnRecord { writer: RecordWriter::new(self.moment().now), room: 0 };
        self.finish(record, None, settled, Answering::Nobody);
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
    pub(super) fn guarded(&mut self, change: impl FnOnce(&mut ColonyActor)) {
        if catch_unwind(AssertUnwindSafe(|| change(self))).is_err() {
            self.stop_broken("applying an event or matching panicked after this record");
        }
    }
}
