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
use crate::map::HashMap;
use crate::time::{Time, micros};

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
                *latest = monotonic.max(*latest);
            }
        }
    }

    /// An executor asked for work, or has waited for it until now: it is watched from now on.
    pub(in crate::colony) fn watch(&mut self, executor: &str, monotonic: u64) {
        self.watch_from(executor, monotonic);
        self.plan_sweep(monotonic);
    }

    fn watch_from(&mut self, executor: &str, sign: u64) {
        match self.signs.latest.get_mut(executor) {
            Some(latest) => *latest = sign,
            None => {
                self.signs.latest.insert(executor.to_owned(), sign);
            }
        }
    }

    /// Takes over the executors of a state that was read back: all have just been heard. Those are watched of which the
    /// record knows that they have worked.
    pub(in crate::colony) fn watch_all(&mut self, at: Moment) {
        let speaking = self.state.executors.iter().filter(|executor| executor.state.may_speak());
        let worked = speaking.filter(|executor| executor.lastheardfromtime.is_set());
        let heard = worked.map(|executor| (executor.executorname.clone(), heard(executor.lastheardfromtime, at)));
        self.signs.latest = heard.collect();
        self.plan_sweep(at.monotonic);
    }

    /// Looks at the executors that this turn's events registered: they are watched where they brought a time at which
    /// they were heard, from now on, or from then on where that is still to come.
    pub(in crate::colony) fn watch_registered(&mut self, at: Moment) {
        for name in std::mem::take(&mut self.state.changes.registered) {
            self.heard.remove(&name);
            self.signs.latest.remove(&name);
            let brought = self.state.executors.get(&name).map(|executor| executor.lastheardfromtime);
            if let Some(time) = brought.filter(|time| time.is_set()) {
                self.watch_from(&name, heard(time, at));
                self.plan_sweep(at.monotonic);
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
        let (mut stale, mut bytes, mut is_full) = (Vec::new(), 0, false);
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
            if at.monotonic.saturating_sub(*latest) < stale_after {
                return true;
            }
            // What is more than one turn's work, or than its credit, is left for the next one, which comes at once.
            is_full = is_full || stale.len() == limits::SWEPT_A_TURN || bytes > limits::MATCH_CREDIT / 2;
            if is_full {
                return true;
            }
            bytes += name.len();
            stale.push(name.clone());
            false
        });
        self.signs.next_sweep = is_full.then_some(at.monotonic);
        self.plan_sweep(at.monotonic);
        stale.into_iter().map(|name| Event::Executor(ExecutorEvent::Removed(name))).collect()
    }
}

