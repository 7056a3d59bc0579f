//! One workflow: an actor that counts unmet dependencies.
//!
//! It owns its nodes' dependencies and its counters alone. It is reached only by messages ([`NodeMessage`]) and answers
//! only with messages about its nodes ([`NodeAnswer`]), which its colony carries out in the same turn, so that all that
//! one close causes is one record. It costs no task, thread or mailbox. A node's success costs O(its children), a
//! failure what it fails.

use super::{ChildPlace, GraphSubmission};
use crate::colony::processes::ProcessState;
use crate::colony::table::Keyed;
use crate::crypto::Identity;
use crate::ids::{GraphId, ProcessId};
use crate::map::HashMap;
use crate::time::Time;
use bincode::{Decode, Encode};
use std::sync::{Arc, OnceLock};

/// Where a graph stands: the states of a process, with the same numbers.
pub type GraphState = ProcessState;

/// A node's neighbours as they are shown. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Links {
    /// The nodes that it depends on, in the order of its dependencies; repetitions are kept.
    pub parents: Arc<Vec<ProcessId>>,
    /// The nodes that depend on it.
    pub children: Arc<Vec<ProcessId>>,
}

/// What a workflow is told about one of its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeMessage {
    /// An executor has it.
    Assigned(ProcessId),
    /// It waits again: its attempt ran out of time, or its executor lost it.
    PutBack(ProcessId),
    /// It succeeded.
    Succeeded(ProcessId),
    /// It failed.
    Failed(ProcessId),
}

/// What a workflow says about one of its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeAnswer {
    /// All its parents have succeeded: it may run.
    Release(ProcessId),
    /// It fails with another node.
    Fail(ProcessId),
    /// It is cancelled with the workflow.
    Cancel(ProcessId),
    /// It goes with the workflow.
    Remove(ProcessId),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) links: Links,
    /// Entries in `parents` that have not succeeded.
    pub(super) unmet: usize,
    pub(super) state: ProcessState,
}

/// A workflow.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// Its id.
    pub id: GraphId,
    /// Who submitted it.
    pub initiator: Identity,
    /// Under what name.
    pub initiator_name: Arc<str>,
    /// Nodes without parents, in the order of the specification.
    pub roots: Arc<Vec<ProcessId>>,
    /// Where it stands, as of the last time that a node was assigned or ended (chapter 3, 3.2).
    pub state: GraphState,
    /// When it was submitted.
    pub submitted: Time,
    /// When its first node was assigned.
    pub started: Time,
    /// When its state was last set to an end.
    pub ended: Time,
    pub(super) nodes: HashMap<ProcessId, Node>,
    /// Nodes by state.
    pub(super) counts: [usize; 5],
    /// The nodes in depth-first order, as far as anybody has asked.
    pub(super) pre_order: OnceLock<Arc<Vec<ProcessId>>>,
    /// The number of the record that last changed it.
    pub changed: u64,
}

/// The order of the nodes follows from the rest.
impl PartialEq for Workflow {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && self.initiator == other.initiator
            && self.initiator_name == other.initiator_name
            && self.roots == other.roots
            && self.state == other.state
            && (self.submitted, self.started, self.ended) == (other.submitted, other.started, other.ended)
            && self.nodes == other.nodes
            && self.counts == other.counts
            && self.changed == other.changed
    }
}

impl Keyed for Workflow {
    type Key = GraphId;
    fn key(&self) -> &GraphId {
        &self.id
    }
}

