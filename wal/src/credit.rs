//! Credits: the permission to append, taken before anything is decided.

use std::fmt;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::options::ESSENTIAL_QUEUE_SHARE;

/// What a record is for, where room is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// It may be refused.
    Ordinary,
    /// It helps to free resources, so it may dig into what is kept in reserve.
    Essential,
}

/// Why there is no room for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoRoom {
    /// The disk is full.
    #[error("no room in the log: the disk is full")]
    DiskFull,
    /// Too much is queued, or the next segment is not ready yet.
    #[error("no room in the log: too much is queued")]
    Busy,
    /// A write or sync failed; the log has stopped for good.
    #[error("the log has stopped after a failed write")]
    Poisoned,
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
    /// The record is larger than the whole queue.
    #[error("a record of {bytes} bytes is too large for the log: at most {limit} are taken")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The largest size for its class.
        limit: u64,
    },
}

/// The permission to append one record of at most [`Credit::bytes`]. What is not used comes back when it is dropped.
#[must_use = "dropping a credit gives its room back"]
pub struct Credit {
    room: Arc<Room>,
    bytes: u64,
    disk: u64,
}

impl Credit {
    /// The largest record that it permits.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds another credit of the same log, for one record in place of two.
    pub fn absorb(&mut self, mut other: Credit) {
        debug_assert!(Arc::ptr_eq(&self.room, &other.room), "credits of two logs");
        self.bytes += std::mem::take(&mut other.bytes);
        self.disk += std::mem::take(&mut other.disk);
    }

    /// Makes it permit exactly `bytes`, room or not. What a shorter record leaves comes back at once, not when the
    /// record is written: many short records behind a slow sync must not use up the room of long ones. A record that is
    /// too long for its credit is the caller's mistake, but what was applied must be appended.
    pub(crate) fn fit(&mut self, bytes: u64) {
        let disk = self.room.charge(bytes);
        let mut state = self.room.state.lock();
        state.queued = (state.queued + bytes).saturating_sub(self.bytes);
        state.owed = (state.owed + disk).saturating_sub(self.disk);
        (self.bytes, self.disk) = (bytes, disk);
        self.room.wake(state);
    }

    /// Part of what it permits is on disk.
    pub(crate) fn spend(&mut self, disk: u64) {
        let spent = disk.min(self.disk);
        self.disk -= spent;
        self.room.state.lock().owed -= spent;
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        if self.bytes == 0 && self.disk == 0 {
            return;
        }
        let mut state = self.room.state.lock();
        state.queued -= self.bytes;
        state.owed -= self.disk;
        self.room.wake(state);
    }
}

impl fmt::Debug for Credit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credit").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// The bounds of a [`Room`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most that may be queued.
    pub(crate) queue: u64,
    /// The room on disk that ordinary records leave alone.
    pub(crate) reserve: u64,
    /// The longest part of a record.
    pub(crate) part: u64,
    /// What a part may cost on disk on top of its bytes.
    pub(crate) part_overhead: u64,
}

/// The room in the queue and on disk. One short lock guards both, so that a record gets both or neither.
pub(crate) struct Room {
    bounds: Bounds,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes of records reserved or queued.
    queued: u64,
    /// What the outstanding credits may take on disk.
    owed: u64,
    /// What the segments at hand can take.
    free: u64,
    disk_full: bool,
    stopped: Option<NoRoom>,
    waiting: usize,
}

