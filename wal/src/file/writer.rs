//! The one thread that writes: it takes what is queued, writes it in one call, syncs once, and goes on.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use super::batch::{Builder, CLOSING, FRAME_BYTES, Frame, HEADER_BYTES, PART_OVERHEAD, RELAXED, Seal};
use super::chain::Chain;
use super::recover::Current;
use super::scan::Segment;
use super::segment::{self, CONTROL_BYTES, Header, MIN_PART_BYTES};
use super::shared::Shared;
use crate::credit::Credit;
use crate::log::{Append, Durability, OnDurable, Outcome};
use crate::mark::DurableMark;
use crate::position::{Position, StreamId};
use crate::queue::{Entry, Woken, complete};

pub(crate) struct Writer {
    shared: Arc<Shared>,
    chain: Chain,
    current: Current,
    streams: HashMap<StreamId, Tail>,
    /// Taken from the queue, not yet in a batch.
    pending: VecDeque<Entry>,
    /// Empty; kept for its memory.
    taken: Vec<Entry>,
    /// How much of the first pending record is in earlier batches.
    split_at: usize,
    /// What its part in this batch uses of its credit.
    spent: u64,
    batch: Builder,
    /// What the current batch completes.
    completions: Vec<(OnDurable, Outcome)>,
    credits: Vec<Credit>,
    touched: Vec<StreamId>,
    /// The last batch known to be synced.
    synced: u64,
    last_sync: Instant,
    /// The last batch says that the log was closed.
    closed: bool,
    /// A batch that was acknowledged before a sync would be missed.
    marked: bool,
    /// Somebody waits for a sync, whatever the durability.
    sync_wanted: bool,
}

struct Tail {
    last: Position,
    mark: DurableMark,
}

