//! Checkpoints: what they stand for is there without the log before them, whatever happens while they are made.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use support::faulty::{Fault, Faulty, Left, Op, mix};
use support::{PATIENCE, append, open, record, small_options, try_send};
use wal::{Durability, FileLog, Log, OpenError, Options, Outcome, Position, Recovered, StreamId};

const STREAMS: u64 = 3;

fn dir() -> &'static Path {
    Path::new("log")
}

/// What the records of a stream amount to: where it ends, and a number that depends on all of them in order.
type Sum = (Position, u64);

fn add(sum: &mut Sum, position: Position, record: &[u8]) {
    sum.0 = position;
    sum.1 = record.iter().fold(mix(sum.1), |sum, byte| mix(sum ^ u64::from(*byte)));
}

fn encode(sum: &Sum) -> Vec<u8> {
    sum.1.to_le_bytes().to_vec()
}

/// The sums as they are read back: from the checkpoint, then from the log.
fn recovered(log: &FileLog, found: &Recovered) -> BTreeMap<u64, Sum> {
    let mut sums = BTreeMap::new();
    if let Some(checkpoint) = &found.checkpoint {
        for (stream, position) in checkpoint.streams() {
            let mut bytes = Vec::new();
            let mut visit = |chunk: &[u8]| {
                bytes.extend_from_slice(chunk);
                ControlFlow::Continue(())
            };
            checkpoint.read(stream, &mut visit).unwrap();
            sums.insert(stream.0, (position, u64::from_le_bytes(bytes[..8].try_into().unwrap())));
        }
    }
    let mut visit = |stream: StreamId, position: Position, bytes: &[u8]| {
        let sum = sums.entry(stream.0).or_insert((Position::ZERO, 0));
        if position.number > sum.0.number {
            assert_eq!(position.number, sum.0.number + 1, "no record is missing");
            add(sum, position, bytes);
        }
        ControlFlow::Continue(())
    };
    log.replay(None, Position::ZERO, &mut visit).unwrap();
    sums
}

/// Everything that was ever appended, and what was acknowledged of it.
#[derive(Default)]
struct Sent {
    /// The sums after each record, by stream.
    after: BTreeMap<u64, Vec<Sum>>,
    durable: BTreeMap<u64, Position>,
}

impl Sent {
    fn last(&self, stream: u64) -> Sum {
        self.after.get(&stream).and_then(|sums| sums.last()).copied().unwrap_or((Position::ZERO, 0))
    }

    fn append(&mut self, log: &FileLog, stream: u64, seed: u64) -> Outcome {
        // Now and then larger than a segment.
        let bytes = if seed.is_multiple_of(11) { 90_000 } else { 40 + seed % 9_000 };
        let record = record(seed, bytes as usize);
        let mut sum = self.last(stream);
        let Ok((position, told)) = try_send(log, stream, sum.0, &record) else {
            return Outcome::Failed;
        };
        let outcome = told.recv_timeout(PATIENCE).unwrap();
        add(&mut sum, position, &record);
        self.after.entry(stream).or_default().push(sum);
        if outcome == Outcome::Durable {
            self.durable.insert(stream, position);
        }
        outcome
    }

    /// What was read back is what had been sent up to some record, and all that was acknowledged is in it.
    fn check(&self, found: &BTreeMap<u64, Sum>, what: &str) {
        for stream in 1..=STREAMS {
            let sum = found.get(&stream).copied().unwrap_or((Position::ZERO, 0));
            let durable = self.durable.get(&stream).copied().unwrap_or(Position::ZERO);
            assert!(sum.0.number >= durable.number, "{what}: stream {stream} lost something");
            let known = self.after.get(&stream).into_iter().flatten();
            assert!(sum.1 == 0 || known.clone().any(|known| *known == sum), "{what}: stream {stream} is another");
        }
    }
}

/// Makes a checkpoint of all streams. Those that have not changed are taken over where they can be.
fn checkpoint(log: &FileLog, sent: &Sent) -> Result<wal::Committed, wal::CheckpointError> {
    let mut round = log.begin_checkpoint()?;
    for stream in 1..=STREAMS {
        let sum = sent.last(stream);
        if sum.0 != Position::ZERO && !round.carry_over(StreamId(stream), sum.0) {
            round.section(StreamId(stream), sum.0);
            round.chunk(&encode(&sum))?;
            // More than one, and one without anything.
            round.chunk(&[])?;
            round.chunk(&record(stream, 30_000))?;
        }
    }
    round.commit()
}

