//! Bringing waiting processes and waiting executors together.
//!
//! Between two turns no executor waits that could have a waiting process (unless the colony is paused or the log had no
//! room). So a turn needs to look only at what it changed: processes that became ready look for their waiter, a new
//! waiter looks for its process, and after a resume every waiter looks once.

use super::Colony;
use super::access;
use super::event::Event;
use super::history::Missing;
use super::message::{Answered, Body};
use super::poll::{Generation, Place, PollSlot};
use super::processes::{ProcessAnswer, ProcessEvent};
use super::subscriptions::Notice;
use super::waiters::{Arrival, Poll, Waiter};
use crate::crypto::Identity;
use crate::ids::ProcessId;
use crate::refusal::Refusal;
use crate::time::{Nanos, Time};
use std::sync::Arc;

/// An assignment that is held until its record is durable.
#[derive(Clone, Debug)]
pub struct Held {
    slot: Arc<PollSlot>,
    generation: Generation,
    until: u64,
    offer: super::processes::queue::Offer,
    executor: Identity,
    arrival: Option<Arrival>,
}

/// What a turn tells a poll, once the turn's record is durable.
#[derive(Debug)]
pub struct PollAnswer {
    /// Which poll.
    pub slot: Arc<PollSlot>,
    /// For which of its assignments.
    pub generation: Generation,
    /// What it is told.
    pub outcome: Result<Answered, Refusal>,
}

/// Whom a turn tells what, once its record is durable.
#[derive(Default)]
pub struct Settled {
    /// Polls.
    pub answers: Vec<PollAnswer>,
    /// Subscribers.
    pub notices: Vec<Notice>,
}

/// One turn's record while it is made.
pub trait Record {
    /// Whether there is room for one more assignment.
    fn has_room(&self) -> bool;
    /// Adds an event; it is applied right after.
    fn add(&mut self, event: &Event);
}

/// What a turn knows of time.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The turn's time.
    pub now: Nanos,
    /// Microseconds on a clock that never leaps.
    pub monotonic: u64,
    /// The number of the turn's record in the colony's stream.
    pub number: u64,
}

/// 404 for an executor for which there is nothing to do.
pub fn nothing_to_do() -> Refusal {
    Refusal::not_found("No process available for assignment")
}

/// 408 for a poll that ran out while the colony was paused.
pub fn still_paused() -> Refusal {
    Refusal::new(408, "Assignment timeout: colony assignments are paused")
}

/// 503 for a poll that finds too many others.
fn too_many_waiters() -> Refusal {
    Refusal::unavailable("too many executors wait in this colony, try again later")
}

impl Colony {
    /// A new poll: gets the first process that it may have, waits, or is told that there is nothing.
    pub fn poll(&mut self, poll: Poll, slot: Arc<PollSlot>, at: Moment, record: &mut dyn Record) -> Vec<PollAnswer> {
        self.hear(&poll.offer.executor_name, Time::from_nanos(at.now));
        self.watch(&poll.offer.executor_name, at.monotonic);
        let mut answers = Vec::new();
        let Some(seconds) = poll.seconds else {
            if self.state.paused {
                let refusal = Refusal::unavailable("No processes available: colony assignments are paused");
                return finish(slot, refusal).into_iter().collect();
            }
            let waiter = Waiter { executor: poll.executor, offer: poll.offer, until: at.monotonic, reply: slot };
            if let Some(waiter) = self.take_first(waiter, None, at, record, &mut answers) {
                answers.extend(finish(waiter.reply, nothing_to_do()));
            }
            return answers;
        };
        let until = at.monotonic.saturating_add(seconds.saturating_mul(1_000_000));
        let waiter = Waiter { executor: poll.executor, offer: poll.offer, until, reply: slot };
        let waiter =
            if self.state.paused { Some(waiter) } else { self.take_first(waiter, None, at, record, &mut answers) };
        if let Some(waiter) = waiter {
            if self.waiters.len() >= self.options.max_waiters {
                answers.extend(finish(waiter.reply, too_many_waiters()));
                return answers;
            }
            let slot = waiter.reply.clone();
            let arrival = self.waiters.park(waiter);
            slot.set_place(Place { arrival: Some(arrival), process: None });
        }
        answers
    }

    /// Acts on what this turn's events brought about: answers polls that have lost their right, takes back assignments
    /// whose attempt ended, and hands out what can be handed out.
    pub fn settle(&mut self, at: Moment, record: &mut dyn Record) -> Settled {
        let mut notices = Vec::new();
        let answers = self.settle_polls(at, record, &mut notices);
        notices.extend(self.take_notices());
        self.set_timers(at);
        self.reschedule(at.monotonic);
        self.watch_registered(at);
        Settled { answers, notices }
    }

