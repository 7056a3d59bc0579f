//! What the operating system counts of this process, under the names that all exporters of Prometheus have for it.

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Figures of this process at one moment. What the system does not say is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessFigures {
    /// Processor time used, by all threads.
    pub cpu: Duration,
    /// Bytes of memory that are resident.
    pub resident_bytes: Option<u64>,
    /// Open files and sockets.
    pub open_files: Option<u64>,
    /// How many may be open.
    pub max_open_files: Option<u64>,
}

impl ProcessFigures {
    /// Asks the system.
    pub fn read() -> ProcessFigures {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        ProcessFigures {
            cpu: Duration::new(u64::try_from(cpu.tv_sec).unwrap_or(0), u32::try_from(cpu.tv_nsec).unwrap_or(0)),
            resident_bytes: resident_bytes(),
            open_files: open_files(),
            max_open_files: getrlimit(Resource::Nofile).current,
        }
    }
}

/// The second number in `statm` is the resident pages.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Counted without the one that looking takes.
fn open_files() -> Option<u64> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    entries.checked_sub(1)
}

/// Seconds since 1970 of a time.
pub fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_move_with_what_the_process_does() -> std::io::Result<()> {
        let before = ProcessFigures::read();
        let files: Vec<_> = (0..64).map(|_| std::fs::File::open("/dev/null")).collect::<Result<_, _>>()?;
        while ProcessFigures::read().cpu <= before.cpu {}
        let after = ProcessFigures::read();
        // Tests beside this one open and close files too.
        if let (Some(before), Some(after)) = (before.open_files, after.open_files) {
            assert!(after + 32 > before + files.len() as u64, "{before} and then {after}");
        }
        assert!(after.resident_bytes.is_none_or(|bytes| bytes > 1 << 20), "{after:?}");
        Ok(())
    }
}
