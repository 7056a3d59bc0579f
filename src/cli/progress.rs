//! A line on a terminal that is written over and over, and gone afterwards.

use super::output::styles_on;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Nothing that is shorter is worth a line about how far it is.
const QUIET: Duration = Duration::from_millis(500);
/// Such a line is written at most so often.
const EVERY: Duration = Duration::from_millis(100);
/// The clock is asked once in so many bytes.
const STEP_BYTES: u64 = 1024 * 1024;

/// The line; it goes when this is dropped. Nothing is ever shown where stderr is no terminal.
pub struct Line {
    on: bool,
    shown: bool,
}

impl Line {
    /// A line that shows nothing yet.
    pub fn new() -> Line {
        Line { on: styles_on(&io::stderr()), shown: false }
    }

    /// Whether anybody would see it.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Shows this in place of what it showed before.
    pub fn show(&mut self, text: &str) {
        if self.on {
            self.shown = true;
            // Nobody looks at a closed stderr.
            let _ = write!(io::stderr(), "\r{text}\u{1b}[K");
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

/// A line that says how far something long is.
pub struct Progress {
    line: Line,
    begin: Instant,
    next: Duration,
    asked: u64,
}

impl Progress {
    /// Begins to count.
    pub fn start() -> Progress {
        Progress { line: Line::new(), begin: Instant::now(), next: QUIET, asked: 0 }
    }

    /// So many bytes of `total` are done of this.
    pub fn show(&mut self, what: &str, done: u64, total: u64) {
        // Something else begins anew.
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