/// Appends and makes checkpoints, until the disk stops working or all is done.
fn work(log: &FileLog, sent: &mut Sent, rounds: u64) {
    for number in 0..rounds {
        for step in 0..6 {
            let seed = mix(number * 100 + step);
            // The last stream changes in the first round only.
            let stream = if number > 0 { 1 + seed % 2 } else { 1 + seed % STREAMS };
            if sent.append(log, stream, seed) != Outcome::Durable {
                return;
            }
        }
        if checkpoint(log, sent).is_err() {
            return;
        }
    }
}

fn quiet() -> Options {
    Options { ready_segments: 2, zero_fill: false, ..small_options() }
}

#[test]
fn the_log_is_kept_from_the_older_of_two_checkpoints_only() {
    let disk = Faulty::default();
    let (log, found) = open(dir(), quiet(), &disk.storage()).unwrap();
    assert!(found.checkpoint.is_none() && log.checkpoint().is_none());
    let mut sent = Sent::default();
    work(&log, &mut sent, 1);
    assert!(disk.paths("00000000000000000001.log").len() == 1, "one checkpoint is not enough to remove anything");
    work(&log, &mut sent, 4);
    assert_eq!(disk.paths(".manifest").len(), 2);
    assert!(disk.paths("00000000000000000001.log").is_empty());
    let newest = log.checkpoint().unwrap();
    assert_eq!((newest.round(), newest.streams().count()), (5, 3));
    newest.verify().unwrap();
    drop(log);
    let (log, found) = open(dir(), quiet(), &disk.storage()).unwrap();
    assert!(found.clean && found.rejected.is_empty());
    assert_eq!(found.checkpoint.as_ref().map(wal::Checkpoint::round), Some(5));
    let sums = recovered(&log, &found);
    assert_eq!(sums, (1..=STREAMS).map(|stream| (stream, sent.last(stream))).collect());
    // A stream of which nothing is left in the log goes on where it was.
    assert_eq!(found.streams.len(), 3);
    assert_eq!(sent.append(&log, 3, 5), Outcome::Durable);
    checkpoint(&log, &sent).unwrap();
    assert_eq!(log.checkpoint().unwrap().round(), 6);
}

#[test]
fn a_round_that_is_dropped_leaves_nothing_and_only_one_is_made_at_a_time() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
    let mut sent = Sent::default();
    work(&log, &mut sent, 1);
    let before = disk.paths(".checkpoint");
    let mut round = log.begin_checkpoint().unwrap();
    round.section(StreamId(1), Position::ZERO);
    round.chunk(b"something").unwrap();
    assert!(matches!(log.begin_checkpoint(), Err(wal::CheckpointError::Busy)));
    drop(round);
    assert_eq!(disk.paths(".checkpoint"), before);
    checkpoint(&log, &sent).unwrap();
}

#[test]
fn parts_are_taken_over_from_the_last_checkpoint_but_one_while_their_file_is_worth_keeping() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
    let mut sent = Sent::default();
    let parts = |committed: wal::Committed| committed.written / 30_000;
    for stream in 1..=STREAMS {
        sent.append(&log, stream, stream);
    }
    assert_eq!(parts(checkpoint(&log, &sent).unwrap()), 3);
    assert_eq!(parts(checkpoint(&log, &sent).unwrap()), 3, "the two that are kept share no file");
    assert_eq!(parts(checkpoint(&log, &sent).unwrap()), 0);
    assert_eq!(disk.paths(".checkpoint").len(), 2, "a file without parts is not kept");
    sent.append(&log, 1, 9);
    assert_eq!(parts(checkpoint(&log, &sent).unwrap()), 1);
    sent.append(&log, 2, 9);
    assert_eq!(parts(checkpoint(&log, &sent).unwrap()), 2, "both have changed since the last but one");
    sent.append(&log, 1, 10);
    assert_eq!(parts(checkpoint(&log, &sent).unwrap()), 2);
    // Now a third of the first file is in use: the part of the last stream is written again.
    sent.append(&log, 2, 10);
    assert_eq!(parts(checkpoint(&log, &sent).unwrap()), 3);
    drop(log);
    let (log, found) = open(dir(), quiet(), &disk.storage()).unwrap();
    sent.check(&recovered(&log, &found), "after the end");
    assert_eq!(found.streams.len(), 3);
}

#[test]
fn what_can_not_be_read_back_is_written_anew() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
    let mut sent = Sent::default();
    for stream in 1..=STREAMS {
        sent.append(&log, stream, stream);
    }
    checkpoint(&log, &sent).unwrap();
    checkpoint(&log, &sent).unwrap();
    let first = disk.paths("1.checkpoint").remove(0);
    let mut bytes = disk.read(&first);
    bytes[5_000] ^= 1;
    disk.put(&first, bytes);
    assert!(matches!(checkpoint(&log, &sent), Err(wal::CheckpointError::NotReadBack(_))));
    assert!(checkpoint(&log, &sent).unwrap().written > 90_000);
}

