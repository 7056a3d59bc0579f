//! The bytes of checkpoints: the header of a file, the chunks in it, and the manifest. See `docs/wal-format.md`.

use std::path::{Path, PathBuf};

use crc32c::{crc32c, crc32c_append};

use crate::file::batch::{u32_at, u64_at};
use crate::file::segment;
use crate::position::{Position, StreamId};

/// The version of the format that is written.
pub(crate) const VERSION: u16 = 1;

pub(crate) const FILE_HEADER_BYTES: usize = 40;
pub(crate) const CHUNK_HEADER_BYTES: usize = 20;

/// No chunk is longer: what reads one back must be able to hold it.
pub(crate) const MAX_CHUNK_BYTES: usize = 1 << 30;

const FILE_MAGIC: [u8; 8] = *b"WALCKPNT";
const MANIFEST_MAGIC: [u8; 8] = *b"WALMNFST";
const MANIFEST_HEADER_BYTES: usize = 56;
const ENTRY_BYTES: usize = 48;

const FILE_SUFFIX: &str = ".checkpoint";
const MANIFEST_SUFFIX: &str = ".manifest";

/// Where the checkpoint file of a round is.
pub(crate) fn file_path(dir: &Path, round: u64) -> PathBuf {
    dir.join(format!("{round:020}{FILE_SUFFIX}"))
}

/// Where the manifest of a round is.
pub(crate) fn manifest_path(dir: &Path, round: u64) -> PathBuf {
    dir.join(format!("{round:020}{MANIFEST_SUFFIX}"))
}

/// The round of the checkpoint file of that name.
pub(crate) fn file_round(name: &str) -> Option<u64> {
    round(name, FILE_SUFFIX)
}

/// The round of the manifest of that name.
pub(crate) fn manifest_round(name: &str) -> Option<u64> {
    round(name, MANIFEST_SUFFIX)
}

fn round(name: &str, suffix: &str) -> Option<u64> {
    // Rounds are counted from one.
    segment::number(name, suffix).filter(|round| *round > 0)
}

/// Whether a file of that name belongs to a checkpoint.
pub(crate) fn is_part(name: &str) -> bool {
    file_round(name).is_some() || manifest_round(name).is_some()
}

/// Which file of which log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    pub(crate) log_id: u64,
    pub(crate) round: u64,
}

