//! `getprocessesmsg`: processes of one state (chapter 2, 7.2).

use super::{ListFilter, ProcessAnswer, ProcessState, lists};
use crate::colony::Colony;
use crate::colony::access::Access;
use crate::colony::history::merge::{self, Row};
use crate::colony::history::{Lookup, Past, PastError, Recalled};
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::colony::state::State;
use crate::colony::workflows::Workflow;
use crate::ids::GraphId;
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
    /// Two clients ask for the processes of a workflow in this way, with -1 for all states (chapter 2, 11.3). Other filters
    /// do not apply then.
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
        let wanted = ProcessState::from_number(self.state);
        if wanted.is_none() && (self.processgraphid.is_empty() || self.state != -1) {
            return Err(Refusal::bad_request("Failed to get processes, invalid msg.State"));
        }
        // Of all states together, less than none are none.
        let Ok(count) = usize::try_from(if wanted.is_some() { self.count } else { self.count.max(0) }) else {
            return Err(Refusal::bad_request("Failed to get processes, count must not be negative"));
        };
        let (true, Some(wanted)) = (self.processgraphid.is_empty(), wanted) else {
            return Ok(match turn.colony.lookup(Address::Graph(&self.processgraphid)) {
                Some(lookup) => {
                    let empty = turn.colony.empty();
                    Decision::from_past(move |past| nodes_of_past(past, lookup, empty, wanted, count))
                }
                None => {
                    let id = GraphId::from_text(&self.processgraphid);
                    Decision::answer(NullIfEmpty(id.map(|id| nodes(state, &id, wanted, count)).unwrap_or_default()))
                }
            });
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
        let listed = state.processes.list(wanted, filter, count);
        if state.history.processes(wanted) == 0 {
            let listed = listed.into_iter().map(|(_, process)| process);
            return Ok(Decision::answer(NullIfEmpty(ProcessAnswer::rows(listed, state))));
        }
        let rows = |(number, process)| Row::new(number, ProcessAnswer::new(state, process));
        let (present, filter) = (listed.into_iter().map(rows).collect(), filter.owned());
        let (of, colony, hidden) = (state.incarnation, state.name.clone(), state.history.hidden());
        Ok(Decision::from_past(move |past| {
            let old = past.list(of, wanted, filter.as_filter(), count, &hidden)?;
            Ok(NullIfEmpty(merge::first(present, old, &colony, count, |process, number| {
                (lists::order(process), number)
            })))
        }))
    }
}

/// The nodes of a workflow that are in this state, or all, depth first.
fn nodes(state: &State, graph: &GraphId, wanted: Option<ProcessState>, count: usize) -> Vec<ProcessAnswer> {
    let order = state.workflows.get(graph).map(Workflow::order).unwrap_or_default();
    let nodes = order.iter().filter_map(|id| state.processes.get(id));
    ProcessAnswer::rows(nodes.filter(|node| wanted.is_none_or(|wanted| node.state == wanted)).take(count), state)
}

/// The same of one that is past.
fn nodes_of_past(
    past: &dyn Past,
    lookup: Lookup,
    mut empty: Colony,
    wanted: Option<ProcessState>,
    count: usize,
) -> Result<NullIfEmpty<ProcessAnswer>, PastError> {
    let found = past.find(lookup.of, &lookup.missing, &lookup.hidden)?;
    let Some(Recalled::Workflow(workflow, processes)) = found else {
        return Ok(NullIfEmpty(Vec::new()));
    };
    let id = workflow.id;
    empty.state.restore(Recalled::Workflow(workflow, processes), 0);
    Ok(NullIfEmpty(nodes(&empty.state, &id, wanted, count)))
}
