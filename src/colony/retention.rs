//! Retention by age: what has been done for long enough is removed (chapter 2, 7.7; chapter 3, 3.8; chapter 4, 2.6).
//!
//! Off unless the operator says how long is enough. Then successful processes outside of workflows, successful workflows
//! as a whole, and log lines go; the age of work counts from its end. What waits, runs, failed or was cancelled stays,
//! and so does the workflow that a cron started last: the next one is given what it put out.

use super::Colony;
use super::event::Event;
use super::matching::Moment;
use super::processes::{Process, ProcessEvent, ProcessState};
use super::schedule::Rescheduled;
use super::workflows::WorkflowEvent;
use crate::ids::{GraphId, ProcessId};
use crate::limits;
use crate::time::{Nanos, Time};
use std::collections::{HashSet, VecDeque};
use std::time::Duration;

/// What succeeded, in the order in which it ended, so that a sweep looks at nothing but what it removes. Kept beside
/// the state, and only where there is a policy. What has been removed in the meantime is passed over.
#[derive(Debug, Default)]
pub struct Retention {
    processes: VecDeque<(Time, ProcessId)>,
    graphs: VecDeque<(Time, GraphId)>,
    /// Old enough, but a cron's latest: one for each cron, at most.
    spared: Vec<GraphId>,
    next_sweep: Option<u64>,
}

impl Retention {
    /// When the next sweep is due, in microseconds of the clock that never leaps; `None` where there is no policy.
    pub fn next_sweep(&self) -> Option<u64> {
        self.next_sweep
    }
}

impl Colony {
    /// Takes over a state that was read back. The first sweep comes at once.
    pub(in crate::colony) fn start_retention(&mut self, monotonic: u64) {
        if self.options.retention.is_none() {
            return;
        }
        let mut processes: Vec<_> = self.state.processes.iter().filter_map(ended_alone).collect();
        processes.sort_unstable();
        let ids = self.state.workflows.ids(Some(ProcessState::Successful));
        let mut graphs: Vec<_> = ids.iter().filter_map(|id| self.ended_graph(id)).collect();
        graphs.sort_unstable();
        let (processes, graphs) = (processes.into(), graphs.into());
        self.retention = Retention { processes, graphs, spared: Vec::new(), next_sweep: Some(monotonic) };
    }

    /// Notes what this turn's events brought to a good end. Called before anybody takes them away.
    pub(in crate::colony) fn note_successes(&mut self) {
        if self.options.retention.is_none() {
            return;
        }
        let closed = self.state.changes.closed.iter().filter_map(|id| self.state.processes.get(id));
        self.retention.processes.extend(closed.filter_map(ended_alone));
        let ended = self.state.changes.rescheduled.iter().filter_map(|change| match change {
            Rescheduled::Ended(graph) => self.ended_graph(graph),
            _ => None,
        });
        let ended: Vec<_> = ended.collect();
        self.retention.graphs.extend(ended);
    }

    fn ended_graph(&self, id: &GraphId) -> Option<(Time, GraphId)> {
        let workflow = self.state.workflows.get(id)?;
        (workflow.state == ProcessState::Successful).then_some((workflow.ended, *id))
    }

    /// What a sweep at this moment removes, if one is due: as much as one turn can take, the oldest first. Where there
    /// is more, the next sweep is due at once.
    pub fn expire_old(&mut self, at: Moment) -> Vec<Event> {
        let Some(age) = self.options.retention.filter(|_| self.retention.next_sweep.is_some_and(|d| d <= at.monotonic))
        else {
            return Vec::new();
        };
        let before = at.now.saturating_sub(i64::try_from(age.as_nanos()).unwrap_or(Nanos::MAX));
        let mut room = limits::REMOVALS_A_TURN;
        let mut events = self.old_processes(Time::from_nanos(before), &mut room);
        events.extend(self.old_graphs(Time::from_nanos(before), &mut room));
        if room > 0
            && let Some(until) = self.state.logs.oldest(before, limits::REMOVALS_A_TURN)
        {
            events.push(Event::LogsExpired(until));
            if self.state.logs.oldest(before, limits::REMOVALS_A_TURN + 1) != Some(until) {
                room = 0;
            }
        }
        let pause = if room == 0 { Duration::ZERO } else { age.min(limits::SWEEP) };
        let pause = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
        self.retention.next_sweep = Some(at.monotonic.saturating_add(pause));
        events
    }

    fn old_processes(&mut self, before: Time, room: &mut usize) -> Vec<Event> {
        let mut events = Vec::new();
        let mut looks = limits::LOOKS_A_TURN;
        while *room > 0
            && let Some((ended, id)) = self.retention.processes.pop_front_if(|(ended, _)| *ended < before)
        {
            if self.state.processes.get(&id).and_then(ended_alone) == Some((ended, id)) {
                events.push(Event::Process(ProcessEvent::Removed(id)));
                *room -= 1;
            }
            looks -= 1;
            if looks == 0 {
                *room = 0;
            }
        }
        events
    }

    fn old_graphs(&mut self, before: Time, room: &mut usize) -> Vec<Event> {
        let is_old = |(ended, _): &(Time, GraphId)| *ended < before;
        if self.retention.spared.is_empty() && !self.retention.graphs.front().is_some_and(is_old) {
            return Vec::new();
        }
        let named: HashSet<GraphId> = self.state.crons.iter().filter_map(|cron| cron.previous).collect();
        let spared = std::mem::take(&mut self.retention.spared);
        let (spared, mut free): (Vec<_>, Vec<_>) = spared.into_iter().partition(|id| named.contains(id));
        self.retention.spared = spared;
        let mut events = Vec::new();
        while *room > 0 {
            let id = match free.pop() {
                Some(id) => id,
                None => match self.retention.graphs.pop_front_if(|(ended, _)| *ended < before) {
                    // One that was cancelled after its end is no success any more.
                    Some((ended, id)) if self.ended_graph(&id) == Some((ended, id)) => id,
                    Some(_) => continue,
                    None => break,
                },
            };
            let Some(workflow) = self.state.workflows.get(&id).filter(|w| w.state == ProcessState::Successful) else {
                continue;
            };
            if named.contains(&id) {
                self.retention.spared.push(id);
                continue;
            }
            *room = room.saturating_sub(workflow.len() + 1);
            events.push(Event::Workflow(WorkflowEvent::Removed(id)));
        }
        self.retention.spared.extend(free);
        events
    }
}

/// A successful process outside of workflows, by its end.
fn ended_alone(process: &Process) -> Option<(Time, ProcessId)> {
    let is_done = process.state == ProcessState::Successful && process.graph.is_none();
    is_done.then_some((process.ended, process.id))
}

#[cfg(test)]
mod tests;
