//! A workflow as the history store keeps it, and back.

use super::actor::{Node, Workflow};
use crate::colony::history::{NodeRecord, WorkflowRecord};
use std::sync::OnceLock;

impl Workflow {
    /// What is kept of it, with its number in the order of submission.
    pub fn record(&self, number: u64) -> WorkflowRecord {
        let node = |(id, node): (&_, &Node)| NodeRecord {
            id: *id,
            links: node.links.clone(),
            unmet: node.unmet as u64,
            state: node.state,
        };
        let mut nodes: Vec<NodeRecord> = self.nodes.iter().map(node).collect();
        nodes.sort_unstable_by_key(|node| node.id);
        WorkflowRecord {
            number,
            id: self.id,
            initiator: self.initiator.clone(),
            initiator_name: self.initiator_name.clone(),
            roots: self.roots.clone(),
            state: self.state,
            submitted: self.submitted,
            started: self.started,
            ended: self.ended,
            nodes,
            changed: self.changed,
        }
    }

    /// The workflow that was kept.
    pub fn from_record(record: WorkflowRecord) -> Workflow {
        let mut counts = [0; 5];
        let node = |node: NodeRecord| {
            counts[node.state as usize] += 1;
            let NodeRecord { id, links, unmet, state } = node;
            (id, Node { links, unmet: usize::try_from(unmet).unwrap_or(usize::MAX), state })
        };
        let nodes = record.nodes.into_iter().map(node).collect();
        Workflow {
            id: record.id,
            initiator: record.initiator,
            initiator_name: record.initiator_name,
            roots: record.roots,
            state: record.state,
            submitted: record.submitted,
            started: record.started,
            ended: record.ended,
            nodes,
            counts,
            pre_order: OnceLock::new(),
            changed: record.changed,
        }
    }
}
