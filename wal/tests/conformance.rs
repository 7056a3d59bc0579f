//! What every log does, whatever it is made of.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::thread;

use support::{PATIENCE, append, record, replay, send, settled};
use wal::{
    Append, Class, Durability, FileLog, Health, Log, MemoryLog, NoRoom, Options, Outcome, Position, RealStorage,
    StreamId,
};

/// Small enough that most tests change segments; large enough that the largest do not sync thousands of times.
fn several_segments() -> Options {
    Options { segment_bytes: 1024 * 1024, batch_bytes: 256 * 1024, ..support::small_options() }
}

/// A log, and what must outlive it.
struct Fixture {
    log: Arc<dyn Log>,
    _dir: Option<tempfile::TempDir>,
}

fn memory() -> Fixture {
    Fixture { log: Arc::new(MemoryLog::new()), _dir: None }
}

fn file(options: Options) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let (log, recovered) = FileLog::open(dir.path(), options, Arc::new(RealStorage)).unwrap();
    assert!(recovered.created && recovered.clean);
    Fixture { log: Arc::new(log), _dir: Some(dir) }
}

macro_rules! conformance {
    ($($test:ident)*) => {
        mod in_memory {
            $(#[test] fn $test() { super::$test(&*super::memory().log); })*
        }
        mod in_a_file {
            $(#[test] fn $test() { super::$test(&*super::file(super::Options::default()).log); })*
        }
        mod in_small_segments {
            $(#[test] fn $test() {
                super::$test(&*super::file(super::several_segments()).log);
            })*
        }
        mod synced_at_an_interval {
            $(#[test] fn $test() {
                let durability = super::Durability::Interval(std::time::Duration::from_millis(2));
                super::$test(&*super::file(super::Options { durability, ..super::several_segments() }).log);
            })*
        }
        mod never_synced {
            $(#[test] fn $test() {
                let durability = super::Durability::Never;
                super::$test(&*super::file(super::Options { durability, ..super::several_segments() }).log);
            })*
        }
    };
}

conformance! {
    records_come_back_in_order
    a_wrong_expectation_is_not_owner_and_changes_nothing
    credits_come_back
    completions_run_in_order
    a_replay_begins_where_it_is_told_to_and_stops_when_told_to
    streams_do_not_see_each_other
    what_was_closed_can_be_read_and_takes_nothing
    a_large_record_comes_back_whole
    many_appenders_at_once
    the_mark_is_never_behind_the_completion
    an_empty_record_is_a_record
    a_record_too_large_for_the_queue_is_refused
    room_can_be_waited_for
    a_credit_that_is_too_small_is_made_to_fit
    a_replay_among_appends_shows_a_beginning
}

fn records_come_back_in_order(log: &dyn Log) {
    let mut last = Position::ZERO;
    let mut written = Vec::new();
    for seed in 0..500 {
        let bytes = record(seed, (seed * 7 % 900) as usize);
        let (position, _) = send(log, 1, last, &bytes);
        assert_eq!(position.number, seed + 1);
        assert!(position > last);
        written.push((StreamId(1), position, bytes));
        last = position;
    }
    assert_eq!(settled(log), Outcome::Durable);
    assert_eq!(log.durable(StreamId(1)).position(), last);
    assert_eq!(replay(log, None, Position::ZERO), written);
    assert_eq!(log.status().records, 500);
    assert_eq!(log.status().health, Health::Ok);
}

fn a_wrong_expectation_is_not_owner_and_changes_nothing(log: &dyn Log) {
    let (first, _) = append(log, 1, Position::ZERO, b"first");
    let (second, outcome) = append(log, 1, first, b"second");
    assert_eq!(outcome, Outcome::Durable);
    for wrong in [Position::ZERO, first, second.next(), Position { epoch: second.epoch + 1, ..second }] {
        assert_eq!(append(log, 1, wrong, b"wrong").1, Outcome::NotOwner);
    }
    assert_eq!(append(log, 2, second, b"wrong").1, Outcome::NotOwner);
    assert_eq!(log.durable(StreamId(1)).position(), second);
    assert_eq!(replay(log, None, Position::ZERO).len(), 2);
    assert_eq!(log.status().queued_bytes, 0);
    assert_eq!(append(log, 1, second, b"third").1, Outcome::Durable);
}

fn credits_come_back(log: &dyn Log) {
    let free = log.status().free_bytes;
    let credit = log.reserve(1000, Class::Ordinary).unwrap();
    assert_eq!(credit.bytes(), 1000);
    assert_eq!(log.status().queued_bytes, 1000);
    assert!(log.status().free_bytes <= free - 1000);
    drop(credit);
    assert_eq!((log.status().queued_bytes, log.status().free_bytes), (0, free));
    let mut last = Position::ZERO;
    for seed in 0..50 {
        last = append(log, 1, last, &record(seed, 100)).0;
    }
    assert_eq!(log.status().queued_bytes, 0);
}

