//! What happens in a colony, as it is recorded. Records are these, in bincode; variants and fields are only ever added
//! under a new schema number (`storage::codec`).

use super::blueprints::BlueprintEvent;
use super::crons::CronEvent;
use super::executors::ExecutorEvent;
use super::files::FileEvent;
use super::functions::FunctionEvent;
use super::generators::GeneratorEvent;
use super::history::HistoryEvent;
use super::locations::LocationEvent;
use super::logs::LogEvent;
use super::processes::{Alike, ProcessEvent};
use super::snapshots::SnapshotEvent;
use super::users::UserEvent;
use super::workflows::WorkflowEvent;
use crate::crypto::Identity;
use crate::ids::{Incarnation, ProcessId};
use bincode::{Decode, Encode};

impl Event {
    /// The process whose state this changes.
    pub fn process(&self) -> Option<ProcessId> {
        match self {
            Event::Process(event) => event.process(),
            _ => None,
        }
    }

    /// Has what it submits share what never changes with what was submitted before, where they are alike.
    pub fn share(&mut self, alike: &mut Alike) {
        match self {
            Event::Process(ProcessEvent::Submitted(submission)) => submission.share(alike),
            Event::Workflow(WorkflowEvent::Submitted(graph)) => {
                graph.nodes.iter_mut().for_each(|node| node.process.share(alike));
            }
            _ => {}
        }
    }
}

/// One thing that happened. Applying it is total and deterministic.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Event {
    /// The colony began.
    Founded {
        /// Its name.
        name: String,
        /// Its owner's id.
        owner: Identity,
        /// Which life of the name this is.
        incarnation: Incarnation,
    },
    /// The owner changed its key.
    OwnerChanged(Identity),
    /// Assignments were paused (`true`) or resumed.
    Paused(bool),
    /// Something about a user.
    User(UserEvent),
    /// Something about an executor.
    Executor(ExecutorEvent),
    /// Something about a location.
    Location(LocationEvent),
    /// Something about a registered function.
    Function(FunctionEvent),
    /// Something about a process.
    Process(ProcessEvent),
    /// Something was said.
    Log(LogEvent),
    /// Something about a workflow.
    Workflow(WorkflowEvent),
    /// Something about a file.
    File(FileEvent),
    /// Something about a snapshot.
    Snapshot(SnapshotEvent),
    /// Something about a generator.
    Generator(GeneratorEvent),
    /// Something about a cron.
    Cron(CronEvent),
    /// Something about a blueprint or a definition.
    Blueprint(BlueprintEvent),
    /// Something left memory for the history store, or came back.
    History(HistoryEvent),
}
