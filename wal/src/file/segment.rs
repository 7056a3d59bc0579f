//! Segments: the files of a log.

use std::io;
use std::path::{Path, PathBuf};

use crc32c::crc32c;

use super::batch::{ALIGNMENT, HEADER_BYTES as BATCH_HEADER_BYTES, PART_OVERHEAD, u32_at, u64_at};
use crate::storage::{Storage, StorageFile};

pub(crate) const HEADER_BYTES: usize = 48;
pub(crate) const VERSION: u16 = 1;

/// A record is split at the end of a segment only if this much of it fits there; less is left empty.
pub(crate) const MIN_PART_BYTES: usize = 4096;

/// The end of a segment that is kept for batches without records: a new epoch, and the closing one.
pub(crate) const CONTROL_BYTES: u64 = 2 * BATCH_HEADER_BYTES as u64;

/// What of a segment cannot be promised to records: the end that is too short for a part, what one more part costs,
/// and what is kept for batches without records.
pub(crate) const SLACK_BYTES: u64 = CONTROL_BYTES + (MIN_PART_BYTES + 2 * PART_OVERHEAD + ALIGNMENT) as u64;

const MAGIC: [u8; 8] = *b"WALSEGMT";
const SUFFIX: &str = ".log";
const PREPARED_SUFFIX: &str = ".new";

/// How many bytes of records `left` bytes at the end of a segment can be promised to.
pub(crate) fn usable(left: u64) -> u64 {
    left.saturating_sub(SLACK_BYTES)
}

/// What the header of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The log's epoch when the segment was begun.
    pub(crate) epoch: u32,
    /// The number of the first batch in it. All batches before it were synced.
    pub(crate) first_batch: u64,
    /// Drawn at random when the log was made.
    pub(crate) log_id: u64,
    /// The checksum of the batch before the first.
    pub(crate) previous: u32,
}

/// What is wrong with a segment header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHeader {
    #[error("this is not the start of a segment")]
    Magic,
    #[error("the format version is {0}")]
    Version(u16),
    #[error("the checksum of the segment header does not fit")]
    Checksum,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first_batch.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.log_id.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.previous.to_le_bytes());
        let checksum = crc32c(&bytes[..44]);
        bytes[44..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Header, BadHeader> {
        if bytes[..8] != MAGIC {
            return Err(BadHeader::Magic);
        }
        // The version comes before the checksum: a newer format may keep that elsewhere.
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if version > VERSION {
            return Err(BadHeader::Version(version));
        }
        if u32_at(bytes, 44) != crc32c(&bytes[..44]) {
            return Err(BadHeader::Checksum);
        }
        Ok(Header {
            epoch: u32_at(bytes, 12),
            first_batch: u64_at(bytes, 16),
            log_id: u64_at(bytes, 24),
            previous: u32_at(bytes, 32),
        })
    }
}

/// Where the segment that begins with a batch is.
pub(crate) fn path(dir: &Path, first_batch: u64) -> PathBuf {
    dir.join(format!("{first_batch:020}{SUFFIX}"))
}

/// Where a prepared segment is. The name is as long as the final one, so that renaming needs no room in the directory.
pub(crate) fn prepared_path(dir: &Path, serial: u64) -> PathBuf {
    dir.join(format!("{serial:020}{PREPARED_SUFFIX}"))
}

/// The first batch of the segment of that name.
pub(crate) fn first_batch(name: &str) -> Option<u64> {
    // Batches are counted from one.
    number(name, SUFFIX).filter(|number| *number > 0)
}

/// The serial number of the prepared segment of that name.
pub(crate) fn prepared_serial(name: &str) -> Option<u64> {
    number(name, PREPARED_SUFFIX)
}

/// The number in a name of 20 digits and this suffix.
pub(crate) fn number(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Turns a prepared file into the segment that its header says: durable, under its final name, which it returns.
///
/// The name changes only when the header is synced, so a segment by its final name has a good header or is damaged.
pub(crate) fn activate(
    storage: &dyn Storage,
    dir: &Path,
    file: &dyn StorageFile,
    prepared: &Path,
    header: &Header,
) -> io::Result<PathBuf> {
    file.write_all_at(0, &header.encode())?;
    file.sync_data()?;
    let path = path(dir, header.first_batch);
    storage.rename(prepared, &path)?;
    storage.sync_dir(dir)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header { epoch: 4, first_batch: 1234, log_id: 99, previous: 7 };

    #[test]
    fn a_header_reads_back_and_any_changed_bit_is_noticed() {
        let bytes = HEADER.encode();
        assert_eq!(Header::decode(&bytes), Ok(HEADER));
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_version_is_told_apart_from_damage() {
        let mut bytes = HEADER.encode();
        bytes[8] = 2;
        assert_eq!(Header::decode(&bytes), Err(BadHeader::Version(2)));
    }

    #[test]
    fn only_the_names_of_segments_are_taken_for_segments() {
        assert_eq!(first_batch("00000000000000000042.log"), Some(42));
        assert_eq!(prepared_serial("00000000000000000042.new"), Some(42));
        for name in [
            "42.log",
            "00000000000000000042.log.torn",
            "+0000000000000000042.log",
            "00000000000000000000.log",
            "lock",
            "",
        ] {
            assert_eq!(first_batch(name), None, "{name}");
        }
        assert_eq!(path(Path::new("d"), 42), Path::new("d/00000000000000000042.log"));
    }
}
