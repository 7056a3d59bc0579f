//! Deadlines of processes (chapter 2, 6.2).
//!
//! A process's deadline is a time of the wall clock, for people to read. What counts is how long it still has to go:
//! that is measured on a clock that never leaps, so that setting the wall clock neither expires everything at once nor
//! keeps anything for ever.

use super::Colony;
use super::event::Event;
use super::matching::Moment;
use super::processes::{ProcessEvent, ProcessState};
use crate::ids::ProcessId;
use crate::map::HashMap;
use crate::time::Time;
use std::collections::BTreeSet;

/// Processes that one turn lets expire, so that turns stay short.
const EXPIRIES_A_TURN: usize = 256;

/// When processes expire, in microseconds of the monotonic clock.
#[derive(Debug, Default)]
pub struct Timers {
    due: BTreeSet<(u64, ProcessId)>,
    of: HashMap<ProcessId, u64>,
}

impl Timers {
    /// Sets, moves or drops the timer of a process.
    pub fn set(&mut self, process: ProcessId, due: Option<u64>) {
        let before = match due {
            Some(due) => self.of.insert(process, due),
            None => self.of.remove(&process),
        };
        if let Some(before) = before {
            self.due.remove(&(before, process));
        }
        if let Some(due) = due {
            self.due.insert((due, process));
        }
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<u64> {
        self.due.first().map(|&(due, _)| due)
    }

    /// The processes that are due by now, the earliest first.
    pub fn due(&self, monotonic: u64) -> impl Iterator<Item = ProcessId> {
        self.due.iter().take_while(move |&&(due, _)| due <= monotonic).map(|&(_, process)| process)
    }
}

impl Colony {
    /// Takes over the deadlines that this turn's events changed.
    pub(crate) fn set_timers(&mut self, at: Moment) {
        for (process, deadline) in std::mem::take(&mut self.state.changes.deadlines) {
            let due = deadline.map(|deadline| after(at, deadline, 0));
            self.timers.set(process, due);
        }
    }

    /// Takes over the deadlines of a state that was read back. What expired while the server was down, or is about to, is left alone
    /// for `grace` microseconds, so that executors can come back and close their work.
    pub fn start_timers(&mut self, at: Moment, grace: u64) {
        self.watch_all(at);
        self.start_schedule();
        self.start_retention(at.monotonic);
        for process in self.state.processes.iter() {
            if let Some(deadline) = process.deadline() {
                self.timers.set(process.id, Some(after(at, deadline, grace)));
            }
        }
    }

    /// What has expired by now: some of it, where it is much.
    pub fn expired(&self, monotonic: u64) -> Vec<Event> {
        let due = self.timers.due(monotonic).take(EXPIRIES_A_TURN);
        due.filter_map(|id| self.state.processes.get(&id))
            .filter_map(|process| match process.state {
                ProcessState::Waiting => Some(ProcessEvent::WaitExpired(process.id)),
                // One that never reached its executor has not run: it has its place back, and it costs no retry.
                ProcessState::Running if self.is_held(&process.id) => Some(ProcessEvent::Revoked(process.id)),
                ProcessState::Running => Some(ProcessEvent::ExecExpired(process.id)),
                _ => None,
            })
            .map(Event::Process)
            .collect()
    }
}

/// When a deadline passes on the monotonic clock; not within `grace`.
fn after(at: Moment, deadline: Time, grace: u64) -> u64 {
    // Rounded up: nothing expires before its deadline.
    let now = at.now.div_euclid(1_000);
    let remaining = u64::try_from(deadline.micros().saturating_sub(now)).unwrap_or(0);
    at.monotonic.saturating_add(remaining.max(grace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_timer() {
        let mut timers = Timers::default();
        let (a, b) = (ProcessId([1; 32]), ProcessId([2; 32]));
        timers.set(a, Some(50));
        timers.set(b, Some(40));
        timers.set(a, Some(30));
        assert_eq!(timers.next(), Some(30));
        assert_eq!(timers.due(40).collect::<Vec<_>>(), [a, b]);
        assert_eq!(timers.due(29).count(), 0);
        timers.set(a, None);
        timers.set(a, None);
        assert_eq!(timers.next(), Some(40));
    }

    #[test]
    fn nothing_expires_within_the_grace() {
        let at = Moment { now: 10_000_000, monotonic: 7, number: 1 };
        assert_eq!(after(at, Time::from_micros(10_500), 99), 507);
        assert_eq!(after(at, Time::from_micros(10_050), 99), 106);
        assert_eq!(after(at, Time::from_micros(9_000), 99), 106);
    }
}
