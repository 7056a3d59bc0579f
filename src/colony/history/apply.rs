//! What the events of the past do to a colony's state.

use super::{Archived, Gone, HistoryEvent, Missing, ProcessRecord, Recalled, Removal, is_over, is_past};
use crate::colony::state::State;
use crate::colony::workflows::Workflow;
use crate::ids::{GraphId, ProcessId};

impl State {
    pub(in crate::colony) fn apply_history(&mut self, event: HistoryEvent, number: u64) {
        match event {
            HistoryEvent::Archived(archived) => self.archive(&archived),
            HistoryEvent::Revived(recalled) => self.revive(*recalled, number),
            HistoryEvent::Removed(gone) => self.history.remove(*gone),
            HistoryEvent::ProcessesCleared(state) => self.history.clear(Removal::Processes(state)),
            HistoryEvent::WorkflowsCleared(state) => self.history.clear(Removal::Workflows(state)),
            HistoryEvent::Expired(expired) => self.history.expire(expired),
            HistoryEvent::Lost(holdings) => self.history.correct(*holdings),
        }
    }

    /// A finished workflow is about to be removed from memory.
    pub(in crate::colony) fn forget_past_workflow(&mut self, id: &GraphId) {
        let (Some(workflow), Some(number)) = (self.workflows.get(id), self.workflows.number(id)) else {
            return;
        };
        let mut nodes: Vec<u64> = workflow.node_ids().filter_map(|node| self.processes.number(node)).collect();
        // In an order that every replay has.
        nodes.sort_unstable();
        self.history.forget_workflow(number, nodes);
    }

    fn archive(&mut self, archived: &Archived) {
        for &number in &archived.processes {
            let past = self.processes.by_number(number).filter(|process| is_past(process));
            if let Some((id, state)) = past.map(|process| (process.id, process.state)) {
                self.processes.take(&id, &mut self.changes);
                self.history.take_process(number, state);
            }
        }
        for &number in &archived.workflows {
            let past = self.workflows.by_number(number).filter(|workflow| is_over(workflow));
            if let Some(id) = past.map(|workflow| workflow.id) {
                self.archive_workflow(number, &id);
            }
        }
        self.logs.expire(archived.lines_until);
        self.history.end_batch(archived);
    }

    fn archive_workflow(&mut self, number: u64, id: &GraphId) {
        let Some(workflow) = self.workflows.take(id) else {
            return;
        };
        let mut nodes = Vec::with_capacity(workflow.len());
        for node in workflow.node_ids() {
            let number = self.processes.number(node);
            if let (Some(number), Some(process)) = (number, self.processes.take(node, &mut self.changes)) {
                nodes.push((number, process.state));
            }
        }
        self.history.take_workflow(number, workflow.state, &nodes);
    }

    /// Puts something past back into memory; what is there already stays as it is.
    fn revive(&mut self, recalled: Recalled, number: u64) {
        let is_there = match &recalled {
            Recalled::Process(record) => self.processes.get(&record.process.id).is_some(),
            Recalled::Workflow(workflow, _) => self.workflows.get(&workflow.id).is_some(),
        };
        if is_there {
            return;
        }
        self.changes.past.push(match &recalled {
            Recalled::Process(record) => Missing::Process(record.process.id),
            Recalled::Workflow(workflow, _) => Missing::Workflow(workflow.id),
        });
        self.history.give_back(&Gone::from(&recalled));
        self.restore(recalled, number);
    }

    /// Puts a record into the tables, as last changed by the record of this number.
    pub fn restore(&mut self, recalled: Recalled, number: u64) {
        let (workflow, processes) = match recalled {
            Recalled::Process(record) => (None, vec![record]),
            Recalled::Workflow(workflow, nodes) => (Some(workflow), nodes),
        };
        for ProcessRecord { number: place, mut process, .. } in processes {
            process.changed = number;
            self.processes.restore(place, process, &mut self.changes);
        }
        if let Some(record) = workflow {
            let place = record.number;
            let mut workflow = Workflow::from_record(record);
            workflow.changed = number;
            self.workflows.restore(place, workflow);
        }
    }

    /// A process as the store keeps it.
    pub(in crate::colony) fn process_record(&self, id: &ProcessId) -> Option<ProcessRecord> {
        let process = self.processes.get(id)?.clone();
        let links = process.graph.map(|graph| self.workflows.links(&graph, id)).unwrap_or_default();
        Some(ProcessRecord { number: self.processes.number(id)?, process, links })
    }
}
