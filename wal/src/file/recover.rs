//! Opens a log: reads it, cuts a torn end, and makes sure that the disk holds what was read.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::batch::{Builder, HEADER_BYTES, Seal};
use super::chain::Chain;
use super::scan::{Scan, Segment, io_error, scan};
use super::segment::{self, Header};
use crate::checkpoint::{self, Checkpoint, CheckpointError, Manifest, Rejected};
use crate::error::OpenError;
use crate::options::Options;
use crate::position::{Position, StreamId};
use crate::storage::{Storage, StorageFile};
use std::sync::Arc;

/// What opening found, and what it did about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recovered {
    /// The epoch of everything that is appended from now on.
    pub epoch: u32,
    /// Whether the log was made just now.
    pub created: bool,
    /// Whether the log had been closed in order; true for one that was made just now.
    pub clean: bool,
    /// The last position of each stream, by stream.
    pub streams: Vec<(StreamId, Position)>,
    /// The torn end that was cut, if there was one.
    pub torn: Option<TornTail>,
    /// Streams whose last record was dropped, since not all of its parts had been written.
    pub unfinished: Vec<StreamId>,
    /// Segments read.
    pub segments: u64,
    /// Batches read.
    pub batches: u64,
    /// Records read.
    pub records: u64,
    /// The checkpoint that stands for what was before.
    pub checkpoint: Option<Checkpoint>,
    /// Checkpoints that could not be used and were set aside.
    pub rejected: Vec<Rejected>,
}

/// The end of a log that was not written completely and was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub file: PathBuf,
    /// Where it was cut.
    pub offset: u64,
    /// How much was cut.
    pub bytes: u64,
    /// The batch that should have been there.
    pub batch: u64,
    /// What was wrong with it.
    pub seen: String,
    /// The copy of what was cut.
    pub copy: PathBuf,
}

/// The newest segment, open to be written.
pub(crate) struct Current {
    pub(crate) file: Box<dyn StorageFile>,
    pub(crate) path: PathBuf,
    /// Where the next batch goes.
    pub(crate) end: u64,
    /// Where the allocated room ends.
    pub(crate) size: u64,
}

/// A log that is ready to be appended to.
pub(crate) struct Opened {
    pub(crate) chain: Chain,
    pub(crate) segments: Vec<Segment>,
    pub(crate) current: Current,
    /// The last batch says that the log was closed.
    pub(crate) closed: bool,
    pub(crate) recovered: Recovered,
    /// The checkpoints that are kept, the newest first.
    pub(crate) checkpoints: Vec<Manifest>,
    /// The number of the next checkpoint.
    pub(crate) next_round: u64,
}

/// Opens the log in `dir`, or makes one. The directory must be locked.
pub(crate) fn recover(storage: &Arc<dyn Storage>, dir: &Path, options: &Options) -> Result<Opened, OpenError> {
    match scan(&**storage, dir)? {
        Some(scan) => {
            let chosen = choose(storage, dir, &scan)?;
            reopen(storage, dir, options, scan, chosen)
        }
        None => create(&**storage, dir, options),
    }
}

/// The checkpoints of a log.
pub(super) struct Chosen {
    /// Those that can be used, the newest first. The first one was read and is good.
    pub(super) kept: Vec<Manifest>,
    pub(super) rejected: Vec<Rejected>,
    next_round: u64,
}

