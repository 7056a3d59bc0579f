//! `removeprocessgraphmsg`: a member removes a workflow that does not run (chapter 3, 4.5).

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
pub struct RemoveProcessGraph {
    processgraphid: String,
}

impl ColonyMessage for RemoveProcessGraph {
    const NAME: &'static str = "removeprocessgraphmsg";
    const TEXTS: Texts = texts!("Failed to remove processgraph");
    const ACCESS: Access = Access::Member;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Graph(&self.processgraphid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to remove processgraph, graph is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(workflow) = turn.workflow(&self.processgraphid) else {
            return Err(ColonyMessage::unknown(&self));
        };
        if workflow.state == ProcessState::Running {
            return Err(Refusal::bad_request("Failed to remove processgraph, cannot remove a running processgraph"));
        }
        Ok(Decision::done(vec![Event::Workflow(WorkflowEvent::Removed(workflow.id))]))
    }
}
