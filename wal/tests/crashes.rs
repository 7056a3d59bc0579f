//! Machines that stop at any moment, again and again: what was durable is there, once and in order.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use proptest::prelude::*;
use support::faulty::{Fault, Faulty, Left, mix};
use support::{open, record, replay, small_options};
use wal::{Append, Class, Durability, FileLog, Log, Options, Outcome, Position, StreamId};

const STREAMS: u64 = 3;

fn dir() -> &'static Path {
    Path::new("log")
}

/// What one run of the process sent, and what it was told.
#[derive(Default)]
struct Sent {
    /// By stream: the records sent after those that were there, in order.
    records: HashMap<u64, Vec<(Position, Vec<u8>)>>,
    /// By stream: the last position that was durable.
    durable: HashMap<u64, Position>,
}

/// Sends records of all sizes, without waiting, until the machine stops or there are enough.
fn run(log: &FileLog, seed: u64, count: u64) -> Sent {
    let (sender, receiver): (Sender<(u64, Position)>, Receiver<_>) = channel();
    let mut sent = Sent::default();
    let mut lasts: HashMap<u64, Position> =
        (0..STREAMS).map(|stream| (stream, log.durable(StreamId(stream)).position())).collect();
    for number in 0..count {
        let drawn = mix(seed ^ number << 20);
        let stream = drawn % STREAMS;
        // Mostly small, now and then larger than a segment.
        let bytes = match drawn >> 8 & 31 {
            0 => 100_000 + (drawn >> 16) % 100_000,
            1..4 => (drawn >> 16) % 30_000,
            _ => (drawn >> 16) % 700,
        };
        if log.make_room(bytes as usize).is_err() {
            break;
        }
        let Ok(credit) = log.reserve(bytes as usize, Class::Ordinary) else { break };
        let record = record(drawn, bytes as usize);
        let last = lasts.get_mut(&stream).unwrap();
        let expected = *last;
        *last = expected.next_in(log.epoch());
        sent.records.entry(stream).or_default().push((*last, record.clone()));
        let (sender, position) = (sender.clone(), *last);
        let told = move |outcome| {
            if outcome == Outcome::Durable {
                sender.send((stream, position)).unwrap();
            }
        };
        let appended =
            log.append(Append { stream: StreamId(stream), expected, record, credit, on_durable: vec![Box::new(told)] });
        assert_eq!(appended, position);
        if drawn >> 40 & 3 == 0 {
            std::thread::sleep(Duration::from_micros(drawn >> 50 & 127));
        }
    }
    log.close();
    drop(sender);
    for (stream, position) in receiver {
        // Completions come in order.
        assert!(sent.durable.insert(stream, position).is_none_or(|before| before < position));
    }
    sent
}

#[derive(Clone, Copy, Debug)]
enum End {
    /// Closed in order.
    Close,
    /// The process is killed; what the system has in memory stays.
    Kill,
    /// The machine stops, and this is left of what was not synced.
    Crash(Left),
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::Close),
        Just(End::Kill),
        Just(End::Crash(Left::Nothing)),
        Just(End::Crash(Left::Everything)),
        (0..300_000_usize).prop_map(|bytes| End::Crash(Left::Bytes(bytes))),
        any::<u64>().prop_map(|seed| End::Crash(Left::Sectors(seed))),
        any::<u64>().prop_map(|seed| End::Crash(Left::Sectors(seed))),
    ]
}

fn durabilities() -> impl Strategy<Value = Durability> {
    prop_oneof![
        3 => Just(Durability::Always),
        1 => Just(Durability::Interval(Duration::from_micros(300))),
        1 => Just(Durability::Never),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn what_was_durable_is_there_once_and_in_order(
        durability in durabilities(),
        zero_fill in any::<bool>(),
        runs in prop::collection::vec((any::<u64>(), 1..120_u64, 0..250_u64, ends(), 0..16_u64), 1..6),
    ) {
        let mut disk = Faulty::default();
        // By stream, what the last replay showed.
        let mut known: HashMap<u64, Vec<(Position, Vec<u8>)>> = HashMap::new();
        // Every position that anyone could have seen, and its record.
        let mut seen: HashMap<(u64, Position), Vec<u8>> = HashMap::new();
        for (seed, count, stop_after, end, stop_opening_after) in runs {
            let options = Options { durability, zero_fill, ..small_options() };
            let ends_badly = !matches!(end, End::Close);
            let (log, _) = open(dir(), options.clone(), &disk.storage()).unwrap();
            if ends_badly {
                disk.fail(None, stop_after, Fault::Stop);
            }
            let sent = run(&log, seed, count);
            disk.stop();
            drop(log);
            disk = match end {
                End::Close | End::Kill => disk.killed(),
                End::Crash(left) => disk.crashed(left),
            };
            // Opening is a time to stop, too.
            if ends_badly && seed % 2 == 0 {
                disk.fail(None, stop_opening_after, Fault::Stop);
                let opened = open(dir(), options.clone(), &disk.storage());
                disk.stop();
                drop(opened);
                disk = disk.crashed(Left::Sectors(seed));
            }
            let (log, recovered) = open(dir(), options, &disk.storage()).unwrap();
            let may_lose = durability != Durability::Always && ends_badly && (matches!(end, End::Crash(_)) || seed % 2 == 0);
            for stream in 0..STREAMS {
                let found: Vec<_> = replay(&log, Some(stream), Position::ZERO)
                    .into_iter()
                    .map(|(_, position, bytes)| (position, bytes))
                    .collect();
                let mut expected = known.remove(&stream).unwrap_or_default();
                expected.extend(sent.records.get(&stream).cloned().unwrap_or_default());
                prop_assert!(found.len() <= expected.len());
                prop_assert!(found == expected[..found.len()], "stream {} is not a beginning of what was sent", stream);
                let told = sent.durable.get(&stream).copied().unwrap_or(Position::ZERO);
                let last = found.last().map_or(Position::ZERO, |(position, _)| *position);
                prop_assert!(may_lose || last >= told, "stream {}: {} was durable, {} is there", stream, told, last);
                prop_assert_eq!(log.durable(StreamId(stream)).position(), last);
                for (position, bytes) in expected {
                    let visible = position <= told || position <= last;
                    let before = if visible { seen.insert((stream, position), bytes.clone()) } else { None };
                    prop_assert!(before.is_none_or(|before| before == bytes), "{} names two records", position);
                }
                known.insert(stream, found);
            }
            if matches!(end, End::Close) {
                prop_assert!(recovered.torn.is_none() && recovered.unfinished.is_empty());
            }
            log.close();
            drop(log);
        }
    }
}
