//! Logs that end in the middle of a batch, and logs that are damaged: the two are told apart.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use proptest::prelude::*;
use support::faulty::{Faulty, Left};
use support::{Record, append, open, record, replay, send, settled, small_options};
use wal::{Durability, FileLog, Log, OpenError, Options, Outcome, Position, ReadError, RealStorage, StreamId, verify};

const HEADER_BYTES: usize = 48;

fn dir() -> &'static Path {
    Path::new("log")
}

fn segment(first_batch: u64) -> PathBuf {
    dir().join(format!("{first_batch:020}.log"))
}

fn small() -> Options {
    Options { ready_segments: 1, zero_fill: false, ..small_options() }
}

/// A log of `batches` batches of a few records each, killed (or else closed) after the last.
fn written(batches: u64, closed: bool) -> (Faulty, Vec<Record>) {
    let disk = Faulty::default();
    let (log, _) = open(dir(), small(), &disk.storage()).unwrap();
    let mut lasts = [Position::ZERO; 3];
    for batch in 0..batches {
        // Each is waited for, so each has a batch of its own.
        let stream = (batch % 3) as usize;
        let bytes = record(batch, (batch * 13 % 60) as usize);
        let (position, outcome) = append(&log, stream as u64, lasts[stream], &bytes);
        assert_eq!(outcome, Outcome::Durable);
        lasts[stream] = position;
    }
    let records = replay(&log, None, Position::ZERO);
    if closed {
        log.close();
        return (disk, records);
    }
    let killed = disk.killed().copy();
    (killed, records)
}

/// Where the batches of a segment begin, and where the last ends.
fn bounds(bytes: &[u8]) -> Vec<usize> {
    let mut bounds = vec![HEADER_BYTES];
    let mut at = HEADER_BYTES;
    while bytes[at..].starts_with(b"WBAT") {
        let body = u32::from_le_bytes(bytes[at + 24..at + 28].try_into().unwrap());
        at += HEADER_BYTES + body as usize;
        bounds.push(at);
    }
    bounds
}

fn with(disk: &Faulty, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Faulty {
    let disk = disk.copy();
    let mut bytes = disk.read(path);
    change(&mut bytes);
    disk.put(path, bytes);
    disk
}

/// Refused, with this in the message, and nothing was changed.
fn assert_refused(disk: &Faulty, parts: &[&str]) -> OpenError {
    let before = disk.contents();
    let error = open(dir(), small(), &disk.storage()).err().expect("a refusal");
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{message:?} should have {part:?}");
    }
    assert!(before == disk.contents(), "something was changed");
    assert_eq!(verify(dir(), &*disk.storage()).unwrap_err().to_string(), message);
    error
}

#[test]
fn a_log_cut_anywhere_in_its_last_batches_opens_and_keeps_what_is_whole() {
    let (disk, records) = written(9, false);
    let path = segment(1);
    let whole = disk.read(&path);
    let bounds = bounds(&whole);
    assert_eq!(bounds.len(), 10);
    for cut in bounds[6]..=bounds[9] {
        let disk = with(&disk, &path, |bytes| bytes[cut..].fill(0));
        // Cut within the padding of a batch, which is zeros, is cut behind it.
        let next = *bounds.iter().find(|bound| **bound >= cut).unwrap();
        let cut = if whole[cut..next].iter().all(|byte| *byte == 0) { next } else { cut };
        let kept = bounds.iter().filter(|bound| **bound <= cut).count() - 1;
        let (log, recovered) = open(dir(), small(), &disk.storage()).unwrap();
        assert_eq!(replay(&log, None, Position::ZERO), records[..kept], "cut at {cut}");
        let at_bound = bounds.contains(&cut);
        assert_eq!(recovered.torn.is_none(), at_bound, "cut at {cut}");
        assert_eq!(recovered.epoch, if at_bound { 1 } else { 2 });
        if let Some(torn) = recovered.torn {
            assert_eq!((torn.offset, torn.batch), (bounds[kept] as u64, kept as u64 + 1));
            let copy = disk.crashed(Left::Nothing).read(&torn.copy);
            assert_eq!(copy.len() as u64, torn.bytes);
            assert!(cut - bounds[kept] <= copy.len() + 8);
        }
        // It goes on where it was cut, under positions never used before.
        let last = log.durable(StreamId(0)).position();
        let (position, outcome) = append(&log, 0, last, b"new");
        assert_eq!((outcome, position.epoch), (Outcome::Durable, recovered.epoch));
        log.close();
        drop(log);
        let (log, recovered) = open(dir(), small(), &disk.storage()).unwrap();
        assert!(recovered.clean && recovered.torn.is_none());
        assert_eq!(recovered.epoch, position.epoch);
        assert_eq!(replay(&log, None, Position::ZERO).len(), kept + 1);
    }
}

