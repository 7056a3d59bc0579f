//! The store's one writer, on a thread of its own: one job after the other, and between them the index of log lines.

use super::indexer::Indexer;
use super::segments::IndexBounds;
use super::{Writes, expire, pause, schema, writer};
use crate::colony::history::{Batch, Hidden, OnExpired, PastError};
use crate::ids::Incarnation;
use crate::time::Nanos;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use rusqlite::Connection;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What the writer is asked for.
pub enum Job {
    /// Write a batch.
    Write(Batch, Done),
    /// Remove what is too old.
    Expire { of: Incarnation, before: Nanos, known: u64, hidden: Arc<Hidden>, done: OnExpired },
    /// Take what is missing as missing.
    Adopt(Incarnation, u64),
    /// Drop all of a colony.
    Forget(Incarnation),
    /// Tell that all jobs before are done.
    Close(std::sync::mpsc::Sender<()>),
}

/// Hears whether a batch is written and synced.
pub type Done = Box<dyn FnOnce(Result<(), PastError>) + Send>;

/// How long the writer waits for a job while there are lines to be indexed. Whoever copies the store gets its turn then.
const PAUSE: Duration = Duration::from_millis(5);

/// Who writes to the store.
pub struct Worker {
    connection: Connection,
    dir: PathBuf,
    indexer: Indexer,
    /// Colonies that were removed: a batch of theirs may have waited for the log meanwhile.
    forgotten: HashSet<Incarnation>,
    /// Whether the server is ending: indexing goes on after its next start.
    is_closing: bool,
    writes: Arc<Writes>,
}

impl Worker {
    /// For a store in this directory.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn new(
        connection: Connection,
        dir: &Path,
        bounds: IndexBounds,
        writes: Arc<Writes>,
    ) -> rusqlite::Result<Worker> {
        let indexer = Indexer::new(bounds, schema::colonies(&connection)?);
        let (dir, forgotten) = (dir.to_path_buf(), HashSet::new());
        Ok(Worker { connection, dir, indexer, forgotten, is_closing: false, writes })
    }

    /// Works until nobody can give it anything.
    pub fn run(&mut self, queue: &Receiver<Job>) {
        loop {
            let has_more = self.indexer.is_due() && !self.is_closing;
            let next = if has_more { queue.recv_timeout(PAUSE) } else { queue.recv().map_err(RecvTimeoutError::from) };
            let job = match next {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let _turn = self.turn();
            if let Some(job) = job {
                self.work(job);
            }
            if self.is_closing {
                continue;
            }
            if let Err((of, error)) = self.indexer.step(&mut self.connection) {
                tracing::error!(stream = of, %error, "past log lines can't be indexed: searches find fewer of them");
            }
        }
    }

    /// A turn to write in: not while somebody copies the store.
    fn turn(&self) -> Option<pause::Turn> {
        match pause::take(&self.dir) {
            Ok(turn) => Some(turn),
            Err(error) => {
                let file = self.dir.join(pause::FILE);
                tracing::error!(%error, file = %file.display(), "can't be locked: a backup made now may be incomplete");
                None
            }
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Write(batch, done) if self.forgotten.contains(&batch.of) => done(Ok(())),
            Job::Write(batch, done) => {
                let began = Instant::now();
                let written = writer::write(&mut self.connection, &batch);
                match &written {
                    Ok(added) => {
                        self.writes.duration.record_duration(began.elapsed());
                        self.indexer.grew(batch.of, *added);
                    }
                    Err(_) => {
                        self.writes.failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
                done(written.map(|_| ()).map_err(PastError::from));
            }
            Job::Expire { of, before, known, hidden, done } => {
                let expired = expire::expire(&mut self.connection, of, before, known, &hidden);
                done(expired.map_err(PastError::from));
            }
            Job::Adopt(of, batches) => {
                if let Err(error) = writer::adopt(&self.connection, of, batches) {
                    tracing::error!(stream = of, %error, "that the past is incomplete is said again at the next start");
                }
            }
            Job::Forget(of) => {
                self.forgotten.insert(of);
                self.indexer.forget(of);
                if let Err(error) = schema::drop_tables(&self.connection, of) {
                    // The next start drops them.
                    tracing::error!(stream = of, %error, "the history of a removed colony could not be dropped");
                }
            }
            Job::Close(tell) => {
                self.is_closing = true;
                // Whoever closes may have given up.
                let _ = tell.send(());
            }
        }
    }
}
