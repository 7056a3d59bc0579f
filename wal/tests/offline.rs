//! Logs that are looked at and cut while nobody has them open.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use support::faulty::{Fault, Faulty, Left};
use support::{Record, append, open, record, replay, small_options};
use wal::inspection::{CutError, End, Inspection, SegmentState};
use wal::{FileLog, Log, Offline, OpenError, Options, Outcome, Position, StreamId};

fn dir() -> &'static Path {
    Path::new("log")
}

fn small() -> Options {
    Options { ready_segments: 1, zero_fill: false, ..small_options() }
}

/// A log of three streams in several segments.
fn written(disk: &Faulty) -> (FileLog, Vec<Record>) {
    let (log, _) = open(dir(), small(), &disk.storage()).unwrap();
    let mut lasts = [Position::ZERO; 3];
    for seed in 0..18 {
        let stream = seed % 3;
        let (position, outcome) = append(&log, stream as u64, lasts[stream], &record(seed as u64, 13_000));
        assert_eq!(outcome, Outcome::Durable);
        lasts[stream] = position;
    }
    let records = replay(&log, None, Position::ZERO);
    (log, records)
}

/// The same, closed; and its files.
fn closed() -> (Faulty, Vec<Record>, Vec<PathBuf>) {
    let disk = Faulty::default();
    let (log, records) = written(&disk);
    log.close();
    drop(log);
    let paths = disk.paths(".log");
    assert!(paths.len() >= 4, "{paths:?}");
    (disk, records, paths)
}

fn inspect(disk: &Faulty) -> (Offline, Inspection) {
    let log = Offline::lock(dir(), disk.storage()).unwrap();
    let inspection = log.inspect(&mut |done, total| assert!(done <= total)).unwrap().unwrap();
    (log, inspection)
}

fn read(log: &Offline, inspection: &Inspection) -> Vec<Record> {
    let mut records = Vec::new();
    let mut visit = |stream, position, bytes: &[u8]| {
        records.push((stream, position, bytes.to_vec()));
        ControlFlow::Continue(())
    };
    log.replay(inspection, &mut visit).unwrap();
    records
}

fn flip(disk: &Faulty, path: &Path, at: usize) -> Faulty {
    let disk = disk.copy();
    let mut bytes = disk.read(path);
    bytes[at] ^= 0x20;
    disk.put(path, bytes);
    disk
}

/// The name of a file.
fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Where the second batch of a segment begins.
fn second_batch(disk: &Faulty, path: &Path) -> u64 {
    let bytes = disk.read(path);
    let body = u32::from_le_bytes(bytes[48 + 24..48 + 28].try_into().unwrap());
    48 + 48 + u64::from(body)
}

#[test]
fn a_sound_log_is_told_as_it_is() {
    let (disk, records, paths) = closed();
    let before = disk.contents();
    let (log, inspection) = inspect(&disk);
    assert!(matches!(inspection.end, End::Closed), "{:?}", inspection.end);
    assert_eq!(inspection.segments.iter().map(|segment| segment.path.clone()).collect::<Vec<_>>(), paths);
    let states: Vec<_> = inspection.segments.iter().map(|segment| segment.state).collect();
    assert!(states[..states.len() - 1].iter().all(|state| *state == SegmentState::Full), "{states:?}");
    assert_eq!(states.last(), Some(&SegmentState::Current));
    assert_eq!(inspection.segments.iter().map(|segment| segment.records).sum::<u64>(), 18);
    for pair in inspection.segments.windows(2) {
        assert_eq!(pair[0].first_batch + pair[0].batches, pair[1].first_batch);
    }
    for (stream, summary) in inspection.streams.iter().enumerate() {
        let last = records.iter().rev().find(|(of, _, _)| of.0 == stream as u64).unwrap();
        assert_eq!((summary.stream, summary.last), (stream as u64, last.1));
        assert_eq!((summary.records, summary.bytes), (6, 6 * 13_000));
    }
    assert_eq!(read(&log, &inspection), records);
    drop(log);
    assert!(before == disk.contents(), "something was changed");
}

#[test]
fn an_open_log_is_not_looked_at() {
    let disk = Faulty::default();
    let (log, _) = written(&disk);
    let refused = Offline::lock(dir(), disk.storage()).err().unwrap();
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused}");
    log.close();
    drop(log);
    let locked = Offline::lock(dir(), disk.storage()).unwrap();
    let refused = open(dir(), small(), &disk.storage()).err().unwrap();
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused}");
    drop(locked);
    assert!(open(dir(), small(), &disk.storage()).is_ok());
}

