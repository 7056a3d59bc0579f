//! What the server counts about itself, for those who operate it. Counting takes relaxed atomics only: no lock, no
//! memory, no order. `http/metrics.rs` makes a page of it.

pub mod connections;
pub mod histogram;
pub mod messages;
pub mod page;
pub mod process;

use crate::time::micros;
use connections::ConnectionMetrics;
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
    /// Checkpoints of the log.
    pub checkpoints: Arc<CheckpointMetrics>,
    /// Messages that found a mailbox full.
    pub mailbox_refusals: Arc<AtomicU64>,
    /// Connections that are open.
    pub connections: OpenCount,
    /// Connections that the server ended by itself.
    pub cut: Arc<ConnectionMetrics>,
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
            checkpoints: Arc::default(),
            mailbox_refusals: Arc::default(),
            connections: OpenCount::default(),
            cut: Arc::default(),
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

/// Checkpoints since the start.
#[derive(Debug, Default)]
pub struct CheckpointMetrics {
    made: AtomicU64,
    failed: AtomicU64,
    /// Milliseconds since the Unix epoch; 0 before the first.
    last: AtomicU64,
    bytes: AtomicU64,
    micros: AtomicU64,
}

/// What is known of checkpoints.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointFigures {
    /// How many were made.
    pub made: u64,
    /// How many could not be made.
    pub failed: u64,
    /// When the last one was made: seconds since the Unix epoch; 0 before the first.
    pub last: f64,
    /// Its bytes.
    pub bytes: u64,
    /// How long it took, in seconds.
    pub took: f64,
}

impl CheckpointMetrics {
    /// One was made just now.
    pub fn made(&self, took: Duration, bytes: u64) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        self.last.store(u64::try_from(now.as_millis()).unwrap_or_default(), Ordering::Relaxed);
        self.micros.store(micros(took), Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// One could not be made.
    pub fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The figures now.
    pub fn figures(&self) -> CheckpointFigures {
        CheckpointFigures {
            made: self.made.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            last: self.last.load(Ordering::Relaxed) as f64 / 1e3,
            bytes: self.bytes.load(Ordering::Relaxed),
            took: self.micros.load(Ordering::Relaxed) as f64 / 1e6,
        }
    }
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
