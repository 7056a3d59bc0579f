//! Reads and checks a whole log without changing anything, and judges how it ends.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use super::assemble::Assembler;
use super::batch::{self, BadBatch, CLOSING, Frame, RELAXED};
use super::chain::{Chain, Rest, survey};
use super::segment::{self, BadHeader};
use super::window::Window;
use crate::checkpoint;
use crate::error::OpenError;
use crate::position::Position;
use crate::storage::{Storage, StorageFile};

const NAMED_AFTER_SYNC: &str = "a segment is given its name only when its header is synced";

/// A segment of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) first_batch: u64,
    pub(crate) path: PathBuf,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) chain: Chain,
    pub(crate) segments: Vec<Segment>,
    /// The streams and their last positions.
    pub(crate) assembler: Assembler,
    /// The last batch known to be synced.
    pub(crate) synced: u64,
    /// Where, in the newest segment, the batches begin that are not known to be synced.
    pub(crate) unsynced_from: u64,
    /// Where the newest segment's last good batch ends.
    pub(crate) end: u64,
    /// Where the torn bytes behind it end, and what is wrong with them.
    pub(crate) torn: Option<(u64, BadBatch)>,
    /// The newest segment, if there is nothing in it, not even a header.
    pub(crate) blank: Option<Segment>,
    pub(crate) batches: u64,
    pub(crate) records: u64,
    /// The epochs, and the first batch of each that is there.
    epochs: Vec<(u64, u32)>,
    last_flags: u8,
    unsynced: VecDeque<(u64, u64)>,
}

impl Scan {
    /// Whether records at the end may have vanished without a trace, though they were acknowledged.
    pub(crate) fn may_have_lost(&self) -> bool {
        self.last_flags & RELAXED != 0 && !self.closed()
    }

    /// The epoch of a batch that is there.
    pub(crate) fn epoch_of(&self, batch: u64) -> Option<u32> {
        if batch >= self.chain.next {
            return None;
        }
        let after = self.epochs.partition_point(|(first, _)| *first <= batch);
        self.epochs.get(after.checked_sub(1)?).map(|(_, epoch)| *epoch)
    }

    fn enter(&mut self, epoch: u32, batch: u64) {
        self.assembler.enter(epoch);
        if self.epochs.last().is_none_or(|(_, last)| *last < epoch) {
            self.epochs.push((batch, epoch));
        }
    }

    /// Whether the log was closed in order, with everything synced.
    pub(crate) fn closed(&self) -> bool {
        self.last_flags & CLOSING != 0
    }
}

/// Sees what a scan reads while it reads it, and so keeps what it saw of a log that turns out to be damaged.
pub(crate) trait Observer {
    /// A segment of so many bytes begins, and its header is good.
    fn segment(&mut self, _segment: &Segment, _header: &segment::Header, _size: u64) {}
    /// A good batch begins at `offset`.
    fn batch(&mut self, _header: &batch::Header, _offset: u64) {}
    /// A frame of it; with the position of the record that it completes.
    fn frame(&mut self, _frame: &Frame<'_>, _whole: Option<Position>) {}
    /// The batch ends, and all its frames were good.
    fn batch_end(&mut self, _header: &batch::Header, _end: u64) {}
}

/// Sees nothing.
impl Observer for () {}

/// Reads the log in `dir`. `None` if there is none.
pub(crate) fn scan(storage: &dyn Storage, dir: &Path) -> Result<Option<Scan>, OpenError> {
    scan_observed(storage, dir, &mut ())
}

/// The same before the eyes of an observer.
pub(crate) fn scan_observed<O: Observer>(
    storage: &dyn Storage,
    dir: &Path,
    observer: &mut O,
) -> Result<Option<Scan>, OpenError> {
    let mut segments = list(storage, dir)?;
    let blank = take_blank(storage, &mut segments)?;
    if let Some(first) = segments.first().or(blank.as_ref()).filter(|first| first.first_batch != 1) {
        let found = checkpoint::find(storage, dir).map_err(io_error("list", dir))?;
        // Which of them can be used is judged when the log has been read; without any, what is missing is missed.
        if !found.manifests.iter().any(|manifest| manifest.from_batch >= first.first_batch) {
            return Err(missing(dir, 1, first));
        }
    }
    let mut scan: Option<Scan> = None;
    for (index, segment) in segments.iter().enumerate() {
        let next = segments.get(index + 1);
        scan = Some(read_segment(storage, dir, segment, next, scan, observer)?);
    }
    if let (Some(scan), Some(blank)) = (&mut scan, &blank) {
        if blank.first_batch > scan.chain.next {
            return Err(missing(dir, scan.chain.next, blank));
        }
        scan.blank = Some(blank.clone());
    }
    Ok(scan)
}

/// The segments in a directory, in order.
pub(crate) fn list(storage: &dyn Storage, dir: &Path) -> Result<Vec<Segment>, OpenError> {
    let names = storage.list(dir).map_err(io_error("list", dir))?;
    let mut segments: Vec<_> = names
        .iter()
        .filter_map(|name| Some(Segment { first_batch: segment::first_batch(name)?, path: dir.join(name) }))
        .collect();
    segments.sort_by_key(|segment| segment.first_batch);
    Ok(segments)
}

pub(crate) fn io_error<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> OpenError + 'a {
    move |source| OpenError::Io { action, path: path.to_path_buf(), source }
}

