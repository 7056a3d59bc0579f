//! Processor time.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// What this thread has used of the processors.
pub fn of_thread() -> Duration {
    time(ClockId::ThreadCPUTime)
}

/// What this process has used, all its threads together.
pub fn of_process() -> Duration {
    time(ClockId::ProcessCPUTime)
}

fn time(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
