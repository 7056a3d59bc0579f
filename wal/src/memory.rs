//! A log in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};

use parking_lot::{Mutex, RwLock};

use crate::credit::{Bounds, Class, Credit, NoRoom, Room};
use crate::error::ReadError;
use crate::log::{Append, Log, OnDurable, Outcome, Visit};
use crate::mark::{DurableMark, Marks};
use crate::options::Options;
use crate::position::{Position, StreamId};
use crate::queue::{Entry, Queue, Woken, complete};
use crate::status::{Counters, Health, Poison, Status};

const EPOCH: u32 = 1;

/// A log that keeps its records in memory, and loses them when it is dropped.
///
/// It behaves like a [`crate::FileLog`] on a disk that is never full: outcomes come later, in order, from a thread of
/// its own. A test that wants to say itself when that happens takes [`MemoryLog::manual`].
pub struct MemoryLog {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    thread_id: Option<ThreadId>,
}

struct Shared {
    room: Arc<Room>,
    queue: Queue,
    marks: Marks,
    counters: Counters,
    poison: Poison,
    records: RwLock<Vec<Record>>,
    tails: Mutex<HashMap<StreamId, Position>>,
}

struct Record {
    stream: StreamId,
    position: Position,
    bytes: Arc<[u8]>,
}

impl Default for MemoryLog {
    fn default() -> Self {
        MemoryLog::new()
    }
}

impl MemoryLog {
    /// An empty log.
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread.
    #[must_use]
    pub fn new() -> Self {
        let mut log = MemoryLog::manual();
        let shared = Arc::clone(&log.shared);
        let thread = thread::Builder::new().name("wal-memory".to_owned()).spawn(move || shared.run());
        #[allow(clippy::unwrap_used, reason = "a log in memory is for tests; there is nothing to do without a thread")]
        let thread = thread.unwrap();
        log.thread_id = Some(thread.thread().id());
        *log.thread.lock() = Some(thread);
        log
    }

    /// An empty log without a thread: nothing becomes durable but by [`MemoryLog::settle`], or when it is closed.
    #[must_use]
    pub fn manual() -> Self {
        let room =
            Room::new(Bounds { queue: Options::default().queue_bytes, reserve: 0, part: 1 << 23, part_overhead: 0 });
        room.set_free(u64::MAX / 2);
        MemoryLog {
            shared: Arc::new(Shared {
                room,
                queue: Queue::default(),
                marks: Marks::new(EPOCH, []),
                counters: Counters::default(),
                poison: Poison::default(),
                records: RwLock::default(),
                tails: Mutex::default(),
            }),
            thread: Mutex::new(None),
            thread_id: None,
        }
    }

    /// Makes everything queued durable and runs its completions, on this thread. Returns how many entries there were.
    ///
    /// For a log made by [`MemoryLog::manual`]; otherwise the log's thread is mostly quicker, and the order between the
    /// two is open.
    pub fn settle(&self) -> usize {
        let mut entries = Vec::new();
        self.shared.queue.take(&mut entries);
        let count = entries.len();
        self.shared.settle(&mut entries);
        count
    }

    /// Fails everything that is queued or comes later, as a broken disk would.
    pub fn fail(&self, reason: &str) {
        self.shared.poison.set(reason.to_owned());
        self.shared.room.stop(NoRoom::Poisoned);
    }
}

impl Shared {
    fn run(&self) {
        let mut entries = Vec::new();
        while self.queue.wait(&mut entries, None) == Woken::Entries {
            self.settle(&mut entries);
        }
    }

    fn settle(&self, entries: &mut Vec<Entry>) {
        if self.poison.reason().is_some() {
            entries.drain(..).for_each(Entry::fail);
            return;
        }
        let mut completions = Vec::new();
        let (mut bytes, mut records) = (0, 0);
        for entry in entries.drain(..) {
            match entry {
                Entry::After(then) | Entry::Synced(then) => completions.push((then, Outcome::Durable)),
                Entry::Record(append) => {
                    let length = append.record.len() as u64;
                    let outcome = self.store(append, &mut completions);
                    if outcome == Outcome::Durable {
                        bytes += length;
                        records += 1;
                    }
                }
            }
        }
        if records > 0 {
            let batch = self.counters.wrote(bytes, records);
            self.counters.synced_up_to(batch);
        }
        completions.into_iter().for_each(|(then, outcome)| complete(then, outcome));
    }

