//! All workflows of a colony.

use super::actor::{GraphState, Links, NodeAnswer, NodeMessage, Workflow};
use super::{ChildSubmission, GraphSubmission};
use crate::colony::table::{Slot, Table};
use crate::ids::{GraphId, ProcessId};
use crate::time::Time;
use std::collections::BTreeSet;

/// The workflows of one colony, with a list for each state.
#[derive(Debug, Default)]
pub struct Workflows {
    table: Table<Workflow>,
    by_state: [BTreeSet<(u64, Slot)>; 5],
}

/// The lists follow from the table.
impl PartialEq for Workflows {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

impl Workflows {
    /// What a checkpoint writes and reads.
    pub(in crate::colony) fn table(&mut self) -> &mut Table<Workflow> {
        &mut self.table
    }

    /// The workflow of this id.
    pub fn get(&self, id: &GraphId) -> Option<&Workflow> {
        self.table.get(id)
    }

    /// All workflows in the order of submission.
    pub fn iter(&self) -> impl Iterator<Item = &Workflow> {
        self.table.iter()
    }

    /// The number of a workflow in the order of submission.
    pub fn number(&self, id: &GraphId) -> Option<u64> {
        self.table.number(self.table.slot(id)?)
    }

    /// The workflow of this number.
    pub fn by_number(&self, number: u64) -> Option<&Workflow> {
        self.table.by_number(number)
    }

    /// Takes a workflow out of memory; the past has it.
    pub fn take(&mut self, id: &GraphId) -> Option<Workflow> {
        self.leave(self.table.slot(id)?);
        self.table.remove(id)
    }

    /// Puts a workflow back that had this number.
    pub fn restore(&mut self, number: u64, workflow: Workflow) {
        if let Some(slot) = self.table.restore(number, workflow) {
            self.enter(slot);
        }
    }

    /// A node's neighbours; none for a node or workflow that is not there.
    pub fn links(&self, graph: &GraphId, node: &ProcessId) -> Links {
        self.get(graph).and_then(|workflow| workflow.links(node)).cloned().unwrap_or_default()
    }

    /// How many are in this state.
    pub fn count(&self, state: GraphState) -> usize {
        self.by_state[state as usize].len()
    }

    /// The newest `count` workflows of a state, the newest first.
    pub fn list(&self, state: GraphState, count: usize) -> Vec<(u64, &Workflow)> {
        let rows = self.by_state[state as usize].iter().rev().take(count);
        rows.filter_map(|&(number, slot)| Some((number, self.table.at(slot)?))).collect()
    }

    /// The ids of the workflows of a state, or of all, the oldest first.
    pub fn ids(&self, state: Option<GraphState>) -> Vec<GraphId> {
        self.table.iter().filter(|workflow| state.is_none_or(|state| workflow.state == state)).map(|w| w.id).collect()
    }

    /// Adds a workflow that was submitted at this time.
    pub fn submit(&mut self, submission: &GraphSubmission, at: Time, changed: u64) {
        let slot = self.table.insert(Workflow::new(submission, at, changed));
        self.enter(slot);
    }

    /// Takes a message to a workflow about one of its nodes.
    pub fn handle(&mut self, graph: &GraphId, message: NodeMessage, at: Time, changed: u64) -> Vec<NodeAnswer> {
        self.change(graph, |workflow| workflow.handle(message, at, changed))
    }

    /// Cancels a workflow.
    pub fn cancel(&mut self, graph: &GraphId, at: Time, changed: u64) -> Vec<NodeAnswer> {
        self.change(graph, |workflow| workflow.cancel(at, changed))
    }

    /// Adds a node to a workflow.
    pub fn add_child(&mut self, child: &ChildSubmission, changed: u64) {
        if let Some(workflow) = self.table.get_mut(&child.graph) {
            workflow.add_child(child.parent, child.process.id, child.place, changed);
        }
    }

    /// Removes a workflow; its nodes go too.
    pub fn remove(&mut self, graph: &GraphId) -> Vec<NodeAnswer> {
        let Some(workflow) = self.take(graph) else {
            return Vec::new();
        };
        let mut nodes: Vec<ProcessId> = workflow.node_ids().copied().collect();
        // In an order that every replay has.
        nodes.sort_unstable();
        nodes.into_iter().map(NodeAnswer::Remove).collect()
    }

    fn change(&mut self, graph: &GraphId, change: impl FnOnce(&mut Workflow) -> Vec<NodeAnswer>) -> Vec<NodeAnswer> {
        let Some(slot) = self.table.slot(graph) else {
            return Vec::new();
        };
        self.leave(slot);
        let answers = self.table.at_mut(slot).map(change).unwrap_or_default();
        self.enter(slot);
        answers
    }

    fn enter(&mut self, slot: Slot) {
        if let (Some(workflow), Some(number)) = (self.table.at(slot), self.table.number(slot)) {
            self.by_state[workflow.state as usize].insert((number, slot));
        }
    }

    fn leave(&mut self, slot: Slot) {
        if let (Some(workflow), Some(number)) = (self.table.at(slot), self.table.number(slot)) {
            self.by_state[workflow.state as usize].remove(&(number, slot));
        }
    }
}
