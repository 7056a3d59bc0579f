//! The store of the past as a colony sees it: somewhere to write, and somewhere to read.

use super::{Batch, Hidden, Missing, ProcessRecord, Recalled, WorkflowRecord};
use crate::colony::logs::{LogLine, LogRange, Page, pattern::Pattern};
use crate::colony::processes::{ListFilter, ProcessState};
use crate::ids::{Incarnation, ProcessId};
use crate::refusal::Refusal;
use crate::time::{Nanos, Time};
use bincode::{Decode, Encode};
use std::sync::Arc;

/// The store can't be read or written now.
#[derive(Debug, thiserror::Error)]
#[error("the history store: {0}")]
pub struct PastError(pub String);

impl From<PastError> for Refusal {
    fn from(error: PastError) -> Refusal {
        tracing::error!(%error, "something past could not be read");
        Refusal::unavailable("the server's history can't be read now, try again later")
    }
}

/// How much the store has removed of one colony because of its age, ever: successful work, and what hung on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Expired {
    /// Processes without a workflow.
    pub processes: u64,
    /// Workflows.
    pub workflows: u64,
    /// Processes of those workflows.
    pub nodes: u64,
}

/// What the store holds of one colony.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Holdings {
    /// Batches taken.
    pub batches: u64,
    /// Processes without a workflow, by state.
    pub processes: [u64; 5],
    /// Workflows by state.
    pub workflows: [u64; 5],
    /// Processes of workflows, by the workflow's state and their own.
    pub nodes: [[u64; 5]; 5],
    /// The time stamp of the newest log line.
    pub lines_until: Nanos,
    /// What it has removed because of its age; not counted above.
    pub expired: Expired,
}

/// Told how much was ever removed, and whether there is more to do.
pub type OnExpired = Box<dyn FnOnce(Result<(Expired, bool), PastError>) + Send>;

/// Where batches go.
pub trait Archive: Send + Sync {
    /// Writes and syncs a batch, later; `done` is told whether that worked. Batches are written in the order in which
    /// they were given.
    fn write(&self, batch: Batch, done: Box<dyn FnOnce(Result<(), PastError>) + Send>);
    /// Removes what succeeded or was said before this time, but for what is hidden or of a batch after `known`: some of
    /// it, where it is much.
    fn expire(&self, of: Incarnation, before: Nanos, known: u64, hidden: Arc<Hidden>, done: OnExpired);
    /// What is missing of a colony up to this batch is known to be missing.
    fn adopt(&self, of: Incarnation, batches: u64);
}

/// What is past, to be read. Every method may block on the disk.
pub trait Past {
    /// A process of this colony by id.
    ///
    /// # Errors
    /// Where the store can't be read; so for all methods.
    fn process(&self, of: Incarnation, id: &ProcessId, hidden: &Hidden) -> Result<Option<ProcessRecord>, PastError>;
    /// What a message is about; of a process that is a node, itself alone.
    ///
    /// # Errors
    /// As above.
    fn find(&self, of: Incarnation, missing: &Missing, hidden: &Hidden) -> Result<Option<Recalled>, PastError>;
    /// The first processes of a list in its order.
    ///
    /// # Errors
    /// As above.
    fn list(
        &self,
        of: Incarnation,
        state: ProcessState,
        filter: ListFilter<'_>,
        count: usize,
        hidden: &Hidden,
    ) -> Result<Vec<ProcessRecord>, PastError>;
    /// Processes of a state that were submitted from this time on, the newest first: of the newest `scanned`, at most
    /// `count` for which `wanted` says so.
    ///
    /// # Errors
    /// As above.
    fn submitted_since(
        &self,
        of: Incarnation,
        state: ProcessState,
        since: Time,
        limits: (usize, usize),
        wanted: &dyn Fn(&ProcessRecord) -> bool,
        hidden: &Hidden,
    ) -> Result<Vec<ProcessRecord>, PastError>;
    /// The newest workflows of a state, the newest first.
    ///
    /// # Errors
    /// As above.
    fn workflows(
        &self,
        of: Incarnation,
        state: ProcessState,
        count: usize,
        hidden: &Hidden,
    ) -> Result<Vec<WorkflowRecord>, PastError>;
    /// Log lines of a process, none later than `until`, in the order of time.
    ///
    /// # Errors
    /// As above.
    fn lines_of_process(
        &self,
        of: Incarnation,
        process: &ProcessId,
        range: LogRange,
        count: usize,
        until: Nanos,
    ) -> Result<Page, PastError>;
    /// Log lines of an executor, none later than `until`, in the order of time.
    ///
    /// # Errors
    /// As above.
    fn lines_of_executor(
        &self,
        of: Incarnation,
        executor: &str,
        range: LogRange,
        count: usize,
        until: Nanos,
    ) -> Result<Page, PastError>;
    /// Log lines later than `after` and not later than `until` with this text in them, the oldest first.
    ///
    /// # Errors
    /// As above.
    fn search(
        &self,
        of: Incarnation,
        text: &Pattern,
        after: Nanos,
        until: Nanos,
        count: usize,
    ) -> Result<Vec<LogLine>, PastError>;
}
