//! What the threads of a file log share.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::preparer::Pool;
use super::scan::Segment;
use super::segment;
use crate::credit::{NoRoom, Room};
use crate::mark::Marks;
use crate::options::Options;
use crate::queue::Queue;
use crate::status::{Counters, Poison};
use crate::storage::Storage;

pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) room: Arc<Room>,
    pub(crate) queue: Queue,
    pub(crate) pool: Pool,
    pub(crate) marks: Marks,
    pub(crate) counters: Counters,
    pub(crate) poison: Poison,
    pub(crate) extent: Mutex<Extent>,
    pub(crate) space: Mutex<Space>,
}

/// How far the log may be read.
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    pub(crate) segments: Vec<Segment>,
    /// Where the batches in the newest segment end that are durable.
    pub(crate) end: u64,
}

/// The room in segments, which two threads change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Space {
    /// Left in the current segment.
    pub(crate) current: u64,
    /// Usable in prepared segments.
    pub(crate) prepared: u64,
}

impl Shared {
    /// Changes the room in segments and tells those who wait for it.
    pub(crate) fn change_space(&self, change: impl FnOnce(&mut Space)) {
        let mut space = self.space.lock();
        change(&mut space);
        self.room.set_free(segment::usable(space.current) + space.prepared);
    }

    /// Removes the segments that hold only batches before this one, the oldest first. Says how many.
    pub(crate) fn remove_before(&self, batch: u64) -> io::Result<u64> {
        let mut removed = 0;
        loop {
            let path = match &self.extent.lock().segments[..] {
                [first, second, ..] if second.first_batch <= batch => first.path.clone(),
                _ => break,
            };
            match self.storage.remove(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            // One after the other, and each is forgotten only when it is gone: there must never be a gap.
            self.storage.sync_dir(&self.dir)?;
            self.extent.lock().segments.remove(0);
            removed += 1;
        }
        self.counters.segments(self.extent.lock().segments.len() as u64);
        Ok(removed)
    }

    /// Stops the log for good. The writer fails what is under way, and then tells.
    pub(crate) fn poison(&self, reason: String) {
        self.room.stop(NoRoom::Poisoned);
        if self.poison.set(reason) {
            tracing::error!(reason = self.poison.reason(), "the log has stopped");
        }
        self.pool.stop();
    }

    /// Calls who asked to be told; once, by the writer.
    pub(crate) fn tell_poisoned(&self) {
        if let (Some(tell), Some(reason)) = (&self.options.on_poisoned, self.poison.reason()) {
            let run = std::panic::AssertUnwindSafe(|| tell(reason));
            if std::panic::catch_unwind(run).is_err() {
                tracing::error!("the callback for a stopped log panicked");
            }
        }
    }
}
