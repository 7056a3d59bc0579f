//! `removeallprocessgraphsmsg`: the owner removes workflows of one state, or all of them (chapter 3, 4.6). In steps: it
//! may be millions of processes.

use super::WorkflowEvent;
use crate::colony::Colony;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::history::HistoryEvent;
use crate::colony::message::{Address, ColonyMessage, Decision, Gradual, Texts, Turn};
use crate::colony::processes::ProcessState;
use crate::ids::GraphId;
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use wal::Class;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RemoveAllProcessGraphs {
    colonyname: String,
    /// Missing means waiting, as in the reference.
    state: i64,
}

impl ColonyMessage for RemoveAllProcessGraphs {
    const NAME: &'static str = "removeallprocessgraphsmsg";
    const TEXTS: Texts = texts!("Failed to remove all processgraphs");
    const ACCESS: Access = Access::ColonyOwner;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let wanted = match (self.state, ProcessState::from_number(self.state)) {
            (-1, _) => None,
            (_, Some(ProcessState::Running)) => {
                return Err(Refusal::bad_request("not possible to remove running processgraphs"));
            }
            (_, Some(state)) => Some(state),
            (_, None) => return Err(Refusal::bad_request("invalid state when deleting all processgraphs")),
        };
        let mut graphs = turn.colony.state.workflows.ids(wanted);
        graphs.reverse();
        Ok(Decision::Gradually(Box::new(Removal { graphs, wanted })))
    }
}

/// The workflows to remove, the last of the list first. One that has changed its state meanwhile stays.
struct Removal {
    graphs: Vec<GraphId>,
    wanted: Option<ProcessState>,
}

impl Gradual for Removal {
    fn step(&mut self, colony: &Colony) -> (Vec<Event>, bool) {
        let (mut events, mut nodes) = (Vec::new(), 0);
        while nodes < limits::REMOVALS_A_TURN {
            let Some(id) = self.graphs.pop() else {
                // What is past was all there before this began: nothing goes there meanwhile.
                let may_be_past = self.wanted.is_none_or(ProcessState::is_final) && !colony.state.history.is_empty();
                events.extend(may_be_past.then_some(Event::History(HistoryEvent::WorkflowsCleared(self.wanted))));
                return (events, true);
            };
            let workflow = colony.state.workflows.get(&id);
            if let Some(workflow) = workflow.filter(|w| self.wanted.is_none_or(|wanted| w.state == wanted)) {
                nodes += workflow.len() + 1;
                events.push(Event::Workflow(WorkflowEvent::Removed(id)));
            }
        }
        (events, false)
    }
}
