//! Disks that fail and disks that are full.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::faulty::{Fault, Faulty, Left, Op};
use support::{PATIENCE, append, open, record, replay, send, settled, small_options};
use wal::{Class, Durability, FileLog, Health, Log, NoRoom, OpenError, Options, Outcome, Position, StreamId};

fn dir() -> &'static Path {
    Path::new("log")
}

/// Only the writer touches the disk once the log is open.
fn quiet() -> Options {
    Options { ready_segments: 1, zero_fill: false, ..small_options() }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(1));
    }
}

type Reasons = Arc<Mutex<Vec<String>>>;

fn listening(options: Options) -> (Options, Reasons) {
    let reasons = Reasons::default();
    let heard = Arc::clone(&reasons);
    let on_poisoned: wal::OnPoisoned = Arc::new(move |reason: &str| heard.lock().unwrap().push(reason.to_owned()));
    (Options { on_poisoned: Some(on_poisoned), ..options }, reasons)
}

#[test]
fn a_failed_write_or_sync_stops_the_log_for_good() {
    for (op, word) in [(Op::Write, "write to"), (Op::Sync, "sync")] {
        let disk = Faulty::default();
        let (options, reasons) = listening(quiet());
        let (log, _) = open(dir(), options, &disk.storage()).unwrap();
        let (first, outcome) = append(&log, 1, Position::ZERO, b"first");
        assert_eq!(outcome, Outcome::Durable);
        let credit = log.reserve(5, Class::Essential).unwrap();
        disk.fail(Some(op), 0, Fault::Io);
        let (second, outcome) = append(&log, 1, first, b"second");
        assert_eq!(outcome, Outcome::Failed);
        wait_until("the callback", || !reasons.lock().unwrap().is_empty());
        // The disk is well again, but who knows what it has lost.
        assert_eq!(log.reserve(1, Class::Essential).err(), Some(NoRoom::Poisoned));
        assert_eq!(log.make_room(1), Err(NoRoom::Poisoned));
        drop(credit);
        assert_eq!(settled(&log), Outcome::Failed);
        assert_eq!(log.durable(StreamId(1)).position(), first);
        assert_eq!(replay(&log, None, Position::ZERO).len(), 1);
        let Health::Poisoned(reason) = log.status().health else { panic!("{:?}", log.status()) };
        assert!(reason.contains(word) && reason.contains("00000000000000000001.log"), "{reason}");
        assert_eq!(*reasons.lock().unwrap(), [reason]);
        let writes = disk.operations();
        log.close();
        assert_eq!(disk.operations(), writes, "nothing is tried again, not even at the close");
        drop(log);
        // What is found then is the first record, and perhaps the second.
        let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
        let found = replay(&log, None, Position::ZERO);
        assert!(found.len() == 1 || (found.len() == 2 && found[1].1 == second));
        drop(log);
        let (log, _) = open(dir(), quiet(), &disk.crashed(Left::Nothing).storage()).unwrap();
        assert_eq!(replay(&log, None, Position::ZERO), found, "what was served once is on disk");
    }
}

#[test]
fn what_is_queued_behind_a_failure_fails_in_order() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    disk.fail(Some(Op::Sync), 0, Fault::Io);
    let mut last = Position::ZERO;
    for number in 0..100 {
        let Ok(credit) = log.reserve(10, Class::Ordinary) else { break };
        let seen = Arc::clone(&seen);
        last = log.append(wal::Append {
            stream: StreamId(1),
            expected: last,
            record: vec![0; 10],
            credit,
            on_durable: vec![Box::new(move |outcome| seen.lock().unwrap().push((number, outcome)))],
        });
    }
    assert_eq!(settled(&log), Outcome::Failed);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len() as u64, last.number);
    assert!(seen.iter().enumerate().all(|(index, seen)| *seen == (index, Outcome::Failed)));
    assert_eq!(log.status().queued_bytes, 0);
}

#[test]
fn a_failed_sync_at_an_interval_stops_the_log_too() {
    let disk = Faulty::default();
    let durability = Durability::Interval(Duration::from_millis(1));
    let (log, _) = open(dir(), Options { durability, ..quiet() }, &disk.storage()).unwrap();
    disk.fail(Some(Op::Sync), 0, Fault::Io);
    append(&log, 1, Position::ZERO, b"first");
    wait_until("the failure", || matches!(log.status().health, Health::Poisoned(_)));
    assert_eq!(settled(&log), Outcome::Failed);
}

