//! What is past: finished processes, finished workflows and log lines leave memory for an embedded store.
//!
//! Everything that decides is here and pure; the store itself is behind two traits ([`Archive`], [`Past`]). A finished
//! record stays in memory until the store has synced it; only then does [`HistoryEvent::Archived`] free it, so that a
//! crash anywhere loses nothing. Writing is by number and version, so that doing it twice does no harm. What is asked
//! about a record of the past is answered from a copy; what changes one brings it back first ([`HistoryEvent::Revived`]).

mod apply;
mod archiving;
pub mod merge;
mod past;
mod recall;
mod record;

pub use archiving::{Archiving, Batch, Selected};
pub use past::{Archive, Expired, Holdings, OnExpired, Past, PastError};
pub use recall::{Elsewhere, Found, Lookup, Purpose, Recall, Verdict};
pub use record::{Gone, NodeRecord, ProcessRecord, Recalled, WorkflowRecord};

use crate::colony::processes::{Process, ProcessState};
use crate::colony::workflows::Workflow;
use crate::ids::GraphId;
use crate::time::Nanos;
use bincode::{Decode, Encode};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// What happens between memory and the store.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum HistoryEvent {
    /// The store has synced a batch.
    Archived(Box<Archived>),
    /// A record of the past is in memory again, since something is about to change it.
    Revived(Box<Recalled>),
    /// A record of the past was removed.
    Removed(Box<Gone>),
    /// All processes without a workflow that are in the store and in this state, or all, were removed.
    ProcessesCleared(Option<ProcessState>),
    /// The same for workflows, with their processes.
    WorkflowsCleared(Option<ProcessState>),
    /// The store has removed what was too old: as much as this, ever.
    Expired(Expired),
    /// The store was found to hold less than it was given: this is what it holds.
    Lost(Box<Holdings>),
}

/// What leaves memory because the store has it.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Archived {
    /// The batch's number; each is one more than the one before.
    pub batch: u64,
    /// Processes without a workflow, by number.
    pub processes: Vec<u64>,
    /// Workflows with their processes, by number.
    pub workflows: Vec<u64>,
    /// Log lines up to this time stamp; 0 for none.
    pub lines_until: Nanos,
    /// How many of the oldest removals were carried out.
    pub removals: u32,
}

/// What the store must forget.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Removal {
    /// A process.
    Process(u64),
    /// A workflow and its processes.
    Workflow {
        /// Its number.
        number: u64,
        /// The numbers of its processes.
        nodes: Vec<u64>,
    },
    /// All processes without a workflow in this state, or all.
    Processes(Option<ProcessState>),
    /// All workflows in this state, or all, with their processes.
    Workflows(Option<ProcessState>),
}

/// What may be in the store and must not be shown: it is in memory again, or was removed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Hidden {
    processes: BTreeSet<u64>,
    workflows: BTreeSet<u64>,
    /// How many removals of all processes of a state are still to be carried out.
    all_processes: [u32; 5],
    all_workflows: [u32; 5],
}

impl Hidden {
    /// Whether this process is not to be shown. `graph_state` is the state of its workflow.
    pub fn has_process(&self, number: u64, state: ProcessState, graph_state: Option<ProcessState>) -> bool {
        let with_all = match graph_state {
            Some(graph) => self.all_workflows[graph as usize],
            None => self.all_processes[state as usize],
        };
        with_all > 0 || self.processes.contains(&number)
    }

    /// Whether no process without a workflow of this state is to be shown.
    pub fn has_all_processes(&self, state: ProcessState) -> bool {
        self.all_processes[state as usize] > 0
    }

    /// Whether this workflow is not to be shown.
    pub fn has_workflow(&self, number: u64, state: ProcessState) -> bool {
        self.all_workflows[state as usize] > 0 || self.workflows.contains(&number)
    }

