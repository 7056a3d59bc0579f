//! A line on a terminal that says how far a long read is.

use crate::cli::progress::Line;
use std::time::{Duration, Instant};

/// No read that is shorter is worth a line.
const QUIET: Duration = Duration::from_millis(500);
/// A line is written at most so often.
const EVERY: Duration = Duration::from_millis(100);
/// The clock is asked once in so many bytes.
const STEP_BYTES: u64 = 1024 * 1024;

/// The line; it goes when this is dropped.
pub struct Progress {
    line: Line,
    begin: Instant,
    next: Duration,
    asked: u64,
}

impl Progress {
    /// Begins to count. Nothing is ever shown where stderr is no terminal.
    pub fn start() -> Progress {
        Progress { line: Line::new(), begin: Instant::now(), next: QUIET, asked: 0 }
    }

    /// So many bytes of `total` are done of this.
    pub fn show(&mut self, what: &str, done: u64, total: u64) {
        // Another file begins anew.
        if !self.line.is_on() || (done < self.asked && done + STEP_BYTES >= self.asked) {
            return;
        }
        self.asked = done + STEP_BYTES;
        let elapsed = self.begin.elapsed();
        if elapsed < self.next {
            return;
        }
        self.next = elapsed + EVERY;
        let percent = done.saturating_mul(100) / total.max(1);
        let mib = 1024 * 1024;
        self.line.show(&format!("{what}: {percent} % of {} MiB ", total.div_ceil(mib)));
    }
}