impl FileId {
    pub(crate) fn header(self) -> [u8; FILE_HEADER_BYTES] {
        let mut bytes = [0; FILE_HEADER_BYTES];
        bytes[..8].copy_from_slice(&FILE_MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.log_id.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.round.to_le_bytes());
        let checksum = crc32c(&bytes[..36]);
        bytes[36..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header of a chunk. Its checksum covers which file and stream it belongs to and where it stands there, so that
    /// no chunk passes for another.
    pub(crate) fn chunk_header(self, stream: StreamId, index: u32, bytes: &[u8]) -> [u8; CHUNK_HEADER_BYTES] {
        let mut header = [0; CHUNK_HEADER_BYTES];
        header[4..8].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        header[8..12].copy_from_slice(&index.to_le_bytes());
        header[12..].copy_from_slice(&stream.0.to_le_bytes());
        let of_file = crc32c_append(crc32c(&self.log_id.to_le_bytes()), &self.round.to_le_bytes());
        let checksum = crc32c_append(crc32c_append(of_file, &header[4..]), bytes);
        header[..4].copy_from_slice(&checksum.to_le_bytes());
        header
    }
}

/// How many bytes the chunk behind this header has.
pub(crate) fn chunk_bytes(header: &[u8; CHUNK_HEADER_BYTES]) -> usize {
    u32_at(header, 4) as usize
}

/// Where a stream's part of a checkpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) stream: StreamId,
    /// The last record that it covers.
    pub(crate) position: Position,
    /// The round whose file it is in.
    pub(crate) file: u64,
    pub(crate) offset: u64,
    /// Bytes, headers of chunks included.
    pub(crate) bytes: u64,
    pub(crate) chunks: u32,
}

/// What a checkpoint consists of, and what it needs of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) log_id: u64,
    pub(crate) round: u64,
    /// The epoch of the log when it was written.
    pub(crate) epoch: u32,
    /// The log is needed from this batch on.
    pub(crate) from_batch: u64,
    /// All that the sections cover is in batches up to this one.
    pub(crate) until_batch: u64,
    /// By stream.
    pub(crate) sections: Vec<Section>,
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadManifest {
    #[error("it is not a manifest")]
    Magic,
    #[error("it has format version {0}, this program reads up to version {VERSION}: use the newer program")]
    Version(u16),
    #[error("its length does not fit")]
    Length,
    #[error("its checksum does not fit")]
    Checksum,
    #[error("it is named after another round")]
    Name,
}

impl Manifest {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MANIFEST_HEADER_BYTES + self.sections.len() * ENTRY_BYTES + 4);
        bytes.extend_from_slice(&MANIFEST_MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 6]);
        for number in [self.log_id, self.round, self.from_batch, self.until_batch] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        // A section is some 100 bytes of memory at least; so many do not exist.
        bytes.extend_from_slice(&(self.sections.len() as u32).to_le_bytes());
        for section in &self.sections {
            bytes.extend_from_slice(&section.stream.0.to_le_bytes());
            bytes.extend_from_slice(&section.position.number.to_le_bytes());
            bytes.extend_from_slice(&section.position.epoch.to_le_bytes());
            bytes.extend_from_slice(&section.chunks.to_le_bytes());
            for number in [section.file, section.offset, section.bytes] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        let checksum = crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Manifest, BadManifest> {
        if !bytes.starts_with(&MANIFEST_MAGIC) {
            return Err(BadManifest::Magic);
        }
        let Some(header) = bytes.get(..MANIFEST_HEADER_BYTES) else {
            return Err(BadManifest::Length);
        };
        // The version comes before the checksum: a newer format may keep that elsewhere.
        let version = u16::from_le_bytes([header[8], header[9]]);
        if version > VERSION {
            let mut as_ours = bytes.to_vec();
            as_ours[8..10].copy_from_slice(&VERSION.to_le_bytes());
            // One of ours in which just the version was damaged.
            let is_ours = Manifest::decode(&as_ours).is_ok();
            return Err(if is_ours { BadManifest::Checksum } else { BadManifest::Version(version) });
        }
        let count = u32_at(header, 52) as usize;
        let end = MANIFEST_HEADER_BYTES + count.saturating_mul(ENTRY_BYTES);
        if bytes.len() != end.saturating_add(4) {
            return Err(BadManifest::Length);
        }
        if u32_at(bytes, end) != crc32c(&bytes[..end]) {
            return Err(BadManifest::Checksum);
        }
        let sections = bytes[MANIFEST_HEADER_BYTES..end].chunks_exact(ENTRY_BYTES).map(|entry| Section {
            stream: StreamId(u64_at(entry, 0)),
            position: Position { number: u64_at(entry, 8), epoch: u32_at(entry, 16) },
            chunks: u32_at(entry, 20),
            file: u64_at(entry, 24),
            offset: u64_at(entry, 32),
            bytes: u64_at(entry, 40),
        });
        Ok(Manifest {
            log_id: u64_at(header, 16),
            round: u64_at(header, 24),
            from_batch: u64_at(header, 32),
            until_batch: u64_at(header, 40),
            epoch: u32_at(header, 48),
            sections: sections.collect(),
        })
    }

    /// The part of this stream.
    pub(crate) fn section(&self, stream: StreamId) -> Option<&Section> {
        let index = self.sections.binary_search_by_key(&stream, |section| section.stream).ok()?;
        self.sections.get(index)
    }

    /// Bytes of all sections.
    pub(crate) fn bytes(&self) -> u64 {
        self.sections.iter().map(|section| section.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let section = |stream| Section {
            stream: StreamId(stream),
            position: Position { epoch: 2, number: 7 + stream },
            file: 3,
            offset: 40,
            bytes: 99,
            chunks: 1,
        };
        Manifest {
            log_id: 77,
            round: 4,
            epoch: 2,
            from_batch: 5,
            until_batch: 9,
            sections: (0..3).map(section).collect(),
        }
    }

    #[test]
    fn a_manifest_reads_back_and_any_changed_bit_is_noticed() {
        let bytes = manifest().encode();
        assert_eq!(Manifest::decode(&bytes), Ok(manifest()));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Manifest::decode(&flipped).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(Manifest::decode(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_newer_manifest_is_told_apart_from_damage() {
        let mut bytes = manifest().encode();
        bytes[8] = 2;
        assert_eq!(Manifest::decode(&bytes), Err(BadManifest::Checksum));
        let end = bytes.len() - 4;
        let checksum = crc32c(&bytes[..end]);
        bytes[end..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(Manifest::decode(&bytes), Err(BadManifest::Version(2)));
    }

    #[test]
    fn a_chunk_belongs_to_one_place_of_one_file() {
        let file = FileId { log_id: 1, round: 2 };
        let header = file.chunk_header(StreamId(3), 4, b"bytes");
        assert_eq!(chunk_bytes(&header), 5);
        let others = [
            FileId { log_id: 9, ..file }.chunk_header(StreamId(3), 4, b"bytes"),
            FileId { round: 9, ..file }.chunk_header(StreamId(3), 4, b"bytes"),
            file.chunk_header(StreamId(9), 4, b"bytes"),
            file.chunk_header(StreamId(3), 9, b"bytes"),
            file.chunk_header(StreamId(3), 4, b"bytez"),
        ];
        assert!(others.iter().all(|other| other[..4] != header[..4]));
    }

    #[test]
    fn names_say_the_round() {
        let dir = Path::new("d");
        let name = |path: PathBuf| path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        assert_eq!(file_round(&name(file_path(dir, 7))), Some(7));
        assert_eq!(manifest_round(&name(manifest_path(dir, 7))), Some(7));
        assert_eq!(file_round(&name(manifest_path(dir, 7))), None);
        assert_eq!(file_round("7.checkpoint"), None);
        assert_eq!(manifest_round("00000000000000000000.manifest"), None);
    }
}
