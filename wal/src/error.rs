//! What can go wrong when a log is opened or read.

use std::io;
use std::path::PathBuf;

/// Why a log could not be opened. Unless it says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
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
    /// Another log is open on the directory.
    #[error("{dir} is in use by another process ({holder}): stop it first, two writers would destroy the log")]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// What the lock file says about the holder.
        holder: String,
    },
    /// Something that was durable is damaged.
    #[error(
        "{file} is damaged at byte {offset}, where batch {batch} should be: {seen}; {evidence}, so what is damaged was \
         durable and is not the torn end of an unfinished write. Nothing was changed: look at the disk, then restore \
         the file from a copy, or cut the log at that byte and lose batch {batch} and all after it"
    )]
    Corrupt {
        /// The segment.
        file: PathBuf,
        /// The first byte that is not as it should be.
        offset: u64,
        /// The number of the batch that should be there.
        batch: u64,
        /// What was found in its place.
        seen: String,
        /// How it is known that it was durable.
        evidence: String,
    },
    /// Batches are missing between two segments, or before the first.
    #[error(
        "batches {first_missing} to {last_missing} are missing in {dir}: the next segment is {next}. Nothing was \
         changed: restore the missing segment from a copy"
    )]
    Missing {
        /// The directory.
        dir: PathBuf,
        /// The first batch that is missing.
        first_missing: u64,
        /// The last batch that is missing.
        last_missing: u64,
        /// The segment behind the gap.
        next: PathBuf,
    },
    /// The beginning of the log was removed, and no checkpoint stands in its place.
    #[error(
        "the log in {dir} begins with batch {first_batch}, and no checkpoint can be used for what was before: {seen}. \
         Nothing was changed: restore the files from a copy"
    )]
    NoCheckpoint {
        /// The directory.
        dir: PathBuf,
        /// The first batch that is there.
        first_batch: u64,
        /// What is wrong with the checkpoints that are there.
        seen: String,
    },
    /// The end of the log is missing: a checkpoint shows that there was more.
    #[error(
        "the log in {dir} ends with batch {last}, but {manifest} was written when batch {until} was durable: the end of the \
         log is missing or damaged. Nothing was changed: restore the files from a copy, or cut the log at its end \
         (`repair`) and lose what came after batch {last}"
    )]
    EndMissing {
        /// The directory.
        dir: PathBuf,
        /// The last batch that is there and good.
        last: u64,
        /// The manifest.
        manifest: PathBuf,
        /// The batch that was durable.
        until: u64,
    },
    /// There are checkpoints, but no log.
    #[error(
        "the segments of the log in {dir} are missing: there is a checkpoint, {manifest}. Nothing was changed: restore \
         the segments from a copy, with it"
    )]
    OnlyCheckpoints {
        /// The directory.
        dir: PathBuf,
        /// The newest manifest.
        manifest: PathBuf,
    },
    /// The log was written by a newer program.
    #[error(
        "{file} has format version {found}, this program reads up to version {supported}: use the newer program. \
         Nothing was changed"
    )]
    TooNew {
        /// The segment.
        file: PathBuf,
        /// Its version.
        found: u16,
        /// The newest version known here.
        supported: u16,
    },
    /// The options make no sense.
    #[error("bad options: {0}")]
    BadOptions(&'static str),
}

/// Why a log could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
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
    /// What was read is not what was written.
    #[error("{file} is damaged at byte {offset}, where batch {batch} should be: {seen}")]
    Corrupt {
        /// The segment.
        file: PathBuf,
        /// The first byte that is not as it should be.
        offset: u64,
        /// The number of the batch that should be there.
        batch: u64,
        /// What was found in its place.
        seen: String,
    },
    /// A checkpoint is not what was written.
    #[error("{file} is damaged at byte {offset}: {seen}")]
    BadCheckpoint {
        /// The checkpoint's file.
        file: PathBuf,
        /// The first byte that is not as it should be.
        offset: u64,
        /// What was found there.
        seen: String,
    },
}
