//! How far a load is, for whoever watches.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What is being done, and how far it is. Threads share it.
#[derive(Default)]
pub struct Pulse {
    phase: Mutex<Option<Phase>>,
    steps: AtomicU64,
}

/// What is being done.
#[derive(Clone, Debug)]
pub struct Phase {
    /// In a few words.
    pub what: String,
    /// When it began.
    pub begun: Instant,
    /// How long it lasts.
    pub length: Length,
}

/// When a phase is over.
#[derive(Clone, Copy, Debug)]
pub enum Length {
    /// After so long.
    Time(Duration),
    /// After so many steps.
    Steps(u64),
}

impl Pulse {
    /// Something else is done from now on.
    pub fn begin(&self, what: &str, length: Length) {
        let mut phase = self.phase.lock();
        self.steps.store(0, Ordering::Relaxed);
        *phase = Some(Phase { what: what.to_owned(), begun: Instant::now(), length });
    }

    /// One more step was done.
    pub fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// What is being done, how much of it (from 0 to 1), and in how many steps.
    pub fn look(&self) -> Option<(Phase, f64, u64)> {
        let phase = self.phase.lock().clone()?;
        let steps = self.steps.load(Ordering::Relaxed);
        let part = match phase.length {
            Length::Time(all) => phase.begun.elapsed().as_secs_f64() / all.as_secs_f64().max(1e-9),
            Length::Steps(all) => steps as f64 / all.max(1) as f64,
        };
        Some((phase, part.min(1.0), steps))
    }
}