#[test]
fn a_record_that_was_never_finished_does_not_hide_where_its_stream_ends() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
    let mut sent = Sent::default();
    work(&log, &mut sent, 5);
    drop(log);
    let end = sent.last(3).0;
    let mut unfinished = 0;
    for stop in 0..20 {
        let disk = disk.copy();
        let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
        disk.fail(None, stop, Fault::Stop);
        // Several segments long.
        let _ = log.make_room(200_000);
        if let Ok(credit) = log.reserve(200_000, wal::Class::Ordinary) {
            let record = record(stop, 200_000);
            log.append(wal::Append { stream: StreamId(3), expected: end, record, credit, on_durable: Vec::new() });
        }
        log.close();
        let (log, found) = open(dir(), quiet(), &disk.crashed(Left::Everything).storage()).unwrap();
        unfinished += found.unfinished.len();
        let last = found.streams.iter().find(|(stream, _)| *stream == StreamId(3)).unwrap().1;
        assert!(last == end || last.number == end.number + 1, "stopped at operation {stop}: {last}");
        assert_eq!(append(&log, 3, last, b"goes on").1, Outcome::Durable, "stopped at operation {stop}");
    }
    assert!(unfinished > 0, "none was ever cut short");
}

#[test]
fn a_checkpoint_shows_that_the_end_of_the_log_is_missing() {
    let disk = Faulty::default();
    let storage = disk.storage();
    let (log, _) = open(dir(), quiet(), &storage).unwrap();
    let mut sent = Sent::default();
    work(&log, &mut sent, 3);
    // The process is killed: what follows the checkpoint is nothing.
    let killed = disk.killed();
    drop(log);
    let newest = killed.paths(".log").pop().unwrap();
    let lost = killed.copy();
    lost.delete(&newest);
    let error = open(dir(), quiet(), &lost.storage()).err().unwrap();
    assert!(matches!(error, OpenError::EndMissing { .. }), "{error}");
    let torn = killed.copy();
    let mut bytes = torn.read(&newest);
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[last] ^= 1;
    torn.put(&newest, bytes);
    let before = torn.contents();
    let error = open(dir(), quiet(), &torn.storage()).err().unwrap();
    assert!(matches!(error, OpenError::EndMissing { .. }), "{error}");
    assert_eq!(torn.contents(), before, "a refusal changes nothing");
    // Whoever accepts the loss cuts the log at its end, and an older checkpoint is read.
    for disk in [lost, torn] {
        let offline = wal::Offline::lock(dir(), disk.storage()).unwrap();
        let inspection = offline.inspect(&mut |_, _| ()).unwrap().unwrap();
        let good = inspection.segments.iter().rev().find(|segment| segment.batches > 0).unwrap();
        let name = good.path.file_name().unwrap().to_str().unwrap().to_owned();
        let plan = offline.plan_cut(&inspection, &name, good.end).unwrap();
        offline.cut(&plan).unwrap();
        drop(offline);
        let (_, found) = open(dir(), quiet(), &disk.storage()).unwrap();
        assert_eq!(found.checkpoint.map(|checkpoint| checkpoint.round()), Some(2));
    }
}

#[test]
fn the_machine_may_stop_at_any_operation() {
    let (clean, mut sent) = (Faulty::default(), Sent::default());
    let (log, _) = open(dir(), quiet(), &clean.storage()).unwrap();
    work(&log, &mut sent, 4);
    drop(log);
    let operations = clean.operations();
    assert!(operations > 100);
    for stop in 0..operations {
        let (disk, mut sent) = (Faulty::default(), Sent::default());
        disk.fail(None, stop, Fault::Stop);
        if let Ok((log, _)) = open(dir(), quiet(), &disk.storage()) {
            work(&log, &mut sent, 4);
        }
        for left in [Left::Nothing, Left::Everything, Left::Bytes(700), Left::Sectors(stop)] {
            let what = format!("stopped at operation {stop}, left {left:?}");
            let after = disk.crashed(left);
            let (log, found) = open(dir(), quiet(), &after.storage()).unwrap_or_else(|error| panic!("{what}: {error}"));
            sent.check(&recovered(&log, &found), &what);
            assert!(found.rejected.is_empty(), "{what}: {:?}", found.rejected);
        }
    }
}