fn missing(dir: &Path, first: u64, next: &Segment) -> OpenError {
    OpenError::Missing {
        dir: dir.to_path_buf(),
        first_missing: first,
        last_missing: next.first_batch - 1,
        next: next.path.clone(),
    }
}

/// Takes the newest segment off the list if it holds nothing at all.
fn take_blank(storage: &dyn Storage, segments: &mut Vec<Segment>) -> Result<Option<Segment>, OpenError> {
    let Some(newest) = segments.last() else {
        return Ok(None);
    };
    let path = &newest.path;
    let file = storage.open(path).map_err(io_error("open", path))?;
    let size = file.size().map_err(io_error("read", path))?;
    let mut window = Window::new(&*file, size);
    let head = window.get(0, segment::HEADER_BYTES as u64).map_err(io_error("read", path))?;
    if head.iter().any(|byte| *byte != 0) {
        return Ok(None);
    }
    let rest = survey(&mut window, 0, 0, 0).map_err(io_error("read", path))?;
    Ok(if rest.end.is_none() { segments.pop() } else { None })
}

/// Reads one segment, the one after those in `before`; `next` is the one after it.
fn read_segment<O: Observer>(
    storage: &dyn Storage,
    dir: &Path,
    segment: &Segment,
    next: Option<&Segment>,
    before: Option<Scan>,
    observer: &mut O,
) -> Result<Scan, OpenError> {
    let path = &segment.path;
    let file = storage.open(path).map_err(io_error("open", path))?;
    let size = file.size().map_err(io_error("read", path))?;
    let mut window = Window::new(&*file, size);
    let header = read_header(&*file, segment)?;
    let mut scan = match before {
        Some(scan) => scan,
        None => begin(Chain::from(&header)),
    };
    let follows = header.log_id == scan.chain.log_id
        && header.previous == scan.chain.previous
        && header.epoch >= scan.chain.epoch
        && header.first_batch == segment.first_batch;
    if !follows {
        let seen = "the header is that of another log or of another place in it".to_owned();
        return Err(corrupt(segment, 0, segment.first_batch, seen, NAMED_AFTER_SYNC.to_owned()));
    }
    scan.chain.epoch = header.epoch;
    scan.enter(header.epoch, header.first_batch);
    scan.synced = scan.synced.max(header.first_batch - 1);
    scan.unsynced.clear();
    scan.segments.push(segment.clone());
    observer.segment(segment, &header, size);
    let (end, bad) = read_batches(&mut scan, segment, &mut window, observer)?;
    scan.end = end;
    scan.unsynced_from = scan.unsynced.front().map_or(end, |(_, offset)| *offset);
    let rest = survey(&mut window, end, scan.chain.log_id, scan.chain.next).map_err(io_error("read", path))?;
    judge(&mut scan, dir, segment, next, &rest, bad)?;
    Ok(scan)
}

