//! What an append costs: alone, with many at once, and without a disk.
//!
//! The directory is made below `WAL_BENCH_DIR`, or else below the system's temporary directory, which may be in memory
//! and then says nothing about a disk.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wal::storage::{StorageFile, StorageLock};
use wal::{Append, Class, FileLog, Log, MemoryLog, Options, Outcome, Position, RealStorage, Storage, StreamId};

const RECORD_BYTES: usize = 512;

/// One stream's owner, which waits for each of its records.
struct Appender {
    stream: StreamId,
    last: Position,
    sender: Sender<Outcome>,
    receiver: Receiver<Outcome>,
}

impl Appender {
    fn new(stream: u64) -> Self {
        let (sender, receiver) = channel();
        Appender { stream: StreamId(stream), last: Position::ZERO, sender, receiver }
    }

    fn send(&mut self, log: &dyn Log) {
        let credit = loop {
            match log.reserve(RECORD_BYTES, Class::Essential) {
                Ok(credit) => break credit,
                Err(_) => log.make_room(RECORD_BYTES).expect("room"),
            }
        };
        let sender = self.sender.clone();
        self.last = log.append(Append {
            stream: self.stream,
            expected: self.last,
            record: vec![7; RECORD_BYTES],
            credit,
            on_durable: vec![Box::new(move |outcome| sender.send(outcome).expect("a receiver"))],
        });
    }

    fn wait(&self) {
        assert_eq!(self.receiver.recv().expect("an outcome"), Outcome::Durable);
    }
}

fn directory() -> tempfile::TempDir {
    match std::env::var_os("WAL_BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    }
    .expect("a directory")
}

/// All appenders send, then all wait: so many records are under way at once.
fn rounds(criterion: &mut Criterion, group: &str, log: &dyn Log) {
    let mut group = criterion.benchmark_group(group);
    let mut stream = 0;
    for concurrent in [1, 16, 256] {
        group.throughput(Throughput::Elements(concurrent));
        let mut appenders: Vec<_> = (0..concurrent).map(|n| Appender::new(stream + n)).collect();
        stream += concurrent;
        group.bench_function(format!("{concurrent} at once"), |bencher| {
            bencher.iter(|| {
                appenders.iter_mut().for_each(|appender| appender.send(log));
                appenders.iter().for_each(Appender::wait);
            });
        });
    }
    group.finish();
}

fn synced(criterion: &mut Criterion) {
    let dir = directory();
    let (log, _) = FileLog::open(dir.path(), Options::default(), Arc::new(RealStorage)).expect("a log");
    rounds(criterion, "append 512 B, always", &log);
    log.close();
}

/// Hand-off, encoding and checksum; no disk.
fn encoded(criterion: &mut Criterion) {
    let options = Options { ready_segments: 1, zero_fill: false, ..Options::default() };
    let (log, _) = FileLog::open("nowhere", options, Arc::new(Nowhere)).expect("a log");
    rounds(criterion, "append 512 B, encode only", &log);
    log.close();
}

fn in_memory(criterion: &mut Criterion) {
    // It keeps everything, so it gets one size and little time.
    let log = MemoryLog::new();
    let mut appender = Appender::new(0);
    criterion.bench_function("append 512 B, in memory", |bencher| {
        bencher.iter(|| {
            appender.send(&log);
            appender.wait();
        });
    });
}

/// What a sync costs on a file that grows, one that is allocated, and one that is filled with zeros: why segments are
/// prepared. No log.
fn prepared(criterion: &mut Criterion) {
    const FILE_BYTES: u64 = 128 << 20;
    let dir = directory();
    let mut group = criterion.benchmark_group("write 512 B and sync, no log");
    for (name, allocated, zeroed) in
        [("growing", false, false), ("allocated", true, false), ("zero-filled", true, true)]
    {
        let file = RealStorage.create(&dir.path().join(name)).expect("a file");
        if allocated {
            file.allocate(FILE_BYTES).expect("room");
        }
        if zeroed {
            file.zero(0, FILE_BYTES).expect("room");
        }
        file.sync_data().expect("a sync");
        let mut offset = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                file.write_all_at(offset, &[7; RECORD_BYTES]).expect("a write");
                file.sync_data().expect("a sync");
                offset += RECORD_BYTES as u64;
                assert!(offset < FILE_BYTES, "the file is used up");
            });
        });
    }
    group.finish();
}

criterion_group!(
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = prepared, synced, encoded, in_memory
);
criterion_main!(benches);

/// A storage that takes everything and keeps nothing.
struct Nowhere;

impl StorageLock for Nowhere {}

impl Storage for Nowhere {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
    fn open(&self, _: &Path) -> io::Result<Box<dyn StorageFile>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn create(&self, _: &Path) -> io::Result<Box<dyn StorageFile>> {
        Ok(Box::new(Nowhere))
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn lock(&self, _: &Path) -> io::Result<Box<dyn StorageLock>> {
        Ok(Box::new(Nowhere))
    }
}

impl StorageFile for Nowhere {
    fn size(&self) -> io::Result<u64> {
        Ok(0)
    }
    fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
    fn write_at(&self, _: u64, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
    fn allocate(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
}
