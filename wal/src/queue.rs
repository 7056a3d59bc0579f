//! What is queued for the writer.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::gathering::{self, Manner};
use crate::log::{Append, OnDurable, Outcome};

/// One thing for the writer to do.
pub(crate) enum Entry {
    Record(Append),
    After(OnDurable),
    /// Like [`Entry::After`], once everything before is synced, whatever the durability.
    Synced(OnDurable),
}

impl Entry {
    /// Of its record.
    fn bytes(&self) -> usize {
        match self {
            Entry::Record(append) => append.record.len(),
            Entry::After(_) | Entry::Synced(_) => 0,
        }
    }

    /// Tells all of its completions that it failed.
    pub(crate) fn fail(self) {
        match self {
            Entry::Record(append) => {
                drop(append.credit);
                append.on_durable.into_iter().for_each(|then| complete(then, Outcome::Failed));
            }
            Entry::After(then) | Entry::Synced(then) => complete(then, Outcome::Failed),
        }
    }
}

/// Runs a completion. One that panics must not take the log with it.
pub(crate) fn complete(then: OnDurable, outcome: Outcome) {
    let run = std::panic::AssertUnwindSafe(|| then(outcome));
    if std::panic::catch_unwind(run).is_err() {
        tracing::error!(?outcome, "a completion of the log panicked");
    }
}

/// Why [`Queue::wait`] came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Something was queued and has been taken.
    Entries,
    /// The deadline has passed.
    Deadline,
    /// The queue is closed and empty.
    Closed,
}

/// Unbounded in itself: every record comes with a credit, and those are bounded. Whoever queues anything else has to see to
/// it that it is not too much.
#[derive(Default)]
pub(crate) struct Queue {
    signal: Arc<Signal>,
}

/// The queue's inside, for whoever is to wake the writer later.
#[derive(Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
    filled: Condvar,
}

impl Signal {
    /// Lets the writer take what is queued, and wakes it if it sleeps: others may have done so meanwhile.
    pub(crate) fn wake(&self) {
        let mut state = self.state.lock();
        let wake = state.release();
        drop(state);
        if wake {
            self.filled.notify_one();
        }
    }
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    /// Whether there are any and the writer may take them, since one of them at least is not held back. It stays so until
    /// the writer comes, whatever others queue meanwhile: with many threads that gather, one of them is always in the
    /// middle.
    due: bool,
    asleep: bool,
    closed: bool,
}

impl State {
    /// Lets the writer take what there is. Whether it sleeps and must be woken.
    fn release(&mut self) -> bool {
        self.due = !self.entries.is_empty();
        self.due && mem::take(&mut self.asleep)
    }

    fn take(&mut self, taken: &mut Vec<Entry>) {
        mem::swap(&mut self.entries, taken);
        self.due = false;
    }
}

impl Queue {
    /// Queues an entry, waking the writer if it sleeps; a thread that gathers does so later. What was held back before is
    /// so no longer when another thread wakes the writer. Gives the entry back if the queue is closed.
    pub(crate) fn push(&self, entry: Entry) -> Result<(), Entry> {
        let manner = gathering::manner();
        let bytes = entry.bytes();
        let mut state = self.signal.state.lock();
        if state.closed {
            return Err(entry);
        }
        state.entries.push(entry);
        state.due |= manner == Manner::LeavesAsleep;
        let wake = manner == Manner::Wakes && state.release();
        drop(state);
        if wake {
            self.signal.filled.notify_one();
        } else if manner != Manner::Wakes {
            gathering::note(&self.signal, bytes);
        }
        Ok(())
    }

    pub(crate) fn close(&self) {
        self.signal.state.lock().closed = true;
        self.signal.filled.notify_one();
    }

    #[cfg(test)]
    pub(crate) fn is_asleep(&self) -> bool {
        self.signal.state.lock().asleep
    }

    /// Takes everything queued into `taken`, what is held back too; `taken` must be empty: the two swap their memory. Does
    /// not wait.
    pub(crate) fn take(&self, taken: &mut Vec<Entry>) {
        self.signal.state.lock().take(taken);
    }

    /// Waits for something that is not held back, or the close, and takes all that is queued, like [`Queue::take`].
    pub(crate) fn wait(&self, taken: &mut Vec<Entry>, deadline: Option<Instant>) -> Woken {
        let mut state = self.signal.state.lock();
        loop {
            if state.due || (state.closed && !state.entries.is_empty()) {
                state.take(taken);
                return Woken::Entries;
            }
            if state.closed {
                return Woken::Closed;
            }
            state.asleep = true;
            let late = match deadline {
                Some(deadline) => self.signal.filled.wait_until(&mut state, deadline).timed_out(),
                None => {
                    self.signal.filled.wait(&mut state);
                    false
                }
            };
            state.asleep = false;
            if late && !state.due && !state.closed {
                return Woken::Deadline;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn waiting_takes_all_ends_at_the_deadline_and_at_the_close() {
        let queue = Queue::default();
        let mut taken = Vec::new();
        for _ in 0..3 {
            assert!(queue.push(Entry::After(Box::new(|_| ()))).is_ok());
        }
        assert_eq!(queue.wait(&mut taken, None), Woken::Entries);
        assert_eq!(taken.len(), 3);
        taken.clear();
        assert_eq!(queue.wait(&mut taken, Some(Instant::now() + Duration::from_millis(1))), Woken::Deadline);
        queue.close();
        assert_eq!(queue.wait(&mut taken, None), Woken::Closed);
        assert!(queue.push(Entry::After(Box::new(|_| ()))).is_err());
    }

    #[test]
    fn a_panic_in_a_completion_is_contained() {
        complete(Box::new(|_| panic!("on purpose")), Outcome::Durable);
    }
}
