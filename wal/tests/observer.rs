//! What an observer is told, and how far a log says that it has come.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wal::{Append, Class, FileLog, Log, MemoryLog, Observer, Options, Position, RealStorage, StreamId};

#[derive(Default)]
struct Seen {
    batches: AtomicU64,
    records: AtomicU64,
    syncs: AtomicU64,
}

impl Observer for Seen {
    fn wrote(&self, records: u64) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
    }
    fn synced(&self, _: Duration) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }
}

fn append_some(log: &dyn Log, count: u64) {
    let mut last = Position::ZERO;
    for _ in 0..count {
        let credit = log.reserve(4, Class::Ordinary).unwrap();
        let record = b"some".to_vec();
        last = log.append(Append { stream: StreamId(1), expected: last, record, credit, on_durable: Vec::new() });
    }
}

#[test]
fn an_observer_hears_of_every_batch_and_sync() {
    let dir = tempfile::tempdir().unwrap();
    let seen = Arc::new(Seen::default());
    let open = || {
        let options = Options { observer: Some(seen.clone()), ..Options::default() };
        FileLog::open(dir.path(), options, Arc::new(RealStorage)).unwrap().0
    };
    let log = open();
    assert_eq!((log.status().written_batch, log.status().synced_batch), (0, 0));
    append_some(&log, 5);
    log.close();
    let status = log.status();
    assert_eq!(seen.records.load(Ordering::Relaxed), 5);
    assert_eq!(seen.batches.load(Ordering::Relaxed), status.batches);
    assert_eq!(seen.syncs.load(Ordering::Relaxed), status.syncs);
    assert_eq!((status.written_batch, status.synced_batch), (status.batches, status.batches));
    drop(log);
    // The counters begin anew, the numbers of batches do not.
    let again = open().status();
    assert_eq!((again.batches, again.written_batch, again.synced_batch), (0, status.batches, status.batches));
}

#[test]
fn a_log_in_memory_is_durable_as_far_as_it_goes() {
    let log = MemoryLog::manual();
    append_some(&log, 3);
    assert_eq!(log.status().written_batch, 0);
    log.settle();
    assert_eq!((log.status().written_batch, log.status().synced_batch), (1, 1));
}