fn completions_run_in_order(log: &dyn Log) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |what: u64| -> wal::OnDurable {
        let seen = Arc::clone(&seen);
        Box::new(move |outcome| {
            let expected = if what % 10 == 3 { Outcome::NotOwner } else { Outcome::Durable };
            assert_eq!(outcome, expected);
            seen.lock().unwrap().push(what);
        })
    };
    let mut last = Position::ZERO;
    for round in 0..200 {
        let append = |stream, expected, on_durable| {
            let credit = log.reserve(10, Class::Essential).unwrap();
            let record = vec![0; 10];
            log.append(Append { stream: StreamId(stream), expected, record, credit, on_durable })
        };
        last = append(1, last, vec![note(round * 10), note(round * 10 + 1)]);
        log.after_queued(note(round * 10 + 2));
        append(2, Position { epoch: 9, number: 9 }, vec![note(round * 10 + 3)]);
        log.after_queued(note(round * 10 + 4));
    }
    assert_eq!(settled(log), Outcome::Durable);
    let expected: Vec<u64> = (0..200).flat_map(|round| (0..5).map(move |n| round * 10 + n)).collect();
    assert_eq!(*seen.lock().unwrap(), expected);
}

fn a_replay_begins_where_it_is_told_to_and_stops_when_told_to(log: &dyn Log) {
    let mut positions = vec![Position::ZERO];
    for seed in 0..20 {
        positions.push(append(log, 1, positions[seed], &record(seed as u64, 10)).0);
    }
    for (index, from) in positions.iter().enumerate() {
        let found: Vec<_> = replay(log, Some(1), *from).into_iter().map(|(_, position, _)| position).collect();
        assert_eq!(found, positions[index.max(1)..]);
        assert_eq!(replay(log, Some(1), from.next()).len(), 20 - index);
    }
    let mut visited = 0;
    let mut visit = |_, _, _: &[u8]| {
        visited += 1;
        if visited == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    log.replay(None, Position::ZERO, &mut visit).unwrap();
    assert_eq!(visited, 7);
}

fn streams_do_not_see_each_other(log: &dyn Log) {
    let mut lasts = [Position::ZERO; 8];
    for round in 0..30 {
        for (stream, last) in lasts.iter_mut().enumerate() {
            if round % (stream + 1) == 0 {
                *last = send(log, stream as u64, *last, &record((round * 100 + stream) as u64, 30)).0;
            }
        }
    }
    assert_eq!(settled(log), Outcome::Durable);
    for (stream, last) in lasts.iter().enumerate() {
        assert_eq!(log.durable(StreamId(stream as u64)).position(), *last);
        let records = replay(log, Some(stream as u64), Position::ZERO);
        assert_eq!(records.len(), (30 + stream) / (stream + 1));
        for (index, (found, position, bytes)) in records.iter().enumerate() {
            assert_eq!((*found, position.number), (StreamId(stream as u64), index as u64 + 1));
            assert_eq!(*bytes, record((index * (stream + 1) * 100 + stream) as u64, 30));
        }
    }
    assert_eq!(log.durable(StreamId(99)).position(), Position::ZERO);
    assert!(replay(log, Some(99), Position::ZERO).is_empty());
}

fn what_was_closed_can_be_read_and_takes_nothing(log: &dyn Log) {
    let credit = log.reserve(4, Class::Ordinary).unwrap();
    let (first, outcome) = send(log, 1, Position::ZERO, b"first");
    log.close();
    assert_eq!(outcome.recv_timeout(PATIENCE).unwrap(), Outcome::Durable);
    log.close();
    assert_eq!(replay(log, None, Position::ZERO), [(StreamId(1), first, b"first".to_vec())]);
    assert_eq!(log.reserve(1, Class::Essential).err(), Some(NoRoom::Closed));
    assert_eq!(log.make_room(1), Err(NoRoom::Closed));
    let late = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&late);
    log.append(Append {
        stream: StreamId(1),
        expected: first,
        record: b"late".to_vec(),
        credit,
        on_durable: vec![Box::new(move |outcome| seen.lock().unwrap().push(outcome))],
    });
    let seen = Arc::clone(&late);
    log.after_queued(Box::new(move |outcome| seen.lock().unwrap().push(outcome)));
    assert_eq!(*late.lock().unwrap(), [Outcome::Failed, Outcome::Failed]);
    assert_eq!(log.status().queued_bytes, 0);
}

fn a_large_record_comes_back_whole(log: &dyn Log) {
    let large = record(1, 20 * 1024 * 1024 + 5);
    let (before, _) = send(log, 1, Position::ZERO, b"before");
    let (other, _) = send(log, 2, Position::ZERO, b"other");
    let (position, _) = send(log, 1, before, &large);
    let (after, _) = send(log, 1, position, b"after");
    let (other_after, _) = send(log, 2, other, b"after");
    assert_eq!(settled(log), Outcome::Durable);
    let records = replay(log, Some(1), Position::ZERO);
    assert_eq!(records.len(), 3);
    assert!(records[1] == (StreamId(1), position, large), "the large record differs");
    assert_eq!(records[2].1, after);
    assert_eq!(replay(log, Some(2), Position::ZERO)[1].1, other_after);
    assert_eq!(log.status().queued_bytes, 0);
}