    fn settle_polls(&mut self, at: Moment, record: &mut dyn Record, notices: &mut Vec<Notice>) -> Vec<PollAnswer> {
        let mut answers = Vec::new();
        self.forget_sent();
        let ended = std::mem::take(&mut self.state.changes.ended);
        for process in ended {
            self.take_back(&process);
            self.end_listening(&process, notices);
        }
        for process in std::mem::take(&mut self.state.changes.closed) {
            self.close_channels(&process, notices);
            self.note_past(Missing::Process(process), at.monotonic);
        }
        for id in std::mem::take(&mut self.state.changes.identities) {
            self.answer_without_right(&id, &mut answers);
            self.revoke_without_right(&id, at, record, &mut answers);
            self.end_subscriptions_of(&id, notices);
        }
        self.unmatched |= std::mem::take(&mut self.state.changes.resumed);
        let ready = std::mem::take(&mut self.state.changes.ready);
        if self.state.paused || self.waiters.is_empty() {
            return answers;
        }
        if std::mem::take(&mut self.unmatched) {
            self.match_all(at, record, &mut answers);
        } else {
            for process in ready {
                self.match_process(&process, at, record, &mut answers);
            }
        }
        self.state.changes.ready.clear();
        answers
    }

    /// A client was found gone. The events give back what was held for it.
    pub fn gone(&mut self, slot: &PollSlot) -> Vec<Event> {
        let place = slot.place();
        if let Some(arrival) = place.arrival {
            self.waiters.take(arrival);
        }
        let Some(id) = place.process else {
            return Vec::new();
        };
        let held = self.held.get(&id).is_some_and(|held| std::ptr::eq(&*held.slot, slot));
        if !held {
            return Vec::new();
        }
        self.held.remove(&id);
        vec![Event::Process(ProcessEvent::Revoked(id))]
    }

    /// Whether this process's assignment has not been sent to its executor yet.
    pub(crate) fn is_held(&self, process: &ProcessId) -> bool {
        self.held.get(process).is_some_and(|held| !held.slot.was_sent())
    }

    /// The polls whose time is over at this moment.
    pub fn give_up(&mut self, monotonic: u64) -> Vec<PollAnswer> {
        let mut answers = Vec::new();
        while let Some((until, arrival)) = self.waiters.next_to_give_up() {
            if until > monotonic {
                break;
            }
            let refusal = if self.state.paused { still_paused() } else { nothing_to_do() };
            if let Some(waiter) = self.waiters.take(arrival) {
                self.watch(&waiter.offer.executor_name, monotonic);
                answers.extend(finish(waiter.reply, refusal));
            }
        }
        answers
    }

    /// Ends all polls with one refusal: the colony is being removed, or the server stops.
    pub fn dismiss_all(&mut self, refusal: &Refusal) -> Vec<PollAnswer> {
        let all = self.waiters.all();
        all.into_iter().filter_map(|arrival| finish(self.waiters.take(arrival)?.reply, refusal.clone())).collect()
    }

    /// Gives a waiter the first process that it may have; the waiter comes back when there is none.
    fn take_first(
        &mut self,
        waiter: Waiter<PollSlot>,
        arrival: Option<Arrival>,
        at: Moment,
        record: &mut dyn Record,
        answers: &mut Vec<PollAnswer>,
    ) -> Option<Waiter<PollSlot>> {
        let Some(id) = self.state.processes.first_for(&waiter.offer) else {
            return Some(waiter);
        };
        if !record.has_room() {
            self.unmatched = true;
            return Some(waiter);
        }
        // Once it is held, the client's leaving is noticed and gives the process back.
        let generation = waiter.reply.hold()?;
        // The reference's reply shows deadline and attributes as they were before this attempt, and its recordings pin
        // that (docs/protocol.md); every later look at the process shows the attempt's own.
        let before = self.state.processes.get(&id)?;
        let (deadline_before, attributes_before) = (before.exec_deadline, before.attributes.clone());
        let event = Event::Process(ProcessEvent::Assigned { id, executor: waiter.executor.clone() });
        record.add(&event);
        self.apply(event, at.now, at.number);
        self.watch(&waiter.offer.executor_name, at.monotonic);
        let slot = waiter.reply;
        slot.set_place(Place { arrival: None, process: Some(id) });
        self.held_order.push_back((id, slot.clone(), generation));
        let held = Held {
            slot: slot.clone(),
            generation,
            until: waiter.until,
            offer: waiter.offer,
            executor: waiter.executor,
            arrival,
        };
        self.held.insert(id, held);
        let mut answer = ProcessAnswer::new(&self.state, self.state.processes.get(&id)?);
        answer.process.exec_deadline = deadline_before;
        answer.process.attributes = attributes_before;
        let body = Box::new(answer);
        answers.push(PollAnswer {
            slot,
            generation,
            outcome: Ok(Answered { payload_type: None, body: Body::Ready(body) }),
        });
        None
    }