    fn count_all(&mut self, removal: &Removal, change: fn(u32) -> u32) {
        let (counts, wanted) = match removal {
            Removal::Processes(state) => (&mut self.all_processes, *state),
            Removal::Workflows(state) => (&mut self.all_workflows, *state),
            Removal::Process(_) | Removal::Workflow { .. } => return,
        };
        for state in ProcessState::ALL.into_iter().filter(|state| wanted.is_none_or(|wanted| wanted == *state)) {
            counts[state as usize] = change(counts[state as usize]);
        }
    }
}

/// What a colony remembers about its part of the store.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct History {
    holdings: Holdings,
    hidden: Arc<Hidden>,
    removals: VecDeque<Removal>,
}

impl History {
    /// Whether there may be anything in the store.
    pub fn is_empty(&self) -> bool {
        self.holdings.batches == 0
    }

    /// How many processes of a state the store holds.
    pub fn processes(&self, state: ProcessState) -> usize {
        let nodes: u64 = self.holdings.nodes.iter().map(|by_state| by_state[state as usize]).sum();
        usize::try_from(self.holdings.processes[state as usize] + nodes).unwrap_or(usize::MAX)
    }

    /// How many workflows of a state the store holds.
    pub fn workflows(&self, state: ProcessState) -> usize {
        usize::try_from(self.holdings.workflows[state as usize]).unwrap_or(usize::MAX)
    }

    /// The newest log line in the store; later ones are in memory.
    pub fn lines_until(&self) -> Nanos {
        self.holdings.lines_until
    }

    /// What the store has removed because of its age.
    pub fn expired(&self) -> &Expired {
        &self.holdings.expired
    }

    /// Batches that the store has synced.
    pub fn batches(&self) -> u64 {
        self.holdings.batches
    }

    /// What is not to be shown.
    pub fn hidden(&self) -> Arc<Hidden> {
        self.hidden.clone()
    }

    /// What the store must forget, the oldest first.
    pub fn removals(&self) -> impl ExactSizeIterator<Item = &Removal> {
        self.removals.iter()
    }

    /// A finished process was removed from memory. The store may have it all the same: it may be writing it.
    pub fn forget_process(&mut self, number: u64) {
        Arc::make_mut(&mut self.hidden).processes.insert(number);
        self.removals.push_back(Removal::Process(number));
    }

    /// A finished workflow was removed from memory, with these processes.
    pub fn forget_workflow(&mut self, number: u64, nodes: Vec<u64>) {
        let hidden = Arc::make_mut(&mut self.hidden);
        hidden.workflows.insert(number);
        hidden.processes.extend(&nodes);
        self.removals.push_back(Removal::Workflow { number, nodes });
    }

    /// A finished workflow that is in memory changed its state: a row of it in the store is not to be shown.
    pub fn hide_workflow(&mut self, number: Option<u64>) {
        Arc::make_mut(&mut self.hidden).workflows.extend(number);
    }

    /// Everything of this kind in the store was removed.
    pub fn clear(&mut self, removal: Removal) {
        let is_wanted = |state: ProcessState, wanted: Option<ProcessState>| wanted.is_none_or(|w| w == state);
        for state in ProcessState::ALL {
            match removal {
                Removal::Processes(wanted) if is_wanted(state, wanted) => self.holdings.processes[state as usize] = 0,
                Removal::Workflows(wanted) if is_wanted(state, wanted) => {
                    self.holdings.workflows[state as usize] = 0;
                    self.holdings.nodes[state as usize] = [0; 5];
                }
                _ => {}
            }
        }
        Arc::make_mut(&mut self.hidden).count_all(&removal, |count| count.saturating_add(1));
        self.removals.push_back(removal);
    }

    /// A process without a workflow has left memory.
    pub fn take_process(&mut self, number: u64, state: ProcessState) {
        self.holdings.processes[state as usize] += 1;
        Arc::make_mut(&mut self.hidden).processes.remove(&number);
    }

    /// A workflow has left memory, with these processes.
    pub fn take_workflow(&mut self, number: u64, state: ProcessState, nodes: &[(u64, ProcessState)]) {
        self.holdings.workflows[state as usize] += 1;
        let hidden = Arc::make_mut(&mut self.hidden);
        hidden.workflows.remove(&number);
        for (node, node_state) in nodes {
            self.holdings.nodes[state as usize][*node_state as usize] += 1;
            hidden.processes.remove(node);
        }
    }