#[test]
fn a_disk_that_fails_while_a_checkpoint_is_made_harms_neither_log_nor_checkpoints() {
    for op in [Op::Create, Op::Write, Op::Sync, Op::SyncDir, Op::Rename, Op::Remove] {
        for fault in [Fault::Io, Fault::NoSpace] {
            for well in 0..6 {
                let disk = Faulty::default();
                let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
                let mut sent = Sent::default();
                work(&log, &mut sent, 2);
                sent.append(&log, 1, 3);
                disk.fail(Some(op), well, fault);
                // Whether it succeeds depends on where it is hit; neither may lose anything.
                let _ = checkpoint(&log, &sent);
                let what = format!("{fault:?} at {op:?} after {well}");
                disk.fail(None, u64::MAX, fault);
                assert_eq!(sent.append(&log, 2, 4), Outcome::Durable, "{what}");
                checkpoint(&log, &sent).unwrap_or_else(|error| panic!("{what}: {error}"));
                // On and on, so that more segments go.
                let removed = disk.paths(".log").len();
                work(&log, &mut sent, 3);
                assert!(disk.paths(".log").len() <= removed + 6, "{what}: nothing is removed any more");
                drop(log);
                let (log, found) = open(dir(), quiet(), &disk.crashed(Left::Nothing).storage()).unwrap();
                sent.check(&recovered(&log, &found), &what);
                assert!(found.checkpoint.is_some());
            }
        }
    }
}

#[test]
fn a_bit_that_flips_anywhere_is_noticed_and_the_older_checkpoint_is_read() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
    let mut sent = Sent::default();
    // Small, so that every byte can be tried.
    let small = |log: &FileLog, sent: &mut Sent| {
        sent.append(log, 1, 40);
        let mut round = log.begin_checkpoint().unwrap();
        round.section(StreamId(1), sent.last(1).0);
        round.chunk(&encode(&sent.last(1))).unwrap();
        round.commit().unwrap();
    };
    small(&log, &mut sent);
    small(&log, &mut sent);
    drop(log);
    for path in disk.paths("2.manifest").into_iter().chain(disk.paths("2.checkpoint")) {
        let bytes = disk.read(&path);
        for at in 0..bytes.len() {
            let copy = disk.copy();
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            copy.put(&path, flipped);
            let opened = open(dir(), quiet(), &copy.storage());
            let (log, found) = opened.unwrap_or_else(|error| panic!("{path:?} byte {at}: {error}"));
            assert_eq!(found.checkpoint.as_ref().map(wal::Checkpoint::round), Some(1), "{path:?} byte {at}");
            assert_eq!(found.rejected.len(), 1);
            sent.check(&recovered(&log, &found), "after a flipped bit");
            assert!(!copy.paths(".rejected").is_empty());
            // The number of the damaged one is not used again.
            let mut round = log.begin_checkpoint().unwrap();
            assert!(round.number() >= 2);
            round.section(StreamId(1), sent.last(1).0);
            round.chunk(&encode(&sent.last(1))).unwrap();
            round.commit().unwrap();
        }
    }
}

#[test]
fn without_any_good_checkpoint_a_shortened_log_is_refused() {
    let disk = Faulty::default();
    let (log, _) = open(dir(), quiet(), &disk.storage()).unwrap();
    let mut sent = Sent::default();
    work(&log, &mut sent, 5);
    drop(log);
    let damaged = disk.copy();
    for path in damaged.paths(".checkpoint") {
        let mut bytes = damaged.read(&path);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        damaged.put(&path, bytes);
    }
    let before = damaged.contents();
    let error = open(dir(), quiet(), &damaged.storage()).err().unwrap().to_string();
    assert!(error.contains("no checkpoint can be used") && error.contains("checksum"), "{error}");
    assert_eq!(damaged.contents().len(), before.len(), "a refusal changes nothing");
    let without = disk.copy();
    without.paths(".manifest").iter().for_each(|path| without.delete(path));
    assert!(matches!(open(dir(), quiet(), &without.storage()), Err(OpenError::Missing { first_missing: 1, .. })));
    let alone = disk.copy();
    alone.paths(".log").iter().for_each(|path| alone.delete(path));
    assert!(matches!(open(dir(), quiet(), &alone.storage()), Err(OpenError::OnlyCheckpoints { .. })));
}

