//! `getprocessgraphsmsg`: workflows of one state (chapter 3, 4.3).

use super::Workflow;
use super::layout::ShownGraph;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::colony::processes::ProcessState;
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetProcessGraphs {
    colonyname: String,
    count: i64,
    state: i64,
}

impl ColonyMessage for GetProcessGraphs {
    const NAME: &'static str = "getprocessgraphsmsg";
    const TEXTS: Texts = texts!("Failed to get processgraphs");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        let Some(wanted) = ProcessState::from_number(self.state) else {
            return Err(Refusal::bad_request("invalid msg.State"));
        };
        if self.count > limits::PROCESS_ROWS {
            return Err(Refusal::bad_request("Count is larger than MaxCount limit <100>"));
        }
        let Ok(count) = usize::try_from(self.count) else {
            return Err(Refusal::bad_request("Failed to get processgraphs, count must not be negative"));
        };
        let listed = state.workflows.list(wanted, count).into_iter();
        let present = listed.map(|(number, workflow)| (number, ShownGraph::plain(workflow, &state.name)));
        if state.history.workflows(wanted) == 0 {
            return Ok(Decision::answer(NullIfEmpty(present.map(|(_, shown)| shown).collect())));
        }
        let mut rows: BTreeMap<u64, ShownGraph> = present.collect();
        let (of, colony, hidden) = (state.incarnation, state.name.clone(), state.history.hidden());
        Ok(Decision::from_past(move |past| {
            for record in past.workflows(of, wanted, count, &hidden)? {
                let number = record.number;
                rows.entry(number).or_insert_with(|| ShownGraph::plain(&Workflow::from_record(record), &colony));
            }
            Ok(NullIfEmpty(rows.into_values().rev().take(count).collect()))
        }))
    }
}
