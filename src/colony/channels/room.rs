//! The memory that the entries of all channels of the server may take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What all colonies share: how many bytes may be taken, and how many are.
#[derive(Clone, Debug)]
pub struct Room {
    taken: Arc<AtomicUsize>,
    limit: usize,
}

impl Room {
    /// Room for so many bytes.
    pub fn new(limit: usize) -> Room {
        Room { taken: Arc::default(), limit }
    }

    /// Takes some; `None` where not so much is left.
    pub fn take(&self, bytes: usize) -> Option<Taken> {
        let fits = |taken: usize| taken.checked_add(bytes).filter(|&sum| sum <= self.limit);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Taken { of: self.taken.clone(), bytes })
    }

    /// How much is taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

/// Bytes that were taken; dropping it gives them back.
#[derive(Debug)]
pub struct Taken {
    of: Arc<AtomicUsize>,
    /// How many.
    pub bytes: usize,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
