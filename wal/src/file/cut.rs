//! Cuts a log where a person says, for good reasons or bad: what is cut is kept aside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::batch::{self, Frame};
use super::chain::{Chain, Rest, survey};
use super::inspect::{End, Inspection, SegmentSummary};
use super::recover::{Current, copy_aside, copy_bytes, create_prepared, free_name, write_epoch};
use super::scan::{Observer, Segment, io_error, scan_observed};
use super::segment;
use super::window::Window;
use crate::checkpoint::{self, Manifest};
use crate::error::OpenError;
use crate::position::{Position, StreamId};
use crate::storage::Storage;

/// What a cut would do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CutPlan {
    /// The segment that is cut.
    pub file: PathBuf,
    /// The first byte that is cut.
    pub offset: u64,
    /// How many bytes of the segment are cut: up to the last that is not zero.
    pub bytes: u64,
    /// The first batch that is lost.
    pub first_batch: u64,
    /// The last batch that is lost, as far as headers behind the cut can be read; less than `first_batch` if none can.
    pub last_batch: u64,
    /// Later segments, which are set aside as they are.
    pub whole: Vec<PathBuf>,
    /// The good records that are lost, by stream.
    pub lost: Vec<Lost>,
    /// Whether something behind the cut is damaged or torn, so that more records may be lost than those.
    pub more: bool,
    /// The epoch that begins behind the cut.
    pub epoch: u32,
    /// The newest batch that stays.
    chain: Chain,
    size: u64,
}

/// Records of one stream that are lost by a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The stream.
    pub stream: u64,
    /// The first record that is lost.
    pub first: Position,
    /// The last good record that is lost.
    pub last: Position,
}

/// What a cut has done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cut {
    /// Where what was cut is kept.
    pub copies: Vec<PathBuf>,
}

/// Why a log can't be cut at a place. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CutError {
    /// No such segment.
    #[error("there is no segment {0}: its name is one of those that an inspection shows")]
    NoSegment(String),
    /// The place lies behind the damage.
    #[error("{file} can't be read up to byte {offset}: the log is good up to {good_file}:{good_offset}, cut it there")]
    Behind {
        /// The segment asked for.
        file: PathBuf,
        /// The byte asked for.
        offset: u64,
        /// The segment up to which the log is good.
        good_file: String,
        /// The byte up to which it is good.
        good_offset: u64,
    },
    /// No batch begins there.
    #[error("no batch begins at byte {offset} of {file}: the nearest before is at {before}")]
    WithinBatch {
        /// The segment.
        file: PathBuf,
        /// The byte asked for.
        offset: u64,
        /// Where the batch begins in which that is.
        before: u64,
    },
    /// Nothing is there to be cut.
    #[error("there is nothing behind byte {offset} of {file}: the log ends there")]
    NothingBehind {
        /// The segment.
        file: PathBuf,
        /// The byte asked for.
        offset: u64,
    },
    /// What stays could not be read without what is cut.
    #[error(
        "the beginning of the log was removed behind checkpoints, and none of them would fit what stays: cut it \
         further behind, or restore a back-up"
    )]
    BelowCheckpoints,
    /// Everything would be cut.
    #[error("that would cut the whole log: move its directory away instead")]
    Everything,
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] OpenError),
}

/// See [`super::offline::Offline::plan_cut`].
pub(super) fn plan(
    storage: &dyn Storage,
    dir: &Path,
    inspection: &Inspection,
    file: &str,
    offset: u64,
) -> Result<CutPlan, CutError> {
    let (target, offset) = place(inspection, file, offset)?;
    let segments = &inspection.segments;
    let mut tracker = Tracker::new(&segments[target].path, offset);
    let scanned = scan_observed(storage, dir, &mut tracker);
    if let Err(error @ (OpenError::Io { .. } | OpenError::TooNew { .. })) = scanned {
        return Err(error.into());
    }
    tracker.look();
    let path = segments[target].path.clone();
    let Some(chain) = tracker.reached else {
        return Err(CutError::WithinBatch { file: path, offset, before: tracker.before });
    };
    let mut rest = behind(storage, &path, offset, &chain)?;
    let bytes = rest.end.map_or(0, |end| end - offset);
    let whole: Vec<_> = segments[target + 1..].iter().map(|segment| segment.path.clone()).collect();
    let checkpoints = checkpoint::find(storage, dir).map_err(io_error("list", dir))?.manifests;
    // What was behind may be missing altogether; then a checkpoint shows that it was there.
    let is_missing = checkpoints.iter().any(|manifest| manifest.until_batch >= chain.next);
    if bytes == 0 && whole.is_empty() && !is_missing {
        return Err(CutError::NothingBehind { file: path, offset });
    }
    for later in &whole {
        let there = behind(storage, later, 0, &chain)?;
        rest.last_batch = rest.last_batch.max(there.last_batch);
        rest.last_epoch = rest.last_epoch.max(there.last_epoch);
    }
    let first_batch = segments.first().map_or(1, |segment| segment.first_batch);
    if first_batch > 1 {
        let fits = |manifest: &Manifest| {
            manifest.log_id == chain.log_id && manifest.from_batch >= first_batch && manifest.until_batch < chain.next
        };
        if !checkpoints.iter().any(fits) {
            return Err(CutError::BelowCheckpoints);
        }
    }
    let newest = inspection.epoch.max(chain.epoch).max(rest.last_epoch).max(tracker.epoch);
    Ok(CutPlan {
        offset,
        bytes,
        first_batch: chain.next,
        last_batch: rest.last_batch,
        whole,
        lost: tracker.lost.into_values().collect(),
        more: matches!(inspection.end, End::Damaged(_) | End::Torn(_)),
        epoch: newest + 1,
        chain,
        size: segments[target].bytes.max(offset + segment::CONTROL_BYTES),
        file: path,
    })
}

