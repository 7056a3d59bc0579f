//! What the tests of the log share.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses its part, and a test may panic")]

pub mod faulty;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use wal::{Append, Class, FileLog, Log, NoRoom, OpenError, Options, Outcome, Position, Recovered, Storage, StreamId};

/// No test waits longer for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub type Record = (StreamId, Position, Vec<u8>);

/// Small segments, so that they change often, and no reserve to reckon with.
pub fn small_options() -> Options {
    Options {
        segment_bytes: 64 * 1024,
        first_segment_bytes: 64 * 1024,
        batch_bytes: 64 * 1024,
        reserve_bytes: 0,
        retry_full: Duration::from_millis(5),
        ..Options::default()
    }
}

pub fn open(dir: &Path, options: Options, storage: &Arc<dyn Storage>) -> Result<(FileLog, Recovered), OpenError> {
    FileLog::open(dir, options, Arc::clone(storage))
}

/// Appends and returns at once.
pub fn send(log: &dyn Log, stream: u64, expected: Position, record: &[u8]) -> (Position, Receiver<Outcome>) {
    try_send(log, stream, expected, record).unwrap_or_else(|why| panic!("no room: {why}"))
}

/// The same with a log that may stop.
pub fn try_send(
    log: &dyn Log,
    stream: u64,
    expected: Position,
    record: &[u8],
) -> Result<(Position, Receiver<Outcome>), NoRoom> {
    let (sender, receiver) = channel();
    let credit = loop {
        match log.reserve(record.len(), Class::Ordinary) {
            Ok(credit) => break credit,
            Err(NoRoom::Busy) => log.make_room(record.len())?,
            Err(why) => return Err(why),
        }
    };
    let position = log.append(Append {
        stream: StreamId(stream),
        expected,
        record: record.to_vec(),
        credit,
        on_durable: vec![Box::new(move |outcome| {
            let _ = sender.send(outcome);
        })],
    });
    Ok((position, receiver))
}

/// Appends and waits for the outcome.
pub fn append(log: &dyn Log, stream: u64, expected: Position, record: &[u8]) -> (Position, Outcome) {
    let (position, receiver) = send(log, stream, expected, record);
    (position, receiver.recv_timeout(PATIENCE).unwrap())
}

/// Waits until everything queued before is settled.
pub fn settled(log: &dyn Log) -> Outcome {
    let (sender, receiver) = channel();
    log.after_queued(Box::new(move |outcome| sender.send(outcome).unwrap()));
    receiver.recv_timeout(PATIENCE).unwrap()
}

pub fn replay(log: &dyn Log, stream: Option<u64>, from: Position) -> Vec<Record> {
    let mut records = Vec::new();
    let mut visit = |stream, position, bytes: &[u8]| {
        records.push((stream, position, bytes.to_vec()));
        ControlFlow::Continue(())
    };
    log.replay(stream.map(StreamId), from, &mut visit).unwrap();
    records
}

/// A record that can be told from any other.
pub fn record(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..bytes).map(|_| next()).collect()
}
