//! Copies a log, with its checkpoints, while it may be written: what is copied is what a crash at that moment leaves.

use std::io;
use std::path::{Path, PathBuf};

use super::chain::Chain;
use super::inspect::Progress;
use super::recover::{Current, copy_bytes};
use super::scan::{Segment, io_error, list, read_header};
use super::segment;
use super::window::Window;
use crate::checkpoint;
use crate::error::OpenError;
use crate::storage::Storage;

/// How often the copy begins anew because files were removed behind a new checkpoint meanwhile.
const ATTEMPTS: u32 = 10;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Files.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// Copies the log in `from`, which need not be locked, into the directory `to`, which must hold nothing of a log. All
/// that was acknowledged before the call is in the copy. Opening the copy should begin a new epoch.
///
/// # Errors
///
/// [`OpenError`], if something could not be read or written, or if there is no log.
pub fn copy(
    (from, source): (&Path, &dyn Storage),
    (to, target): (&Path, &dyn Storage),
    progress: &mut Progress<'_>,
) -> Result<Copied, OpenError> {
    target.create_dir(to).map_err(io_error("create", to))?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        match copy_once((from, source), (to, target), progress) {
            Err(OpenError::Io { source: error, path, .. })
                if error.kind() == io::ErrorKind::NotFound && path.starts_with(from) && attempt < ATTEMPTS =>
            {
                // A checkpoint was made meanwhile, and what it stands for was removed.
                for name in target.list(to).map_err(io_error("list", to))? {
                    let path = to.join(name);
                    target.remove(&path).map_err(io_error("remove", &path))?;
                }
            }
            copied => return copied,
        }
    }
}

fn copy_once(
    (from, source): (&Path, &dyn Storage),
    to: (&Path, &dyn Storage),
    progress: &mut Progress<'_>,
) -> Result<Copied, OpenError> {
    let names = source.list(from).map_err(io_error("list", from))?;
    let checkpoints = names.iter().filter(|name| checkpoint::is_part(name)).map(|name| from.join(name));
    let mut segments = list(source, from)?;
    let Some(newest) = segments.pop() else {
        return Err(io_error("read", to.0)(io::Error::new(io::ErrorKind::NotFound, "there is no log to be copied")));
    };
    let files: Vec<PathBuf> = checkpoints.chain(segments.into_iter().map(|segment| segment.path)).collect();
    let mut sizes = Vec::new();
    for path in files.iter().chain([&newest.path]) {
        sizes.push(source.open(path).and_then(|file| file.size()).map_err(io_error("open", path))?);
    }
    let total = sizes.iter().sum();
    let mut copied = Copied::default();
    for (path, size) in files.iter().zip(&sizes) {
        copy_file((path, source), to, *size)?;
        copied.files += 1;
        copied.bytes += size;
        progress(copied.bytes, total);
    }
    // What lies before the end of the good batches does not change any more; what lies behind may be half written.
    let end = good_end(source, &newest)?;
    copy_file((&newest.path, source), to, end)?;
    to.1.sync_dir(to.0).map_err(io_error("sync", to.0))?;
    copied.files += 1;
    copied.bytes += end;
    progress(total, total);
    Ok(copied)
}

/// Where the last good batch of a segment ends.
fn good_end(storage: &dyn Storage, newest: &Segment) -> Result<u64, OpenError> {
    let path = &newest.path;
    let file = storage.open(path).map_err(io_error("open", path))?;
    let size = file.size().map_err(io_error("read", path))?;
    let mut chain = Chain::from(&read_header(&*file, newest)?);
    let mut window = Window::new(&*file, size);
    let mut end = segment::HEADER_BYTES as u64;
    while let Ok(batch) = chain.read(&mut window, end).map_err(io_error("read", path))? {
        end += batch.header.total_bytes();
    }
    Ok(end)
}

fn copy_file(
    (path, source): (&Path, &dyn Storage),
    (to, target): (&Path, &dyn Storage),
    bytes: u64,
) -> Result<(), OpenError> {
    let file = source.open(path).map_err(io_error("open", path))?;
    let copy = to.join(path.file_name().unwrap_or_default());
    let written = target.create(&copy).map_err(io_error("create", &copy))?;
    let from = Current { file, path: path.to_path_buf(), end: bytes, size: bytes };
    copy_bytes(&from, 0..bytes, (&*written, &copy), 0)?;
    written.sync_data().map_err(io_error("sync", &copy))
}