#[test]
fn an_interval_passes_without_further_appends() {
    let disk = Faulty::default();
    let durability = Durability::Interval(Duration::from_millis(1));
    let (log, _) = open(dir(), Options { durability, ..quiet() }, &disk.storage()).unwrap();
    append(&log, 1, Position::ZERO, b"first");
    wait_until("the sync", || log.status().syncs > 0);
    let (log, _) = open(dir(), quiet(), &disk.crashed(Left::Nothing).storage()).unwrap();
    assert_eq!(replay(&log, None, Position::ZERO).len(), 1);
}

#[test]
fn a_short_write_goes_on_where_it_stopped() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
    disk.write_short();
    let mut last = Position::ZERO;
    for seed in 0..20 {
        last = append(&log, 1, last, &record(seed, 5000)).0;
    }
    assert_eq!(replay(&log, None, Position::ZERO).len(), 20);
    let (log, _) = open(dir(), quiet(), &disk.crashed(Left::Nothing).storage()).unwrap();
    assert_eq!(replay(&log, None, Position::ZERO).len(), 20);
}

#[test]
fn a_segment_whose_name_was_in_memory_only_is_kept() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
    let mut last = Position::ZERO;
    for seed in 0..2 {
        last = append(&log, 1, last, &record(seed, 25_000)).0;
    }
    // The machine stops between giving the second segment its name and making the name durable; the process is
    // followed by another one that sees the name.
    disk.fail(Some(Op::SyncDir), 0, Fault::Stop);
    assert_eq!(append(&log, 1, last, &record(2, 60_000)).1, Outcome::Failed);
    let disk = disk.killed();
    assert_eq!(disk.paths(".log").len(), 2);
    let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
    assert_eq!(log.durable(StreamId(1)).position(), last);
    assert_eq!(append(&log, 1, last, b"kept").1, Outcome::Durable);
    let (log, _) = open(dir(), quiet(), &disk.crashed(Left::Nothing).storage()).unwrap();
    assert_eq!(log.durable(StreamId(1)).position().number, last.number + 1);
}

/// Appends until there is no room.
fn fill(log: &FileLog, class: Class, last: &mut Position) -> NoRoom {
    loop {
        match log.reserve(1000, class) {
            Ok(credit) => drop(credit),
            Err(NoRoom::Busy) => {
                std::thread::yield_now();
                continue;
            }
            Err(why) => return why,
        }
        let credit = log.reserve(1000, class).unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        *last = log.append(wal::Append {
            stream: StreamId(1),
            expected: *last,
            record: record(last.number, 1000),
            credit,
            on_durable: vec![Box::new(move |outcome| sender.send(outcome).unwrap())],
        });
        assert_eq!(receiver.recv_timeout(PATIENCE).unwrap(), Outcome::Durable);
    }
}

#[test]
fn a_full_disk_refuses_keeps_a_reserve_and_recovers_by_itself() {
    let disk = Faulty::default();
    disk.limit(Some(400_000));
    let options = || Options { reserve_bytes: 20_000, ..small_options() };
    let (log, _) = open(dir(), options(), &disk.storage()).unwrap();
    let mut last = Position::ZERO;
    assert_eq!(fill(&log, Class::Ordinary, &mut last), NoRoom::DiskFull);
    assert_eq!(log.status().health, Health::DiskFull);
    assert_eq!(log.make_room(1000), Err(NoRoom::DiskFull));
    let ordinary = last.number;
    assert!(ordinary > 300, "{ordinary} records in {} bytes", disk.used());
    assert_eq!(fill(&log, Class::Essential, &mut last), NoRoom::DiskFull);
    let essential = last.number - ordinary;
    assert!((15..=20).contains(&essential), "{essential} records in the reserve of 20 kB");
    // Room comes back, and nobody needs to do anything.
    disk.limit(None);
    log.make_room(1000)
        .or_else(|_| {
            wait_until("recovery", || log.status().health == Health::Ok);
            log.make_room(1000)
        })
        .unwrap();
    assert_eq!(log.status().health, Health::Ok);
    let (_, outcome) = append(&log, 1, last, b"after");
    assert_eq!(outcome, Outcome::Durable);
    let written = replay(&log, None, Position::ZERO);
    assert_eq!(written.len() as u64, last.number + 1);
    log.close();
    drop(log);
    let (log, _) = open(dir(), options(), &disk.crashed(Left::Nothing).storage()).unwrap();
    assert_eq!(replay(&log, None, Position::ZERO), written);
}

