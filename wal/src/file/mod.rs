//! A log in a directory.

mod assemble;
pub(crate) mod batch;
mod chain;
mod copy;
mod cut;
mod inspect;
mod offline;
mod preparer;
mod recover;
mod replay;
pub(crate) mod scan;
pub(crate) mod segment;
pub(crate) mod shared;
pub(crate) mod window;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};

use parking_lot::Mutex;

use self::preparer::Pool;
use self::recover::Opened;
use self::scan::io_error;
use self::shared::{Extent, Shared, Space};
use self::writer::Writer;
use crate::checkpoint::{Checkpoint, CheckpointError, Round, Store};
use crate::credit::{Bounds, Class, Credit, NoRoom, Room};
use crate::error::{OpenError, ReadError};
use crate::log::{Append, Log, OnDurable, Visit};
use crate::mark::{DurableMark, Marks};
use crate::options::Options;
use crate::position::{Position, StreamId};
use crate::queue::{Entry, Queue};
use crate::status::{Counters, Health, Poison, Status};
use crate::storage::{Storage, StorageLock};

pub use self::copy::{Copied, copy};
pub use self::cut::{Cut, CutError, CutPlan, Lost};
pub use self::inspect::{
    CheckpointSummary, End, Files, Inspection, Progress, SegmentState, SegmentSummary, StreamSummary, Torn,
};
pub use self::offline::Offline;
pub use self::recover::{Recovered, TornTail};

const LOCK_FILE: &str = "lock";

/// A log in a directory of its own, which no other process may open meanwhile.
pub struct FileLog {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// The thread that runs completions and so cannot wait for the log to end.
    writer_id: ThreadId,
    epoch: u32,
    checkpoints: Arc<Store>,
}

impl FileLog {
    /// Opens the log in `dir`, or makes one. All of it is read and checked.
    ///
    /// # Errors
    ///
    /// [`OpenError`], above all if something durable is damaged; then nothing was changed.
    pub fn open(
        dir: impl Into<PathBuf>,
        options: Options,
        storage: Arc<dyn Storage>,
    ) -> Result<(FileLog, Recovered), OpenError> {
        let dir = dir.into();
        options.check().map_err(OpenError::BadOptions)?;
        storage.create_dir(&dir).map_err(io_error("create", &dir))?;
        let lock = lock(&*storage, &dir)?;
        let Opened { chain, segments, current, closed, recovered, checkpoints, next_round } =
            recover::recover(&storage, &dir, &options)?;
        let checkpoints = Arc::new(Store::new(chain.log_id, chain.epoch, checkpoints, next_round));
        let shared = Arc::new(Shared {
            room: Room::new(Bounds {
                queue: options.queue_bytes,
                reserve: options.reserve_bytes,
                part: writer::part_bytes(options.batch_bytes) as u64,
                part_overhead: batch::PART_OVERHEAD as u64,
            }),
            queue: Queue::default(),
            pool: Pool::default(),
            marks: Marks::new(chain.epoch, recovered.streams.iter().copied()),
            counters: Counters::default(),
            poison: Poison::default(),
            extent: Mutex::new(Extent { segments, end: current.end }),
            space: Mutex::new(Space::default()),
            dir,
            options,
            storage,
        });
        shared.change_space(|space| space.current = current.size.saturating_sub(current.end));
        shared.counters.segments(shared.extent.lock().segments.len() as u64);
        preparer::adopt(&shared)?;
        preparer::fill(&shared);
        let epoch = chain.epoch;
        shared.counters.begin_after(chain.next - 1);
        let writer = Writer::new(Arc::clone(&shared), chain, current, &recovered.streams, closed);
        let writer = start(&shared, writer, lock).map_err(io_error("start a thread for", &shared.dir))?;
        tracing::info!(
            dir = %shared.dir.display(), epoch, clean = recovered.clean, segments = recovered.segments,
            batches = recovered.batches, records = recovered.records, streams = recovered.streams.len(),
            "the log is open"
        );
        let writer_id = writer.thread().id();
        Ok((FileLog { shared, writer: Mutex::new(Some(writer)), writer_id, epoch, checkpoints }, recovered))
    }

    /// The epoch of everything that is appended to the open log.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Begins a checkpoint: to be in it, what a stream amounts to must be taken after this call, at any of its positions
    /// from then on.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`].
    pub fn begin_checkpoint(&self) -> Result<Round, CheckpointError> {
        Round::begin(&self.shared, &self.checkpoints)
    }

