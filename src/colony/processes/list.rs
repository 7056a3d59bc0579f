//! `getprocessesmsg`: processes of one state (chapter 2, 7.2).

use super::{ListFilter, ProcessAnswer, ProcessState};
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetProcesses {
    colonyname: String,
    count: i64,
    state: i64,
    executortype: String,
    label: String,
    initiator: String,
    /// Two clients ask for the processes of a workflow in this way, with -1 for all states (chapter 2, 11.3).
    processgraphid: String,
}

impl ColonyMessage for GetProcesses {
    const NAME: &'static str = "getprocessesmsg";
    const TEXTS: Texts = texts!("Failed to get processes");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        if self.count > limits::PROCESS_ROWS {
            return Err(Refusal::bad_request("Count is larger than MaxCount limit <100>"));
        }
        if !self.initiator.is_empty() && state.users.get(&self.initiator).is_none() {
            return Err(Refusal::bad_request(format!("User <{}> does not exist", self.initiator)));
        }
        if !self.processgraphid.is_empty() && self.state == -1 {
            let workflow = turn.workflow(&self.processgraphid);
            let order = workflow.map(|workflow| workflow.order()).unwrap_or_default();
            let count = usize::try_from(self.count).unwrap_or(0);
            let nodes = order.iter().take(count).filter_map(|id| state.processes.get(id));
            return Ok(Decision::answer(NullIfEmpty(ProcessAnswer::rows(nodes, state))));
        }
        let Some(wanted) = ProcessState::from_number(self.state) else {
            return Err(Refusal::bad_request("Failed to get processes, invalid msg.State"));
        };
        let Ok(count) = usize::try_from(self.count) else {
            return Err(Refusal::bad_request("Failed to get processes, count must not be negative"));
        };
        // One filter is applied; the order of precedence is the reference's.
        let filter = if !self.executortype.is_empty() {
            ListFilter::ExecutorType(&self.executortype)
        } else if !self.initiator.is_empty() {
            ListFilter::Initiator(&self.initiator)
        } else if !self.label.is_empty() {
            ListFilter::Label(&self.label)
        } else {
            ListFilter::All
        };
        let listed = state.processes.list(wanted, filter, count).into_iter();
        Ok(Decision::answer(NullIfEmpty(ProcessAnswer::rows(listed, state))))
    }
}