impl Room {
    pub(crate) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Room { bounds, state: Mutex::default(), changed: Condvar::new() })
    }

    /// The most that a record of `bytes` takes on disk.
    fn charge(&self, bytes: u64) -> u64 {
        bytes + bytes.div_ceil(self.bounds.part).max(1) * self.bounds.part_overhead
    }

    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize, class: Class) -> Result<Credit, NoRoom> {
        let bytes = bytes as u64;
        let disk = self.charge(bytes);
        let mut state = self.state.lock();
        self.check(&state, bytes, class)?;
        state.queued += bytes;
        state.owed += disk;
        drop(state);
        Ok(Credit { room: Arc::clone(self), bytes, disk })
    }

    fn check(&self, state: &State, bytes: u64, class: Class) -> Result<(), NoRoom> {
        if let Some(why) = state.stopped {
            return Err(why);
        }
        let (limit, reserve) = match class {
            Class::Ordinary => (self.bounds.queue - self.bounds.queue / ESSENTIAL_QUEUE_SHARE, self.bounds.reserve),
            Class::Essential => (self.bounds.queue, 0),
        };
        if bytes > limit {
            return Err(NoRoom::TooLarge { bytes, limit });
        }
        if state.owed + self.charge(bytes) + reserve > state.free {
            return Err(if state.disk_full { NoRoom::DiskFull } else { NoRoom::Busy });
        }
        if state.queued + bytes > limit { Err(NoRoom::Busy) } else { Ok(()) }
    }

    /// Waits until an ordinary record of `bytes` would be let in. `ask` is told how much room on disk is missing,
    /// whenever that may have changed.
    pub(crate) fn wait_for(&self, bytes: usize, ask: impl Fn(u64)) -> Result<(), NoRoom> {
        let bytes = bytes as u64;
        let mut state = self.state.lock();
        loop {
            match self.check(&state, bytes, Class::Ordinary) {
                Err(NoRoom::Busy) => {}
                decided => return decided,
            }
            let missing = (state.owed + self.charge(bytes) + self.bounds.reserve).saturating_sub(state.free);
            if missing > 0 {
                parking_lot::MutexGuard::unlocked(&mut state, || ask(missing));
                // The answer may have come while the lock was open, before there was anyone to wake.
                if self.check(&state, bytes, Class::Ordinary) != Err(NoRoom::Busy) {
                    continue;
                }
            }
            state.waiting += 1;
            self.changed.wait(&mut state);
            state.waiting -= 1;
        }
    }

    /// How much room on disk an ordinary record of `bytes` lacks.
    pub(crate) fn missing(&self, bytes: usize) -> u64 {
        let state = self.state.lock();
        (state.owed + self.charge(bytes as u64) + self.bounds.reserve).saturating_sub(state.free)
    }

    pub(crate) fn set_free(&self, free: u64) {
        let mut state = self.state.lock();
        state.free = free;
        self.wake(state);
    }

    /// Returns whether that is news.
    pub(crate) fn set_disk_full(&self, full: bool) -> bool {
        let mut state = self.state.lock();
        let news = state.disk_full != full;
        state.disk_full = full;
        self.wake(state);
        news
    }

    /// Refuses everything from now on; the first reason stands.
    pub(crate) fn stop(&self, why: NoRoom) {
        let mut state = self.state.lock();
        state.stopped.get_or_insert(why);
        self.wake(state);
    }

    pub(crate) fn is_disk_full(&self) -> bool {
        self.state.lock().disk_full
    }

    pub(crate) fn queued_bytes(&self) -> u64 {
        self.state.lock().queued
    }

    pub(crate) fn free_bytes(&self) -> u64 {
        let state = self.state.lock();
        state.free.saturating_sub(state.owed)
    }

    fn wake(&self, state: parking_lot::MutexGuard<'_, State>) {
        let waiting = state.waiting > 0;
        drop(state);
        if waiting {
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(free: u64) -> Arc<Room> {
        let room = Room::new(Bounds { queue: 1600, reserve: 200, part: 100, part_overhead: 10 });
        room.set_free(free);
        room
    }

    #[test]
    fn a_dropped_credit_gives_everything_back() {
        let room = room(10_000);
        let credit = room.reserve(250, Class::Ordinary).expect("room");
        assert_eq!((credit.bytes(), room.queued_bytes(), room.free_bytes()), (250, 250, 10_000 - 280));
        drop(credit);
        assert_eq!((room.queued_bytes(), room.free_bytes()), (0, 10_000));
    }

    #[test]
    fn ordinary_records_leave_the_reserve_alone() {
        let room = room(400);
        let first = room.reserve(100, Class::Ordinary).expect("room");
        assert_eq!(room.reserve(100, Class::Ordinary).err(), Some(NoRoom::Busy));
        room.set_disk_full(true);
        assert_eq!(room.reserve(100, Class::Ordinary).err(), Some(NoRoom::DiskFull));
        let second = room.reserve(250, Class::Essential).expect("the reserve");
        assert_eq!(room.reserve(10, Class::Essential).err(), Some(NoRoom::DiskFull));
        drop((first, second));
        assert!(room.reserve(100, Class::Ordinary).is_ok());
    }

    #[test]
    fn the_queue_is_bounded_and_keeps_a_share_for_essential_records() {
        let room = room(100_000);
        let held = room.reserve(1500, Class::Ordinary).expect("room");
        assert_eq!(room.reserve(1, Class::Ordinary).err(), Some(NoRoom::Busy));
        let more = room.reserve(100, Class::Essential).expect("the share");
        assert_eq!(room.reserve(1, Class::Essential).err(), Some(NoRoom::Busy));
        assert_eq!(room.reserve(1501, Class::Ordinary).err(), Some(NoRoom::TooLarge { bytes: 1501, limit: 1500 }));
        drop((held, more));
    }

    #[test]
    fn credits_can_be_joined_spent_and_forced() {
        let room = room(10_000);
        let mut credit = room.reserve(10, Class::Ordinary).expect("room");
        credit.absorb(room.reserve(20, Class::Ordinary).expect("room"));
        assert_eq!((credit.bytes(), room.free_bytes()), (30, 10_000 - 50));
        credit.fit(300);
        assert_eq!((room.queued_bytes(), room.free_bytes()), (300, 10_000 - 330));
        credit.spend(110);
        assert_eq!(room.free_bytes(), 10_000 - 220);
        drop(credit);
        assert_eq!((room.queued_bytes(), room.free_bytes()), (0, 10_000));
    }

    #[test]
    fn waiting_ends_when_room_comes_or_can_not_come() {
        let room = room(0);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| room.wait_for(100, |missing| assert_eq!(missing, 310)));
            room.set_free(310);
            assert_eq!(waiter.join().expect("no panic"), Ok(()));
        });
        room.set_free(0);
        room.set_disk_full(true);
        assert_eq!(room.wait_for(100, |_| ()), Err(NoRoom::DiskFull));
        room.stop(NoRoom::Closed);
        room.stop(NoRoom::Poisoned);
        assert_eq!(room.wait_for(100, |_| ()), Err(NoRoom::Closed));
    }

    #[test]
    fn what_a_short_record_leaves_comes_back_at_once() {
        let room = room(100_000);
        let mut credits = Vec::new();
        for _ in 0..50 {
            let mut credit = room.reserve(400, Class::Ordinary).expect("room");
            credit.fit(10);
            credits.push(credit);
        }
        assert_eq!(room.queued_bytes(), 500);
        drop(credits);
        assert_eq!(room.queued_bytes(), 0);
    }
}
