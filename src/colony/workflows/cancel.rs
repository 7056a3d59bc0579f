//! `cancelprocessgraphmsg`: a member cancels a workflow (chapter 3, 4.4).

use super::WorkflowEvent;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use wal::Class;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct CancelProcessGraph {
    processgraphid: String,
}

impl ColonyMessage for CancelProcessGraph {
    const NAME: &'static str = "cancelprocessgraphmsg";
    const TEXTS: Texts = texts!("Failed to cancel processgraph");
    const ACCESS: Access = Access::Member;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Graph(&self.processgraphid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to cancel processgraph, graph is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        match turn.workflow(&self.processgraphid) {
            Some(workflow) => Ok(Decision::done(vec![Event::Workflow(WorkflowEvent::Cancelled(workflow.id))])),
            None => Err(ColonyMessage::unknown(&self)),
        }
    }
}