/// The segment and the byte in it; before the first batch of a segment is behind the last one of the segment before.
fn place(inspection: &Inspection, file: &str, offset: u64) -> Result<(usize, u64), CutError> {
    let segments = &inspection.segments;
    let named = |segment: &SegmentSummary| segment.path.file_name().is_some_and(|name| name == file);
    let Some(index) = segments.iter().position(named) else {
        return Err(CutError::NoSegment(file.to_owned()));
    };
    let begin = segment::HEADER_BYTES as u64;
    let (index, offset) = match index.checked_sub(1) {
        Some(before) if offset <= begin && segments[before].end > 0 => (before, segments[before].end),
        None if offset <= begin => return Err(CutError::Everything),
        _ => (index, offset),
    };
    if offset > segments[index].end {
        let good = segments.iter().rev().find(|segment| segment.end > 0);
        let Some(good) = good else { return Err(CutError::Everything) };
        return Err(CutError::Behind {
            file: segments[index].path.clone(),
            offset,
            good_file: good.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            good_offset: good.end,
        });
    }
    Ok((index, offset))
}

/// What lies behind a byte of a segment.
fn behind(storage: &dyn Storage, path: &Path, offset: u64, chain: &Chain) -> Result<Rest, OpenError> {
    let file = storage.open(path).map_err(io_error("open", path))?;
    let size = file.size().map_err(io_error("read", path))?;
    survey(&mut Window::new(&*file, size), offset, chain.log_id, chain.next).map_err(io_error("read", path))
}

/// See [`super::offline::Offline::cut`].
pub(super) fn cut(storage: &dyn Storage, dir: &Path, plan: &CutPlan) -> Result<Cut, OpenError> {
    let path = &plan.file;
    let file = storage.open(path).map_err(io_error("open", path))?;
    let old = Current { file, path: path.clone(), end: plan.offset, size: plan.size };
    let mut copies = Vec::new();
    if plan.bytes > 0 {
        copies.push(copy_aside(storage, dir, &old, plan.offset + plan.bytes)?);
    }
    // What stays is written into a new file, which takes the name of the old one in a single step: so there is no moment
    // at which the log is short and nothing says so.
    let (file, prepared) = create_prepared(storage, dir)?;
    file.allocate(plan.size).map_err(io_error("make room for", &prepared))?;
    copy_bytes(&old, 0..plan.offset, (&*file, &prepared), 0)?;
    let mut new = Current { file, path: prepared.clone(), end: plan.offset, size: plan.size };
    write_epoch(&mut Chain { epoch: plan.epoch, ..plan.chain }, &mut new)?;
    storage.rename(&prepared, path).map_err(io_error("rename", &prepared))?;
    storage.sync_dir(dir).map_err(io_error("sync", dir))?;
    // Until they are gone, they do not follow, and the log is refused. The newest goes first: what is left is always a
    // log without a gap but the one behind the cut.
    for later in plan.whole.iter().rev() {
        let copy = free_name(storage, later, 0)?;
        storage.rename(later, &copy).map_err(io_error("rename", later))?;
        copies.push(copy);
    }
    storage.sync_dir(dir).map_err(io_error("sync", dir))?;
    tracing::warn!(
        file = %path.display(), offset = plan.offset, bytes = plan.bytes, segments = plan.whole.len(),
        epoch = plan.epoch, "the log was cut"
    );
    Ok(Cut { copies })
}

/// Follows a scan to the place of the cut, and counts what is behind it.
struct Tracker<'a> {
    path: &'a Path,
    offset: u64,
    /// Whether the segment being read is the one to be cut.
    here: bool,
    /// Where the next batch is.
    end: u64,
    /// The last place in the segment, not behind the cut, where a batch begins.
    before: u64,
    chain: Chain,
    reached: Option<Chain>,
    lost: BTreeMap<u64, Lost>,
    epoch: u32,
}

impl<'a> Tracker<'a> {
    fn new(path: &'a Path, offset: u64) -> Self {
        let chain = Chain { log_id: 0, epoch: 0, next: 0, previous: 0 };
        Tracker { path, offset, here: false, end: 0, before: 0, chain, reached: None, lost: BTreeMap::new(), epoch: 0 }
    }

    /// Sees whether this is the place.
    fn look(&mut self) {
        if !self.here || self.reached.is_some() || self.end > self.offset {
            return;
        }
        self.before = self.end;
        if self.end == self.offset {
            self.reached = Some(self.chain);
        }
    }
}

impl Observer for Tracker<'_> {
    fn segment(&mut self, segment: &Segment, header: &segment::Header, _: u64) {
        self.look();
        self.here = segment.path == self.path;
        self.end = segment::HEADER_BYTES as u64;
        self.chain = Chain::from(header);
        self.epoch = self.epoch.max(header.epoch);
    }

    fn batch(&mut self, _: &batch::Header, _: u64) {
        self.look();
    }

    fn frame(&mut self, frame: &Frame<'_>, whole: Option<Position>) {
        if let (Some(_), Some(position)) = (self.reached, whole) {
            let StreamId(stream) = frame.stream;
            let lost = self.lost.entry(stream).or_insert(Lost { stream, first: position, last: position });
            lost.last = position;
        }
    }

    fn batch_end(&mut self, header: &batch::Header, end: u64) {
        self.end = end;
        self.epoch = self.epoch.max(header.epoch);
        let (epoch, next, previous) = (header.epoch, header.number + 1, header.checksum);
        self.chain = Chain { epoch, next, previous, ..self.chain };
    }
}
