//! What a log tells about itself.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Whether a log can be appended to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Ok,
    /// The next segment could not be allocated. Records are accepted while there is room in those at hand, the last of
    /// it for [`crate::Class::Essential`] ones. The allocation is retried, so this may pass.
    DiskFull,
    /// A write or sync failed, for the reason given. The log accepts nothing more until it is opened anew.
    Poisoned(String),
}

/// The health and the counters of a log; counters start at zero when it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether the log can be appended to.
    pub health: Health,
    /// Bytes of records reserved or queued that are not yet written.
    pub queued_bytes: u64,
    /// Bytes that can still be reserved on disk, the reserve for essential records included.
    pub free_bytes: u64,
    /// Bytes written to segments, headers and padding included.
    pub written_bytes: u64,
    /// Batches written.
    pub batches: u64,
    /// Records written.
    pub records: u64,
    /// Syncs of segments in use.
    pub syncs: u64,
    /// How long the last sync took.
    pub last_sync_nanos: u64,
    /// How long all syncs took together.
    pub total_sync_nanos: u64,
    /// Segment files of the log.
    pub segments: u64,
    /// The number of the last batch that was written. Batches are numbered through the life of a log.
    pub written_batch: u64,
    /// The number of the last batch that is known to be synced.
    pub synced_batch: u64,
}

/// The counters behind [`Status`]. Each stands alone, so nothing is ordered by them.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    written_bytes: AtomicU64,
    batches: AtomicU64,
    records: AtomicU64,
    syncs: AtomicU64,
    last_sync_nanos: AtomicU64,
    total_sync_nanos: AtomicU64,
    segments: AtomicU64,
    written_batch: AtomicU64,
    synced_batch: AtomicU64,
}

impl Counters {
    /// The log begins after this batch, which is synced.
    pub(crate) fn begin_after(&self, batch: u64) {
        self.written_batch.store(batch, Ordering::Relaxed);
        self.synced_batch.store(batch, Ordering::Relaxed);
    }

    /// The number of the last batch that was written.
    pub(crate) fn written_batch(&self) -> u64 {
        self.written_batch.load(Ordering::Relaxed)
    }

    /// The number of the last batch that is known to be synced.
    pub(crate) fn synced_batch(&self) -> u64 {
        self.synced_batch.load(Ordering::Relaxed)
    }

    /// Everything up to this batch is synced.
    pub(crate) fn synced_up_to(&self, batch: u64) {
        self.synced_batch.store(batch, Ordering::Relaxed);
    }

    /// Counts a batch and returns its number.
    pub(crate) fn wrote(&self, bytes: u64, records: u64) -> u64 {
        self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
        self.written_batch.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn synced(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.last_sync_nanos.store(nanos, Ordering::Relaxed);
        self.total_sync_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn segments(&self, count: u64) {
        self.segments.store(count, Ordering::Relaxed);
    }

    pub(crate) fn status(&self, health: Health, queued_bytes: u64, free_bytes: u64) -> Status {
        Status {
            health,
            queued_bytes,
            free_bytes,
            written_bytes: self.written_bytes.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            records: self.records.load(Ordering::Relaxed),
            syncs: self.syncs.load(Ordering::Relaxed),
            last_sync_nanos: self.last_sync_nanos.load(Ordering::Relaxed),
            total_sync_nanos: self.total_sync_nanos.load(Ordering::Relaxed),
            segments: self.segments.load(Ordering::Relaxed),
            written_batch: self.written_batch.load(Ordering::Relaxed),
            synced_batch: self.synced_batch.load(Ordering::Relaxed),
        }
    }
}

/// Why a log has stopped for good; set once.
#[derive(Debug, Default)]
pub(crate) struct Poison(OnceLock<String>);

impl Poison {
    /// True for the first reason only: one failure brings others, and the first one tells most.
    pub(crate) fn set(&self, reason: String) -> bool {
        self.0.set(reason).is_ok()
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}