/// The longest part of a record, so that it fits a batch.
pub(crate) fn part_bytes(batch_bytes: usize) -> usize {
    (batch_bytes - PART_OVERHEAD).min(crate::options::MAX_PART_BYTES)
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        chain: Chain,
        current: Current,
        tails: &[(StreamId, Position)],
        closed: bool,
    ) -> Self {
        let tail =
            |(stream, last): &(StreamId, Position)| (*stream, Tail { last: *last, mark: shared.marks.of(*stream) });
        Writer {
            streams: tails.iter().map(tail).collect(),
            pending: VecDeque::new(),
            taken: Vec::new(),
            split_at: 0,
            spent: 0,
            batch: Builder::new(),
            completions: Vec::new(),
            credits: Vec::new(),
            touched: Vec::new(),
            synced: chain.next - 1,
            last_sync: Instant::now(),
            closed,
            marked: false,
            sync_wanted: false,
            shared,
            chain,
            current,
        }
    }

    /// The thread's life: write until closed, or fail everything from the first failure on.
    pub(crate) fn run(mut self) {
        let run = std::panic::AssertUnwindSafe(|| self.write_until_closed());
        let ended = std::panic::catch_unwind(run).unwrap_or_else(|_| Err("the writer of the log panicked".to_owned()));
        let Err(reason) = ended else { return };
        self.shared.poison(reason);
        self.fail_pending();
        self.shared.tell_poisoned();
        while self.shared.queue.wait(&mut self.taken, None) == Woken::Entries {
            self.taken.drain(..).for_each(Entry::fail);
        }
    }

    fn fail_pending(&mut self) {
        self.credits.clear();
        self.completions.drain(..).for_each(|(then, _)| complete(then, Outcome::Failed));
        self.pending.drain(..).for_each(Entry::fail);
        self.taken.drain(..).for_each(Entry::fail);
    }

    fn write_until_closed(&mut self) -> Result<(), String> {
        loop {
            if self.pending.is_empty() {
                let deadline = self.sync_deadline();
                match self.shared.queue.wait(&mut self.taken, deadline) {
                    Woken::Entries => {}
                    Woken::Deadline => self.sync()?,
                    Woken::Closed => {
                        self.check_poison()?;
                        return self.finish();
                    }
                }
            } else {
                self.shared.queue.take(&mut self.taken);
            }
            self.pending.extend(self.taken.drain(..));
            self.check_poison()?;
            self.step()?;
        }
    }

    /// The preparer may have found the disk broken.
    fn check_poison(&self) -> Result<(), String> {
        self.shared.poison.reason().map_or(Ok(()), |reason| Err(reason.to_owned()))
    }

    /// One batch, or one new segment.
    fn step(&mut self) -> Result<(), String> {
        self.batch.clear();
        let finished = self.compose();
        let sync_wanted = mem::take(&mut self.sync_wanted);
        if self.batch.is_empty() {
            if sync_wanted {
                self.sync()?;
            }
            self.settle();
            return if self.pending.is_empty() { Ok(()) } else { self.rotate() };
        }
        let durability = self.shared.options.durability;
        let relaxed = durability != Durability::Always;
        self.write_batch(if relaxed { RELAXED } else { 0 }, finished)?;
        // If all that follows vanishes without a trace, the first batch tells the next opening that this can have been:
        // so that one is synced in any case.
        if !relaxed || !self.marked || sync_wanted {
            self.sync()?;
            self.marked = relaxed;
        }
        self.publish();
        self.settle();
        match durability {
            // Those who waited were not owed this sync.
            Durability::Interval(every) if self.last_sync.elapsed() >= every => self.sync(),
            _ => Ok(()),
        }
    }

    /// Puts pending records into the batch until it is full. Returns how many it completes.
    fn compose(&mut self) -> u64 {
        let mut finished = 0;
        while let Some(entry) = self.pending.pop_front() {
            match entry {
                Entry::After(then) => self.completions.push((then, Outcome::Durable)),
                Entry::Synced(then) => {
                    self.sync_wanted = true;
                    self.completions.push((then, Outcome::Durable));
                }
                Entry::Record(append) => match self.encode(append) {
                    Encoded::Finished => finished += 1,
                    Encoded::Refused => {}
                    Encoded::Left(append) => {
                        self.pending.push_front(Entry::Record(append));
                        break;
                    }
                },
            }
        }
        finished
    }

    fn encode(&mut self, append: Append) -> Encoded {
        let Append { stream, expected, .. } = append;
        let marks = &self.shared.marks;
        let tail = self.streams.entry(stream).or_insert_with(|| Tail { last: Position::ZERO, mark: marks.of(stream) });
        if self.split_at == 0 && tail.last != expected {
            let refused = append.on_durable.into_iter().map(|then| (then, Outcome::NotOwner));
            self.completions.extend(refused);
            return Encoded::Refused;
        }
        let left = append.record.len() - self.split_at;
        let Some(length) = next_part(&self.batch, left, self.shared.options.batch_bytes, &self.current) else {
            return Encoded::Left(append);
        };
        let last = length == left;
        self.batch.push(&Frame {
            stream,
            number: expected.number + 1,
            first: self.split_at == 0,
            last,
            bytes: &append.record[self.split_at..self.split_at + length],
        });
        if !last {
            self.split_at += length;
            self.spent += (length + PART_OVERHEAD) as u64;
            return Encoded::Left(append);
        }
        self.split_at = 0;
        tail.last = expected.next_in(self.chain.epoch);
        self.touched.push(stream);
        self.credits.push(append.credit);
        self.completions.extend(append.on_durable.into_iter().map(|then| (then, Outcome::Durable)));
        Encoded::Finished
    }

    fn write_batch(&mut self, flags: u8, finished: u64) -> Result<(), String> {
        let seal = Seal {
            log_id: self.chain.log_id,
            epoch: self.chain.epoch,
            number: self.chain.next,
            synced: self.synced,
            previous: self.chain.previous,
            flags,
        };
        let (bytes, checksum) = self.batch.finish(seal);
        let length = bytes.len() as u64;
        let written = self.current.file.write_all_at(self.current.end, bytes);
        written.map_err(|error| self.failure("write to", &error))?;
        self.current.end += length;
        self.chain.next += 1;
        self.chain.previous = checksum;
        self.closed = flags & CLOSING != 0;
        self.shared.counters.wrote(length, finished);
        if let Some(observer) = &self.shared.options.observer {
            observer.wrote(finished);
        }
        Ok(())
    }

    fn failure(&self, action: &str, error: &std::io::Error) -> String {
        format!("cannot {action} {} at byte {}: {error}", self.current.path.display(), self.current.end)
    }

    /// Syncs what was written, if there is anything.
    fn sync(&mut self) -> Result<(), String> {
        if self.synced + 1 == self.chain.next {
            return Ok(());
        }
        let began = Instant::now();
        self.current.file.sync_data().map_err(|error| self.failure("sync", &error))?;
        self.last_sync = Instant::now();
        let took = self.last_sync - began;
        self.synced = self.chain.next - 1;
        self.shared.counters.synced(took);
        self.shared.counters.synced_up_to(self.synced);
        if let Some(observer) = &self.shared.options.observer {
            observer.synced(took);
        }
        Ok(())
    }

    /// Lets what was written be read, and says how far each stream has come.
    fn publish(&mut self) {
        let (end, left) = (self.current.end, self.current.size.saturating_sub(self.current.end));
        self.shared.extent.lock().end = end;
        self.shared.change_space(|space| space.current = left);
        // Not before: a credit is for room that is there until it is used.
        if let Some(Entry::Record(split)) = self.pending.front_mut() {
            split.credit.spend(mem::take(&mut self.spent));
        }
        for stream in self.touched.drain(..) {
            if let Some(tail) = self.streams.get(&stream) {
                tail.mark.publish(tail.last.number);
            }
        }
    }

    /// Gives the credits back and runs the completions.
    fn settle(&mut self) {
        self.credits.clear();
        // The memory is kept; if one panics, none is run twice.
        let mut completions = mem::take(&mut self.completions);
        completions.drain(..).for_each(|(then, outcome)| complete(then, outcome));
        self.completions = completions;
    }

    /// When to sync at the latest.
    fn sync_deadline(&self) -> Option<Instant> {
        match self.shared.options.durability {
            Durability::Interval(every) if self.synced + 1 < self.chain.next => self.last_sync.checked_add(every),
            _ => None,
        }
    }

    /// Goes on in a new segment. The old one is synced first, so only the newest ever holds what is not.
    fn rotate(&mut self) -> Result<(), String> {
        self.sync()?;
        let Some(prepared) = self.shared.pool.take() else {
            let reason = self.shared.poison.reason();
            return Err(reason.unwrap_or("no more segments are prepared").to_owned());
        };
        let header = Header {
            epoch: self.chain.epoch,
            first_batch: self.chain.next,
            log_id: self.chain.log_id,
            previous: self.chain.previous,
        };
        let (storage, dir) = (&*self.shared.storage, &self.shared.dir);
        let path = segment::activate(storage, dir, &*prepared.file, &prepared.path, &header)
            .map_err(|error| format!("cannot begin a segment in {}: {error}", prepared.path.display()))?;
        let usable = prepared.usable();
        let end = segment::HEADER_BYTES as u64;
        self.current = Current { file: prepared.file, path: path.clone(), end, size: prepared.size };
        let count = {
            let mut extent = self.shared.extent.lock();
            extent.segments.push(Segment { first_batch: self.chain.next, path });
            extent.end = end;
            extent.segments.len()
        };
        self.shared.counters.segments(count as u64);
        self.shared.change_space(|space| {
            space.prepared -= usable;
            space.current = self.current.size - end;
        });
        Ok(())
    }

    /// Syncs, and says so on disk by an empty batch: so even damage to the last records can be told from a torn end.
    fn finish(&mut self) -> Result<(), String> {
        self.sync()?;
        let fits = self.current.size.saturating_sub(self.current.end) >= HEADER_BYTES as u64;
        if self.closed || self.chain.next == 1 || !fits {
            return Ok(());
        }
        self.batch.clear();
        self.write_batch(CLOSING, 0)?;
        self.sync()?;
        self.publish();
        Ok(())
    }
}

