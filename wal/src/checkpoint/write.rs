//! Writes checkpoints, and removes what they make superfluous.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;

use parking_lot::Mutex;

use super::Checkpoint;
use super::format::{self, CHUNK_HEADER_BYTES, FILE_HEADER_BYTES, FileId, MAX_CHUNK_BYTES, Manifest, Section};
use crate::error::ReadError;
use crate::file::shared::Shared;
use crate::log::Outcome;
use crate::position::{Position, StreamId};
use crate::queue::Entry;
use crate::storage::{Storage, StorageFile};

/// How much is collected before it is written.
const PIECE_BYTES: usize = 256 * 1024;

/// How much is written before it is synced: little enough not to hold up the log's own syncs for long.
const SYNC_BYTES: u64 = 4 * 1024 * 1024;

/// How many checkpoints are kept.
const KEPT: usize = 2;

/// Why a checkpoint was not made. The log and the checkpoints before are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The operating system refused something.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
    /// One is being made already.
    #[error("a checkpoint is being made already")]
    Busy,
    /// The log has stopped.
    #[error("the log has stopped")]
    Stopped,
    /// What was written is not what is read back. The next checkpoint takes nothing over from this one's parts.
    #[error("the checkpoint can't be read back: {0}")]
    NotReadBack(ReadError),
    /// A chunk is longer than 1 GiB.
    #[error("a chunk has {0} bytes, more than can be read back")]
    TooLong(usize),
}

/// A checkpoint that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// Its number.
    pub round: u64,
    /// Bytes of all its parts.
    pub bytes: u64,
    /// Bytes that were written for it.
    pub written: u64,
    /// Segments of the log that were not needed any more and were removed.
    pub removed_segments: u64,
}

/// The checkpoints of an open log.
pub(crate) struct Store {
    log_id: u64,
    epoch: u32,
    state: Mutex<State>,
}

struct State {
    /// The newest first.
    kept: Vec<Manifest>,
    next_round: u64,
    busy: bool,
    /// What was taken over could not be read back: the next round writes everything anew.
    anew: bool,
}

impl Store {
    /// Rounds go on from `next_round`.
    pub(crate) fn new(log_id: u64, epoch: u32, kept: Vec<Manifest>, next_round: u64) -> Store {
        Store { log_id, epoch, state: Mutex::new(State { kept, next_round, busy: false, anew: false }) }
    }

    /// Bytes of the newest checkpoint; 0 without one.
    pub(crate) fn bytes(&self) -> u64 {
        self.state.lock().kept.first().map_or(0, Manifest::bytes)
    }

    /// The newest checkpoint.
    pub(crate) fn newest(&self) -> Option<Manifest> {
        self.state.lock().kept.first().cloned()
    }
}

/// A checkpoint that is being made. Dropped before it is committed, it leaves nothing behind.
pub struct Round {
    shared: Arc<Shared>,
    store: Arc<Store>,
    id: FileId,
    file: Box<dyn StorageFile>,
    path: PathBuf,
    from_batch: u64,
    /// What may be taken over. Not the newest checkpoint: so the two that are kept share no file, and a damage is in one
    /// of them only.
    source: Option<Manifest>,
    /// Of its files, by round: whether at least half of what is in it is still in use.
    worth_keeping: HashMap<u64, bool>,
    sections: Vec<Section>,
    piece: Vec<u8>,
    written: u64,
    unsynced: u64,
    committed: bool,
}

impl Round {
    /// Begins a round. What is appended from now on need not be in it; what was appended before must be.
    pub(crate) fn begin(shared: &Arc<Shared>, store: &Arc<Store>) -> Result<Round, CheckpointError> {
        let (round, source) = {
            let mut state = store.state.lock();
            if std::mem::replace(&mut state.busy, true) {
                return Err(CheckpointError::Busy);
            }
            state.next_round += 1;
            let source = if state.anew { None } else { state.kept.get(KEPT - 1).cloned() };
            (state.next_round - 1, source)
        };
        let begun = Round::begin_file(shared, store, round, source);
        if begun.is_err() {
            store.state.lock().busy = false;
        }
        begun
    }

    fn begin_file(
        shared: &Arc<Shared>,
        store: &Arc<Store>,
        round: u64,
        source: Option<Manifest>,
    ) -> Result<Round, CheckpointError> {
        let storage = &*shared.storage;
        let id = FileId { log_id: store.log_id, round };
        let path = format::file_path(&shared.dir, round);
        let file = storage.create(&path).map_err(failed("create", &path))?;
        let worth_keeping = source.as_ref().map(|source| worth_keeping(storage, &shared.dir, source));
        Ok(Round {
            id,
            file,
            path,
            // The batch being written has the next number; what is appended from now on comes later still.
            from_batch: shared.counters.written_batch() + 1,
            source,
            worth_keeping: worth_keeping.unwrap_or_default(),
            sections: Vec::new(),
            piece: id.header().to_vec(),
            written: 0,
            unsynced: 0,
            committed: false,
            shared: shared.clone(),
            store: store.clone(),
        })
    }

