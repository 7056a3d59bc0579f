//! The hand-over of an assignment: held while its record is being synced, then sent or revoked, once.
//!
//! Three threads meet here: the colony's turn gives and takes back, the log's writer delivers, the http worker sends or
//! finds its client gone. One atomic word decides who was first. It holds a phase and a generation; the generation
//! grows each time the poll is parked again, so that what was delivered for an earlier assignment is known to be stale.

use super::message::Answered;
use super::waiters::Arrival;
use crate::ids::ProcessId;
use crate::refusal::Refusal;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a poll is told, and for which generation.
pub type Delivery = (Generation, Result<Answered, Refusal>);

/// How often a poll was parked again.
pub type Generation = u64;

const PARKED: u64 = 0;
const HELD: u64 = 1;
const SENT: u64 = 2;
const OVER: u64 = 3;

/// One long poll, from its request to its answer.
pub struct PollSlot {
    word: AtomicU64,
    deliver: Box<dyn Fn(Delivery) + Send + Sync>,
    /// Written and read by the colony's turn alone.
    place: Mutex<Place>,
}

/// Where the colony's turn finds this poll again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Its place among the waiters.
    pub arrival: Option<Arrival>,
    /// The process that is held for it.
    pub process: Option<ProcessId>,
}

/// What a poll was when its client was found gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It waited: nothing was given to it.
    Waiting,
    /// An assignment was held for it: the colony must give the process back its place.
    Holding,
    /// It had been answered.
    Answered,
}

impl std::fmt::Debug for PollSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = self.word.load(Ordering::Relaxed);
        write!(f, "poll in phase {} of generation {}", word & 3, word >> 2)
    }
}

impl PollSlot {
    /// A poll that is answered through `deliver`.
    pub fn new(deliver: impl Fn(Delivery) + Send + Sync + 'static) -> PollSlot {
        PollSlot { word: AtomicU64::new(PARKED), deliver: Box::new(deliver), place: Mutex::default() }
    }

    /// The turn gives it an assignment: from now on it is held. `None` when the client has gone.
    pub fn hold(&self) -> Option<Generation> {
        let generation = self.generation();
        self.step(generation, PARKED, generation, HELD).then_some(generation)
    }

    /// The turn takes the held assignment back and the poll waits again; `false` when it was sent or the client has
    /// gone.
    pub fn revoke(&self, generation: Generation) -> bool {
        self.step(generation, HELD, generation + 1, PARKED)
    }

    /// The turn ends the poll without an assignment; `false` when the client has gone.
    pub fn finish(&self) -> bool {
        let generation = self.generation();
        self.step(generation, PARKED, generation, OVER)
    }

    /// The worker is about to write the delivered assignment; `false` when it was revoked meanwhile.
    pub fn send(&self, generation: Generation) -> bool {
        self.step(generation, HELD, generation, SENT)
    }

    /// The worker found the client gone.
    pub fn leave(&self) -> Left {
        let left = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| match word & 3 {
            PARKED | HELD => Some(word | OVER),
            _ => None,
        });
        match left.map(|before| before & 3) {
            Ok(PARKED) => Left::Waiting,
            Ok(_) => Left::Holding,
            Err(_) => Left::Answered,
        }
    }

    /// Whether the turn has nothing more to do with it.
    pub fn is_settled(&self) -> bool {
        matches!(self.word.load(Ordering::Acquire) & 3, SENT | OVER)
    }

    /// Whether its assignment was written to the client.
    pub fn was_sent(&self) -> bool {
        self.word.load(Ordering::Acquire) & 3 == SENT
    }

    /// Passes an answer on to the worker.
    pub fn deliver(&self, generation: Generation, outcome: Result<Answered, Refusal>) {
        (self.deliver)((generation, outcome));
    }

    /// Where the turn finds it again.
    pub fn place(&self) -> Place {
        *self.place.lock()
    }

    /// Notes where the turn finds it again.
    pub fn set_place(&self, place: Place) {
        *self.place.lock() = place;
    }

    /// The generation of its next assignment.
    pub fn generation(&self) -> Generation {
        self.word.load(Ordering::Acquire) >> 2
    }

    fn step(&self, from: Generation, from_phase: u64, to: Generation, to_phase: u64) -> bool {
        self.word
            .compare_exchange(from << 2 | from_phase, to << 2 | to_phase, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> PollSlot {
        PollSlot::new(|_| {})
    }

    #[test]
    fn an_assignment_is_sent_or_revoked_once() {
        let poll = slot();
        let first = poll.hold().expect("parked");
        assert!(poll.hold().is_none(), "held already");
        assert!(poll.revoke(first));
        assert!(!poll.send(first), "revoked");
        let second = poll.hold().expect("parked again");
        assert_ne!(first, second);
        assert!(poll.send(second));
        assert!(!poll.revoke(second), "sent");
        assert_eq!(poll.leave(), Left::Answered);
    }

    #[test]
    fn a_client_that_has_gone_gets_nothing() {
        let poll = slot();
        assert_eq!(poll.leave(), Left::Waiting);
        assert!(poll.hold().is_none());
        assert!(!poll.finish());

        let poll = slot();
        let held = poll.hold().expect("parked");
        assert_eq!(poll.leave(), Left::Holding);
        assert!(!poll.send(held));
        assert!(!poll.revoke(held));
        assert!(poll.is_settled());
    }

    #[test]
    fn a_race_has_one_winner() {
        for _ in 0..200 {
            let poll = slot();
            let held = poll.hold().expect("parked");
            let wins = std::thread::scope(|threads| {
                let send = threads.spawn(|| poll.send(held));
                let revoke = threads.spawn(|| poll.revoke(held));
                let left = poll.leave() == Left::Holding;
                [send.join().ok(), revoke.join().ok(), Some(left)]
            });
            // A poll that was revoked may be left afterwards, as a waiting one.
            assert_eq!(wins.iter().filter(|win| **win == Some(true)).count(), 1);
        }
    }
}
