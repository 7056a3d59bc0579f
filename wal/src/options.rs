//! The settings of a [`crate::FileLog`] and their limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::log::Durability;

const MIB: u64 = 1024 * 1024;

/// No segment is smaller: headers and slack would eat it.
pub(crate) const MIN_SEGMENT_BYTES: u64 = 64 * 1024;

/// A record longer than this is split, so that a batch and the memory to read it back stay bounded.
pub(crate) const MAX_PART_BYTES: usize = 8 * 1024 * 1024;

/// The share of the queue that only essential records may use: one part in so many.
pub(crate) const ESSENTIAL_QUEUE_SHARE: u64 = 16;

/// Told the reason when the log stops for good: once, on the thread that runs the completions, after those of the failed
/// batch and of everything queued behind have been told that they failed. It may close the log.
pub type OnPoisoned = Arc<dyn Fn(&str) + Send + Sync>;

/// Told what the writer of a log does, on its thread: it must return at once.
pub trait Observer: Send + Sync {
    /// A batch was written that completes so many records.
    fn wrote(&self, records: u64);
    /// What was written was synced, which took so long.
    fn synced(&self, took: Duration);
}

/// How a [`crate::FileLog`] works. Every default is stated; none needs changing.
#[derive(Clone)]
pub struct Options {
    /// When a record counts as durable. Default: [`Durability::Always`].
    pub durability: Durability,
    /// The size of a segment. Default: 32 MiB. At least 64 KiB. May differ from one opening to the next.
    pub segment_bytes: u64,
    /// The size of the very first segment of a new log, which is filled with zeros before opening returns and is small
    /// for that. Default: 4 MiB. At least 64 KiB.
    pub first_segment_bytes: u64,
    /// How many segments are kept allocated ahead. Default: 2. At least 1.
    pub ready_segments: usize,
    /// Whether segments are filled with zeros in the background before they are used. It doubles what is written, and
    /// saves each sync the work of turning an allocated block into a written one. Default: true.
    pub zero_fill: bool,
    /// The most that is written and synced in one go, a single part of a record aside. Default: 16 MiB.
    pub batch_bytes: usize,
    /// The most that may be queued; also the largest record. Default: 64 MiB. A sixteenth is kept for essential records.
    pub queue_bytes: u64,
    /// The room on disk that only essential records may use. Default: 4 MiB.
    pub reserve_bytes: u64,
    /// How often a full disk is tried again. Default: 1 s.
    pub retry_full: Duration,
    /// Begins a new epoch although nothing was cut. For a log that was restored from a back-up: what came after the
    /// back-up was seen, and its positions must not be given again. Default: false.
    pub new_epoch: bool,
    /// Told when the log stops for good. Default: none.
    pub on_poisoned: Option<OnPoisoned>,
    /// Told of batches and syncs. Default: none.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            durability: Durability::Always,
            segment_bytes: 32 * MIB,
            first_segment_bytes: 4 * MIB,
            ready_segments: 2,
            zero_fill: true,
            batch_bytes: 16 * MIB as usize,
            queue_bytes: 64 * MIB,
            reserve_bytes: 4 * MIB,
            retry_full: Duration::from_secs(1),
            new_epoch: false,
            on_poisoned: None,
            observer: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("durability", &self.durability)
            .field("segment_bytes", &self.segment_bytes)
            .field("first_segment_bytes", &self.first_segment_bytes)
            .field("ready_segments", &self.ready_segments)
            .field("zero_fill", &self.zero_fill)
            .field("batch_bytes", &self.batch_bytes)
            .field("queue_bytes", &self.queue_bytes)
            .field("reserve_bytes", &self.reserve_bytes)
            .field("retry_full", &self.retry_full)
            .field("new_epoch", &self.new_epoch)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// What is wrong with them, if anything.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.segment_bytes < MIN_SEGMENT_BYTES || self.first_segment_bytes < MIN_SEGMENT_BYTES {
            return Err("a segment must have at least 64 KiB");
        }
        if !self.segment_bytes.is_multiple_of(8) || !self.first_segment_bytes.is_multiple_of(8) {
            return Err("the size of a segment must be a multiple of 8 bytes");
        }
        if self.ready_segments == 0 {
            return Err("at least one segment must be kept ready");
        }
        if self.batch_bytes < MIN_SEGMENT_BYTES as usize || self.batch_bytes > 1024 * MIB as usize {
            return Err("a batch must have from 64 KiB to 1 GiB");
        }
        if self.queue_bytes < MIN_SEGMENT_BYTES {
            return Err("the queue must have at least 64 KiB");
        }
        Ok(())
    }
}
