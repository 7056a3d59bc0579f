//! What is in a log, told without changing it, whether it is sound or not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::batch::{self, Frame};
use super::recover::choose;
use super::scan::{Observer, Scan, Segment, io_error, list, scan_observed};
use super::segment;
use super::shared::Extent;
use crate::checkpoint;
use crate::error::OpenError;
use crate::position::{Position, StreamId};
use crate::storage::Storage;

/// What [`crate::Offline::inspect`] found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// All segments, oldest first.
    pub segments: Vec<SegmentSummary>,
    /// The streams, by their numbers, as far as the log could be read.
    pub streams: Vec<StreamSummary>,
    /// The epoch of the last good batch.
    pub epoch: u32,
    /// How the log ends.
    pub end: End,
    /// Streams whose last record lost its last part and will be dropped.
    pub unfinished: Vec<StreamId>,
    /// The last good record that was read before the end.
    pub last_record: Option<(StreamId, Position)>,
    /// Prepared segments that are not in use yet.
    pub prepared: Files,
    /// Copies of what was cut off, and checkpoints that could not be used.
    pub set_aside: Files,
    /// The checkpoints, the newest first.
    pub checkpoints: Vec<CheckpointSummary>,
    pub(super) extent: Extent,
}

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointSummary {
    /// Its manifest.
    pub path: PathBuf,
    /// Its number; zero if it can't be read.
    pub round: u64,
    /// Bytes of its parts.
    pub bytes: u64,
    /// The streams in it.
    pub streams: u64,
    /// The batch from which on it needs the log.
    pub needs_from: u64,
    /// Why it can't be used, if it can't. The newest that can be used was read and is good.
    pub unusable: Option<String>,
}

/// A segment of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentSummary {
    /// The file.
    pub path: PathBuf,
    /// The number of its first batch, as its name says.
    pub first_batch: u64,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Where its last good batch ends; zero if it was not read.
    pub end: u64,
    /// The epoch of its last good batch, or of its header; none if it was not read.
    pub epoch: Option<u32>,
    /// Good batches.
    pub batches: u64,
    /// Records whose last part is in it.
    pub records: u64,
    /// What state it is in.
    pub state: SegmentState,
}

/// What state a segment is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentState {
    /// All of it is good, and the next one follows.
    Full,
    /// All of it is good, and the log goes on in it.
    Current,
    /// It ends in a write that was never finished.
    Torn,
    /// Something in it that was durable is damaged, or what should follow it is missing.
    Damaged,
    /// It lies behind what is damaged, or a newer program wrote it.
    NotRead,
    /// There is nothing in it: it will be removed.
    Blank,
}

/// A stream of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamSummary {
    /// Its number.
    pub stream: u64,
    /// Its last record.
    pub last: Position,
    /// How many records it has.
    pub records: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

/// How a log ends.
#[derive(Debug)]
pub enum End {
    /// Closed in order.
    Closed,
    /// Not closed, as after a crash, and nothing torn.
    Open,
    /// In a write that was never finished. Opening the log cuts it, and keeps a copy.
    Torn(Torn),
    /// In damage, or where a newer program went on: opening the log is refused with this.
    Damaged(OpenError),
}

/// The torn end of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub file: PathBuf,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// The number of the batch that should be there.
    pub batch: u64,
    /// What was found in its place.
    pub seen: String,
}

/// How many files there are, and how long they are together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// How many.
    pub count: u64,
    /// Bytes of all.
    pub bytes: u64,
}

/// Told how many bytes of how many were looked through.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

/// Reads the log in `dir`, which must be locked. `None` if there is none.
pub(super) fn inspect(
    shared_storage: &Arc<dyn Storage>,
    dir: &Path,
    progress: &mut Progress<'_>,
) -> Result<Option<Inspection>, OpenError> {
    let storage = &**shared_storage;
    let segments = list(storage, dir)?;
    if segments.is_empty() {
        return Ok(None);
    }
    let size = |path: &Path| -> Result<u64, OpenError> {
        storage.open(path).and_then(|file| file.size()).map_err(io_error("open", path))
    };
    let summaries = segments.iter().map(|segment| Ok(not_read(segment, size(&segment.path)?)));
    let mut collector = Collector::new(summaries.collect::<Result<_, OpenError>>()?, progress);
    let scanned = scan_observed(storage, dir, &mut collector);
    let (mut prepared, mut set_aside) = (Files::default(), Files::default());
    for name in storage.list(dir).map_err(io_error("list", dir))? {
        let files = match name.as_str() {
            name if segment::prepared_serial(name).is_some() => &mut prepared,
            name if name.ends_with(".torn") || name.ends_with(".rejected") => &mut set_aside,
            _ => continue,
        };
        files.count += 1;
        files.bytes += size(&dir.join(name))?;
    }
    let Collector { mut segments, streams, read, epoch, last_record, .. } = collector;
    let mut checkpoints = Vec::new();
    let (end, unfinished) = match scanned {
        Ok(Some(scan)) => match judged(shared_storage, dir, &scan) {
            Ok(found) => {
                checkpoints = found;
                (end_of(&scan), scan.assembler.unfinished())
            }
            Err(error @ OpenError::Io { .. }) => return Err(error),
            Err(error) => (End::Damaged(error), Vec::new()),
        },
        // Files by a segment's name, and nothing in them.
        Ok(None) => (End::Open, Vec::new()),
        Err(error @ OpenError::Io { .. }) => return Err(error),
        Err(error) => (End::Damaged(error), Vec::new()),
    };
    mark(&mut segments, read, &end);
    let extent = Extent {
        segments: segments.iter().take(read).map(SegmentSummary::segment).collect(),
        end: segments.iter().take(read).next_back().map_or(0, |segment| segment.end),
    };
    let streams = streams.into_values().collect();
    Ok(Some(Inspection {
        segments,
        streams,
        epoch,
        end,
        unfinished,
        last_record,
        prepared,
        set_aside,
        checkpoints,
        extent,
    }))
}

