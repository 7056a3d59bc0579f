//! Keeps segments ready, so that a full disk is noticed ahead of need and a new segment costs the writer little.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use parking_lot::{Condvar, Mutex};

use super::segment;
use super::shared::Shared;
use crate::error::OpenError;
use crate::queue::Entry;
use crate::storage::StorageFile;

/// How much is zeroed and synced at a time: little enough not to hold up the writer's own sync for long.
const ZERO_STEP_BYTES: u64 = 1024 * 1024;

/// A file that will be a segment. Its room on disk is allocated, and but for a header left from before it is zeros.
pub(crate) struct Prepared {
    pub(crate) file: Box<dyn StorageFile>,
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
}

impl Prepared {
    /// What it adds to the room for records.
    pub(crate) fn usable(&self) -> u64 {
        segment::usable(self.size - segment::HEADER_BYTES as u64)
    }
}

/// The prepared segments, between the preparer and the writer.
#[derive(Default)]
pub(crate) struct Pool {
    state: Mutex<State>,
    /// Wakes the preparer.
    needed: Condvar,
    /// Wakes the writer.
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Prepared>,
    /// Allocated, but not zeroed.
    raw: VecDeque<Prepared>,
    /// One is in the preparer's hands, being zeroed.
    zeroing: bool,
    /// The writer waits for a segment.
    urgent: bool,
    /// How many there should be, if more than the options say.
    wanted: usize,
    stopped: bool,
    serial: u64,
}

impl State {
    fn count(&self) -> usize {
        self.ready.len() + self.raw.len() + usize::from(self.zeroing)
    }
}

/// What the preparer does next.
enum Task {
    Allocate(u64),
    Zero(Prepared),
    Stop,
}

impl Pool {
    /// Takes a segment, waiting for one if need be. `None` when the pool has stopped.
    pub(crate) fn take(&self) -> Option<Prepared> {
        let mut state = self.state.lock();
        loop {
            if state.stopped {
                return None;
            }
            let taken = state.ready.pop_front();
            if let Some(prepared) = taken.or_else(|| state.raw.pop_front()) {
                state.urgent = false;
                self.needed.notify_one();
                return Some(prepared);
            }
            state.urgent = true;
            self.needed.notify_one();
            self.arrived.wait(&mut state);
        }
    }

    /// Asks for `more` segments than there are.
    pub(crate) fn ask(&self, more: usize) {
        let mut state = self.state.lock();
        state.wanted = state.wanted.max(state.count() + more);
        self.needed.notify_one();
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.needed.notify_one();
        self.arrived.notify_all();
    }

    fn put_raw(&self, prepared: Prepared) {
        self.state.lock().raw.push_back(prepared);
        self.arrived.notify_one();
    }

    fn put_zeroed(&self, prepared: Option<Prepared>) {
        let mut state = self.state.lock();
        state.zeroing = false;
        state.ready.extend(prepared);
        self.arrived.notify_one();
    }

    /// What to do now, if there is anything to do.
    fn task(state: &mut State, at_least: usize, zero_fill: bool) -> Option<Task> {
        if state.stopped {
            return Some(Task::Stop);
        }
        if state.count() < state.wanted.max(at_least) {
            state.serial += 1;
            return Some(Task::Allocate(state.serial));
        }
        state.wanted = 0;
        // Nothing is zeroed that is about to be used.
        if !zero_fill || state.urgent {
            return None;
        }
        let prepared = state.raw.pop_front()?;
        state.zeroing = true;
        Some(Task::Zero(prepared))
    }
}

/// Takes over the prepared files that an earlier run has left, and removes those that do not fit.
pub(crate) fn adopt(shared: &Shared) -> Result<(), OpenError> {
    let dir = &shared.dir;
    let names = shared.storage.list(dir).map_err(super::scan::io_error("list", dir))?;
    let mut serials: Vec<_> = names.iter().filter_map(|name| segment::prepared_serial(name)).collect();
    serials.sort_unstable();
    for serial in serials {
        let path = segment::prepared_path(dir, serial);
        let size = shared.options.segment_bytes;
        let full = shared.pool.state.lock().count() >= shared.options.ready_segments;
        let file = shared.storage.open(&path).map_err(super::scan::io_error("open", &path))?;
        let fits = file.size().map_err(super::scan::io_error("read", &path))? == size;
        // A number that leaves none after it is not from here.
        let sensible = serial > 0 && serial < u64::MAX / 2;
        if sensible {
            shared.pool.state.lock().serial = serial;
        }
        // Where a header was written, zeroing or the next header covers it.
        if sensible && fits && !full && file.allocate(size).is_ok() {
            add(shared, Prepared { file, path, size });
        } else {
            shared.storage.remove(&path).map_err(super::scan::io_error("remove", &path))?;
        }
    }
    Ok(())
}

