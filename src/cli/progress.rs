//! A line on a terminal that is written over and over, and gone afterwards.

use super::output::styles_on;
use std::io::{self, Write};

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