/// Judges which checkpoints can be used for the log that was read.
pub(super) fn choose(storage: &Arc<dyn Storage>, dir: &Path, scan: &Scan) -> Result<Chosen, OpenError> {
    let found = checkpoint::find(&**storage, dir).map_err(io_error("list", dir))?;
    if let Some((file, version)) = found.too_new {
        return Err(OpenError::TooNew { file, found: version, supported: checkpoint::VERSION });
    }
    // A manifest is named only when the log is synced up to there. Whoever cuts a log begins a new epoch.
    let shows_more = |manifest: &&Manifest| {
        let of_this_log = manifest.log_id == scan.chain.log_id && manifest.epoch >= scan.chain.epoch;
        of_this_log && manifest.until_batch >= scan.chain.next
    };
    if let Some(manifest) = found.manifests.iter().find(shows_more) {
        return Err(OpenError::EndMissing {
            dir: dir.to_path_buf(),
            last: scan.chain.next - 1,
            manifest: checkpoint::manifest_path(dir, manifest.round),
            until: manifest.until_batch,
        });
    }
    let newest_round = found.manifests.iter().map(|manifest| manifest.round).max();
    let mut chosen = Chosen { kept: Vec::new(), rejected: found.rejected, next_round: newest_round.unwrap_or(0) + 1 };
    for manifest in found.manifests {
        let checkpoint = Checkpoint::new(Arc::clone(storage), dir, manifest.clone());
        let mut wrong = checkpoint::misfit(&manifest, scan);
        // The others are read only if this one can't be used.
        if wrong.is_none() && chosen.kept.is_empty() {
            wrong = checkpoint.verify().err().map(|error| error.to_string());
        }
        match wrong {
            None => chosen.kept.push(manifest),
            Some(seen) => chosen.rejected.push(Rejected { file: checkpoint.path(), seen }),
        }
    }
    let first_batch = scan.segments.first().map_or(1, |segment| segment.first_batch);
    if chosen.kept.is_empty() && first_batch > 1 {
        let seen: Vec<_> =
            chosen.rejected.iter().map(|rejected| format!("{}: {}", rejected.file.display(), rejected.seen)).collect();
        return Err(OpenError::NoCheckpoint { dir: dir.to_path_buf(), first_batch, seen: seen.join("; ") });
    }
    Ok(chosen)
}

/// Gives what can't be used another name, and removes what nothing refers to.
fn settle_checkpoints(storage: &dyn Storage, dir: &Path, chosen: &Chosen) -> Result<(), OpenError> {
    for Rejected { file, seen } in &chosen.rejected {
        tracing::warn!(
            file = %file.display(), seen, "a checkpoint can't be used and is set aside; an older one and the log are read"
        );
        checkpoint::set_aside(storage, file, &chosen.kept).map_err(io_error("rename", file))?;
    }
    checkpoint::clean(storage, dir, &chosen.kept).map_err(|error| match error {
        CheckpointError::Io { action, path, source } => OpenError::Io { action, path, source },
        other => OpenError::Io { action: "clean", path: dir.to_path_buf(), source: io::Error::other(other) },
    })
}

fn create(storage: &dyn Storage, dir: &Path, options: &Options) -> Result<Opened, OpenError> {
    let found = checkpoint::find(storage, dir).map_err(io_error("list", dir))?;
    if let Some(manifest) = found.manifests.first() {
        let manifest = checkpoint::manifest_path(dir, manifest.round);
        return Err(OpenError::OnlyCheckpoints { dir: dir.to_path_buf(), manifest });
    }
    // Not a secret: it only must differ from log to log.
    let log_id = std::hash::RandomState::new().build_hasher().finish();
    let chain = Chain { log_id, epoch: 1, next: 1, previous: 0 };
    let (segment, current) = create_segment(storage, dir, options.first_segment_bytes, &chain)?;
    let recovered = Recovered {
        epoch: chain.epoch,
        created: true,
        clean: true,
        streams: Vec::new(),
        torn: None,
        unfinished: Vec::new(),
        segments: 0,
        batches: 0,
        records: 0,
        checkpoint: None,
        rejected: Vec::new(),
    };
    let segments = vec![segment];
    Ok(Opened { chain, segments, current, closed: false, recovered, checkpoints: Vec::new(), next_round: 1 })
}

/// Makes an empty file that is no segment yet.
pub(crate) fn create_prepared(storage: &dyn Storage, dir: &Path) -> Result<(Box<dyn StorageFile>, PathBuf), OpenError> {
    // Serial numbers begin at one, so this name is free but for the leftover of an opening that was interrupted.
    let prepared = segment::prepared_path(dir, 0);
    match storage.remove(&prepared) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io_error("remove", &prepared)(error));
        }
        _ => {}
    }
    let file = storage.create(&prepared).map_err(io_error("create", &prepared))?;
    Ok((file, prepared))
}

/// Makes the next segment at once, filled with zeros.
fn create_segment(
    storage: &dyn Storage,
    dir: &Path,
    bytes: u64,
    chain: &Chain,
) -> Result<(Segment, Current), OpenError> {
    let (file, prepared) = create_prepared(storage, dir)?;
    let header = Header { epoch: chain.epoch, first_batch: chain.next, log_id: chain.log_id, previous: chain.previous };
    let made = file
        .allocate(bytes)
        .and_then(|()| file.zero(0, bytes))
        .and_then(|()| segment::activate(storage, dir, &*file, &prepared, &header));
    let path = match made {
        Ok(path) => path,
        Err(error) => {
            // So that a full disk gets back what it had; failing at that changes nothing about the error.
            let _ = storage.remove(&prepared);
            return Err(io_error("prepare", &prepared)(error));
        }
    };
    let segment = Segment { first_batch: chain.next, path: path.clone() };
    Ok((segment, Current { file, path, end: segment::HEADER_BYTES as u64, size: bytes }))
}