fn begin(chain: Chain) -> Scan {
    Scan {
        segments: Vec::new(),
        assembler: Assembler::new(false).beginning_with(chain.next),
        chain,
        synced: 0,
        unsynced_from: 0,
        end: 0,
        torn: None,
        blank: None,
        batches: 0,
        records: 0,
        epochs: Vec::new(),
        last_flags: 0,
        unsynced: VecDeque::new(),
    }
}

/// Reads and checks the header of a segment.
pub(crate) fn read_header(file: &dyn StorageFile, segment: &Segment) -> Result<segment::Header, OpenError> {
    let mut bytes = [0; segment::HEADER_BYTES];
    let seen = match file.read_exact_at(0, &mut bytes) {
        Ok(()) => match segment::Header::decode(&bytes) {
            Ok(header) => return Ok(header),
            Err(BadHeader::Version(found)) => {
                let file = segment.path.clone();
                return Err(OpenError::TooNew { file, found, supported: segment::VERSION });
            }
            Err(bad) => bad.to_string(),
        },
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => "the file ends".to_owned(),
        Err(error) => return Err(io_error("read", &segment.path)(error)),
    };
    Err(corrupt(segment, 0, segment.first_batch, seen, NAMED_AFTER_SYNC.to_owned()))
}

/// Reads the batches of one segment, up to the first that is not good.
fn read_batches<O: Observer>(
    scan: &mut Scan,
    segment: &Segment,
    window: &mut Window<'_>,
    observer: &mut O,
) -> Result<(u64, BadBatch), OpenError> {
    let mut offset = segment::HEADER_BYTES as u64;
    loop {
        let batch = match scan.chain.read(window, offset).map_err(io_error("read", &segment.path))? {
            Ok(batch) => batch,
            Err(bad) => return Ok((offset, bad)),
        };
        let number = batch.header.number;
        scan.enter(batch.header.epoch, number);
        observer.batch(&batch.header, offset);
        for frame in batch.frames() {
            let fed = frame.map_err(|bad| bad.to_string()).and_then(|frame| {
                let whole = scan.assembler.feed(&frame)?.map(|(_, position, _)| position);
                scan.records += u64::from(whole.is_some());
                observer.frame(&frame, whole);
                Ok(())
            });
            fed.map_err(|seen| corrupt(segment, offset, number, seen, "its checksums fit".to_owned()))?;
        }
        scan.batches += 1;
        scan.last_flags = batch.header.flags;
        scan.synced = scan.synced.max(batch.header.synced.min(number - 1));
        scan.unsynced.push_back((number, offset));
        while scan.unsynced.front().is_some_and(|(number, _)| *number <= scan.synced) {
            scan.unsynced.pop_front();
        }
        offset += batch.header.total_bytes();
        observer.batch_end(&batch.header, offset);
    }
}

/// Whether a segment ends as it should, and if not, whether that is the torn end of the log or damage.
fn judge(
    scan: &mut Scan,
    dir: &Path,
    segment: &Segment,
    next: Option<&Segment>,
    rest: &Rest,
    bad: BadBatch,
) -> Result<(), OpenError> {
    let (end, expected) = (scan.end, scan.chain.next);
    if let Some((place, header)) = rest.proof {
        let evidence = format!(
            "batch {} at byte {place} of the same file was written when batch {} was synced",
            header.number, header.synced
        );
        return Err(corrupt(segment, end, expected, bad.to_string(), evidence));
    }
    let Some(next) = next else {
        scan.torn = rest.end.map(|torn_end| (torn_end, bad));
        return Ok(());
    };
    if rest.end.is_some() {
        let seen =
            if next.first_batch == expected { "there is something behind the end".to_owned() } else { bad.to_string() };
        let evidence = format!("{} was begun after this segment was synced", next.path.display());
        return Err(corrupt(segment, end, expected, seen, evidence));
    }
    if next.first_batch > expected {
        return Err(missing(dir, expected, next));
    }
    if next.first_batch < expected {
        let seen = format!("its batches are in the segment before, which goes on to batch {}", expected - 1);
        return Err(corrupt(next, 0, next.first_batch, seen, NAMED_AFTER_SYNC.to_owned()));
    }
    Ok(())
}

fn corrupt(segment: &Segment, offset: u64, batch: u64, seen: String, evidence: String) -> OpenError {
    OpenError::Corrupt { file: segment.path.clone(), offset, batch, seen, evidence }
}
