//! What the server counts about itself, for those who operate it. Counting takes relaxed atomics only: no lock, no
//! memory, no order. `http/metrics.rs` makes a page of it.

pub mod histogram;
pub mod messages;
pub mod page;
pub mod process;

use histogram::{Histogram, SIZES};
use messages::Messages;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

/// Everything that is counted where it happens.
#[derive(Debug)]
pub struct Metrics {
    /// When the server began.
    pub started: SystemTime,
    /// Messages, by their place in the dispatch table.
    pub messages: Messages,
    /// What the log's writer does.
    pub log: Arc<LogMetrics>,
    /// How the log was read back, once it was.
    pub replay: OnceLock<Replay>,
    /// Messages that found a mailbox full.
    pub mailbox_refusals: Arc<AtomicU64>,
    /// Connections that are open.
    pub connections: OpenCount,
    /// Websockets that are open.
    pub websockets: OpenCount,
}

impl Metrics {
    /// Nothing counted yet, for a table of so many types of messages.
    pub fn new(message_types: usize) -> Metrics {
        Metrics {
            started: SystemTime::now(),
            messages: Messages::new(message_types),
            log: Arc::default(),
            replay: OnceLock::new(),
            mailbox_refusals: Arc::default(),
            connections: OpenCount::default(),
            websockets: OpenCount::default(),
        }
    }
}

/// How the log was read back.
#[derive(Clone, Copy, Debug)]
pub struct Replay {
    /// How long opening and reading took.
    pub took: Duration,
    /// Records read.
    pub records: u64,
}

/// What the log's writer does.
#[derive(Debug)]
pub struct LogMetrics {
    /// Nanoseconds of each sync.
    pub sync_duration: Histogram,
    /// Records that each batch completed.
    pub batch_records: Histogram,
}

impl Default for LogMetrics {
    fn default() -> Self {
        LogMetrics { sync_duration: Histogram::of_durations(), batch_records: Histogram::new(SIZES) }
    }
}

impl wal::Observer for LogMetrics {
    fn wrote(&self, records: u64) {
        self.batch_records.record(records);
    }
    fn synced(&self, took: Duration) {
        self.sync_duration.record_duration(took);
    }
}

/// How many of something are open.
#[derive(Clone, Debug, Default)]
pub struct OpenCount(Arc<AtomicU64>);

impl OpenCount {
    /// Counts one, until what this gives is dropped.
    #[must_use]
    pub fn open(&self) -> Open {
        self.0.fetch_add(1, Ordering::Relaxed);
        Open(self.0.clone())
    }

    /// How many are open.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Something that is open.
#[derive(Debug)]
pub struct Open(Arc<AtomicU64>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
