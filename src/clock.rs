//! The clocks of the process: the only place that reads them for turns.

use crate::time::{Nanos, micros};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The wall clock, and one that never leaps.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    begin: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Clock { begin: Instant::now() }
    }
}

impl Clock {
    /// Nanoseconds since the Unix epoch; the epoch itself where the wall clock is before it.
    pub fn wall(&self) -> Nanos {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Nanos::try_from(since.as_nanos()).unwrap_or(Nanos::MAX)
    }

    /// Microseconds since the process began.
    pub fn monotonic(&self) -> u64 {
        micros(self.begin.elapsed())
    }
}
