//! The history store: finished work and log lines in an embedded SQLite file that follows the durable log.
//!
//! One thread writes; readers have connections of their own. What the store holds can be lost: colonies notice at the
//! next start and go on. See `colony::history` for what goes where and when.

mod body;
mod expire;
mod indexer;
mod jobs;
mod layouts;
pub mod pause;
mod reader;
mod removal;
mod rows;
mod schema;
mod search;
mod segments;
mod trigrams;
mod writer;

pub use reader::Reader;
pub use segments::IndexBounds;

use crate::colony::history::{Archive, Batch, Hidden, Holdings, OnExpired, PastError};
use crate::ids::Incarnation;
use crate::limits;
use crate::metrics::histogram::Histogram;
use crate::refusal::Refusal;
use crate::time::Nanos;
use crossbeam_channel::{Sender, unbounded};
use jobs::{Done, Job};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The store can't be opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot open the history store {path}: {reason}. It holds only what is past: move it away and start again to go on \
     without it"
)]
pub struct HistoryError {
    /// Its file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// How far a colony's state goes.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Whose.
    pub of: Incarnation,
    /// Batches that it knows of.
    pub batches: u64,
    /// The newest log line that it knows to be in the store.
    pub lines_until: Nanos,
}

/// How the store is written.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// How much is indexed together.
    pub index: IndexBounds,
    /// How long a batch waits for those of other colonies, so as to share their sync.
    pub gather: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions { index: IndexBounds::default(), gather: limits::ARCHIVE_GATHER }
    }
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct HistoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    jobs: Sender<Job>,
    readers: Mutex<Vec<Reader>>,
    permits: Semaphore,
    holdings: HashMap<Incarnation, Holdings>,
    writes: Arc<Writes>,
}

/// What the store's writer has done.
#[derive(Debug)]
pub struct Writes {
    /// Nanoseconds of each transaction that was written and synced, of one batch or of several.
    pub duration: Histogram,
    /// Batches that could not be written.
    pub failed: AtomicU64,
}

impl Shared {
    fn reader(&self) -> Result<Reader, PastError> {
        Ok(Reader { connection: schema::open_reader(&self.path)? })
    }
}

impl HistoryStore {
    /// Opens the store in this directory for the colonies that there are; what belongs to others is removed
    /// behind the ordinary work.
    ///
    /// # Errors
    /// Where the file can't be made, opened or read.
    pub fn open(dir: &Path, known: &[Known], options: StoreOptions) -> Result<HistoryStore, HistoryError> {
        let path = dir.join("history.db");
        let failed = |reason: String| HistoryError { path: path.clone(), reason };
        std::fs::create_dir_all(dir).map_err(|error| failed(error.to_string()))?;
        // Not while somebody copies it.
        let turn = pause::take(dir).map_err(|error| failed(error.to_string()))?;
        let mut connection = schema::open_writer(&path).map_err(|error| failed(error.to_string()))?;
        let (holdings, gone) = settle_all(&mut connection, known).map_err(|error| failed(error.to_string()))?;
        drop(turn);
        let (jobs, queue) = unbounded();
        let writes = Arc::new(Writes { duration: Histogram::of_durations(), failed: AtomicU64::new(0) });
        let colonies = known.iter().map(|known| known.of);
        let mut worker = jobs::Worker::new(connection, dir, options, writes.clone(), colonies, gone);
        std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || worker.run(&queue))
            .map_err(|error| failed(error.to_string()))?;
        let permits = Semaphore::new(limits::HISTORY_READERS);
        let shared = Shared { path, jobs, readers: Mutex::default(), permits, holdings, writes };
        Ok(HistoryStore { shared: Arc::new(shared) })
    }

    /// What was there of a colony when the store was opened. Only the batches are told where nothing is missing.
    pub fn holdings(&self, of: Incarnation) -> Holdings {
        self.shared.holdings.get(&of).cloned().unwrap_or_default()
    }

    /// What its writer has done since the store was opened.
    pub fn writes(&self) -> &Writes {
        &self.shared.writes
    }

    /// Jobs that wait for its writer.
    pub fn queue_length(&self) -> usize {
        self.shared.jobs.len()
    }

    /// Reads, on a thread that may block. Few do at once; others wait.
    ///
    /// # Errors
    /// 503 where the store can't be read.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, PastError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let shared = self.shared.clone();
        // Never closed.
        let _permit = self.shared.permits.acquire().await;
        let done = tokio::task::spawn_blocking(move || {
            let kept = shared.readers.lock().pop();
            let reader = match kept {
                Some(reader) => reader,
                None => shared.reader()?,
            };
            let outcome = read(&reader);
            // One that failed is not used again.
            if outcome.is_ok() {
                shared.readers.lock().push(reader);
            }
            outcome
        });
        match done.await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(PastError("reading has panicked".to_owned()).into()),
        }
    }

    /// A reader of one's own, for those who may block.
    ///
    /// # Errors
    /// Where the file can't be opened.
    pub fn reader(&self) -> Result<Reader, PastError> {
        self.shared.reader()
    }

    /// Forgets a colony.
    pub fn forget(&self, of: Incarnation) {
        self.send(Job::Forget(of));
    }

    /// Waits until all that was given has been written, but not long: what was not is written after the next start.
    pub fn close(&self) {
        let (tell, told) = std::sync::mpsc::channel();
        self.send(Job::Close(tell));
        // The thread drops its end when it ends, too.
        let _ = told.recv_timeout(limits::HISTORY_CLOSE);
    }

    fn send(&self, job: Job) {
        let ended = || PastError("its writer has ended".to_owned());
        match self.shared.jobs.send(job) {
            Err(crossbeam_channel::SendError(Job::Write(_, done))) => done(Err(ended())),
            Err(crossbeam_channel::SendError(Job::Expire { done, .. })) => done(Err(ended())),
            _ => {}
        }
    }
}

impl Archive for HistoryStore {
    fn write(&self, batch: Batch, done: Done) {
        self.send(Job::Write(batch, done));
    }

    fn expire(&self, of: Incarnation, before: Nanos, known: u64, hidden: Arc<Hidden>, done: OnExpired) {
        self.send(Job::Expire { of, before, known, hidden, done });
    }

    fn adopt(&self, of: Incarnation, batches: u64) {
        self.send(Job::Adopt(of, batches));
    }
}

/// Brings what is here to where the colonies are. Says what they have here, and which ones are gone.
fn settle_all(
    connection: &mut Connection,
    known: &[Known],
) -> rusqlite::Result<(HashMap<Incarnation, Holdings>, Vec<Incarnation>)> {
    let known_ones: HashSet<Incarnation> = known.iter().map(|known| known.of).collect();
    let gone = schema::colonies(connection)?.into_iter().filter(|of| !known_ones.contains(of)).collect();
    let settled = known.iter().map(|known| {
        let mut holdings = writer::settle(connection, known.of, known.batches, known.lines_until)?;
        holdings.expired = expire::totals(connection, known.of)?;
        Ok((known.of, holdings))
    });
    Ok((settled.collect::<rusqlite::Result<_>>()?, gone))
}
