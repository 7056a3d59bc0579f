//! A queue between two tasks that is empty most of its life, and then takes next to no memory.
//!
//! Ten thousand parked polls have one each, and so have as many websockets. The queues of tokio set aside a block of 32
//! values when they are made, which was a quarter of what a parked poll took.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Notify;

/// A queue that holds at most so many values: the end that gives and the end that takes.
pub fn queue<T>(limit: usize) -> (Giver<T>, Taker<T>) {
    let waiting = Mutex::new(Waiting { values: VecDeque::new(), is_over: false });
    let shared = Arc::new(Shared { waiting, limit, changed: Notify::new() });
    (Giver(shared.clone()), Taker(shared))
}

struct Shared<T> {
    waiting: Mutex<Waiting<T>>,
    limit: usize,
    changed: Notify,
}

struct Waiting<T> {
    values: VecDeque<T>,
    /// One of the ends is gone.
    is_over: bool,
}

impl<T> Shared<T> {
    fn end(&self) {
        self.waiting.lock().is_over = true;
        self.changed.notify_one();
    }
}

/// There is no room for another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The end that gives.
pub struct Giver<T>(Arc<Shared<T>>);

impl<T> Giver<T> {
    /// Adds a value; where nobody takes any more, it is dropped.
    ///
    /// # Errors
    /// Where the queue is full; the value is dropped.
    pub fn give(&self, value: T) -> Result<(), Full> {
        let mut waiting = self.0.waiting.lock();
        if waiting.is_over {
            return Ok(());
        }
        if waiting.values.len() >= self.0.limit {
            return Err(Full);
        }
        waiting.values.push_back(value);
        drop(waiting);
        self.0.changed.notify_one();
        Ok(())
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The end that takes.
pub struct Taker<T>(Arc<Shared<T>>);

impl<T> Taker<T> {
    /// Waits for the next value; `None` when none is left and nobody gives any more. Nothing is lost where this is
    /// dropped before its end.
    pub async fn take(&mut self) -> Option<T> {
        loop {
            {
                let mut waiting = self.0.waiting.lock();
                if let Some(value) = waiting.values.pop_front() {
                    return Some(value);
                }
                if waiting.is_over {
                    return None;
                }
                // What a burst has taken is not kept for the next one.
                waiting.values = VecDeque::new();
            }
            self.0.changed.notified().await;
        }
    }
}

impl<T> Drop for Taker<T> {
    fn drop(&mut self) {
        self.0.end();
        // Dropped here, and not under the lock: a value may do anything then.
        let values = std::mem::take(&mut self.0.waiting.lock().values);
        drop(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::rc::Rc;

    #[test]
    fn values_come_in_order_and_end_with_their_giver() {
        let (giver, mut taker) = queue(9);
        assert_eq!(taker.take().now_or_never(), None, "nothing yet");
        giver.give(1).expect("room");
        giver.give(2).expect("room");
        assert_eq!(taker.take().now_or_never(), Some(Some(1)));
        drop(giver);
        assert_eq!(taker.take().now_or_never(), Some(Some(2)), "what was given is not lost");
        assert_eq!(taker.take().now_or_never(), Some(None));
    }

    #[test]
    fn there_is_room_for_so_many() {
        let (giver, mut taker) = queue(2);
        giver.give(1).expect("room");
        giver.give(2).expect("room");
        assert_eq!(giver.give(3), Err(Full));
        assert_eq!(taker.take().now_or_never(), Some(Some(1)));
        giver.give(4).expect("room again");
        assert_eq!(taker.take().now_or_never(), Some(Some(2)));
        assert_eq!(taker.take().now_or_never(), Some(Some(4)));
    }

    #[test]
    fn what_nobody_takes_is_dropped() {
        let value = Rc::new(());
        let (giver, taker) = queue(9);
        giver.give(value.clone()).expect("room");
        drop(taker);
        assert_eq!(Rc::strong_count(&value), 1);
        giver.give(value.clone()).expect("nobody to wait for");
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn whoever_waits_is_woken_from_another_thread() {
        let (giver, mut taker) = queue(9);
        let giving = std::thread::spawn(move || {
            for value in 0..1_000 {
                while giver.give(value) == Err(Full) {
                    std::thread::yield_now();
                }
            }
        });
        let taken = actix_rt::System::new().block_on(async {
            let mut taken = Vec::new();
            while let Some(value) = taker.take().await {
                taken.push(value);
            }
            taken
        });
        giving.join().expect("gave all");
        assert_eq!(taken, (0..1_000).collect::<Vec<_>>());
    }
}
