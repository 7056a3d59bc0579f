//! A line on a terminal that says how far something long is.

use crate::cli::output::styles_on;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Nothing that is shorter is worth a line.
const QUIET: Duration = Duration::from_millis(500);
/// A line is written at most so often.
const EVERY: Duration = Duration::from_millis(100);
/// The clock is asked once in so many bytes.
const STEP_BYTES: u64 = 1024 * 1024;

/// The line; it goes when this is dropped.
pub struct Progress {
    what: &'static str,
    on: bool,
    begin: Instant,
    next: Duration,
    asked: u64,
    shown: bool,
}

impl Progress {
    /// Begins to count what is done of something. Nothing is ever shown where stderr is no terminal.
    pub fn start(what: &'static str) -> Progress {
        Progress { what, on: styles_on(&io::stderr()), begin: Instant::now(), next: QUIET, asked: 0, shown: false }
    }

    /// So many bytes of `total` are done.
    pub fn show(&mut self, done: u64, total: u64) {
        if !self.on || done < self.asked {
            return;
        }
        self.asked = done + STEP_BYTES;
        let elapsed = self.begin.elapsed();
        if elapsed < self.next {
            return;
        }
        self.next = elapsed + EVERY;
        self.shown = true;
        let percent = done.saturating_mul(100) / total.max(1);
        let mib = 1024 * 1024;
        // Nobody looks at a closed stderr.
        let _ = write!(io::stderr(), "\r{}: {percent} % of {} MiB ", self.what, total.div_ceil(mib));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}