impl Workflow {
    /// A workflow as it was submitted at this time.
    pub fn new(submission: &GraphSubmission, at: Time, changed: u64) -> Workflow {
        let ids: Vec<ProcessId> = submission.nodes.iter().map(|node| node.process.id).collect();
        let mut children: Vec<Vec<ProcessId>> = vec![Vec::new(); ids.len()];
        for (node, id) in submission.nodes.iter().zip(&ids) {
            for &parent in &node.parents {
                children[parent as usize].push(*id);
            }
        }
        let nodes: HashMap<ProcessId, Node> = submission
            .nodes
            .iter()
            .zip(children)
            .map(|(node, children)| {
                let parents: Vec<ProcessId> = node.parents.iter().map(|&parent| ids[parent as usize]).collect();
                let unmet = parents.len();
                let links = Links { parents: Arc::new(parents), children: Arc::new(children) };
                (node.process.id, Node { links, unmet, state: ProcessState::Waiting })
            })
            .collect();
        let is_root = |node: &&super::SubmittedNode| node.parents.is_empty();
        let roots = submission.nodes.iter().filter(is_root).map(|node| node.process.id).collect();
        let mut counts = [0; 5];
        counts[ProcessState::Waiting as usize] = nodes.len();
        Workflow {
            id: submission.id,
            initiator: submission.initiator.clone(),
            initiator_name: submission.initiator_name.as_str().into(),
            roots: Arc::new(roots),
            state: GraphState::Waiting,
            submitted: at,
            started: Time::UNSET,
            ended: Time::UNSET,
            nodes,
            counts,
            pre_order: OnceLock::new(),
            changed,
        }
    }

    /// How many nodes it has.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether it has no nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether one of its nodes waits or runs.
    pub fn is_live(&self) -> bool {
        self.counts[ProcessState::Waiting as usize] > 0 || self.counts[ProcessState::Running as usize] > 0
    }

    /// A node's neighbours.
    pub fn links(&self, node: &ProcessId) -> Option<&Links> {
        self.nodes.get(node).map(|node| &node.links)
    }

    /// Whether something depends on this node.
    fn has_children(&self, node: &ProcessId) -> bool {
        self.links(node).is_some_and(|links| !links.children.is_empty())
    }

    /// The nodes that nothing depends on, depth first.
    pub fn leaves(&self) -> Vec<ProcessId> {
        self.order().iter().copied().filter(|node| !self.has_children(node)).collect()
    }

    /// Takes a message about a node, at this time.
    pub fn handle(&mut self, message: NodeMessage, at: Time, changed: u64) -> Vec<NodeAnswer> {
        self.changed = changed;
        let mut answers = Vec::new();
        match message {
            NodeMessage::Assigned(node) => self.set(&node, ProcessState::Running),
            // The graph's state is not looked at anew (chapter 3, 3.2).
            NodeMessage::PutBack(node) => {
                self.set(&node, ProcessState::Waiting);
                return answers;
            }
            NodeMessage::Succeeded(node) => {
                self.set(&node, ProcessState::Successful);
                self.meet_dependencies(&node, &mut answers);
            }
            NodeMessage::Failed(node) => {
                self.set(&node, ProcessState::Failed);
                // A leaf fails alone; a node that others depend on takes all of the graph with it.
                if self.has_children(&node) {
                    self.fail_all(&mut answers);
                }
            }
        }
        self.resolve(at);
        answers
    }

    /// Cancels what waits or runs, whatever state the graph is in.
    pub fn cancel(&mut self, at: Time, changed: u64) -> Vec<NodeAnswer> {
        self.changed = changed;
        let open: Vec<ProcessId> = self
            .order()
            .iter()
            .copied()
            .filter(|id| self.nodes.get(id).is_some_and(|node| !node.state.is_final()))
            .collect();
        for id in &open {
            self.set(id, ProcessState::Cancelled);
        }
        self.state = GraphState::Cancelled;
        self.ended = at;
        open.into_iter().map(NodeAnswer::Cancel).collect()
    }

