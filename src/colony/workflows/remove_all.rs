//! `removeallprocessgraphsmsg`: the owner removes workflows of one state, or all of them (chapter 3, 4.6).

use super::WorkflowEvent;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::processes::ProcessState;
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
        let graphs = turn.colony.state.workflows.ids(wanted);
        Ok(Decision::done(graphs.into_iter().map(|id| Event::Workflow(WorkflowEvent::Removed(id))).collect()))
    }
}