/// Allocates what is missing, without zeroing, so that there is room from the start. A full disk is no error.
pub(crate) fn fill(shared: &Shared) {
    loop {
        let task = {
            let mut state = shared.pool.state.lock();
            Pool::task(&mut state, shared.options.ready_segments, false)
        };
        let Some(Task::Allocate(serial)) = task else {
            return;
        };
        if !allocate(shared, serial) {
            return;
        }
    }
}

/// The preparer's thread.
pub(crate) fn run(shared: &Shared) {
    let prepare = std::panic::AssertUnwindSafe(|| prepare_until_stopped(shared));
    if std::panic::catch_unwind(prepare).is_err() {
        stop_log(shared, "the preparer of segments panicked".to_owned());
    }
}

fn prepare_until_stopped(shared: &Shared) {
    let (pool, options) = (&shared.pool, &shared.options);
    let mut state = pool.state.lock();
    loop {
        match Pool::task(&mut state, options.ready_segments, options.zero_fill) {
            Some(Task::Stop) => return,
            Some(Task::Allocate(serial)) => {
                let done = parking_lot::MutexGuard::unlocked(&mut state, || allocate(shared, serial));
                if !done && !state.stopped {
                    pool.needed.wait_for(&mut state, options.retry_full);
                }
            }
            Some(Task::Zero(prepared)) => {
                parking_lot::MutexGuard::unlocked(&mut state, || zero(shared, prepared));
            }
            None => {
                pool.needed.wait(&mut state);
            }
        }
    }
}

fn add(shared: &Shared, prepared: Prepared) {
    let usable = prepared.usable();
    shared.pool.put_raw(prepared);
    shared.change_space(|space| space.prepared += usable);
}

/// Allocates one segment. False if the disk is full, or the log had to be stopped.
fn allocate(shared: &Shared, serial: u64) -> bool {
    let path = segment::prepared_path(&shared.dir, serial);
    let size = shared.options.segment_bytes;
    let made = shared.storage.create(&path).and_then(|file| file.allocate(size).map(|()| file));
    match made {
        Ok(file) => {
            add(shared, Prepared { file, path, size });
            if shared.room.set_disk_full(false) {
                tracing::info!("the disk has room again");
            }
            true
        }
        Err(error) => {
            failed(shared, &path, "allocate", &error);
            false
        }
    }
}

/// Fills a segment with zeros and syncs them, unless the writer is in need of it.
fn zero(shared: &Shared, prepared: Prepared) {
    let mut offset = 0;
    while offset < prepared.size {
        let state = shared.pool.state.lock();
        if state.urgent || state.stopped {
            break;
        }
        drop(state);
        let step = ZERO_STEP_BYTES.min(prepared.size - offset);
        if let Err(error) = prepared.file.zero(offset, step).and_then(|()| prepared.file.sync_data()) {
            // Its room is not counted any more before it is gone.
            let usable = prepared.usable();
            shared.change_space(|space| space.prepared -= usable);
            shared.pool.put_zeroed(None);
            failed(shared, &prepared.path, "zero", &error);
            return;
        }
        offset += step;
    }
    shared.pool.put_zeroed(Some(prepared));
}

/// A full disk passes; anything else stops the log.
fn failed(shared: &Shared, path: &std::path::Path, action: &str, error: &io::Error) {
    // What may be there takes room and is of no use.
    let _ = shared.storage.remove(path);
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        if shared.room.set_disk_full(true) {
            tracing::warn!(file = %path.display(), %error, "the disk is full, no segment can be prepared");
        }
    } else {
        stop_log(shared, format!("cannot {action} {}: {error}", path.display()));
    }
}

fn stop_log(shared: &Shared, reason: String) {
    shared.poison(reason);
    // The writer may sleep; it is the one to fail what is under way and to tell. If the queue is closed, it is awake.
    let _ = shared.queue.push(Entry::After(Box::new(|_| ())));
}
