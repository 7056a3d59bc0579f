//! When a worker wakes the log's writer: when it has carried out the requests that it had received.
//!
//! Were the writer woken by the first record, that one would be synced alone, and those of the requests behind it, which
//! the worker has received already, would wait for two syncs. A sync takes some 60 µs of the processor, whatever it syncs
//! (`docs/performance.md`). What others than workers append wakes the writer as ever.
//!
//! With few connections that is all, and a writer that comes back from a sync in the middle takes what is there: what
//! counts then is that the disk does not rest. With many, there is enough to do meanwhile, and a sync is for as much as
//! can be.

use std::sync::Arc;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use wal::{Enough, Gathering};

/// So much is worth a sync at once. A megabyte takes longer to write than to sync, and what is held back keeps its place
/// in the log's queue.
const ENOUGH: Enough = Enough { appends: 32, bytes: 1 << 20 };

/// Gathers the records of this worker as long as it lives; `is_crowded` says whether the server has many connections. The
/// worker's runtime must be one of a single thread.
pub async fn gather_records(is_crowded: impl Fn() -> bool) {
    debug_assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::CurrentThread);
    let begun = Arc::new(Notify::new());
    let tell = begun.clone();
    // Where there are several listeners, one of them is enough.
    let Some(gathering) = Gathering::begin(ENOUGH, move || tell.notify_one()) else { return };
    // In a crowd a task of the runtime itself wakes the writer, beside the one that all tasks of the worker are part of.
    // So it comes behind a round of them, up to 61, those included that other threads have woken, as colonies with a
    // message from another worker. A task of the worker would come before these, and the log would sync after each of
    // them. To look at the sockets once more would save more syncs, but the worker would rest.
    let last = Arc::new(Notify::new());
    let mut beside = JoinSet::new();
    beside.spawn({
        let last = last.clone();
        async move {
            loop {
                last.notified().await;
                Gathering::wake_here();
            }
        }
    });
    loop {
        // This comes behind everything that the worker has found ready, but for what others have woken.
        begun.notified().await;
        let is_crowded = is_crowded();
        gathering.hold_back(is_crowded);
        if is_crowded {
            last.notify_one();
        } else {
            Gathering::wake_here();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::sync::oneshot::{Receiver, channel};
    use tokio::task::yield_now;
    use tokio::time::timeout;
    use wal::{Append, Class, Log, MemoryLog, OnDurable, Outcome, Position, StreamId};

    const SOON: Duration = Duration::from_secs(10);

    /// A completion, and what it was told.
    fn completion() -> (OnDurable, Receiver<Outcome>) {
        let (tell, told) = channel();
        let then = Box::new(move |outcome| {
            let _ = tell.send(outcome);
        });
        (then, told)
    }

    /// Waits for all that the log has.
    fn settled(log: &Arc<dyn Log>) -> Receiver<Outcome> {
        let (then, told) = completion();
        log.after_queued(then);
        told
    }

    #[test]
    fn the_log_is_woken_soon_by_a_worker_that_rests_one_that_has_much_to_do_and_one_that_ends() {
        let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
        actix_rt::System::new().block_on(async {
            let gathering = actix_rt::spawn(gather_records(|| false));
            yield_now().await;
            for _ in 0..3 {
                let told = settled(&log);
                assert_eq!(timeout(SOON, told).await, Ok(Ok(Outcome::Durable)));
            }
            // More and more is appended, without end.
            let of = log.clone();
            let more = actix_rt::spawn(async move {
                loop {
                    drop(settled(&of));
                    yield_now().await;
                }
            });
            assert_eq!(timeout(SOON, settled(&log)).await, Ok(Ok(Outcome::Durable)));
            more.abort();
            let told = settled(&log);
            gathering.abort();
            assert_eq!(timeout(SOON, told).await, Ok(Ok(Outcome::Durable)));
            assert_eq!(timeout(SOON, settled(&log)).await, Ok(Ok(Outcome::Durable)));
        });
    }

    /// Appends the first record of a stream.
    fn append(log: &MemoryLog, stream: u64) -> Receiver<Outcome> {
        let (then, told) = completion();
        let credit = log.reserve(1, Class::Ordinary).expect("room");
        let (stream, expected) = (StreamId(stream), Position::ZERO);
        log.append(Append { stream, expected, record: vec![1], credit, on_durable: vec![then] });
        told
    }

    #[test]
    fn in_a_crowd_what_other_threads_have_woken_is_synced_with_the_rest() {
        let log = Arc::new(MemoryLog::new());
        actix_rt::System::new().block_on(async {
            actix_rt::spawn(gather_records(|| true));
            let (messages, turns): (Vec<_>, Vec<_>) = (1..=5)
                .map(|stream| {
                    let (send, message) = channel::<()>();
                    let log = log.clone();
                    let turn = actix_rt::spawn(async move {
                        message.await.expect("it comes");
                        append(&log, stream).await
                    });
                    (send, turn)
                })
                .unzip();
            // With the first record it is seen that there is a crowd.
            yield_now().await;
            assert_eq!(timeout(SOON, append(&log, 8)).await, Ok(Ok(Outcome::Durable)));
            // While this worker does something else.
            let others = std::thread::spawn(move || messages.into_iter().try_for_each(|message| message.send(())));
            others.join().expect("it ends").expect("they are sent");
            assert_eq!(timeout(SOON, append(&log, 9)).await, Ok(Ok(Outcome::Durable)));
            for turn in turns {
                assert_eq!(timeout(SOON, turn).await.expect("soon").expect("it ends"), Ok(Outcome::Durable));
            }
        });
        assert_eq!(log.status().batches, 2);
    }
}