#[test]
fn any_flipped_byte_is_noticed_and_only_the_last_batch_can_be_cut() {
    for closed in [false, true] {
        let (disk, records) = written(7, closed);
        let path = segment(1);
        let bytes = disk.read(&path);
        let bounds = bounds(&bytes);
        let last_batch = bounds[bounds.len() - 2];
        let end = *bounds.last().unwrap();
        for at in (0..end + 64).chain([bytes.len() - 1]) {
            let disk = with(&disk, &path, |bytes| bytes[at] ^= 1 << (at % 8));
            match open(dir(), small(), &disk.storage()) {
                Err(OpenError::Corrupt { file, .. } | OpenError::TooNew { file, .. }) => {
                    assert!(at < last_batch, "byte {at} is in the last batch or behind it");
                    assert_eq!(file, path);
                    assert_refused(&disk, &["Nothing was changed", &path.display().to_string()]);
                }
                Err(other) => panic!("byte {at}: {other}"),
                Ok((log, recovered)) => {
                    assert!(at >= last_batch, "byte {at} was not noticed");
                    assert!(recovered.torn.is_some(), "byte {at} was not noticed");
                    // A log that was closed ends with a batch without records, so that nothing is lost.
                    let kept = if closed || at >= end { records.len() } else { records.len() - 1 };
                    assert_eq!(replay(&log, None, Position::ZERO), records[..kept]);
                }
            }
        }
    }
}

/// A log of several segments, closed.
fn segments() -> (Faulty, Vec<Record>, Vec<PathBuf>) {
    let disk = Faulty::default();
    let (log, _) = open(dir(), small(), &disk.storage()).unwrap();
    let mut last = Position::ZERO;
    for seed in 0..12 {
        last = append(&log, 1, last, &record(seed, 20_000)).0;
    }
    let records = replay(&log, None, Position::ZERO);
    log.close();
    let paths = disk.paths(".log");
    assert!(paths.len() >= 4, "{paths:?}");
    (disk, records, paths)
}

#[test]
fn any_flipped_byte_of_an_older_segment_is_refused() {
    let (disk, _, paths) = segments();
    for path in &paths[..paths.len() - 1] {
        let bytes = disk.read(path);
        let bounds = bounds(&bytes);
        let heads = bounds.iter().flat_map(|bound| *bound..(*bound + 80).min(bytes.len()));
        let spread = (0..bytes.len()).step_by(4099);
        for at in (0..HEADER_BYTES).chain(heads).chain(spread) {
            let disk = with(&disk, path, |bytes| bytes[at] ^= 0x40);
            assert_refused(&disk, &["Nothing was changed"]);
        }
    }
}

#[test]
fn the_header_of_the_newest_segment_is_checked() {
    let (disk, _, paths) = segments();
    for at in 0..HEADER_BYTES {
        let disk = with(&disk, paths.last().unwrap(), |bytes| bytes[at] ^= 0x10);
        assert_refused(&disk, &["Nothing was changed"]);
    }
}

#[test]
fn a_missing_segment_is_refused_unless_it_is_the_newest() {
    let (disk, records, paths) = segments();
    for missing in 0..paths.len() - 1 {
        let disk = disk.copy();
        disk.delete(&paths[missing]);
        let error = assert_refused(&disk, &["are missing in log", &paths[missing + 1].display().to_string()]);
        assert!(matches!(error, OpenError::Missing { .. }));
    }
    // That one can not be told from one that was never there.
    let disk = disk.copy();
    disk.delete(paths.last().unwrap());
    let (log, recovered) = open(dir(), small(), &disk.storage()).unwrap();
    assert!(!recovered.clean);
    let kept = replay(&log, None, Position::ZERO);
    assert_eq!(kept, records[..kept.len()]);
}

#[test]
fn an_empty_newest_segment_is_fine() {
    let (disk, records, _) = segments();
    let first_free = {
        let scanned = verify(dir(), &*disk.storage()).unwrap().unwrap();
        scanned.batches + 1
    };
    for bytes in [Vec::new(), vec![0; 10], vec![0; 64 * 1024]] {
        let disk = disk.copy();
        disk.put(&segment(first_free), bytes);
        let (log, recovered) = open(dir(), small(), &disk.storage()).unwrap();
        assert!(recovered.torn.is_none());
        assert_eq!(replay(&log, None, Position::ZERO), records);
    }
    // But not if there is a gap before it.
    let disk = disk.copy();
    disk.put(&segment(first_free + 1), Vec::new());
    assert_refused(&disk, &["are missing"]);
}