    /// Adds a node below another (chapter 3, 4.7).
    pub fn add_child(&mut self, parent: ProcessId, child: ProcessId, place: ChildPlace, changed: u64) {
        self.changed = changed;
        self.pre_order = OnceLock::new();
        let mut children = Vec::new();
        match place {
            ChildPlace::Beside => {}
            ChildPlace::Above(below) => {
                children.push(below);
                if let Some(node) = self.nodes.get_mut(&below) {
                    Arc::make_mut(&mut node.links.parents).push(child);
                    node.unmet += 1;
                }
            }
            ChildPlace::Between => {
                children = self.links(&parent).map(|links| links.children.to_vec()).unwrap_or_default();
                for below in &children {
                    if let Some(node) = self.nodes.get_mut(below) {
                        let parents = Arc::make_mut(&mut node.links.parents);
                        let before = parents.len();
                        parents.retain(|other| *other != parent);
                        parents.push(child);
                        // The parent runs, so its entries are unmet; the new node's one takes their place.
                        node.unmet = (node.unmet + parents.len()).saturating_sub(before);
                    }
                }
            }
        }
        if let Some(node) = self.nodes.get_mut(&parent) {
            let below = Arc::make_mut(&mut node.links.children);
            if place == ChildPlace::Between {
                below.clear();
            }
            below.push(child);
        }
        let links = Links { parents: Arc::new(vec![parent]), children: Arc::new(children) };
        self.nodes.insert(child, Node { links, unmet: 1, state: ProcessState::Waiting });
        self.counts[ProcessState::Waiting as usize] += 1;
    }

    /// The nodes from the roots down, depth first, each once.
    pub fn order(&self) -> Arc<Vec<ProcessId>> {
        self.pre_order.get_or_init(|| Arc::new(self.walk())).clone()
    }

    /// Whether `lower` depends on `upper`, directly or through others.
    pub fn is_above(&self, upper: &ProcessId, lower: &ProcessId) -> bool {
        let mut seen = HashMap::<ProcessId, ()>::default();
        let mut next = vec![*upper];
        while let Some(id) = next.pop() {
            if id == *lower {
                return true;
            }
            if seen.insert(id, ()).is_none()
                && let Some(links) = self.links(&id)
            {
                next.extend(links.children.iter());
            }
        }
        false
    }

    /// All nodes, in no order that means anything.
    pub fn node_ids(&self) -> impl Iterator<Item = &ProcessId> {
        self.nodes.keys()
    }

    fn walk(&self) -> Vec<ProcessId> {
        let mut seen = HashMap::<ProcessId, ()>::default();
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut next: Vec<ProcessId> = self.roots.iter().rev().copied().collect();
        while let Some(id) = next.pop() {
            if seen.insert(id, ()).is_some() {
                continue;
            }
            order.push(id);
            if let Some(links) = self.links(&id) {
                next.extend(links.children.iter().rev().filter(|child| !seen.contains_key(*child)));
            }
        }
        order
    }

    fn set(&mut self, id: &ProcessId, state: ProcessState) {
        if let Some(node) = self.nodes.get_mut(id) {
            self.counts[node.state as usize] -= 1;
            self.counts[state as usize] += 1;
            node.state = state;
        }
    }

    fn meet_dependencies(&mut self, of: &ProcessId, answers: &mut Vec<NodeAnswer>) {
        let Some(children) = self.links(of).map(|links| links.children.clone()) else {
            return;
        };
        // A child that names this node twice stands here twice.
        for child in children.iter() {
            if let Some(node) = self.nodes.get_mut(child) {
                node.unmet = node.unmet.saturating_sub(1);
                if node.unmet == 0 && node.state == ProcessState::Waiting {
                    answers.push(NodeAnswer::Release(*child));
                }
            }
        }
    }

    fn fail_all(&mut self, answers: &mut Vec<NodeAnswer>) {
        for id in self.order().iter() {
            if self.nodes.get(id).is_some_and(|node| node.state != ProcessState::Failed) {
                self.set(id, ProcessState::Failed);
                answers.push(NodeAnswer::Fail(*id));
            }
        }
    }

    /// The graph's state from its counters; the first that matches (chapter 3, 3.2).
    fn resolve(&mut self, at: Time) {
        let any = |state: ProcessState| self.counts[state as usize] > 0;
        let state = if any(ProcessState::Failed) {
            GraphState::Failed
        } else if any(ProcessState::Cancelled) {
            GraphState::Cancelled
        } else if self.counts[ProcessState::Successful as usize] == self.nodes.len() {
            GraphState::Successful
        } else if any(ProcessState::Successful) || any(ProcessState::Running) {
            GraphState::Running
        } else {
            GraphState::Waiting
        };
        if state == GraphState::Running && self.state == GraphState::Waiting {
            self.started = at;
        }
        if state.is_final() {
            self.ended = at;
        }
        self.state = state;
    }
}