#[test]
fn a_torn_end_is_told_from_damage() {
    let disk = Faulty::default();
    let (log, records) = written(&disk);
    let killed = disk.killed().copy();
    log.close();
    let newest = killed.paths(".log").pop().unwrap();
    let (_, whole) = inspect(&killed);
    assert!(matches!(whole.end, End::Open), "{:?}", whole.end);
    // Its last batch is long, and was the last thing written.
    let end = whole.segments.last().unwrap().end;
    let torn = flip(&killed, &newest, end as usize - 100);
    let (log, inspection) = inspect(&torn);
    let End::Torn(found) = &inspection.end else { panic!("{:?}", inspection.end) };
    assert_eq!((&found.file, found.offset), (&newest, inspection.segments.last().unwrap().end));
    assert_eq!(inspection.segments.last().unwrap().state, SegmentState::Torn);
    assert_eq!(read(&log, &inspection), records[..records.len() - 1]);
}

#[test]
fn damage_is_told_as_a_refused_opening_tells_it_and_the_rest_is_read() {
    let (disk, records, paths) = closed();
    // In the newest, the closing batch proves that what is before it was synced.
    for (damaged, path) in paths.iter().enumerate() {
        for at in [0, 60, second_batch(&disk, path) as usize + 60] {
            let bad = flip(&disk, path, at);
            let Err(refused) = open(dir(), small(), &bad.storage()) else {
                assert_eq!(damaged, paths.len() - 1, "byte {at} was not noticed");
                continue;
            };
            let (log, inspection) = inspect(&bad);
            let End::Damaged(found) = &inspection.end else { panic!("{:?}", inspection.end) };
            assert_eq!(found.to_string(), refused.to_string());
            let states: Vec<_> = inspection.segments.iter().map(|segment| segment.state).collect();
            assert!(states[..damaged].iter().all(|state| *state == SegmentState::Full), "{states:?}");
            assert_eq!(states[damaged], SegmentState::Damaged);
            assert!(states[damaged + 1..].iter().all(|state| *state == SegmentState::NotRead), "{states:?}");
            let good = read(&log, &inspection);
            assert!(good.len() < records.len());
            assert_eq!(good, records[..good.len()]);
            assert_eq!(inspection.last_record, good.last().map(|(stream, position, _)| (*stream, *position)));
        }
    }
}

#[test]
fn what_a_newer_program_wrote_is_neither_damaged_nor_cut() {
    let (disk, _, paths) = closed();
    let mut bytes = disk.read(&paths[1]);
    bytes[8] = 9;
    disk.put(&paths[1], bytes);
    let (log, inspection) = inspect(&disk);
    assert!(matches!(inspection.end, End::Damaged(OpenError::TooNew { found: 9, .. })), "{:?}", inspection.end);
    let states: Vec<_> = inspection.segments.iter().map(|segment| segment.state).collect();
    assert_eq!(states[..2], [SegmentState::Full, SegmentState::NotRead]);
    let end = inspection.segments[0].end;
    let refused = log.plan_cut(&inspection, name(&paths[0]), end).unwrap_err();
    assert!(matches!(refused, CutError::Log(OpenError::TooNew { .. })), "{refused}");
}

#[test]
fn a_damaged_log_is_cut_and_goes_on_with_what_was_good() {
    let (disk, records, paths) = closed();
    for path in &paths[1..3] {
        for at in [0, 60, second_batch(&disk, path) as usize + 60] {
            let bad = flip(&disk, path, at);
            let (log, inspection) = inspect(&bad);
            let good = read(&log, &inspection);
            let place = inspection.segments.iter().rev().find(|segment| segment.end > 0).unwrap();
            let plan = log.plan_cut(&inspection, name(&place.path), place.end).unwrap();
            assert!(plan.more && plan.lost.is_empty() && plan.epoch == 2);
            assert_eq!(plan.last_batch, inspect(&disk).1.segments.iter().map(|s| s.batches).sum::<u64>());
            let before = bad.contents();
            let cut = log.cut(&plan).unwrap();
            drop(log);
            // Every byte that was cut is somewhere.
            let kept: usize = cut.copies.iter().map(|copy| bad.read(copy).len()).sum();
            let whole: usize = plan.whole.iter().map(|path| before[path].len()).sum();
            assert_eq!(kept as u64, plan.bytes + whole as u64);
            let disk = bad.crashed(Left::Nothing);
            let (log, recovered) = open(dir(), small(), &disk.storage()).unwrap();
            assert!(recovered.torn.is_none() && recovered.epoch == 2, "{recovered:?}");
            assert_eq!(replay(&log, None, Position::ZERO), good);
            let last = log.durable(StreamId(0)).position();
            let (position, outcome) = append(&log, 0, last, b"new");
            assert_eq!((outcome, position.epoch), (Outcome::Durable, 2));
            // No position names two records.
            assert!(records.iter().all(|(stream, known, _)| stream.0 != 0 || *known != position));
        }
    }
}