    /// The number of the round.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.id.round
    }

    /// Takes the part of a stream over from the last checkpoint but one, if it covers exactly this position there, and
    /// the file that it is in is worth keeping. Otherwise the part must be written again.
    pub fn carry_over(&mut self, stream: StreamId, position: Position) -> bool {
        let is_carriable = self.carriable(stream) == Some(position);
        let section = self.source.as_ref().and_then(|source| source.section(stream));
        self.sections.extend(section.filter(|_| is_carriable));
        is_carriable
    }

    /// The position up to which the part of a stream could be taken over from the last checkpoint but one.
    #[must_use]
    pub fn carriable(&self, stream: StreamId) -> Option<Position> {
        let section = self.source.as_ref()?.section(stream)?;
        let is_worth_it = self.worth_keeping.get(&section.file).copied().unwrap_or_default();
        is_worth_it.then_some(section.position)
    }

    /// Begins the part of a stream, which covers its records up to this position. Each stream once.
    pub fn section(&mut self, stream: StreamId, position: Position) {
        let offset = self.written + self.piece.len() as u64;
        self.sections.push(Section { stream, position, file: self.id.round, offset, bytes: 0, chunks: 0 });
    }

    /// Adds a chunk to the part that was begun last; nothing happens where none was.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`]; the round is to be dropped.
    pub fn chunk(&mut self, bytes: &[u8]) -> Result<(), CheckpointError> {
        self.chunk_of(&[bytes])
    }

    /// The same with the bytes of a chunk in pieces.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`]; the round is to be dropped.
    pub fn chunk_of(&mut self, pieces: &[&[u8]]) -> Result<(), CheckpointError> {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        if length > MAX_CHUNK_BYTES {
            return Err(CheckpointError::TooLong(length));
        }
        let Some(section) = self.sections.last_mut() else {
            return Ok(());
        };
        let begin = self.piece.len();
        self.piece.extend_from_slice(&[0; CHUNK_HEADER_BYTES]);
        pieces.iter().for_each(|piece| self.piece.extend_from_slice(piece));
        let (header, bytes) = self.piece[begin..].split_at_mut(CHUNK_HEADER_BYTES);
        header.copy_from_slice(&self.id.chunk_header(section.stream, section.chunks, bytes));
        section.chunks += 1;
        section.bytes += (CHUNK_HEADER_BYTES + length) as u64;
        if self.piece.len() >= PIECE_BYTES { self.flush() } else { Ok(()) }
    }

    /// Forgets the part that was begun last.
    pub fn drop_section(&mut self) {
        self.sections.pop();
    }

    fn flush(&mut self) -> Result<(), CheckpointError> {
        self.file.write_all_at(self.written, &self.piece).map_err(failed("write", &self.path))?;
        let length = self.piece.len() as u64;
        self.piece.clear();
        self.written += length;
        self.unsynced += length;
        if self.unsynced >= SYNC_BYTES {
            self.sync()?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), CheckpointError> {
        self.unsynced = 0;
        self.file.sync_data().map_err(failed("sync", &self.path))
    }

    /// Makes the checkpoint count: waits until the log has synced all that it covers, whatever the durability, and gives
    /// the manifest its name. Then what is not needed any more is removed.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`]. If it comes from the removal, the checkpoint counts all the same.
    pub fn commit(mut self) -> Result<Committed, CheckpointError> {
        self.flush()?;
        self.sync()?;
        let until_batch = self.wait_for_log()?;
        self.sections.sort_unstable_by_key(|section| section.stream);
        let manifest = Manifest {
            log_id: self.id.log_id,
            round: self.id.round,
            epoch: self.store.epoch,
            from_batch: self.from_batch,
            until_batch,
            sections: std::mem::take(&mut self.sections),
        };
        // Nothing is removed for a checkpoint that can't be read.
        let written = Checkpoint::new(Arc::clone(&self.shared.storage), &self.shared.dir, manifest.clone());
        let read_back = written.verify();
        self.store.state.lock().anew = read_back.is_err();
        read_back.map_err(CheckpointError::NotReadBack)?;
        write_manifest(&*self.shared.storage, &self.shared.dir, &manifest)?;
        self.committed = true;
        let committed =
            Committed { round: self.id.round, bytes: manifest.bytes(), written: self.written, removed_segments: 0 };
        let kept = {
            let mut state = self.store.state.lock();
            state.kept.insert(0, manifest);
            state.kept.truncate(KEPT);
            state.kept.clone()
        };
        clean(&*self.shared.storage, &self.shared.dir, &kept)?;
        let needed = if kept.len() < KEPT { 1 } else { kept.iter().map(|kept| kept.from_batch).min().unwrap_or(1) };
        let removed = self.shared.remove_before(needed).map_err(failed("remove segments in", &self.shared.dir))?;
        Ok(Committed { removed_segments: removed, ..committed })
    }

    /// Waits until everything appended before is synced, and says which batch was the last.
    fn wait_for_log(&self) -> Result<u64, CheckpointError> {
        let (sender, receiver) = channel();
        let told = Box::new(move |outcome| {
            // Nobody stops waiting.
            let _ = sender.send(outcome);
        });
        if self.shared.queue.push(Entry::Synced(told)).is_err() {
            return Err(CheckpointError::Stopped);
        }
        match receiver.recv() {
            Ok(Outcome::Durable) => Ok(self.shared.counters.synced_batch()),
            _ => Err(CheckpointError::Stopped),
        }
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        self.store.state.lock().busy = false;
        if !self.committed {
            // What is left is removed at the next opening.
            let _ = self.shared.storage.remove(&self.path);
        }
    }
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> CheckpointError + 'a {
    move |source| CheckpointError::Io { action, path: path.to_path_buf(), source }
}

