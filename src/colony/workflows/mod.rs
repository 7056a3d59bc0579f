//! Workflows: processes that depend on each other (chapter 3, 3 and 4).

pub mod actor;
pub mod add_child;
pub mod cancel;
pub mod get;
pub mod layout;
pub mod list;
mod record;
pub mod remove;
pub mod remove_all;
pub mod spec;
pub mod store;
pub mod submit;

pub use actor::{GraphState, Links, NodeAnswer, NodeMessage, Workflow};
pub use store::Workflows;

use super::processes::Submission;
use crate::crypto::Identity;
use crate::ids::{GraphId, ProcessId};
use bincode::{Decode, Encode};

/// What happens to workflows. What a node's end brings about (children released, a failure's cascade, the graph's
/// state) follows from the state and is not recorded.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum WorkflowEvent {
    /// A workflow was submitted, with all its nodes.
    Submitted(Box<GraphSubmission>),
    /// A running node added a node below itself.
    ChildAdded(Box<ChildSubmission>),
    /// It was cancelled: nodes that wait or run are cancelled.
    Cancelled(GraphId),
    /// It was removed with all its nodes.
    Removed(GraphId),
}

/// A workflow as it begins.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct GraphSubmission {
    /// Its id.
    pub id: GraphId,
    /// Who submitted it.
    pub initiator: Identity,
    /// Under what name.
    pub initiator_name: String,
    /// Its nodes in the order of the specification.
    pub nodes: Vec<SubmittedNode>,
}

/// A node as it begins.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct SubmittedNode {
    /// The process.
    pub process: Submission,
    /// The nodes that must succeed first, by their place in the workflow; repetitions are kept.
    pub parents: Vec<u32>,
}

/// A node that is added to a running workflow.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ChildSubmission {
    /// The workflow.
    pub graph: GraphId,
    /// The node that adds it, and that it waits for.
    pub parent: ProcessId,
    /// The new process.
    pub process: Submission,
    /// Where it goes.
    pub place: ChildPlace,
}

/// Where an added node goes (chapter 3, 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ChildPlace {
    /// Below its parent, beside the parent's other children.
    Beside,
    /// The same, and above this node too.
    Above(ProcessId),
    /// Between its parent and all of the parent's former children.
    Between,
}