    /// A process that became ready looks for its waiter. The waiter takes the best process that it may have, which may
    /// be another one that became ready in the same turn; so the process looks again until it is taken or nobody is
    /// left.
    fn match_process(&mut self, id: &ProcessId, at: Moment, record: &mut dyn Record, answers: &mut Vec<PollAnswer>) {
        loop {
            let waiting = self.state.processes.get(id).filter(|process| process.is_ready());
            let Some(arrival) = waiting.and_then(|process| self.waiters.first_for(process)) else {
                return;
            };
            if !self.match_waiter(arrival, at, record, answers) {
                return;
            }
        }
    }

    /// Every waiter looks once, in order of arrival.
    fn match_all(&mut self, at: Moment, record: &mut dyn Record, answers: &mut Vec<PollAnswer>) {
        for arrival in self.waiters.all() {
            if !record.has_room() {
                self.unmatched = true;
                return;
            }
            self.match_waiter(arrival, at, record, answers);
        }
    }

    /// Whether the waiter left its place, with a process or because its client has gone.
    fn match_waiter(
        &mut self,
        arrival: Arrival,
        at: Moment,
        record: &mut dyn Record,
        answers: &mut Vec<PollAnswer>,
    ) -> bool {
        let Some(waiter) = self.waiters.take(arrival) else {
            return false;
        };
        match self.take_first(waiter, Some(arrival), at, record, answers) {
            None => true,
            Some(waiter) => {
                self.waiters.park_again(arrival, waiter);
                false
            }
        }
    }

    /// The attempt ended while its assignment was still held: the poll waits again at its old place.
    fn take_back(&mut self, process: &ProcessId) {
        let Some(held) = self.held.remove(process) else {
            return;
        };
        if !held.slot.revoke(held.generation) {
            return;
        }
        let waiter = Waiter { executor: held.executor, offer: held.offer, until: held.until, reply: held.slot.clone() };
        let arrival = match held.arrival {
            Some(arrival) => {
                self.waiters.park_again(arrival, waiter);
                arrival
            }
            None => self.waiters.park(waiter),
        };
        held.slot.set_place(Place { arrival: Some(arrival), process: None });
        // It may have another process right away.
        self.unmatched = true;
    }

    /// Forgets assignments that have left, oldest first: what is newer is looked at when it has become the oldest.
    fn forget_sent(&mut self) {
        while let Some((id, slot, generation)) = self.held_order.front() {
            let same = |held: &Held| Arc::ptr_eq(&held.slot, slot) && held.generation == *generation;
            let is_current = self.held.get(id).is_some_and(same);
            if is_current && !slot.is_settled() {
                return;
            }
            // One whose client has gone stays until its `gone` gives the process back.
            if is_current && slot.place().process == Some(*id) && !slot.was_sent() {
                return;
            }
            if is_current {
                self.held.remove(id);
            }
            self.held_order.pop_front();
        }
    }

    /// What [`Colony::answer_without_right`] is for waiters, for those whose assignment is still held. Where an executor left, its processes wait again and that was
    /// taken back already; here its key is another one, and its processes run.
    fn revoke_without_right(
        &mut self,
        id: &Identity,
        at: Moment,
        record: &mut dyn Record,
        answers: &mut Vec<PollAnswer>,
    ) {
        if self.state.executors.acting(id).is_some() {
            return;
        }
        let held = self.held.iter().filter(|(_, held)| held.executor == *id && !held.slot.is_settled());
        let held: Vec<_> = held.map(|(process, held)| (*process, held.clone())).collect();
        for (process, held) in held {
            // Without room it stays as it is: what was given before the key changed.
            if !record.has_room() || !held.slot.revoke(held.generation) {
                continue;
            }
            let event = Event::Process(ProcessEvent::Revoked(process));
            record.add(&event);
            self.apply(event, at.now, at.number);
            self.held.remove(&process);
            answers.extend(finish(held.slot, access::not_a_member(&self.state.name)));
        }
        // These have been taken back here: whoever gets the process next must keep it.
        self.state.changes.ended.clear();
    }

    /// Polls whose executor may not work any more are told so at once (chapter 1, 9.6; invariant 7).
    fn answer_without_right(&mut self, id: &Identity, answers: &mut Vec<PollAnswer>) {
        for arrival in self.waiters.of(id) {
            let Some(waiter) = self.waiters.get(arrival) else {
                continue;
            };
            let acts = self.state.executors.acting(&waiter.executor).map(|executor| &*executor.executorname);
            if acts == Some(&*waiter.offer.executor_name) {
                continue;
            }
            let refusal = access::not_a_member(&self.state.name);
            answers.extend(self.waiters.take(arrival).and_then(|waiter| finish(waiter.reply, refusal)));
        }
    }
}

/// Ends a poll with a refusal; nothing when its client has gone.
fn finish(slot: Arc<PollSlot>, refusal: Refusal) -> Option<PollAnswer> {
    let generation = slot.generation();
    slot.finish().then(|| PollAnswer { slot, generation, outcome: Err(refusal) })
}