/// Which files of a checkpoint are at least half in use.
fn worth_keeping(storage: &dyn Storage, dir: &Path, manifest: &Manifest) -> HashMap<u64, bool> {
    let mut used: HashMap<u64, u64> = HashMap::new();
    for section in &manifest.sections {
        *used.entry(section.file).or_default() += section.bytes;
    }
    let is_worth_it = |(file, used): (u64, u64)| {
        let size = storage.open(&format::file_path(dir, file)).and_then(|file| file.size());
        (file, size.is_ok_and(|size| 2 * (used + FILE_HEADER_BYTES as u64) >= size))
    };
    used.into_iter().map(is_worth_it).collect()
}

fn write_manifest(storage: &dyn Storage, dir: &Path, manifest: &Manifest) -> Result<(), CheckpointError> {
    let path = format::manifest_path(dir, manifest.round);
    let unnamed = path.with_extension("manifest-new");
    remove_if_there(storage, &unnamed)?;
    let file = storage.create(&unnamed).map_err(failed("create", &unnamed))?;
    let written = file.write_all_at(0, &manifest.encode()).and_then(|()| file.sync_data());
    written.map_err(failed("write", &unnamed))?;
    // The name of the checkpoint's file must be durable before the manifest's is.
    storage.sync_dir(dir).map_err(failed("sync", dir))?;
    storage.rename(&unnamed, &path).map_err(failed("rename", &unnamed))?;
    storage.sync_dir(dir).map_err(failed("sync", dir))
}

fn remove_if_there(storage: &dyn Storage, path: &Path) -> Result<(), CheckpointError> {
    match storage.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Gives a manifest that can't be used, and the file of its round unless one of `kept` needs it, names that nobody reads.
pub(crate) fn set_aside(storage: &dyn Storage, manifest: &Path, kept: &[Manifest]) -> io::Result<()> {
    let file = manifest.with_extension("checkpoint");
    let round = file.file_name().and_then(|name| format::file_round(name.to_str()?));
    let mut needed = kept.iter().flat_map(|kept| &kept.sections).map(|section| section.file);
    let file = if needed.any(|file| Some(file) == round) { None } else { Some(file) };
    for path in file.into_iter().chain([manifest.to_path_buf()]) {
        let mut aside = path.clone().into_os_string();
        aside.push(".rejected");
        match storage.rename(&path, Path::new(&aside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Removes all manifests but these, then the files that none of these needs.
pub(crate) fn clean(storage: &dyn Storage, dir: &Path, kept: &[Manifest]) -> Result<(), CheckpointError> {
    let rounds: HashSet<u64> = kept.iter().map(|manifest| manifest.round).collect();
    let files: HashSet<u64> =
        kept.iter().flat_map(|manifest| manifest.sections.iter().map(|section| section.file)).collect();
    let names = storage.list(dir).map_err(failed("list", dir))?;
    let is_old_manifest = |name: &&String| {
        name.ends_with(".manifest-new") || format::manifest_round(name).is_some_and(|round| !rounds.contains(&round))
    };
    let is_unused_file = |name: &&String| format::file_round(name).is_some_and(|round| !files.contains(&round));
    let mut removed = 0;
    for name in names.iter().filter(is_old_manifest) {
        removed += 1;
        remove_if_there(storage, &dir.join(name))?;
    }
    // A manifest must not outlive what it points to.
    if removed > 0 {
        storage.sync_dir(dir).map_err(failed("sync", dir))?;
    }
    for name in names.iter().filter(is_unused_file) {
        remove_if_there(storage, &dir.join(name))?;
    }
    Ok(())
}
