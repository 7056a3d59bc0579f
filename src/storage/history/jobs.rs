//! The store's one writer, on a thread of its own: one job after the other, and between them the index of log lines and the
//! removal of what is left of colonies that are gone.

use super::indexer::Indexer;
use super::{StoreOptions, Writes, expire, pause, removal, writer};
use crate::colony::history::{Batch, Hidden, OnExpired, PastError};
use crate::ids::Incarnation;
use crate::limits;
use crate::time::Nanos;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use rusqlite::Connection;
use std::collections::{HashSet, VecDeque};
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
    /// Remove all of a colony.
    Forget(Incarnation),
    /// Tell that all jobs before are done.
    Close(std::sync::mpsc::Sender<()>),
}

/// Hears whether a batch is written and synced.
pub type Done = Box<dyn FnOnce(Result<(), PastError>) + Send>;

/// How long the writer waits for a job while there are lines to be indexed or rows to be removed. Whoever copies the
/// store gets its turn then.
const PAUSE: Duration = Duration::from_millis(5);

/// Who writes to the store.
pub struct Worker {
    connection: Connection,
    dir: PathBuf,
    /// How long a batch waits for others.
    gather: Duration,
    indexer: Indexer,
    /// Colonies that are gone and that have something here still.
    leaving: VecDeque<Incarnation>,
    /// Colonies that were removed: a batch of theirs may have waited for the log meanwhile.
    forgotten: HashSet<Incarnation>,
    /// Whether the server is ending: indexing and removal go on after its next start.
    is_closing: bool,
    writes: Arc<Writes>,
}

impl Worker {
    /// For a store in this directory, with these colonies, and these that are gone.
    pub fn new(
        connection: Connection,
        dir: &Path,
        options: StoreOptions,
        writes: Arc<Writes>,
        colonies: impl Iterator<Item = Incarnation>,
        gone: Vec<Incarnation>,
    ) -> Worker {
        Worker {
            connection,
            dir: dir.to_path_buf(),
            gather: options.gather,
            indexer: Indexer::new(options.index, colonies),
            leaving: gone.into(),
            forgotten: HashSet::new(),
            is_closing: false,
            writes,
        }
    }