fn reopen(
    shared_storage: &Arc<dyn Storage>,
    dir: &Path,
    options: &Options,
    mut scan: Scan,
    chosen: Chosen,
) -> Result<Opened, OpenError> {
    let storage = &**shared_storage;
    if let Some(blank) = &scan.blank {
        tracing::warn!(file = %blank.path.display(), "the newest segment is empty, it is removed");
        storage.remove(&blank.path).map_err(io_error("remove", &blank.path))?;
    }
    // The names that were found may be in memory only, if the process died between a rename and this.
    storage.sync_dir(dir).map_err(io_error("sync", dir))?;
    let unfinished = scan.assembler.unfinished();
    let mut current = open_newest(storage, &scan)?;
    let torn = match scan.torn {
        Some((torn_end, bad)) => Some(set_aside(storage, dir, &scan, &current, torn_end, bad.to_string())?),
        None => None,
    };
    rewrite(&current, scan.unsynced_from)?;
    let new_epoch = torn.is_some() || !unfinished.is_empty() || scan.may_have_lost() || options.new_epoch;
    if new_epoch {
        scan.chain.epoch += 1;
    }
    let fits = current.size.saturating_sub(current.end) >= HEADER_BYTES as u64;
    if new_epoch && fits {
        write_epoch(&mut scan.chain, &mut current)?;
    }
    if let Some(torn) = &torn {
        // Last, so that the new epoch is on disk before the trace of the old end is gone.
        let torn_end = torn.offset + torn.bytes;
        let zeroed = current.file.zero(current.end, torn_end.saturating_sub(current.end));
        zeroed.and_then(|()| current.file.sync_data()).map_err(io_error("cut", &current.path))?;
    }
    if new_epoch && !fits {
        let (segment, fresh) = create_segment(storage, dir, options.first_segment_bytes, &scan.chain)?;
        scan.segments.push(segment);
        current = fresh;
    }
    settle_checkpoints(storage, dir, &chosen)?;
    let Chosen { kept, rejected, next_round } = chosen;
    let checkpoint = kept.first().map(|newest| Checkpoint::new(Arc::clone(shared_storage), dir, newest.clone()));
    let closed = scan.closed() && !new_epoch;
    let recovered = Recovered { checkpoint, rejected, ..recovered(&scan, torn, unfinished, kept.first()) };
    let Scan { chain, segments, .. } = scan;
    Ok(Opened { chain, segments, current, closed, recovered, checkpoints: kept, next_round })
}

fn recovered(
    scan: &Scan,
    torn: Option<TornTail>,
    unfinished: Vec<StreamId>,
    checkpoint: Option<&Manifest>,
) -> Recovered {
    // Of a stream that is only in the checkpoint, the log has nothing any more.
    let before = checkpoint.iter().flat_map(|manifest| &manifest.sections);
    let mut streams: BTreeMap<_, _> = before.map(|section| (section.stream, section.position)).collect();
    streams.extend(scan.assembler.tails());
    let streams = streams.into_iter().collect();
    Recovered {
        epoch: scan.chain.epoch,
        created: false,
        clean: scan.closed() && torn.is_none(),
        streams,
        torn,
        unfinished,
        segments: scan.segments.len() as u64,
        batches: scan.batches,
        records: scan.records,
        checkpoint: None,
        rejected: Vec::new(),
    }
}

fn open_newest(storage: &dyn Storage, scan: &Scan) -> Result<Current, OpenError> {
    // A scan has at least the segment whose header began it.
    let Some(newest) = scan.segments.last() else {
        return Err(OpenError::BadOptions("the log has no segment"));
    };
    let path = newest.path.clone();
    let file = storage.open(&path).map_err(io_error("open", &path))?;
    let mut size = file.size().map_err(io_error("read", &path))?;
    // A file that was copied may have lost the room behind its end, and a full disk must not be met in a batch.
    if let Err(error) = file.allocate(size) {
        tracing::warn!(file = %path.display(), %error, "the rest of the newest segment has no room on disk, it is left");
        size = scan.end;
    }
    Ok(Current { file, path, end: scan.end, size })
}

