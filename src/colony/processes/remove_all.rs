//! `removeallprocessesmsg`: the owner removes all processes, or all of one state (chapter 2, 7.6).
//!
//! That may be millions, so it is done in steps. What is submitted after the request came stays.

use super::{ProcessEvent, ProcessState};
use crate::colony::Colony;
use crate::colony::access::Access;
use crate::colony::event::Event;
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
        let states = match (self.state, ProcessState::from_number(self.state)) {
            (-1, _) => ProcessState::ALL.to_vec(),
            (_, Some(ProcessState::Running)) => {
                return Err(Refusal::bad_request("Not possible to remove running processes"));
            }
            (_, Some(state)) => vec![state],
            (_, None) => return Err(Refusal::bad_request("Invalid state when deleting all processes")),
        };
        let before = turn.colony.state.processes.next_number();
        Ok(Decision::Gradually(Box::new(Removal { states, before })))
    }
}

/// The processes of some states that were submitted before the one of this number.
struct Removal {
    states: Vec<ProcessState>,
    before: u64,
}

impl Gradual for Removal {
    // A process that changes its state meanwhile is found in its new one: the last step is one that looks at all states
    // and finds less than it may take.
    fn step(&mut self, colony: &Colony) -> (Vec<Event>, bool) {
        let processes = &colony.state.processes;
        let found = self.states.iter().flat_map(|&state| processes.submitted_before(state, self.before));
        // Nodes of workflows go with their workflow only.
        let events: Vec<_> = found
            .filter(|process| process.graph.is_none())
            .take(limits::REMOVALS_A_TURN)
            .map(|process| Event::Process(ProcessEvent::Removed(process.id)))
            .collect();
        let is_last = events.len() < limits::REMOVALS_A_TURN;
        (events, is_last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::Options;
    use crate::colony::processes::Submission;
    use crate::colony::processes::spec_request::SpecRequest;
    use crate::colony::state::State;
    use crate::crypto::Identity;
    use crate::ids::ProcessId;
    use std::sync::Arc;

    fn submit(colony: &mut Colony, number: usize) -> ProcessId {
        let (spec, env) = SpecRequest::default().into_spec().expect("a good specification");
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let id = ProcessId(id);
        let spec = Arc::new(spec);
        let submission = Submission { id, initiator: Identity::from_text("u"), initiator_name: "u".into(), spec, env };
        apply(colony, ProcessEvent::Submitted(Box::new(submission)), number);
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
        let before = colony.state.processes.next_number();
        let mut removal = Removal { states: ProcessState::ALL.to_vec(), before };
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
        assert_eq!(steps, 3);
        assert_eq!(colony.state.processes.len(), steps, "the new ones");
    }

    #[test]
    fn one_state_leaves_the_others_alone() {
        let mut colony = Colony::new(State::default(), Arc::new(Options::default()));
        let kept = submit(&mut colony, 0);
        submit(&mut colony, 1);
        apply(&mut colony, ProcessEvent::Cancelled(kept), 2);
        let mut removal = Removal { states: vec![ProcessState::Waiting], before: 2 };
        let (events, is_last) = removal.step(&colony);
        assert_eq!((events.len(), is_last), (1, true));
        events.into_iter().for_each(|event| colony.apply(event, 3, 3));
        assert!(colony.state.processes.get(&kept).is_some());
    }
}
