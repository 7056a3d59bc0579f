//! `getprocessgraphmsg`: a workflow by id, with its layout (chapter 3, 4.2).

use super::layout::ShownGraph;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetProcessGraph {
    processgraphid: String,
}

impl ColonyMessage for GetProcessGraph {
    const NAME: &'static str = "getprocessgraphmsg";
    const TEXTS: Texts = texts!("Failed to get processgraph");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Graph(&self.processgraphid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to get processgraph, graph is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        match turn.workflow(&self.processgraphid) {
            Some(workflow) => Ok(Decision::answer(ShownGraph::drawn(workflow, &state.name, &state.processes))),
            None => Err(ColonyMessage::unknown(&self)),
        }
    }
}
