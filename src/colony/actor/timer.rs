//! The actor's one timer, and what is due when it fires.

use super::ColonyActor;
use crate::colony::event::Event;
use crate::colony::matching::Settled;
use crate::limits;
use actix::prelude::*;
use std::time::Duration;

/// The resolution of the runtime's timers.
const MIN_SLEEP: Duration = Duration::from_millis(1);

/// A longer wait is cut: the runtime's timers go no further than some two years.
const MAX_SLEEP: Duration = Duration::from_secs(86_400);

/// How soon a turn that the log had no room for is tried again, in microseconds.
pub(super) const RETRY_MICROS: u64 = 2_000;

impl ColonyActor {
    /// Sets the one timer to whatever is due next.
    pub(super) fn arm(&mut self, ctx: &mut Context<Self>) {
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
    pub(super) fn tick(&mut self) {
        self.stop_if_disowned();
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
}
