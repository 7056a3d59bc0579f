//! `getprocessmsg`: a process by id (chapter 2, 7.1).

use super::ProcessAnswer;
use crate::colony::access::Access;
use crate::colony::history::{ProcessRecord, Recall};
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::ids::ProcessId;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetProcess {
    processid: String,
}

impl ColonyMessage for GetProcess {
    const NAME: &'static str = "getprocessmsg";
    const TEXTS: Texts = texts!("Failed to get process");
    const ACCESS: Access = Access::Member;
    const RECALL: Recall = Recall::Itself;

    fn address(&self) -> Address<'_> {
        Address::Process(&self.processid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::not_found("Failed to get process, process not found")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(process) = turn.process(&self.processid) else {
            let id = ProcessId::from_text(&self.processid);
            let lookup = turn.colony.lookup(ColonyMessage::address(&self)).zip(id);
            let Some((lookup, id)) = lookup else {
                return Err(ColonyMessage::unknown(&self));
            };
            let colony = turn.colony.state.name.clone();
            // One row: its neighbours stand with it.
            return Ok(Decision::FromPast(Box::new(move |past| {
                let record = past.process(lookup.of, &id, &lookup.hidden)?;
                let Some(ProcessRecord { process, links, .. }) = record else {
                    return Err(ColonyMessage::unknown(&self));
                };
                Ok(Box::new(ProcessAnswer { process, colony, links }))
            })));
        };
        // A node's neighbours are the workflow's, which may have changed later.
        let workflow = process.graph.and_then(|graph| turn.colony.state.workflows.get(&graph));
        let changed = process.changed.max(workflow.map_or(0, |workflow| workflow.changed));
        let answer = ProcessAnswer::new(&turn.colony.state, process);
        Ok(Decision::answer(answer).revealing(changed))
    }
}
