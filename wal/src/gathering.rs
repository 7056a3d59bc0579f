//! Waking the log's writer once for several records of one thread.
//!
//! A thread that serves many clients appends one record after the other. If the first wakes a sleeping writer, a sync
//! begins with that one alone, and all others wait for it and then for theirs. So such a thread may say that it
//! *gathers*: its appends leave the writer asleep, and it wakes it when it has appended what it had to. It may also *hold
//! back* what it appends, so that a writer that comes back from a sync in the middle does not take half of it either:
//! fewer syncs, at the price of a disk that rests meanwhile. What threads append that do not gather wakes the writer as
//! ever, for all that there is.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use crate::queue::Signal;

thread_local! {
    static HERE: RefCell<Option<Gathered>> = const { RefCell::new(None) };
}

/// What wakes the writers before the thread does.
#[derive(Clone, Copy, Debug)]
pub struct Enough {
    /// So many appends.
    pub appends: u64,
    /// Records of so many bytes.
    pub bytes: usize,
}

struct Gathered {
    /// Called with the first append since the writers were woken.
    begun: Rc<dyn Fn()>,
    /// What wakes the writers at once.
    enough: Enough,
    /// Whether a writer that is awake takes nothing either.
    holds_back: bool,
    /// The writers that may wait to be woken.
    waiting: Vec<Arc<Signal>>,
    /// Appends since.
    appends: u64,
    /// Bytes of their records.
    bytes: usize,
}

impl Gathered {
    fn wake(&mut self) {
        (self.appends, self.bytes) = (0, 0);
        self.waiting.drain(..).for_each(|writer| writer.wake());
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        self.wake();
    }
}

/// As long as it lives, what this thread queues, records and [`crate::Log::after_queued`], leaves a sleeping writer
/// asleep; [`Gathering::wake_here`] and its end wake it, and so does enough of it. The thread must not block on the
/// outcome of what it has queued meanwhile.
#[must_use = "it ends when it is dropped"]
pub struct Gathering {
    /// It belongs to its thread.
    here: PhantomData<*const ()>,
}

impl Gathering {
    /// Begins to gather on this thread, until there is `enough` at most. `begun` is called at the end of each append that is the
    /// first since the writers were woken, and should bring it about that [`Gathering::wake_here`] is called soon: until
    /// then the record may stay unwritten. `None` where the thread gathers already.
    pub fn begin(enough: Enough, begun: impl Fn() + 'static) -> Option<Gathering> {
        if HERE.with_borrow(Option::is_some) {
            return None;
        }
        let (begun, waiting) = (Rc::new(begun), Vec::new());
        HERE.set(Some(Gathered { begun, enough, holds_back: false, waiting, appends: 0, bytes: 0 }));
        Some(Gathering { here: PhantomData })
    }

    /// Whether what this thread queues from now on is held back from a writer that is awake, too.
    pub fn hold_back(&self, holds_back: bool) {
        HERE.with_borrow_mut(|here| here.iter_mut().for_each(|here| here.holds_back = holds_back));
    }

    /// Wakes the writers for what this thread has gathered. Nothing happens on a thread that does not gather.
    pub fn wake_here() {
        HERE.with_borrow_mut(|here| here.iter_mut().for_each(Gathered::wake));
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        // A thread at its very end has no such memory any more, and what was in it has been dropped.
        let _ = HERE.try_with(|here| drop(here.take()));
    }
}

/// What the appends of a thread do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// They wake the writer.
    Wakes,
    /// They leave it asleep, until the thread wakes it.
    LeavesAsleep,
    /// They are not for it before the thread wakes it.
    HoldsBack,
}

/// What the appends of this thread do.
pub(crate) fn manner() -> Manner {
    let manner = HERE.try_with(|here| match &*here.borrow() {
        None => Manner::Wakes,
        Some(here) if here.holds_back => Manner::HoldsBack,
        Some(_) => Manner::LeavesAsleep,
    });
    // A thread at its very end gathers nothing.
    manner.unwrap_or(Manner::Wakes)
}