#[test]
fn a_cut_of_a_sound_log_says_exactly_what_is_lost() {
    let (disk, records, paths) = closed();
    let (log, inspection) = inspect(&disk);
    let offset = second_batch(&disk, &paths[1]);
    let plan = log.plan_cut(&inspection, name(&paths[1]), offset).unwrap();
    assert!(!plan.more);
    assert_eq!(plan.whole, paths[2..]);
    log.cut(&plan).unwrap();
    drop(log);
    let (log, _) = open(dir(), small(), &disk.storage()).unwrap();
    let left = replay(&log, None, Position::ZERO);
    assert!(!left.is_empty() && left.len() < records.len());
    assert_eq!(left, records[..left.len()]);
    for lost in &plan.lost {
        let gone: Vec<_> = records[left.len()..].iter().filter(|(stream, _, _)| stream.0 == lost.stream).collect();
        assert_eq!((lost.first, lost.last), (gone.first().unwrap().1, gone.last().unwrap().1));
    }
    assert_eq!(plan.lost.len(), 3);
}

#[test]
fn a_cut_that_is_interrupted_never_leaves_a_short_log_that_opens_as_if_nothing_was_lost() {
    let (disk, records, paths) = closed();
    let offset = second_batch(&disk, &paths[1]);
    let place = name(&paths[1]);
    let mut interrupted = 0;
    for well in 0.. {
        let disk = disk.copy();
        let (log, inspection) = inspect(&disk);
        let plan = log.plan_cut(&inspection, place, offset).unwrap();
        disk.fail(None, well, Fault::Stop);
        let done = log.cut(&plan).is_ok();
        for left in [Left::Nothing, Left::Everything, Left::Sectors(well), Left::Bytes(700)] {
            let after = disk.crashed(left);
            match open(dir(), small(), &after.storage()) {
                Ok((log, recovered)) => {
                    let found = replay(&log, None, Position::ZERO);
                    let whole = found == records;
                    assert!(whole || recovered.epoch == 2, "{well} {left:?}: {} records", found.len());
                    assert_eq!(found, records[..found.len()]);
                    assert!(!(done && whole));
                }
                Err(refused) => {
                    assert!(!done, "{refused}");
                    // Cut again where the log ends now, it is whole again.
                    let (log, inspection) = inspect(&after);
                    let end = inspection.segments.iter().rev().find(|segment| segment.end > 0).unwrap();
                    let plan = log.plan_cut(&inspection, name(&end.path), end.end).unwrap();
                    log.cut(&plan).unwrap();
                    drop(log);
                    let (log, recovered) = open(dir(), small(), &after.storage()).unwrap();
                    assert!(recovered.epoch >= 2);
                    let found = replay(&log, None, Position::ZERO);
                    assert_eq!(found, records[..found.len()]);
                }
            }
        }
        if done {
            break;
        }
        interrupted += 1;
    }
    assert!(interrupted > 8, "{interrupted}");
}

#[test]
fn a_log_is_cut_only_where_a_batch_begins() {
    let (disk, _, paths) = closed();
    let (log, inspection) = inspect(&disk);
    let refused = |file: &str, offset| log.plan_cut(&inspection, file, offset).unwrap_err();
    let second = second_batch(&disk, &paths[1]);
    assert!(matches!(refused(name(&paths[1]), second + 8), CutError::WithinBatch { before, .. } if before == second));
    assert!(matches!(refused("x.log", 48), CutError::NoSegment(_)));
    assert!(matches!(refused(name(&paths[0]), 48), CutError::Everything));
    let newest = inspection.segments.last().unwrap();
    assert!(matches!(refused(name(&newest.path), newest.end), CutError::NothingBehind { .. }));
    assert!(matches!(refused(name(&newest.path), newest.end + 8), CutError::Behind { .. }));
    drop(log);
    let bad = flip(&disk, &paths[1], second as usize + 60);
    let (log, inspection) = inspect(&bad);
    let refused = log.plan_cut(&inspection, name(&paths[2]), 48 + 8).unwrap_err();
    assert!(refused.to_string().contains(&format!("{}:{second}", name(&paths[1]))), "{refused}");
}
