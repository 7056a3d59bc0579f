//! Finds the checkpoints of a log, judges which of them can be used, and reads one.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{self, BadManifest, CHUNK_HEADER_BYTES, FILE_HEADER_BYTES, FileId, Manifest, Section};
use crate::error::ReadError;
use crate::file::scan::Scan;
use crate::file::window::Window;
use crate::position::{Position, StreamId};
use crate::storage::Storage;

/// A manifest is some 50 bytes a stream: longer than this it is not one.
const MAX_MANIFEST_BYTES: u64 = 1 << 30;

/// A checkpoint: what each stream amounted to at one of its positions.
#[derive(Clone)]
pub struct Checkpoint {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    manifest: Manifest,
}

/// Gets the chunks of a stream in the order in which they were written.
pub type VisitChunk<'a> = dyn FnMut(&[u8]) -> ControlFlow<()> + 'a;

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint").field("dir", &self.dir).field("manifest", &self.manifest).finish_non_exhaustive()
    }
}

impl Checkpoint {
    pub(crate) fn new(storage: Arc<dyn Storage>, dir: &Path, manifest: Manifest) -> Checkpoint {
        Checkpoint { storage, dir: dir.to_path_buf(), manifest }
    }

    /// Its number: each is greater than those before.
    #[must_use]
    pub fn round(&self) -> u64 {
        self.manifest.round
    }

    /// How many bytes its parts have together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.manifest.bytes()
    }

    /// Where its manifest is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        format::manifest_path(&self.dir, self.manifest.round)
    }

    /// The streams in it, and the last record of each that it covers.
    pub fn streams(&self) -> impl Iterator<Item = (StreamId, Position)> {
        self.manifest.sections.iter().map(|section| (section.stream, section.position))
    }

    /// The batch from which on it needs the log.
    #[must_use]
    pub fn needs_from(&self) -> u64 {
        self.manifest.from_batch
    }

    /// Reads the chunks of a stream; none for one that is not in it.
    ///
    /// # Errors
    ///
    /// [`ReadError`], if they could not be read or are not what was written.
    pub fn read(&self, stream: StreamId, visit: &mut VisitChunk<'_>) -> Result<(), ReadError> {
        match self.manifest.section(stream) {
            Some(section) => self.read_section(section, visit),
            None => Ok(()),
        }
    }

    fn read_section(&self, section: &Section, visit: &mut VisitChunk<'_>) -> Result<(), ReadError> {
        let path = format::file_path(&self.dir, section.file);
        let failed = |source| ReadError::Io { action: "read", path: path.clone(), source };
        let damaged =
            |offset, seen: &str| ReadError::BadCheckpoint { file: path.clone(), offset, seen: seen.to_owned() };
        let id = FileId { log_id: self.manifest.log_id, round: section.file };
        let file = self.storage.open(&path).map_err(failed)?;
        let size = file.size().map_err(failed)?;
        let end = section.offset.checked_add(section.bytes).filter(|end| *end <= size);
        let Some(end) = end else {
            return Err(damaged(size, "the file ends too early"));
        };
        let mut window = Window::new(&*file, end);
        if window.array::<FILE_HEADER_BYTES>(0).map_err(failed)? != Some(&id.header()) {
            return Err(damaged(0, "the header is not that of this file"));
        }
        let mut offset = section.offset;
        for index in 0..section.chunks {
            let Some(header) = window.array::<CHUNK_HEADER_BYTES>(offset).map_err(failed)?.copied() else {
                return Err(damaged(offset, "a part of the file is missing"));
            };
            let begin = offset + CHUNK_HEADER_BYTES as u64;
            let length = format::chunk_bytes(&header) as u64;
            if length > end - begin {
                return Err(damaged(offset, "a chunk is longer than its section"));
            }
            let bytes = window.get(begin, length).map_err(failed)?;
            if id.chunk_header(section.stream, index, bytes) != header {
                return Err(damaged(offset, "a checksum does not fit"));
            }
            if visit(bytes).is_break() {
                return Ok(());
            }
            offset = begin + length;
        }
        if offset != end { Err(damaged(offset, "a section is longer than its chunks")) } else { Ok(()) }
    }

    /// Reads and checks all of it.
    ///
    /// # Errors
    ///
    /// [`ReadError`], if something could not be read or is not what was written.
    pub fn verify(&self) -> Result<(), ReadError> {
        let mut ignore = |_: &[u8]| ControlFlow::Continue(());
        self.manifest.sections.iter().try_for_each(|section| self.read_section(section, &mut ignore))
    }
}

/// A manifest that can't be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The manifest.
    pub file: PathBuf,
    /// Why.
    pub seen: String,
}

/// The manifests in a directory, the newest first.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) rejected: Vec<Rejected>,
    /// One that a newer program has written, and its version.
    pub(crate) too_new: Option<(PathBuf, u16)>,
}

/// Reads the manifests in a directory.
pub(crate) fn find(storage: &dyn Storage, dir: &Path) -> io::Result<Found> {
    let mut rounds: Vec<u64> = storage.list(dir)?.iter().filter_map(|name| format::manifest_round(name)).collect();
    rounds.sort_unstable_by(|a, b| b.cmp(a));
    let mut found = Found::default();
    for round in rounds {
        let file = format::manifest_path(dir, round);
        match read_manifest(storage, &file, round) {
            Ok(manifest) => found.manifests.push(manifest),
            Err(Unreadable::Bad(BadManifest::Version(version))) => found.too_new = Some((file, version)),
            Err(unreadable) => found.rejected.push(Rejected { file, seen: unreadable.to_string() }),
        }
    }
    Ok(found)
}

#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Bad(#[from] BadManifest),
}

fn read_manifest(storage: &dyn Storage, path: &Path, round: u64) -> Result<Manifest, Unreadable> {
    let read = || -> io::Result<Vec<u8>> {
        let file = storage.open(path)?;
        let size = file.size()?;
        if size > MAX_MANIFEST_BYTES {
            return Err(io::Error::other("it is too long for a manifest"));
        }
        let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        file.read_exact_at(0, &mut bytes)?;
        Ok(bytes)
    };
    let manifest = Manifest::decode(&read()?)?;
    if manifest.round == round { Ok(manifest) } else { Err(BadManifest::Name.into()) }
}

/// Why a manifest does not belong to the log that was read, if it does not.
pub(crate) fn misfit(manifest: &Manifest, scan: &Scan) -> Option<String> {
    if manifest.log_id != scan.chain.log_id {
        return Some("it belongs to another log".to_owned());
    }
    let Some(epoch) = scan.epoch_of(manifest.until_batch) else {
        return Some(format!(
            "it covers records up to batch {}, and the log ends with batch {}",
            manifest.until_batch,
            scan.chain.next - 1
        ));
    };
    if epoch > manifest.epoch {
        return Some("the log was cut where it was written, and went on otherwise".to_owned());
    }
    let begin = scan.segments.first().map_or(1, |segment| segment.first_batch);
    (manifest.from_batch < begin)
        .then(|| format!("it needs the log from batch {}, which begins with batch {begin}", manifest.from_batch))
}