/// Copies what is behind the last good batch to a file of its own.
fn set_aside(
    storage: &dyn Storage,
    dir: &Path,
    scan: &Scan,
    current: &Current,
    torn_end: u64,
    seen: String,
) -> Result<TornTail, OpenError> {
    let copy = copy_aside(storage, dir, current, torn_end)?;
    let torn = TornTail {
        file: current.path.clone(),
        offset: current.end,
        bytes: torn_end - current.end,
        batch: scan.chain.next,
        seen,
        copy,
    };
    tracing::warn!(
        file = %torn.file.display(), offset = torn.offset, bytes = torn.bytes, batch = torn.batch, seen = torn.seen,
        copy = %torn.copy.display(), "the torn end of the log is cut, a copy is kept"
    );
    Ok(torn)
}

/// Copies what is between the end of the segment and `until` to a file of its own, durably.
pub(crate) fn copy_aside(
    storage: &dyn Storage,
    dir: &Path,
    current: &Current,
    until: u64,
) -> Result<PathBuf, OpenError> {
    let (file, copy) = create_copy(storage, current)?;
    let from = current.end;
    copy_bytes(current, from..until, (&*file, &copy), from)?;
    file.sync_data().map_err(io_error("sync", &copy))?;
    storage.sync_dir(dir).map_err(io_error("sync", dir))?;
    Ok(copy)
}

/// Copies a range of the segment into a file, in which what was at `shift` is at the start.
pub(crate) fn copy_bytes(
    current: &Current,
    range: Range<u64>,
    (file, path): (&dyn StorageFile, &Path),
    shift: u64,
) -> Result<(), OpenError> {
    let mut piece = vec![0; 1024 * 1024];
    let mut offset = range.start;
    while offset < range.end {
        let length = (range.end - offset).min(piece.len() as u64);
        let bytes = &mut piece[..length as usize];
        current.file.read_exact_at(offset, bytes).map_err(io_error("read", &current.path))?;
        file.write_all_at(offset - shift, bytes).map_err(io_error("write", path))?;
        offset += length;
    }
    Ok(())
}

/// What is cut off a segment at this byte is kept under this name.
fn copy_name(path: &Path, offset: u64, attempt: u32) -> PathBuf {
    path.with_extension(format!("log.{offset}-{attempt}.torn"))
}

/// The first of those names that is not taken.
pub(crate) fn free_name(storage: &dyn Storage, path: &Path, offset: u64) -> Result<PathBuf, OpenError> {
    let mut attempt = 0;
    loop {
        let copy = copy_name(path, offset, attempt);
        match storage.open(&copy) {
            Ok(_) => attempt += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(copy),
            Err(error) => return Err(io_error("open", &copy)(error)),
        }
    }
}

fn create_copy(storage: &dyn Storage, current: &Current) -> Result<(Box<dyn StorageFile>, PathBuf), OpenError> {
    let mut attempt = 0;
    loop {
        let copy = copy_name(&current.path, current.end, attempt);
        match storage.create(&copy) {
            Ok(file) => return Ok((file, copy)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
            Err(error) => return Err(io_error("create", &copy)(error)),
        }
    }
}

/// Writes what is not known to be synced once more, and syncs it: what was read may come from memory that a failed sync
/// has left looking clean.
fn rewrite(current: &Current, from: u64) -> Result<(), OpenError> {
    copy_bytes(current, from..current.end, (&*current.file, &current.path), 0)?;
    current.file.sync_data().map_err(io_error("write again", &current.path))
}

/// Makes a new epoch durable by a batch without records.
pub(crate) fn write_epoch(chain: &mut Chain, current: &mut Current) -> Result<(), OpenError> {
    let mut batch = Builder::new();
    let seal = Seal {
        log_id: chain.log_id,
        epoch: chain.epoch,
        number: chain.next,
        synced: chain.next - 1,
        previous: chain.previous,
        flags: 0,
    };
    let (bytes, checksum) = batch.finish(seal);
    let written = current.file.write_all_at(current.end, bytes).and_then(|()| current.file.sync_data());
    written.map_err(io_error("begin an epoch in", &current.path))?;
    current.end += bytes.len() as u64;
    chain.next += 1;
    chain.previous = checksum;
    Ok(())
}