#[test]
fn a_log_opens_on_a_full_disk() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), small_options(), &disk.storage()).unwrap();
    let (last, _) = append(&log, 1, Position::ZERO, b"first");
    log.close();
    drop(log);
    for path in disk.paths(".new") {
        disk.delete(&path);
    }
    disk.limit(Some(disk.used()));
    let (log, recovered) = open(dir(), small_options(), &disk.storage()).unwrap();
    assert!(recovered.clean);
    assert_eq!(log.status().health, Health::DiskFull);
    // There is room in the segment at hand.
    assert_eq!(append(&log, 1, last, b"second").1, Outcome::Durable);
    // A new one can not even begin.
    let nowhere = Faulty::default();
    nowhere.limit(Some(1000));
    let error = open(dir(), small_options(), &nowhere.storage()).err().unwrap();
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
    nowhere.limit(None);
    assert!(open(dir(), small_options(), &nowhere.storage()).is_ok());
}

#[test]
fn credits_are_always_honoured_however_full_the_disk() {
    for (seed, sizes) in [(1, 1..300_u64), (2, 3000..9000), (3, 1..70_000)] {
        let disk = Faulty::default();
        disk.limit(Some(600_000));
        let (log, _) = open(dir(), small_options(), &disk.storage()).unwrap();
        // All credits first, as many as there are; only then are they used, in batches of all kinds.
        wait_until("all segments", || {
            log.status().health == Health::DiskFull || {
                let _ = log.reserve(1 << 20, Class::Ordinary);
                false
            }
        });
        let mut credits = Vec::new();
        let mut state: u64 = seed;
        loop {
            state = support::faulty::mix(state);
            let bytes = sizes.start + state % (sizes.end - sizes.start);
            match log.reserve(bytes as usize, Class::Ordinary) {
                Ok(credit) => credits.push(credit),
                Err(why) => {
                    assert_eq!(why, NoRoom::DiskFull);
                    break;
                }
            }
        }
        let mut last = Position::ZERO;
        let count = credits.len() as u64;
        for credit in credits {
            let record = record(last.number, credit.bytes() as usize);
            let on_durable: Vec<wal::OnDurable> = vec![Box::new(|outcome| assert_eq!(outcome, Outcome::Durable))];
            last = log.append(wal::Append { stream: StreamId(1), expected: last, record, credit, on_durable });
            if state % 3 == last.number % 7 {
                settled(&log);
            }
        }
        assert_eq!(settled(&log), Outcome::Durable);
        assert_eq!(replay(&log, None, Position::ZERO).len() as u64, count);
        assert_eq!(log.status().queued_bytes, 0);
    }
}

#[test]
fn a_record_in_parts_keeps_its_room_until_each_part_is_used() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
    let bytes = 2 * quiet().batch_bytes;
    log.make_room(bytes).unwrap();
    let credit = log.reserve(bytes, Class::Ordinary).unwrap();
    let (before, free) = (log.status(), log.status().free_bytes);
    disk.sync_slowly(Duration::from_millis(300));
    let (tell, told) = std::sync::mpsc::channel();
    let on_durable: Vec<wal::OnDurable> = vec![Box::new(move |outcome| tell.send(outcome).unwrap())];
    let record = record(0, bytes);
    log.append(wal::Append { stream: StreamId(1), expected: Position::ZERO, record, credit, on_durable });
    wait_until("the first part", || log.status().batches > before.batches);
    // It is written, and its sync is under way.
    assert!(log.status().free_bytes <= free, "room was given back that is not there any more");
    disk.sync_slowly(Duration::ZERO);
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Outcome::Durable));
    assert_eq!(settled(&log), Outcome::Durable);
    assert_eq!(log.status().queued_bytes, 0);
}