#[test]
fn garbage_behind_the_end_is_cut_and_never_replayed() {
    let (disk, records) = written(6, false);
    let path = segment(1);
    let bytes = disk.read(&path);
    let bounds = bounds(&bytes);
    let end = *bounds.last().unwrap();
    let (other, _) = written(9, false);
    let foreign = other.read(&path);
    let garbage = [
        record(1, 5000),
        vec![0xff; 64 * 1024],
        b"WBAT".repeat(100),
        // Batches of this log, again.
        bytes[bounds[1]..end].to_vec(),
        // The very batches that would follow, but of another log.
        foreign[end..].to_vec(),
    ];
    for garbage in garbage {
        for distance in [0, 8, 13, 4096] {
            let disk = with(&disk, &path, |bytes| {
                let from = end + distance;
                let count = garbage.len().min(bytes.len() - from);
                bytes[from..from + count].copy_from_slice(&garbage[..count]);
            });
            let (log, recovered) = open(dir(), small(), &disk.storage()).unwrap();
            assert!(recovered.torn.is_some());
            assert_eq!(replay(&log, None, Position::ZERO), records);
            log.close();
            drop(log);
            let (log, recovered) = open(dir(), small(), &disk.storage()).unwrap();
            assert!(recovered.clean);
            assert_eq!(replay(&log, None, Position::ZERO), records);
        }
    }
}

#[test]
fn zeroed_sectors_in_the_middle_are_refused() {
    let (disk, _, paths) = segments();
    for path in &paths[..paths.len() - 1] {
        let size = disk.read(path).len();
        for from in (0..size - 512).step_by(512 * 7) {
            let changed = with(&disk, path, |bytes| bytes[from..from + 512].fill(0));
            if changed.read(path) != disk.read(path) {
                assert_refused(&changed, &["Nothing was changed"]);
            }
        }
    }
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let (disk, _) = written(3, true);
    let disk = with(&disk, &segment(1), |bytes| bytes[8] = 9);
    let error = assert_refused(&disk, &["format version 9", "up to version 1", "newer program"]);
    assert!(matches!(error, OpenError::TooNew { found: 9, supported: 1, .. }));
}

#[test]
fn a_record_whose_last_part_never_came_is_dropped_and_its_position_not_used_again() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), small(), &disk.storage()).unwrap();
    let (first, _) = append(&log, 1, Position::ZERO, b"first");
    let (large, _) = append(&log, 1, first, &record(1, 150_000));
    let records = replay(&log, None, Position::ZERO);
    let disk = disk.killed().copy();
    drop(log);
    let paths = disk.paths(".log");
    assert_eq!(paths.len(), 3);
    let disk = with(&disk, &paths[2], |bytes| bytes[HEADER_BYTES..].fill(0));
    let (log, recovered) = open(dir(), small(), &disk.storage()).unwrap();
    assert_eq!((recovered.unfinished.clone(), recovered.epoch), (vec![StreamId(1)], 2));
    assert_eq!(recovered.streams, [(StreamId(1), first)]);
    assert_eq!(replay(&log, None, Position::ZERO), records[..1]);
    let (again, outcome) = append(&log, 1, first, &record(2, 150_000));
    assert_eq!(outcome, Outcome::Durable);
    assert!(again > large && again.number == large.number);
    log.close();
    drop(log);
    let (log, recovered) = open(dir(), small(), &disk.storage()).unwrap();
    assert!(recovered.unfinished.is_empty() && recovered.clean && recovered.epoch == 2);
    assert_eq!(replay(&log, Some(1), first.next()), [(StreamId(1), again, record(2, 150_000))]);
}