    fn store(&self, append: Append, completions: &mut Vec<(OnDurable, Outcome)>) -> Outcome {
        let Append { stream, expected, record, credit, on_durable } = append;
        let mut tails = self.tails.lock();
        let tail = tails.entry(stream).or_insert(Position::ZERO);
        let outcome = if *tail == expected { Outcome::Durable } else { Outcome::NotOwner };
        if outcome == Outcome::Durable {
            let position = expected.next_in(EPOCH);
            *tail = position;
            self.records.write().push(Record { stream, position, bytes: record.into() });
            self.marks.of(stream).publish(position.number);
        }
        drop(credit);
        completions.extend(on_durable.into_iter().map(|then| (then, outcome)));
        outcome
    }
}

impl Log for MemoryLog {
    fn reserve(&self, bytes: usize, class: Class) -> Result<Credit, NoRoom> {
        self.shared.room.reserve(bytes, class)
    }

    fn make_room(&self, bytes: usize) -> Result<(), NoRoom> {
        self.shared.room.wait_for(bytes, |_| ())
    }

    fn append(&self, mut append: Append) -> Position {
        let position = append.expected.next_in(EPOCH);
        append.credit.fit(append.record.len() as u64);
        if let Err(entry) = self.shared.queue.push(Entry::Record(append)) {
            entry.fail();
        }
        position
    }

    fn after_queued(&self, then: OnDurable) {
        if let Err(entry) = self.shared.queue.push(Entry::After(then)) {
            entry.fail();
        }
    }

    fn durable(&self, stream: StreamId) -> DurableMark {
        self.shared.marks.of(stream)
    }

    fn replay(&self, stream: Option<StreamId>, from: Position, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        // Record by record, so that the visitor may append.
        let count = self.shared.records.read().len();
        for index in 0..count {
            let (found, position, bytes) = {
                let records = self.shared.records.read();
                let record = &records[index];
                (record.stream, record.position, Arc::clone(&record.bytes))
            };
            let chosen = stream.is_none_or(|stream| stream == found) && position >= from;
            if chosen && visit(found, position, &bytes).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn status(&self) -> Status {
        let health = self.shared.poison.reason().map_or(Health::Ok, |reason| Health::Poisoned(reason.to_owned()));
        let room = &self.shared.room;
        self.shared.counters.status(health, room.queued_bytes(), room.free_bytes())
    }

    fn close(&self) {
        self.shared.room.stop(NoRoom::Closed);
        self.shared.queue.close();
        match self.thread_id {
            Some(id) if id == thread::current().id() => {}
            Some(_) => {
                // Held while joining, so that everyone who closes returns only when it is done.
                if let Some(thread) = self.thread.lock().take()
                    && thread.join().is_err()
                {
                    tracing::error!("the thread of the log in memory panicked");
                }
            }
            None => while self.settle() > 0 {},
        }
    }
}

impl Drop for MemoryLog {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_manual_log_settles_when_told_and_fails_when_told() {
        let log = MemoryLog::manual();
        let durable = Arc::new(AtomicUsize::new(0));
        let append = |expected| {
            let durable = Arc::clone(&durable);
            log.append(Append {
                stream: StreamId(1),
                expected,
                record: vec![1],
                credit: log.reserve(1, Class::Ordinary).expect("room"),
                on_durable: vec![Box::new(move |outcome| {
                    durable.fetch_add(usize::from(outcome == Outcome::Durable), Ordering::SeqCst);
                })],
            })
        };
        let first = append(Position::ZERO);
        assert_eq!(log.durable(StreamId(1)).position(), Position::ZERO);
        assert_eq!(log.settle(), 1);
        assert_eq!((log.durable(StreamId(1)).position(), durable.load(Ordering::SeqCst)), (first, 1));
        append(first);
        log.fail("on purpose");
        log.settle();
        assert_eq!(durable.load(Ordering::SeqCst), 1);
        assert_eq!(log.reserve(1, Class::Essential).err(), Some(NoRoom::Poisoned));
    }
}
