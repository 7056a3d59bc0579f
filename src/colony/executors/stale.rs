//! Executors that have fallen silent (chapter 1, 9.8): the sweep that removes them.
//!
//! Unlike the reference's, it takes every signed message for a sign of life, an open poll too, and it spares whoever
//! holds a process whose time has not run out (chapter 1, W6). Only executors that asked for work are watched: others
//! sign now and then or never, and lose nothing by it.

use super::ExecutorEvent;
use crate::colony::Colony;
use crate::colony::event::Event;
use crate::colony::matching::Moment;
use crate::crypto::Identity;
use crate::limits;
use crate::time::Time;
use std::collections::HashMap;

/// When executors last gave a sign of life, and when that is looked at next; microseconds of the clock that never leaps.
#[derive(Debug, Default)]
pub struct SignsOfLife {
    latest: HashMap<String, u64>,
    next_sweep: Option<u64>,
}

impl SignsOfLife {
    /// When the next sweep is due; `None` while nobody is watched.
    pub fn next_sweep(&self) -> Option<u64> {
        self.next_sweep
    }
}

impl Colony {
    /// Someone of this id signed a message.
    pub fn heard_from(&mut self, id: &Identity, monotonic: u64) {
        for name in self.state.executors.names_of(id) {
            if let Some(latest) = self.signs.latest.get_mut(name) {
                *latest = monotonic;
            }
        }
    }

    /// An executor asked for work, or has waited for it until now: it is watched from now on.
    pub(in crate::colony) fn watch(&mut self, executor: &str, monotonic: u64) {
        match self.signs.latest.get_mut(executor) {
            Some(latest) => *latest = monotonic,
            None => {
                self.signs.latest.insert(executor.to_owned(), monotonic);
            }
        }
        self.plan_sweep(monotonic);
    }

    /// Takes over the executors of a state that was read back: all have just been heard. Those are watched of which the
    /// record knows that they have worked.
    pub(in crate::colony) fn watch_all(&mut self, monotonic: u64) {
        let speaking = self.state.executors.iter().filter(|executor| executor.state.may_speak());
        let worked = speaking.filter(|executor| executor.lastheardfromtime.is_set());
        self.signs.latest = worked.map(|executor| (executor.executorname.clone(), monotonic)).collect();
        self.plan_sweep(monotonic);
    }

    /// Looks at the executors that this turn's events registered: they are watched where they brought a time at which
    /// they were heard, from now on.
    pub(in crate::colony) fn watch_registered(&mut self, monotonic: u64) {
        for name in std::mem::take(&mut self.state.changes.registered) {
            self.heard.remove(&name);
            let has_time = self.state.executors.get(&name).is_some_and(|executor| executor.lastheardfromtime.is_set());
            if has_time {
                self.watch(&name, monotonic);
            } else {
                self.signs.latest.remove(&name);
            }
        }
    }

    fn plan_sweep(&mut self, monotonic: u64) {
        if self.signs.next_sweep.is_none() && !self.signs.latest.is_empty() && self.options.stale_after.is_some() {
            self.signs.next_sweep = Some(monotonic.saturating_add(micros(self.options.sweep_every)));
        }
    }

    /// What a sweep at this moment does, if one is due. Proportional to the executors that are watched.
    pub fn sweep(&mut self, at: Moment) -> Vec<Event> {
        let Some(stale_after) = self.options.stale_after.map(micros) else {
            return Vec::new();
        };
        if self.signs.next_sweep.is_none_or(|due| due > at.monotonic) {
            return Vec::new();
        }
        let mut stale = Vec::new();
        let now = Time::from_nanos(at.now);
        let (state, waiters) = (&self.state, &self.waiters);
        self.signs.latest.retain(|name, latest| {
            let Some(executor) = state.executors.get(name).filter(|executor| executor.state.may_speak()) else {
                return false;
            };
            let id = &executor.executorid;
            let works = || {
                let in_time = |deadline: Time| !deadline.is_set() || deadline > now;
                state.processes.held_by(id).any(|process| in_time(process.exec_deadline))
            };
            if waiters.has(id) || works() {
                *latest = at.monotonic;
            }
            // What is more than one turn's work is left for the next one, which comes at once.
            if at.monotonic.saturating_sub(*latest) < stale_after || stale.len() == limits::SWEPT_A_TURN {
                return true;
            }
            stale.push(name.clone());
            false
        });
        let rest = stale.len() == limits::SWEPT_A_TURN;
        self.signs.next_sweep = rest.then_some(at.monotonic);
        self.plan_sweep(at.monotonic);
        stale.into_iter().map(|name| Event::Executor(ExecutorEvent::Removed(name))).collect()
    }
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