#[test]
fn without_a_sync_each_time_the_cut_is_at_the_first_bad_batch_that_no_sync_covers() {
    let disk = Faulty::default();
    let options = || Options { durability: Durability::Never, ..small() };
    let (log, _) = open(dir(), options(), &disk.storage()).unwrap();
    let mut last = Position::ZERO;
    for seed in 0..10 {
        last = append(&log, 1, last, &record(seed, 40)).0;
    }
    let records = replay(&log, None, Position::ZERO);
    let killed = disk.killed().copy();
    let path = segment(1);
    let places = bounds(&killed.read(&path));
    // The first batch after opening is synced in any case.
    let first_bad = with(&killed, &path, |bytes| bytes[places[0] + 60] ^= 1);
    assert_refused(&first_bad, &["batch 1", "Nothing was changed"]);
    for bad in 1..10 {
        // Batches after the bad one are good, but nothing says that it had been synced.
        let disk = with(&killed, &path, |bytes| bytes[places[bad] + 60] ^= 1);
        let (log, recovered) = open(dir(), options(), &disk.storage()).unwrap();
        assert_eq!(recovered.torn.unwrap().offset, places[bad] as u64);
        assert_eq!(recovered.epoch, 2);
        assert_eq!(replay(&log, None, Position::ZERO), records[..bad]);
    }
    // Closing syncs, and says so.
    log.close();
    for bad in 0..10 {
        let disk = with(&disk, &path, |bytes| bytes[places[bad] + 60] ^= 1);
        let error = open(dir(), options(), &disk.storage()).err().unwrap();
        assert!(matches!(error, OpenError::Corrupt { batch, .. } if batch == bad as u64 + 1), "{error}");
    }
}

#[test]
fn records_that_may_have_vanished_without_a_trace_begin_an_epoch() {
    let disk = Faulty::default();
    let options = || Options { durability: Durability::Never, ..small() };
    let (log, _) = open(dir(), options(), &disk.storage()).unwrap();
    let (first, _) = append(&log, 1, Position::ZERO, b"x");
    let killed = disk.killed();
    log.close();
    drop(log);
    let (_, recovered) = open(dir(), options(), &killed.storage()).unwrap();
    assert_eq!(recovered.epoch, 2);
    let (log, recovered) = open(dir(), options(), &disk.storage()).unwrap();
    assert_eq!((recovered.epoch, recovered.clean), (1, true));
    // However little is left of what came after the close.
    let (second, _) = append(&log, 1, first, b"y");
    append(&log, 1, second, b"z");
    let crashed = disk.crashed(Left::Nothing);
    let (_, recovered) = open(dir(), options(), &crashed.storage()).unwrap();
    assert_eq!((recovered.epoch, recovered.streams), (2, vec![(StreamId(1), second)]));
}

#[test]
fn an_epoch_can_be_begun_after_a_restore() {
    let (disk, records) = written(3, true);
    for epoch in 2..5 {
        let options = Options { new_epoch: true, ..small() };
        let (log, recovered) = open(dir(), options, &disk.storage()).unwrap();
        assert_eq!((log.epoch(), recovered.epoch), (epoch, epoch));
        assert_eq!(replay(&log, None, Position::ZERO), records);
    }
    let (log, _) = open(dir(), small(), &disk.storage()).unwrap();
    assert_eq!(log.epoch(), 4);
}

#[test]
fn a_second_opening_is_refused_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = FileLog::open(dir.path(), small(), Arc::new(RealStorage)).unwrap();
    let error = FileLog::open(dir.path(), small(), Arc::new(RealStorage)).err().unwrap();
    assert!(matches!(error, OpenError::Locked { .. }));
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    log.close();
    assert!(FileLog::open(dir.path(), small(), Arc::new(RealStorage)).is_ok());
}

const HOLD: &str = "WAL_TEST_HOLD_DIR";

/// Not a test by itself: what the other process does in the next one.
#[test]
fn hold_a_log_open_if_asked_to() {
    let Some(dir) = std::env::var_os(HOLD) else { return };
    let _held = FileLog::open(PathBuf::from(dir), small(), Arc::new(RealStorage)).unwrap();
    println!("held");
    // Until killed, or the other end is gone.
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn an_opening_by_another_process_is_refused_until_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hold_a_log_open_if_asked_to", "--nocapture"])
        .env(HOLD, dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = holder.stdout.take().unwrap();
    let mut seen = String::new();
    while !seen.contains("held") {
        let mut byte = [0];
        assert_eq!(output.read(&mut byte).unwrap(), 1, "the holder ended: {seen}");
        seen.push(byte[0] as char);
    }
    let error = FileLog::open(dir.path(), small(), Arc::new(RealStorage)).err().unwrap();
    assert!(matches!(&error, OpenError::Locked { holder: name, .. } if name.contains(&holder.id().to_string())));
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(FileLog::open(dir.path(), small(), Arc::new(RealStorage)).is_ok());
}

#[test]
fn the_settings_of_segments_may_change_between_openings() {
    let disk = Faulty::default();
    let mut last = Position::ZERO;
    for round in 0..4_u64 {
        let segment_bytes = 64 * 1024 * (1 + round % 3);
        let options = Options { segment_bytes, ..small() };
        let (log, _) = open(dir(), options, &disk.storage()).unwrap();
        for seed in 0..8 {
            last = send(&log, 1, last, &record(seed, 30_000)).0;
        }
        assert_eq!(settled(&log), Outcome::Durable);
        assert_eq!(replay(&log, None, Position::ZERO).len() as u64, (round + 1) * 8);
    }
}

#[test]
fn a_replay_of_an_open_log_notices_damage() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), small(), &disk.storage()).unwrap();
    append(&log, 1, Position::ZERO, b"record");
    let path = segment(1);
    let end = *bounds(&disk.read(&path)).last().unwrap();
    for at in 0..end {
        let mut bytes = disk.read(&path);
        bytes[at] ^= 0x20;
        disk.put(&path, bytes.clone());
        let error = log.replay(None, Position::ZERO, &mut |_, _, _| std::ops::ControlFlow::Continue(())).unwrap_err();
        assert!(matches!(error, ReadError::Corrupt { .. }), "byte {at}");
        bytes[at] ^= 0x20;
        disk.put(&path, bytes);
    }
    assert_eq!(replay(&log, None, Position::ZERO).len(), 1);
}