    /// The newest checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let newest = self.checkpoints.newest()?;
        Some(Checkpoint::new(Arc::clone(&self.shared.storage), &self.shared.dir, newest))
    }

    /// Bytes of the newest checkpoint; 0 without one.
    #[must_use]
    pub fn checkpoint_bytes(&self) -> u64 {
        self.checkpoints.bytes()
    }

    /// How many segments of the usual size `missing` bytes are.
    fn segments_for(&self, missing: u64) -> usize {
        let usable = segment::usable(self.shared.options.segment_bytes - segment::HEADER_BYTES as u64);
        usize::try_from(missing.div_ceil(usable)).unwrap_or(usize::MAX)
    }
}

fn lock(storage: &dyn Storage, dir: &Path) -> Result<Box<dyn StorageLock>, OpenError> {
    let path = dir.join(LOCK_FILE);
    storage.lock(&path).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenError::Locked { dir: dir.to_path_buf(), holder: error.to_string() },
        _ => io_error("lock", &path)(error),
    })
}

/// Starts the threads. The writer ends last and then gives the lock back.
fn start(shared: &Arc<Shared>, writer: Writer, lock: Box<dyn StorageLock>) -> io::Result<JoinHandle<()>> {
    let for_preparer = Arc::clone(shared);
    let preparer = thread::Builder::new().name("wal-prepare".to_owned()).spawn(move || preparer::run(&for_preparer))?;
    let for_writer = Arc::clone(shared);
    let started = thread::Builder::new().name("wal-write".to_owned()).spawn(move || {
        writer.run();
        for_writer.pool.stop();
        // Its panics are contained, so this only waits.
        let _ = preparer.join();
        drop(lock);
    });
    if started.is_err() {
        shared.pool.stop();
    }
    started
}

impl Log for FileLog {
    fn reserve(&self, bytes: usize, class: Class) -> Result<Credit, NoRoom> {
        let reserved = self.shared.room.reserve(bytes, class);
        if matches!(reserved, Err(NoRoom::Busy)) {
            let missing = self.shared.room.missing(bytes);
            if missing > 0 {
                self.shared.pool.ask(self.segments_for(missing));
            }
        }
        reserved
    }

    fn make_room(&self, bytes: usize) -> Result<(), NoRoom> {
        self.shared.room.wait_for(bytes, |missing| self.shared.pool.ask(self.segments_for(missing)))
    }

    fn append(&self, mut append: Append) -> Position {
        let position = append.expected.next_in(self.epoch);
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
        let extent = self.shared.extent.lock().clone();
        replay::replay(&*self.shared.storage, &extent, stream, from, visit)
    }

    fn status(&self) -> Status {
        let room = &self.shared.room;
        let health = match self.shared.poison.reason() {
            Some(reason) => Health::Poisoned(reason.to_owned()),
            None if room.is_disk_full() => Health::DiskFull,
            None => Health::Ok,
        };
        self.shared.counters.status(health, room.queued_bytes(), room.free_bytes())
    }

    fn close(&self) {
        self.shared.room.stop(NoRoom::Closed);
        self.shared.queue.close();
        if self.writer_id == thread::current().id() {
            return;
        }
        // Held while joining, so that everyone who closes returns only when it is done.
        if let Some(writer) = self.writer.lock().take()
            && writer.join().is_err()
        {
            tracing::error!("the thread that writes the log panicked");
        }
    }
}

impl Drop for FileLog {
    fn drop(&mut self) {
        self.close();
    }
}

/// What [`verify`] found in a log that is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The epoch of the last batch.
    pub epoch: u32,
    /// Whether the log was closed in order.
    pub clean: bool,
    /// Where a torn end begins and how long it is; it would be cut at opening.
    pub torn: Option<(PathBuf, u64, u64)>,
    /// The last position of each stream, by stream.
    pub streams: Vec<(StreamId, Position)>,
    /// Segments read.
    pub segments: u64,
    /// Batches read.
    pub batches: u64,
    /// Records read.
    pub records: u64,
}

/// Reads and checks the log in `dir`, as opening it does, but changes nothing. The log must not be open: it is not
/// locked, so that a directory may be checked that cannot be written. `None` if there is no log.
///
/// # Errors
///
/// [`OpenError`], as from [`FileLog::open`].
pub fn verify(dir: &Path, storage: &dyn Storage) -> Result<Option<Verified>, OpenError> {
    let Some(scan) = scan::scan(storage, dir)? else {
        return Ok(None);
    };
    let newest = scan.segments.last().map(|segment| segment.path.clone()).unwrap_or_default();
    let mut streams: Vec<_> = scan.assembler.tails().iter().map(|(stream, last)| (*stream, *last)).collect();
    streams.sort_unstable();
    Ok(Some(Verified {
        epoch: scan.chain.epoch,
        clean: scan.closed() && scan.torn.is_none(),
        torn: scan.torn.map(|(end, _)| (newest, scan.end, end - scan.end)),
        streams,
        segments: scan.segments.len() as u64,
        batches: scan.batches,
        records: scan.records,
    }))
}