#[test]
fn a_checkpoint_of_what_was_cut_away_is_not_used() {
    let disk = Faulty::default();
    let storage = disk.storage();
    let (log, _) = open(dir(), quiet(), &storage).unwrap();
    let mut sent = Sent::default();
    sent.append(&log, 1, 40);
    drop(log);
    let (log, _) = open(dir(), quiet(), &storage).unwrap();
    let kept = sent.last(1);
    sent.append(&log, 1, 41);
    checkpoint(&log, &sent).unwrap();
    drop(log);
    let offline = wal::Offline::lock(dir(), storage.clone()).unwrap();
    let inspection = offline.inspect(&mut |_, _| ()).unwrap().unwrap();
    // Behind the first record and the batch that closed the log after it.
    let mut cuts = (48..400).filter_map(|at| offline.plan_cut(&inspection, "00000000000000000001.log", at).ok());
    let plan = cuts.find(|plan| plan.first_batch == 3).unwrap();
    offline.cut(&plan).unwrap();
    drop(offline);
    let (log, found) = open(dir(), quiet(), &storage).unwrap();
    assert!(found.checkpoint.is_none(), "{:?}", found.checkpoint);
    assert_eq!(found.rejected.len(), 1, "{:?}", found.rejected);
    assert_eq!(recovered(&log, &found).get(&1), Some(&kept));
    drop(log);
    // Also when the log has grown beyond it again.
    let other = disk.copy();
    other.put(&dir().join("00000000000000000001.manifest"), disk.read(&disk.paths("manifest.rejected")[0]));
    let (log, _) = open(dir(), quiet(), &storage).unwrap();
    let mut last = kept.0;
    for seed in 0..20 {
        last = append(&log, 1, last, &record(seed, 30)).0;
    }
    drop(log);
    disk.put(&dir().join("00000000000000000001.manifest"), other.read(&other.paths(".manifest")[0]));
    let (_, found) = open(dir(), quiet(), &storage).unwrap();
    assert!(found.checkpoint.is_none() && found.rejected[0].seen.contains("was cut"), "{:?}", found.rejected);
}

#[test]
fn a_checkpoint_counts_only_when_the_log_is_synced_whatever_the_durability() {
    let disk = Faulty::default();
    let options = Options { durability: Durability::Never, ..quiet() };
    let (log, _) = open(dir(), options.clone(), &disk.storage()).unwrap();
    let mut sent = Sent::default();
    for seed in 1..20 {
        sent.append(&log, 1, 40 + 11 * seed);
    }
    checkpoint(&log, &sent).unwrap();
    let (log, found) = open(dir(), options, &disk.crashed(Left::Nothing).storage()).unwrap();
    assert!(found.checkpoint.is_some());
    assert_eq!(recovered(&log, &found).get(&1), Some(&sent.last(1)));
}

/// A log with a checkpoint as version 1 of the format has them, without the unused rest of the log's only segment.
const VERSION_1: [(&str, &[u8]); 3] = [
    ("00000000000000000001.log", include_bytes!("fixtures/checkpoint-1.log")),
    ("00000000000000000001.checkpoint", include_bytes!("fixtures/checkpoint-1.checkpoint")),
    ("00000000000000000001.manifest", include_bytes!("fixtures/checkpoint-1.manifest")),
];

#[test]
fn a_checkpoint_of_format_version_1_is_read() {
    let disk = Faulty::default();
    VERSION_1.iter().for_each(|(name, bytes)| disk.put(&dir().join(name), bytes.to_vec()));
    let (log, found) = open(dir(), quiet(), &disk.storage()).unwrap();
    let checkpoint = found.checkpoint.as_ref().unwrap();
    let at = |number| Position { epoch: 1, number };
    assert_eq!(checkpoint.streams().collect::<Vec<_>>(), [(StreamId(1), at(2)), (StreamId(9), at(1))]);
    let mut chunks = Vec::new();
    let mut visit = |chunk: &[u8]| {
        chunks.push(chunk.to_vec());
        ControlFlow::Continue(())
    };
    checkpoint.read(StreamId(1), &mut visit).unwrap();
    checkpoint.read(StreamId(9), &mut visit).unwrap();
    checkpoint.read(StreamId(5), &mut visit).unwrap();
    assert_eq!(chunks, [b"what two".to_vec(), b"records amount to".to_vec(), Vec::new()]);
    assert_eq!(append(&log, 1, at(3), b"fourth").1, Outcome::Durable);
    // A newer program's is named, and nothing is changed.
    let mut newer = VERSION_1[2].1.to_vec();
    newer[8] = 2;
    let end = newer.len() - 4;
    let checksum = crc32c::crc32c(&newer[..end]);
    newer[end..].copy_from_slice(&checksum.to_le_bytes());
    disk.put(&dir().join(VERSION_1[2].0), newer);
    drop(log);
    let before = disk.contents();
    let error = open(dir(), quiet(), &disk.storage()).err().unwrap().to_string();
    assert!(error.contains("format version 2"), "{error}");
    assert_eq!(disk.contents(), before);
}