    /// Works until nobody can give it anything.
    pub fn run(&mut self, queue: &Receiver<Job>) {
        loop {
            let to_index = self.indexer.is_due() && !self.is_closing;
            let has_more = to_index || !(self.leaving.is_empty() || self.is_closing);
            let next = if has_more { queue.recv_timeout(PAUSE) } else { queue.recv().map_err(RecvTimeoutError::from) };
            let (batches, other) = match next {
                Ok(Job::Write(batch, done)) if !batch.removes_many() => self.gather(batch, done, queue, to_index),
                Ok(job) => (Vec::new(), Some(job)),
                Err(RecvTimeoutError::Timeout) => (Vec::new(), None),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let _turn = self.turn();
            self.write(batches);
            if let Some(job) = other {
                self.work(job);
            }
            if self.is_closing {
                continue;
            }
            if let Err((of, error)) = self.indexer.step(&mut self.connection) {
                tracing::error!(stream = of, %error, "past log lines can't be indexed: searches find fewer of them");
            }
            self.remove_some();
        }
    }

    /// Removes something of a colony that is gone.
    fn remove_some(&mut self) {
        let Some(&of) = self.leaving.front() else {
            return;
        };
        match removal::step(&mut self.connection, of) {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => {
                tracing::error!(
                    stream = of, %error, "the history of a removed colony could not be removed: the next start does it"
                );
            }
        }
        self.leaving.pop_front();
    }

    /// Takes batches of other colonies, too, to be written and synced together, until there is enough of them or there is
    /// something else to do: that comes after them. Waits a little for them, unless it is urgent: more of a colony waits
    /// behind its batch, or lines wait to be indexed.
    fn gather(
        &self,
        batch: Batch,
        done: Done,
        queue: &Receiver<Job>,
        mut is_urgent: bool,
    ) -> (Vec<(Batch, Done)>, Option<Job>) {
        let until = Instant::now() + self.gather;
        is_urgent |= batch.has_more;
        let (mut rows, mut text) = (batch.len(), batch.text_bytes());
        let mut batches = vec![(batch, done)];
        while rows < limits::ARCHIVED_A_BATCH && text < limits::ARCHIVED_TEXT_A_BATCH {
            let next = if is_urgent { queue.try_recv().ok() } else { queue.recv_deadline(until).ok() };
            match next {
                Some(Job::Write(batch, done)) if !batch.removes_many() => {
                    is_urgent |= batch.has_more;
                    rows += batch.len();
                    text += batch.text_bytes();
                    batches.push((batch, done));
                }
                Some(job) => return (batches, Some(job)),
                // Where nobody is left to come, that is seen the next time.
                None => break,
            }
        }
        (batches, None)
    }

    /// Writes batches together; where that fails, each by itself, so that one colony's trouble is not the others'.
    fn write(&mut self, batches: Vec<(Batch, Done)>) {
        // Their colony was removed while they waited for the log.
        let (gone, batches): (Vec<_>, Vec<_>) =
            batches.into_iter().partition(|(batch, _)| self.forgotten.contains(&batch.of));
        gone.into_iter().for_each(|(_, done)| done(Ok(())));
        if batches.is_empty() {
            return;
        }
        let began = Instant::now();
        match writer::write(&mut self.connection, batches.iter().map(|(batch, _)| batch)) {
            Ok(added) => {
                self.writes.duration.record_duration(began.elapsed());
                for ((batch, done), added) in batches.into_iter().zip(added) {
                    self.indexer.grew(batch.of, added);
                    done(Ok(()));
                }
            }
            Err(_) if batches.len() > 1 => batches.into_iter().for_each(|batch| self.write(vec![batch])),
            Err(error) => {
                self.writes.failed.fetch_add(1, Ordering::Relaxed);
                let reason = PastError::from(error).0;
                batches.into_iter().for_each(|(_, done)| done(Err(PastError(reason.clone()))));
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
            Job::Write(batch, done) => self.write(vec![(batch, done)]),
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
                self.leaving.push_back(of);
            }
            Job::Close(tell) => {
                self.is_closing = true;
                // Whoever closes may have given up.
                let _ = tell.send(());
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use crate::colony::history::{Archive, Batch};
    use crate::colony::logs::{LogEvent, LogLine};
    use crate::ids::Incarnation;
    use crate::storage::history::{HistoryStore, StoreOptions};
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    fn batch(of: Incarnation, number: u64) -> Batch {
        let said = LogEvent { process: None, executor: "e".into(), message: "said\n".into() };
        let line = LogLine { said, timestamp: number as i64 };
        let (removals, processes, workflows) = (Vec::new(), Vec::new(), Vec::new());
        Batch { of, number, removals, processes, workflows, lines: vec![Arc::new(line)], has_more: false }
    }

    /// Writes a batch for each of these colonies; which of them have worked.
    fn write(store: &HistoryStore, colonies: &[Incarnation], number: u64) -> Vec<bool> {
        let told: Vec<_> = colonies
            .iter()
            .map(|of| {
                let (tell, told) = channel();
                store.write(batch(*of, number), Box::new(move |outcome| tell.send(outcome.is_ok()).unwrap()));
                told
            })
            .collect();
        told.into_iter().map(|told| told.recv_timeout(Duration::from_secs(20)).unwrap()).collect()
    }

    #[test]
    fn batches_that_come_together_are_synced_together_and_fail_alone() {
        let dir = tempfile::TempDir::new().unwrap();
        let options = StoreOptions { gather: Duration::from_secs(1), ..StoreOptions::default() };
        let store = HistoryStore::open(dir.path(), &[], options).unwrap();
        assert_eq!(write(&store, &[1, 2, 3], 1), [true; 3]);
        assert_eq!(store.writes().duration.snapshot().count, 1);

        let other = rusqlite::Connection::open(dir.path().join("history.db")).unwrap();
        let trouble = "CREATE TRIGGER trouble BEFORE INSERT ON lines WHEN NEW.incarnation = 2
             BEGIN SELECT RAISE(ABORT, 'no'); END";
        other.execute_batch(trouble).unwrap();
        assert_eq!(write(&store, &[1, 2, 3], 2), [true, false, true]);
        assert_eq!(store.writes().failed.load(Ordering::Relaxed), 1);
        let lines = |of: Incarnation| {
            let sql = "SELECT count(*) FROM lines WHERE incarnation = ?1";
            other.query_row(sql, [of], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!((lines(1), lines(3)), (2, 2));

        // What is asked for next does not wait for others.
        let urgent = std::time::Instant::now();
        store.write(batch(3, 3), Box::new(|_| {}));
        store.close();
        assert!(urgent.elapsed() < options.gather, "{:?}", urgent.elapsed());
        assert_eq!(lines(3), 3);
    }
}