enum Encoded {
    /// The whole record is in the batch.
    Finished,
    /// The stream is not the caller's.
    Refused,
    /// The rest of it has to wait for the next batch.
    Left(Append),
}

/// How much of the `left` bytes of a record goes into the batch now. `None` if it has to wait for the next batch or, if
/// the batch is empty, for the next segment.
///
/// A record is split where the segment ends, so that no more than [`MIN_PART_BYTES`] of a segment stay empty and the
/// room promised to credits is really there; and where it is longer than a part may be.
fn next_part(batch: &Builder, left: usize, batch_bytes: usize, current: &Current) -> Option<usize> {
    let segment_left = current.size.saturating_sub(current.end + CONTROL_BYTES);
    let segment_left = usize::try_from(segment_left).unwrap_or(usize::MAX);
    let room = batch.room(batch_bytes.min(segment_left))?;
    let longest = part_bytes(batch_bytes).min(room);
    if left <= longest {
        return Some(left);
    }
    let ends_segment = segment_left <= batch_bytes && room >= MIN_PART_BYTES;
    let fills_batch = batch.is_empty() && longest == part_bytes(batch_bytes);
    (ends_segment || fills_batch).then_some(longest)
}

const _: () = assert!(FRAME_BYTES + HEADER_BYTES < PART_OVERHEAD);
