//! `removeallprocessesmsg`: the owner removes all processes, or all of one state (chapter 2, 7.6).
//!
//! That may be millions, so it is done in steps. What is submitted after the request came stays.

use super::{ProcessEvent, ProcessState};
use crate::colony::Colony;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::history::HistoryEvent;
use crate::colony::message::{Address, ColonyMessage, Decision, Gradual, Texts, Turn};
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use wal::Class;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RemoveAllProcesses {
    colonyname: String,
    state: i64,
}

impl ColonyMessage for RemoveAllProcesses {
    const NAME: &'static str = "removeallprocessesmsg";
    const TEXTS: Texts = texts!("Failed to remove all processes");
    const ACCESS: Access = Access::ColonyOwner;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = match (self.state, ProcessState::from_number(self.state)) {
            (-1, _) => None,
            (_, Some(ProcessState::Running)) => {
                return Err(Refusal::bad_request("Not possible to remove running processes"));
            }
            (_, Some(state)) => Some(state),
            (_, None) => return Err(Refusal::bad_request("Invalid state when deleting all processes")),
        };
        let end = turn.colony.state.processes.next_number();
        Ok(Decision::Gradually(Box::new(Removal { state, next: 0, end })))
    }
}

/// The processes of one state, or of all, that were submitted before the one of a certain number. They are gone through
/// once in the order of submission, so that none is missed that changes its state meanwhile.
struct Removal {
    state: Option<ProcessState>,
    next: u64,
    end: u64,
}

impl Gradual for Removal {
    fn step(&mut self, colony: &Colony) -> (Vec<Event>, bool) {
        let mut events = Vec::new();
        let rows = colony.state.processes.iter_from(self.next).take_while(|&(number, _)| number < self.end);
        for (looked_at, (number, process)) in rows.enumerate() {
            if looked_at == limits::LOOKS_A_TURN || events.len() == limits::REMOVALS_A_TURN {
                self.next = number;
                return (events, false);
            }
            // Nodes of workflows go with their workflow only.
            if process.graph.is_none() && self.state.is_none_or(|state| state == process.state) {
                events.push(Event::Process(ProcessEvent::Removed(process.id)));
            }
        }
        // What is past was all there before this began: nothing goes there meanwhile.
        let may_be_past = self.state.is_none_or(ProcessState::is_final) && !colony.state.history.is_empty();
        events.extend(may_be_past.then_some(Event::History(HistoryEvent::ProcessesCleared(self.state))));
        (events, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::Options;
    use crate::colony::processes::Submission;
    use crate::colony::state::State;
    use crate::crypto::Identity;
    use crate::ids::ProcessId;
    use std::sync::Arc;

    fn submit(colony: &mut Colony, number: usize) -> ProcessId {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let id = ProcessId(id);
        apply(colony, ProcessEvent::Submitted(Box::new(Submission::sample(id, "{}"))), number);
        id
    }

    fn apply(colony: &mut Colony, event: ProcessEvent, number: usize) {
        colony.apply(Event::Process(event), number as i64, number as u64);
    }

    #[test]
    fn all_is_removed_in_steps_and_what_comes_meanwhile_stays() {
        let mut colony = Colony::new(State::default(), Arc::new(Options::default()));
        let count = 2 * limits::REMOVALS_A_TURN;
        let old: Vec<ProcessId> = (0..count).map(|number| submit(&mut colony, number)).collect();
        for (n, &id) in old.iter().enumerate().skip(count / 2) {
            apply(&mut colony, ProcessEvent::Assigned { id, executor: Identity::from_text("e") }, count + n);
        }
        let mut removal = Removal { state: None, next: 0, end: colony.state.processes.next_number() };
        let mut steps = 0;
        loop {
            let (events, is_last) = removal.step(&colony);
            assert!(events.len() <= limits::REMOVALS_A_TURN);
            for event in events {
                colony.apply(event, 10_000, 10_000);
            }
            steps += 1;
            // Something new comes between two steps, and something old goes back to waiting.
            submit(&mut colony, 5_000 + steps);
            apply(&mut colony, ProcessEvent::Revoked(old[count - 1]), 9_000 + steps);
            if is_last {
                break;
            }
        }
        assert_eq!(steps, 2);
        assert_eq!(colony.state.processes.len(), steps, "the new ones");
    }

    #[test]
    fn one_state_leaves_the_others_alone() {
        let mut colony = Colony::new(State::default(), Arc::new(Options::default()));
        let kept = submit(&mut colony, 0);
        submit(&mut colony, 1);
        apply(&mut colony, ProcessEvent::Cancelled(kept), 2);
        let mut removal = Removal { state: Some(ProcessState::Waiting), next: 0, end: 2 };
        let (events, is_last) = removal.step(&colony);
        assert_eq!((events.len(), is_last), (1, true));
        events.into_iter().for_each(|event| colony.apply(event, 3, 3));
        assert!(colony.state.processes.get(&kept).is_some());
    }
}