/// The checkpoints, and which of them could be used to open the log.
fn judged(storage: &Arc<dyn Storage>, dir: &Path, scan: &Scan) -> Result<Vec<CheckpointSummary>, OpenError> {
    let chosen = choose(storage, dir, scan)?;
    let usable = chosen.kept.iter().map(|manifest| CheckpointSummary {
        path: checkpoint::manifest_path(dir, manifest.round),
        round: manifest.round,
        bytes: manifest.bytes(),
        streams: manifest.sections.len() as u64,
        needs_from: manifest.from_batch,
        unusable: None,
    });
    let unusable = chosen.rejected.iter().map(|rejected| CheckpointSummary {
        path: rejected.file.clone(),
        round: 0,
        bytes: 0,
        streams: 0,
        needs_from: 0,
        unusable: Some(rejected.seen.clone()),
    });
    Ok(usable.chain(unusable).collect())
}

fn end_of(scan: &Scan) -> End {
    match scan.torn {
        Some((torn_end, bad)) => End::Torn(Torn {
            file: scan.segments.last().map(|segment| segment.path.clone()).unwrap_or_default(),
            offset: scan.end,
            bytes: torn_end - scan.end,
            batch: scan.chain.next,
            seen: bad.to_string(),
        }),
        None if scan.closed() => End::Closed,
        None => End::Open,
    }
}

/// Says what states the segments are in, of which so many were read.
fn mark(segments: &mut [SegmentSummary], read: usize, end: &End) {
    let damaged = match end {
        End::Damaged(OpenError::Corrupt { file, .. }) => Some(file.clone()),
        _ => None,
    };
    for (index, segment) in segments.iter_mut().enumerate() {
        segment.state = match end {
            _ if damaged.as_ref() == Some(&segment.path) => SegmentState::Damaged,
            End::Damaged(_) if index >= read => SegmentState::NotRead,
            _ if index >= read => SegmentState::Blank,
            _ if index + 1 < read => SegmentState::Full,
            End::Torn(_) => SegmentState::Torn,
            End::Damaged(OpenError::Missing { .. }) => SegmentState::Damaged,
            End::Damaged(_) => SegmentState::Full,
            End::Closed | End::Open => SegmentState::Current,
        };
    }
}

fn not_read(segment: &Segment, bytes: u64) -> SegmentSummary {
    SegmentSummary {
        path: segment.path.clone(),
        first_batch: segment.first_batch,
        bytes,
        end: 0,
        epoch: None,
        batches: 0,
        records: 0,
        state: SegmentState::NotRead,
    }
}

impl SegmentSummary {
    pub(super) fn segment(&self) -> Segment {
        Segment { first_batch: self.first_batch, path: self.path.clone() }
    }
}

/// Counts while the log is read.
struct Collector<'a, 'b> {
    segments: Vec<SegmentSummary>,
    streams: BTreeMap<u64, StreamSummary>,
    /// Segments begun.
    read: usize,
    epoch: u32,
    last_record: Option<(StreamId, Position)>,
    progress: &'a mut Progress<'b>,
    before: u64,
    total: u64,
}

impl<'a, 'b> Collector<'a, 'b> {
    fn new(segments: Vec<SegmentSummary>, progress: &'a mut Progress<'b>) -> Self {
        let total = segments.iter().map(|segment| segment.bytes).sum();
        let streams = BTreeMap::new();
        Collector { segments, streams, read: 0, epoch: 0, last_record: None, progress, before: 0, total }
    }

    fn current(&mut self) -> Option<&mut SegmentSummary> {
        self.segments.get_mut(self.read.checked_sub(1)?)
    }
}

impl Observer for Collector<'_, '_> {
    fn segment(&mut self, _: &Segment, header: &segment::Header, _: u64) {
        self.before += self.current().map_or(0, |segment| segment.bytes);
        // The scan reads the same list in the same order.
        self.read += 1;
        self.epoch = self.epoch.max(header.epoch);
        if let Some(segment) = self.current() {
            segment.epoch = Some(header.epoch);
            segment.end = segment::HEADER_BYTES as u64;
        }
        (self.progress)(self.before, self.total);
    }

    fn frame(&mut self, frame: &Frame<'_>, whole: Option<Position>) {
        let stream = self.streams.entry(frame.stream.0).or_default();
        stream.stream = frame.stream.0;
        stream.bytes += frame.bytes.len() as u64;
        if let Some(position) = whole {
            stream.records += 1;
            stream.last = position;
            self.last_record = Some((frame.stream, position));
            if let Some(segment) = self.current() {
                segment.records += 1;
            }
        }
    }

    fn batch_end(&mut self, header: &batch::Header, end: u64) {
        self.epoch = self.epoch.max(header.epoch);
        if let Some(segment) = self.current() {
            segment.batches += 1;
            segment.epoch = Some(header.epoch);
            segment.end = end;
        }
        (self.progress)(self.before + end, self.total);
    }
}