fn many_appenders_at_once(log: &dyn Log) {
    thread::scope(|scope| {
        for stream in 0..8 {
            scope.spawn(move || {
                let mut last = Position::ZERO;
                for seed in 0..50 {
                    let (position, outcome) = append(log, stream, last, &record(stream * 1000 + seed, 200));
                    assert_eq!(outcome, Outcome::Durable);
                    last = position;
                }
            });
        }
    });
    assert_eq!(replay(log, None, Position::ZERO).len(), 400);
    for stream in 0..8 {
        let records = replay(log, Some(stream), Position::ZERO);
        let expected: Vec<_> = (0..50).map(|seed| record(stream * 1000 + seed, 200)).collect();
        assert_eq!(records.into_iter().map(|(_, _, bytes)| bytes).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_completion_may_close_the_log_it_runs_on() {
    for fixture in [memory(), file(Options::default())] {
        let log = Arc::clone(&fixture.log);
        let inner = Arc::clone(&log);
        log.after_queued(Box::new(move |_| {
            let credit = inner.reserve(3, Class::Ordinary).unwrap();
            inner.append(Append {
                stream: StreamId(1),
                expected: Position::ZERO,
                record: b"abc".to_vec(),
                credit,
                on_durable: vec![Box::new(|outcome| assert_eq!(outcome, Outcome::Durable))],
            });
            inner.close();
        }));
        while log.reserve(1, Class::Ordinary).err() != Some(NoRoom::Closed) {
            thread::yield_now();
        }
        log.close();
        assert_eq!(replay(&*log, None, Position::ZERO).len(), 1);
    }
}

fn the_mark_is_never_behind_the_completion(log: &dyn Log) {
    let mark = log.durable(StreamId(1));
    let mut last = Position::ZERO;
    for _ in 0..50 {
        let (position, outcome) = append(log, 1, last, b"x");
        assert_eq!(outcome, Outcome::Durable);
        assert_eq!(mark.position(), position);
        assert_eq!(mark.clone().position(), log.durable(StreamId(1)).position());
        last = position;
    }
}

fn an_empty_record_is_a_record(log: &dyn Log) {
    let (first, outcome) = append(log, 0, Position::ZERO, b"");
    assert_eq!(outcome, Outcome::Durable);
    let (second, _) = append(log, u64::MAX, Position::ZERO, b"");
    assert_eq!(
        replay(log, None, Position::ZERO),
        [(StreamId(0), first, Vec::new()), (StreamId(u64::MAX), second, Vec::new())]
    );
}

fn a_record_too_large_for_the_queue_is_refused(log: &dyn Log) {
    assert!(matches!(log.reserve(1 << 30, Class::Essential), Err(NoRoom::TooLarge { .. })));
    assert!(matches!(log.make_room(1 << 30), Err(NoRoom::TooLarge { .. })));
}

fn room_can_be_waited_for(log: &dyn Log) {
    thread::scope(|scope| {
        for stream in 0..4 {
            scope.spawn(move || {
                let mut last = Position::ZERO;
                for seed in 0..4 {
                    last = send(log, stream, last, &record(stream * 10 + seed, 9 << 20)).0;
                }
            });
        }
    });
    assert_eq!(settled(log), Outcome::Durable);
    for stream in 0..4 {
        assert_eq!(log.durable(StreamId(stream)).position().number, 4);
    }
}

fn a_credit_that_is_too_small_is_made_to_fit(log: &dyn Log) {
    let credit = log.reserve(1, Class::Ordinary).unwrap();
    let bytes = record(1, 100_000);
    log.append(Append {
        stream: StreamId(1),
        expected: Position::ZERO,
        record: bytes.clone(),
        credit,
        on_durable: Vec::new(),
    });
    assert_eq!(settled(log), Outcome::Durable);
    assert!(replay(log, None, Position::ZERO)[0].2 == bytes);
    assert_eq!(log.status().queued_bytes, 0);
}

fn a_replay_among_appends_shows_a_beginning(log: &dyn Log) {
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut last = Position::ZERO;
            for seed in 0..300 {
                last = send(log, 1, last, &record(seed, (seed * 31 % 3000) as usize)).0;
            }
        });
        let mut before = 0;
        while before < 300 {
            let durable = log.durable(StreamId(1)).position().number;
            let records = replay(log, None, Position::ZERO);
            assert!(records.len() as u64 >= durable && records.len() >= before);
            before = records.len();
            for (seed, (_, position, bytes)) in records.into_iter().enumerate() {
                assert_eq!(position.number, seed as u64 + 1);
                assert!(bytes == record(seed as u64, seed * 31 % 3000));
            }
        }
    });
}