/// When the clock that never leaps comes to this time; now, where it is over.
fn heard(time: Time, at: Moment) -> u64 {
    let ahead = time.micros().saturating_sub(at.now.div_euclid(1_000));
    at.monotonic.saturating_add(u64::try_from(ahead).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::Options;
    use crate::colony::executors::{Executor, ExecutorState};
    use crate::colony::processes::{ProcessEvent, Submission};
    use crate::colony::state::State;
    use crate::ids::ProcessId;
    use std::sync::Arc;

    const SECOND: u64 = 1_000_000;

    fn at(seconds: u64) -> Moment {
        Moment {
            now: 1_700_000_000_000_000_000 + seconds as i64 * 1_000_000_000,
            monotonic: seconds * SECOND,
            number: 1,
        }
    }

    fn id(name: &str) -> Identity {
        Identity::from_text(name)
    }

    fn colony(names: &[&str]) -> Colony {
        let mut colony = Colony::new(State::default(), Arc::new(Options::default()));
        for name in names {
            let executor = Executor { executorname: (*name).to_owned(), executorid: id(name), ..Executor::default() };
            colony.apply(Event::Executor(ExecutorEvent::Added(Box::new(executor))), at(0).now, 1);
            colony.apply(Event::Executor(ExecutorEvent::Approved((*name).to_owned())), at(0).now, 1);
        }
        colony.watch_registered(at(0));
        colony
    }

    fn sweep(colony: &mut Colony, seconds: u64) -> Vec<String> {
        let events = colony.sweep(at(seconds));
        for event in events.clone() {
            colony.apply(event, at(seconds).now, 1);
        }
        let name = |event| match event {
            Event::Executor(ExecutorEvent::Removed(name)) => name,
            other => panic!("a sweep only removes executors: {other:?}"),
        };
        let mut names: Vec<_> = events.into_iter().map(name).collect();
        names.sort_unstable();
        names
    }

    /// Gives an executor a process; `seconds` is how long it may take.
    fn give(colony: &mut Colony, to: &str, seconds: i64, when: u64) {
        let request = format!(r#"{{"maxexectime":{seconds}}}"#);
        let process = ProcessId([to.as_bytes()[0]; 32]);
        let submission = Submission::sample(process, &request);
        let events =
            [ProcessEvent::Submitted(Box::new(submission)), ProcessEvent::Assigned { id: process, executor: id(to) }];
        events.into_iter().for_each(|event| colony.apply(Event::Process(event), at(when).now, 1));
    }

    #[test]
    fn only_silent_executors_that_asked_for_work_are_removed() {
        let mut colony = colony(&["silent", "talks", "never asked"]);
        assert_eq!(colony.signs.next_sweep(), None, "nobody is watched yet");
        colony.watch("silent", 0);
        colony.watch("talks", 0);
        assert_eq!(colony.signs.next_sweep(), Some(60 * SECOND));
        assert!(sweep(&mut colony, 59).is_empty(), "not due");
        colony.heard_from(&id("talks"), 300 * SECOND);
        assert!(sweep(&mut colony, 599).is_empty());
        assert_eq!(sweep(&mut colony, 660), ["silent"]);
        assert_eq!(colony.state.executors.get("silent").map(|e| e.state), Some(ExecutorState::Unregistered));
        assert_eq!(sweep(&mut colony, 960), ["talks"]);
        assert!(sweep(&mut colony, 99_000).is_empty());
        assert_eq!(colony.signs.next_sweep(), None, "nobody is left");
    }

    #[test]
    fn whoever_works_is_spared_while_its_time_has_not_run_out() {
        let mut colony = colony(&["endless", "limited"]);
        colony.watch("endless", 0);
        colony.watch("limited", 0);
        give(&mut colony, "endless", 0, 0);
        give(&mut colony, "limited", 1_000, 0);
        assert!(sweep(&mut colony, 900).is_empty());
        assert_eq!(sweep(&mut colony, 1_700), ["limited"]);
        assert!(sweep(&mut colony, 9_000).is_empty());
    }

    #[test]
    fn after_a_restart_all_have_just_been_heard() {
        let mut before = colony(&["worked", "never asked"]);
        give(&mut before, "worked", 1, 0);
        let mut after = Colony::new(before.state, Arc::new(Options::default()));
        after.watch_all(at(0));
        assert!(sweep(&mut after, 599).is_empty());
        assert_eq!(sweep(&mut after, 700), ["worked"]);
    }

    #[test]
    fn a_time_that_is_still_to_come_counts_from_then_on() {
        let mut colony = colony(&[]);
        for (name, seconds) in [("past", -5), ("future", 1_000)] {
            let lastheardfromtime = Time::from_nanos(at(0).now).plus_micros(seconds * 1_000_000);
            let (executorname, executorid) = (name.to_owned(), id(name));
            let executor = Executor { executorname, executorid, lastheardfromtime, ..Executor::default() };
            colony.apply(Event::Executor(ExecutorEvent::Added(Box::new(executor))), at(0).now, 1);
        }
        colony.watch_registered(at(0));
        assert!(colony.signs.next_sweep().is_some_and(|due| due <= 100 * SECOND));
        // What it says meanwhile does not shorten it, unless it asks for work.
        colony.heard_from(&id("future"), 10 * SECOND);
        assert!(sweep(&mut colony, 599).is_empty());
        assert_eq!(sweep(&mut colony, 700), ["past"]);
        let mut after = Colony::new(colony.state, Arc::new(Options::default()));
        after.watch_all(at(700));
        assert!(sweep(&mut after, 770).is_empty());
        after.watch("future", 800 * SECOND);
        assert!(sweep(&mut after, 1_390).is_empty());
        assert_eq!(sweep(&mut after, 1_450), ["future"]);
    }

    #[test]
    fn a_sweep_is_cut_into_turns() {
        let names: Vec<String> = (0..limits::SWEPT_A_TURN + 5).map(|n| format!("e{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut colony = colony(&names);
        names.iter().for_each(|name| colony.watch(name, 0));
        assert_eq!(sweep(&mut colony, 700).len(), limits::SWEPT_A_TURN);
        assert_eq!(colony.signs.next_sweep(), Some(700 * SECOND), "at once");
        assert_eq!(sweep(&mut colony, 700).len(), 5);
    }
}