    /// A batch is in the store: what follows from that beside the records themselves.
    pub fn end_batch(&mut self, archived: &Archived) {
        self.holdings.batches = archived.batch;
        self.holdings.lines_until = self.holdings.lines_until.max(archived.lines_until);
        let hidden = Arc::make_mut(&mut self.hidden);
        for removal in self.removals.drain(..self.removals.len().min(archived.removals as usize)) {
            match &removal {
                Removal::Process(number) => {
                    hidden.processes.remove(number);
                }
                Removal::Workflow { number, nodes } => {
                    hidden.workflows.remove(number);
                    nodes.iter().for_each(|node| {
                        hidden.processes.remove(node);
                    });
                }
                Removal::Processes(_) | Removal::Workflows(_) => hidden.count_all(&removal, |n| n.saturating_sub(1)),
            }
        }
    }

    /// A record is not the past's any more: it is in memory again, or removed.
    pub fn give_back(&mut self, gone: &Gone) {
        let hidden = Arc::make_mut(&mut self.hidden);
        let less = |count: &mut u64| *count = count.saturating_sub(1);
        match gone {
            Gone::Process { number, state } => {
                less(&mut self.holdings.processes[*state as usize]);
                hidden.processes.insert(*number);
            }
            Gone::Workflow { number, state, nodes } => {
                less(&mut self.holdings.workflows[*state as usize]);
                hidden.workflows.insert(*number);
                for (node, node_state) in nodes {
                    less(&mut self.holdings.nodes[*state as usize][*node_state as usize]);
                    hidden.processes.insert(*node);
                }
            }
        }
    }

    /// A record of the past was removed: the store deletes it when it comes to it.
    pub fn remove(&mut self, gone: Gone) {
        self.give_back(&gone);
        self.removals.push_back(match gone {
            Gone::Process { number, .. } => Removal::Process(number),
            Gone::Workflow { number, nodes, .. } => {
                Removal::Workflow { number, nodes: nodes.into_iter().map(|(node, _)| node).collect() }
            }
        });
    }

    /// The store has removed what was too old.
    pub fn expire(&mut self, expired: Expired) {
        let (before, done) = (self.holdings.expired, ProcessState::Successful as usize);
        let less = |count: &mut u64, now: u64, before: u64| *count = count.saturating_sub(now.saturating_sub(before));
        less(&mut self.holdings.processes[done], expired.processes, before.processes);
        less(&mut self.holdings.workflows[done], expired.workflows, before.workflows);
        less(&mut self.holdings.nodes[done][done], expired.nodes, before.nodes);
        self.holdings.expired = expired;
    }

    /// What is to be recorded where the store holds something else than this says.
    pub fn correction(&self, found: Holdings) -> Option<HistoryEvent> {
        let batches = self.holdings.batches;
        if found.batches < batches {
            // Batches go on from here: a number never stands for two.
            return Some(HistoryEvent::Lost(Box::new(Holdings { batches, ..found })));
        }
        (found.expired != self.holdings.expired).then_some(HistoryEvent::Expired(found.expired))
    }

    /// The store holds less than it was given.
    pub fn correct(&mut self, holdings: Holdings) {
        self.holdings = holdings;
    }
}

/// Whether a process may leave memory: no command needs it there.
pub fn is_past(process: &Process) -> bool {
    process.graph.is_none() && process.state.is_final()
}

/// Whether a workflow may leave memory, as far as it alone says so: none of its processes is live.
pub fn is_over(workflow: &Workflow) -> bool {
    workflow.state.is_final() && !workflow.is_live()
}

/// What a message is about that is not in memory and may be in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A process.
    Process(crate::ids::ProcessId),
    /// A workflow.
    Workflow(GraphId),
    /// The process that carries an attribute.
    Attribute(crate::ids::AttributeId),
}