#[test]
fn a_failure_of_the_preparer_other_than_a_full_disk_stops_the_log() {
    let disk = Faulty::default();
    let (options, reasons) = listening(quiet());
    let (log, _) = open(dir(), options, &disk.storage()).unwrap();
    disk.fail(Some(Op::Allocate), 0, Fault::Io);
    let mut last = Position::ZERO;
    let mut outcomes = Vec::new();
    while let Ok(credit) = log.reserve(20_000, Class::Ordinary) {
        drop(credit);
        if let Ok(credit) = log.reserve(20_000, Class::Ordinary) {
            let (sender, receiver) = std::sync::mpsc::channel();
            last = log.append(wal::Append {
                stream: StreamId(1),
                expected: last,
                record: record(1, 20_000),
                credit,
                on_durable: vec![Box::new(move |outcome| sender.send(outcome).unwrap())],
            });
            outcomes.push(receiver.recv_timeout(PATIENCE).unwrap());
        }
    }
    wait_until("the callback", || !reasons.lock().unwrap().is_empty());
    assert!(reasons.lock().unwrap()[0].contains("cannot allocate"));
    assert_eq!(settled(&log), Outcome::Failed);
    let durable = outcomes.iter().filter(|outcome| **outcome == Outcome::Durable).count();
    assert_eq!(log.durable(StreamId(1)).position().number, durable as u64);
    log.close();
}

#[test]
fn every_operation_can_fail_and_nothing_durable_is_lost() {
    for fault in [Fault::Io, Fault::NoSpace] {
        for well in 0..120 {
            let disk = Faulty::default();
            disk.fail(None, well, fault);
            let mut durable = 0;
            let opened = open(dir(), small_options(), &disk.storage());
            if let Ok((log, _)) = &opened {
                let mut last = Position::ZERO;
                for seed in 0..8 {
                    // The fault may have taken the room, for good or for a while.
                    if log.make_room(25_000).is_err() {
                        continue;
                    }
                    let Ok(credit) = log.reserve(25_000, Class::Ordinary) else { continue };
                    drop(credit);
                    let (position, outcome) = match log.status().health {
                        Health::Poisoned(_) => break,
                        _ => send_or_fail(log, last, &record(seed, 25_000)),
                    };
                    if outcome != Outcome::Durable {
                        break;
                    }
                    last = position;
                    durable = position.number;
                }
            }
            drop(opened);
            // The process dies, another one takes over what the system has in memory; then the power goes.
            let killed = disk.killed();
            let (log, _) = open(dir(), small_options(), &killed.storage()).unwrap();
            let found = replay(&log, None, Position::ZERO);
            assert!(found.len() as u64 >= durable, "{fault:?} after {well}");
            log.close();
            drop(log);
            for left in [Left::Nothing, Left::Everything, Left::Sectors(well)] {
                let (log, _) = open(dir(), small_options(), &killed.crashed(left).storage()).unwrap();
                assert_eq!(replay(&log, None, Position::ZERO), found, "{fault:?} after {well}, {left:?}");
            }
        }
    }
}

#[test]
fn a_disk_that_takes_a_second_a_sync_refuses_at_once_and_what_is_queued_stays_bounded() {
    let disk = Faulty::default();
    let options = Options { queue_bytes: 256 * 1024, ..quiet() };
    let (log, _) = open(dir(), options, &disk.storage()).unwrap();
    // Room that segments being prepared would have to be waited for.
    log.make_room(100_000).unwrap();
    disk.sync_slowly(Duration::from_secs(1));
    let (mut last, mut told, mut refused, mut longest) = (Position::ZERO, Vec::new(), 0, Duration::ZERO);
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(2_500) {
        let asked = Instant::now();
        let reserved = log.reserve(1_000, Class::Ordinary);
        longest = longest.max(asked.elapsed());
        match reserved {
            Ok(credit) => {
                drop(credit);
                let (position, receiver) = send(&log, 1, last, &record(last.number, 1_000));
                last = position;
                told.push(receiver);
            }
            Err(NoRoom::Busy) => {
                refused += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(why) => panic!("{why}"),
        }
        assert!(log.status().queued_bytes <= 256 * 1024);
    }
    assert!(refused > 100, "hardly anybody was refused: {refused}");
    assert!(longest < Duration::from_millis(500), "being refused took {longest:?}");
    disk.sync_slowly(Duration::ZERO);
    // Whoever was not refused is told, and nothing is lost.
    assert!(told.iter().all(|told| told.recv_timeout(PATIENCE).unwrap() == Outcome::Durable));
    assert_eq!(log.durable(StreamId(1)).position(), last);
}

fn send_or_fail(log: &FileLog, last: Position, bytes: &[u8]) -> (Position, Outcome) {
    let (position, receiver) = match log.reserve(bytes.len(), Class::Ordinary) {
        Ok(credit) => {
            drop(credit);
            send(log, 1, last, bytes)
        }
        Err(_) => return (last, Outcome::Failed),
    };
    (position, receiver.recv_timeout(PATIENCE).unwrap())
}