/// Notes that this thread is to wake this writer for a record of so many bytes; nothing where it does not gather.
pub(crate) fn note(writer: &Arc<Signal>, bytes: usize) {
    let begun = HERE.with_borrow_mut(|here| {
        let here = here.as_mut()?;
        here.appends += 1;
        here.bytes = here.bytes.saturating_add(bytes);
        let is_first = here.waiting.is_empty();
        if !here.waiting.iter().any(|known| Arc::ptr_eq(known, writer)) {
            here.waiting.push(writer.clone());
        }
        if here.appends >= here.enough.appends || here.bytes >= here.enough.bytes {
            here.wake();
        }
        is_first.then(|| here.begun.clone())
    });
    if let Some(begun) = begun {
        begun();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::log::{Append, Log};
    use crate::queue::{Entry, Queue, Woken};
    use crate::{Class, MemoryLog, Position, StreamId};

    /// More than any of these threads appends.
    const MUCH: Enough = Enough { appends: 100, bytes: 1_000 };

    fn push(queue: &Queue) {
        assert!(queue.push(Entry::After(Box::new(|_| ()))).is_ok());
    }

    fn push_record(queue: &Queue, bytes: usize) {
        let log = MemoryLog::new();
        let credit = log.reserve(bytes, Class::Ordinary).expect("room");
        let (stream, expected) = (StreamId(1), Position::ZERO);
        let append = Append { stream, expected, record: vec![0; bytes], credit, on_durable: Vec::new() };
        assert!(queue.push(Entry::Record(append)).is_ok());
    }

    /// A writer of this queue that tells how many entries it gets at once.
    fn writer(queue: &Arc<Queue>) -> Receiver<usize> {
        let (tell, told) = channel();
        let of = queue.clone();
        thread::spawn(move || {
            let mut taken = Vec::new();
            while of.wait(&mut taken, None) == Woken::Entries {
                let _ = tell.send(taken.drain(..).count());
            }
        });
        until_asleep(queue);
        told
    }

    fn until_asleep(queue: &Queue) {
        while !queue.is_asleep() {
            thread::yield_now();
        }
    }

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn a_thread_that_gathers_wakes_the_writer_once() {
        let queue = Arc::new(Queue::default());
        let told = writer(&queue);
        let begun = Rc::new(Cell::new(0));
        let count = begun.clone();
        let gathering = Gathering::begin(MUCH, move || count.set(count.get() + 1)).expect("the first");
        assert!(Gathering::begin(MUCH, || ()).is_none());
        (0..3).for_each(|_| push(&queue));
        assert_eq!(begun.get(), 1);
        assert!(queue.is_asleep() && told.try_recv().is_err());
        Gathering::wake_here();
        assert_eq!(told.recv_timeout(SOON), Ok(3));

        until_asleep(&queue);
        push(&queue);
        assert_eq!(begun.get(), 2);
        drop(gathering);
        assert_eq!(told.recv_timeout(SOON), Ok(1));
        // It gathers no more.
        push(&queue);
        assert_eq!(told.recv_timeout(SOON), Ok(1));
        queue.close();
    }

    #[test]
    fn enough_wakes_the_writer_at_once() {
        let queue = Arc::new(Queue::default());
        let told = writer(&queue);
        let enough = Enough { appends: 2, bytes: 1_000 };
        let _gathering = Gathering::begin(enough, || ()).expect("the first");
        push(&queue);
        assert!(queue.is_asleep());
        push(&queue);
        assert_eq!(told.recv_timeout(SOON), Ok(2));
        queue.close();
    }

    #[test]
    fn enough_bytes_wake_the_writer_at_once() {
        let queue = Arc::new(Queue::default());
        let told = writer(&queue);
        let _gathering = Gathering::begin(Enough { appends: 100, bytes: 10 }, || ()).expect("the first");
        // What came before does not count for what comes after.
        for sizes in [&[9, 1][..], &[3, 3, 3, 3], &[10]] {
            let (last, first) = sizes.split_last().expect("some");
            first.iter().for_each(|&bytes| push_record(&queue, bytes));
            assert!(queue.is_asleep());
            push_record(&queue, *last);
            assert_eq!(told.recv_timeout(SOON), Ok(sizes.len()));
            until_asleep(&queue);
        }
        queue.close();
    }

    #[test]
    fn another_thread_wakes_the_writer_for_all() {
        let queue = Arc::new(Queue::default());
        let told = writer(&queue);
        let _gathering = Gathering::begin(MUCH, || ()).expect("the first");
        push(&queue);
        let other = queue.clone();
        thread::spawn(move || push(&other)).join().expect("it pushes");
        let mut all = told.recv_timeout(SOON).expect("woken");
        if all < 2 {
            all += told.recv_timeout(SOON).expect("woken");
        }
        assert_eq!(all, 2);
        // That nobody sleeps any more does no harm.
        Gathering::wake_here();
        queue.close();
    }

    #[test]
    fn a_writer_that_comes_back_meanwhile_takes_all_or_nothing() {
        let queue = Queue::default();
        let gathering = Gathering::begin(MUCH, || ()).expect("the first");
        gathering.hold_back(true);
        push(&queue);
        let mut taken = Vec::new();
        let soon = || Some(Instant::now() + Duration::from_millis(1));
        // Its deadline is for what it has written before.
        assert_eq!(queue.wait(&mut taken, soon()), Woken::Deadline);
        push(&queue);
        Gathering::wake_here();
        assert_eq!(queue.wait(&mut taken, soon()), Woken::Entries);
        assert_eq!(taken.drain(..).count(), 2);
        push(&queue);
        assert_eq!(queue.wait(&mut taken, soon()), Woken::Deadline);
        drop(gathering);
        assert_eq!(queue.wait(&mut taken, soon()), Woken::Entries);
        taken.clear();
        let _gathering = Gathering::begin(MUCH, || ()).expect("the first has ended");
        push(&queue);
        assert_eq!(queue.wait(&mut taken, soon()), Woken::Entries, "nothing is held back unless that is wanted");
    }

    #[test]
    fn the_writer_comes_for_one_thread_while_another_one_is_not_done() {
        let queue = Arc::new(Queue::default());
        let other = queue.clone();
        let one = thread::spawn(move || {
            let gathering = Gathering::begin(MUCH, || ()).expect("the first");
            gathering.hold_back(true);
            push(&other);
        });
        one.join().expect("it gathers, and is done");
        let gathering = Gathering::begin(MUCH, || ()).expect("the first of this thread");
        gathering.hold_back(true);
        push(&queue);
        let mut taken = Vec::new();
        assert_eq!(queue.wait(&mut taken, Some(Instant::now())), Woken::Entries);
        assert_eq!(taken.len(), 2);
    }

    #[test]
    fn a_closed_queue_ends_without_being_woken() {
        let queue = Arc::new(Queue::default());
        let told = writer(&queue);
        let _gathering = Gathering::begin(MUCH, || ());
        push(&queue);
        queue.close();
        assert_eq!(told.recv_timeout(SOON), Ok(1));
        assert!(told.recv_timeout(SOON).is_err(), "the writer has ended");
    }
}