/// A log as version 1 of the format has it, without the unused rest of its only segment.
const VERSION_1: &[u8] = include_bytes!("fixtures/version-1.log");

#[test]
fn a_log_of_format_version_1_opens() {
    let disk = Faulty::default();
    disk.put(&segment(1), VERSION_1.to_vec());
    let verified = verify(dir(), &*disk.storage()).unwrap().unwrap();
    assert!(verified.clean);
    let (log, recovered) = open(dir(), small(), &disk.storage()).unwrap();
    assert_eq!((recovered.epoch, recovered.records, recovered.clean), (1, 3, true));
    let at = |number| Position { epoch: 1, number };
    let expected = [
        (StreamId(1), at(1), b"first".to_vec()),
        (StreamId(u64::MAX), at(1), Vec::new()),
        (StreamId(1), at(2), b"second".to_vec()),
    ];
    assert_eq!(replay(&log, None, Position::ZERO), expected);
    // It has no room left, so this begins a segment.
    assert_eq!(append(&log, 1, at(2), b"third").1, Outcome::Durable);
    assert_eq!(disk.paths(".log").len(), 2);
}

/// A batch with good checksums around any body.
fn sealed(log_id: u64, number: u64, previous: u32, frames: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes[..4].copy_from_slice(b"WBAT");
    bytes[4..8].copy_from_slice(&1_u32.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    bytes[16..24].copy_from_slice(&(number - 1).to_le_bytes());
    bytes[24..28].copy_from_slice(&(body.len() as u32).to_le_bytes());
    bytes[28..32].copy_from_slice(&frames.to_le_bytes());
    bytes[32..36].copy_from_slice(&previous.to_le_bytes());
    bytes[36..40].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&log_id.to_le_bytes()), &bytes[..44]);
    bytes[44..48].copy_from_slice(&checksum.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), cut in 0..2000_usize) {
        let (disk, records) = written(4, false);
        let path = segment(1);
        let end = *bounds(&disk.read(&path)).last().unwrap();
        // Any file; any bytes over a good log; any bytes behind a good log; any bytes in a batch with good checksums.
        let any_file = disk.copy();
        any_file.put(&path, bytes.clone());
        let over = with(&disk, &path, |file| {
            let from = cut.min(end);
            file[from..from + bytes.len()].copy_from_slice(&bytes);
        });
        let behind = with(&disk, &path, |file| file[end..end + bytes.len()].copy_from_slice(&bytes));
        let inside = with(&disk, &path, |file| {
            let log_id = u64::from_le_bytes(file[24..32].try_into().unwrap());
            let last = bounds(file)[3];
            let previous = u32::from_le_bytes(file[last + 44..last + 48].try_into().unwrap());
            let mut body = bytes.clone();
            body.resize(bytes.len().next_multiple_of(8), 0);
            let batch = sealed(log_id, 5, previous, cut as u32 % 5, &body);
            file[end..end + batch.len()].copy_from_slice(&batch);
        });
        for disk in [any_file, over, behind, inside] {
            let verified = verify(dir(), &*disk.storage());
            match open(dir(), small(), &disk.storage()) {
                Ok((log, _)) => {
                    verified.unwrap();
                    let found = replay(&log, None, Position::ZERO);
                    prop_assert!(found.len() <= records.len() + 5);
                }
                Err(error) => prop_assert_eq!(error.to_string(), verified.unwrap_err().to_string()),
            }
        }
    }
}
