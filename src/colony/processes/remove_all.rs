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
        let events: Vec<_> = found
            .take(limits::REMOVALS_A_TURN)
            .map(|process| Event::Process(ProcessEvent::Removed(process.id)))
            .collect();
        let is_last = events.len() < limits::REMOVALS_A_TURN;
        (events, is_last)
    }
}
