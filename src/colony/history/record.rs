//! Records as the store keeps them.

use crate::colony::processes::{Process, ProcessState};
use crate::colony::workflows::Links;
use crate::crypto::Identity;
use crate::ids::{GraphId, ProcessId};
use crate::time::Time;
use bincode::{Decode, Encode};
use std::sync::Arc;

/// A finished process.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ProcessRecord {
    /// Its number in the order of submission.
    pub number: u64,
    /// The process.
    pub process: Process,
    /// Its neighbours in its workflow, as they are shown.
    pub links: Links,
}

/// A finished workflow without its processes.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct WorkflowRecord {
    /// Its number in the order of submission.
    pub number: u64,
    /// Its id.
    pub id: GraphId,
    /// Who submitted it.
    pub initiator: Identity,
    /// Under what name.
    pub initiator_name: Arc<str>,
    /// Nodes without parents.
    pub roots: Arc<Vec<ProcessId>>,
    /// Where it stands.
    pub state: ProcessState,
    /// When it was submitted.
    pub submitted: Time,
    /// When its first node was assigned.
    pub started: Time,
    /// When it ended.
    pub ended: Time,
    /// Its nodes, in an order that every replay has.
    pub nodes: Vec<NodeRecord>,
    /// The number of the record that last changed it.
    pub changed: u64,
}

/// A node's place in its workflow.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct NodeRecord {
    /// The process.
    pub id: ProcessId,
    /// Its neighbours.
    pub links: Links,
    /// Dependencies that have not succeeded.
    pub unmet: u64,
    /// Its state.
    pub state: ProcessState,
}

/// Something that comes back into memory.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Recalled {
    /// A process without a workflow.
    Process(ProcessRecord),
    /// A workflow with its processes.
    Workflow(WorkflowRecord, Vec<ProcessRecord>),
}

/// What is counted of a record that leaves the past.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Gone {
    /// A process without a workflow.
    Process {
        /// Its number.
        number: u64,
        /// Its state.
        state: ProcessState,
    },
    /// A workflow.
    Workflow {
        /// Its number.
        number: u64,
        /// Its state.
        state: ProcessState,
        /// The numbers and states of its processes.
        nodes: Vec<(u64, ProcessState)>,
    },
}

impl From<&Recalled> for Gone {
    fn from(recalled: &Recalled) -> Gone {
        match recalled {
            Recalled::Process(record) => Gone::Process { number: record.number, state: record.process.state },
            Recalled::Workflow(workflow, nodes) => Gone::Workflow {
                number: workflow.number,
                state: workflow.state,
                nodes: nodes.iter().map(|node| (node.number, node.process.state)).collect(),
            },
        }
    }
}
