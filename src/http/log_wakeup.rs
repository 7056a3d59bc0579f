//! When a worker wakes the log's writer: when it has carried out the requests that it had received.
//!
//! Were the writer woken by the first record, that one would be synced alone, and those of the requests behind it, which
//! the worker has received already, would wait for two syncs. A sync takes some 60 µs of the processor, whatever it syncs
//! (`docs/performance.md`). What other threads append wakes the writer as ever.

use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use wal::Gathering;

/// So many records are worth a sync at once.
const ENOUGH: u64 = 32;

/// Gathers the records of this worker as long as it lives. The worker's runtime must be one of a single thread.
pub async fn gather_records() {
    let begun = Arc::new(Notify::new());
    let tell = begun.clone();
    // Where there are several listeners, one of them is enough.
    let Some(_gathering) = Gathering::begin(ENOUGH, move || tell.notify_one()) else { return };
    // All tasks of the worker are one task of its runtime, and this is another one: it comes behind everything that is
    // ready. One of the worker's own would come before those that other threads have woken, as colonies with a message
    // from another worker, and the log would sync after each of them. To look at the sockets once more would save more
    // syncs, but with few connections all of them would wait for one sync then, and the worker, too.
    let mut beside = JoinSet::new();
    beside.spawn(async move {
        loop {
            begun.notified().await;
            Gathering::wake_here();
        }
    });
    // For good: both end together.
    beside.join_next().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::sync::oneshot::{Receiver, channel};
    use tokio::task::yield_now;
    use tokio::time::timeout;
    use wal::{Log, MemoryLog, Outcome};

    const SOON: Duration = Duration::from_secs(10);

    /// Waits for all that the log has.
    fn settled(log: &Arc<dyn Log>) -> Receiver<Outcome> {
        let (tell, told) = channel();
        log.after_queued(Box::new(move |outcome| {
            let _ = tell.send(outcome);
        }));
        told
    }

    #[test]
    fn the_log_is_woken_soon_by_a_worker_that_rests_one_that_has_much_to_do_and_one_that_ends() {
        let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
        actix_rt::System::new().block_on(async {
            let gathering = actix_rt::spawn(gather_records());
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
}
