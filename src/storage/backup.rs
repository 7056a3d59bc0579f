//! Backups of a data directory, made while a server may be working on it, and put back.
//!
//! A backup is what a crash at one moment would leave: the history store is kept still, then the log is copied, so that
//! the log never says of something that the store has it while the copy of the store has not. A list of the files with
//! their checksums is written last; without it, a backup is not complete and is not put back.

use super::history::pause;
use crate::object_store::{Digest, digest_of};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wal::inspection::End;
use wal::{FileLog, Offline, OpenError, ReadOnlyStorage, RealStorage};

/// The list of the files of a backup.
pub const LIST: &str = "backup.json";

/// Where the log is in a data directory.
pub const LOG: &str = "wal";
/// Where the history store is.
pub const HISTORY: &str = "history";

/// The layout of backups.
const FORMAT: u32 = 1;

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct List {
    format: u32,
    /// The version of the program that made it.
    pub version: String,
    /// Its files.
    pub files: Vec<Listed>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name, relative to the backup.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: String,
}

impl List {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Why there is no backup, or why it was not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The system refused something.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
    /// There is nothing to copy.
    #[error("there is no log in {0}: does --datadir name a server's data directory?")]
    NoLog(PathBuf),
    /// There is something already where it should go.
    #[error("{0} is not empty: choose a directory that is not there yet")]
    NotEmpty(PathBuf),
    /// It is no backup, or one that was not finished.
    #[error("{0} is not a complete backup: the file {LIST}, which is written last, can't be read there ({1})")]
    Incomplete(PathBuf, String),
    /// A newer program has made it.
    #[error("the backup has format {0}, this program reads up to {FORMAT}: use the newer program that made it")]
    TooNew(u32),
    /// A file is not what was written.
    #[error("{0} is not what was written: the backup is damaged, use another one")]
    Damaged(PathBuf),
    /// The log can't be copied, or not opened.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The copy of the log is not good.
    #[error("the log is damaged, and so is its copy, which was left where it is: {0}")]
    DamagedLog(OpenError),
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> BackupError + 'a {
    move |source| BackupError::Io { action, path: path.to_path_buf(), source }
}

/// Told what is being done, and how many bytes of how many are done.
pub type Progress<'a> = dyn FnMut(&str, u64, u64) + 'a;

/// Copies a data directory into `to`, which must be empty or not there yet.
///
/// # Errors
/// [`BackupError`].
pub fn back_up(data_dir: &Path, to: &Path, progress: &mut Progress<'_>) -> Result<List, BackupError> {
    let history = data_dir.join(HISTORY);
    let log = data_dir.join(LOG);
    if !log.is_dir() {
        return Err(BackupError::NoLog(log));
    }
    make_empty(to)?;
    let turn = history.is_dir().then(|| pause::take(&history).map_err(failed("lock", &history))).transpose()?;
    if turn.is_some() {
        let into = to.join(HISTORY);
        fs::create_dir(&into).map_err(failed("create", &into))?;
        for path in files_in(&history)?.into_iter().filter(|path| is_kept(path)) {
            copy(&path, &into.join(path.file_name().unwrap_or_default()), &mut |done, total| {
                progress("copying the history store", done, total);
            })?;
        }
        sync_dir(&into)?;
    }
    let into = to.join(LOG);
    wal::copy((&log, &ReadOnlyStorage), (&into, &RealStorage), &mut |done, total| {
        progress("copying the log", done, total);
    })?;
    drop(turn);
    let copied = Offline::lock(&into, Arc::new(RealStorage))?;
    let inspection = copied.inspect(&mut |done, total| progress("checking the copy of the log", done, total))?;
    drop(copied);
    if let Some(End::Damaged(error)) = inspection.map(|inspection| inspection.end) {
        return Err(BackupError::DamagedLog(error));
    }
    let mut list = List { format: FORMAT, version: env!("CARGO_PKG_VERSION").to_owned(), files: Vec::new() };
    for part in [LOG, HISTORY] {
        let dir = to.join(part);
        let paths = if dir.is_dir() { files_in(&dir)? } else { Vec::new() };
        for path in paths.into_iter().filter(|path| is_kept(path)) {
            let file = File::open(&path).map_err(failed("open", &path))?;
            let total = file.metadata().map_err(failed("read", &path))?.len();
            let mut done = 0;
            let digest = digest_of(file, |bytes| {
                done += bytes.len() as u64;
                progress("reading the backup for its checksums", done, total);
                Ok(())
            });
            let Digest { size, sha256 } = digest.map_err(failed("read", &path))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            list.files.push(Listed { name: format!("{part}/{name}"), bytes: size, sha256 });
        }
    }
    write_list(to, &list)?;
    Ok(list)
}

fn write_list(to: &Path, list: &List) -> Result<(), BackupError> {
    let path = to.join(LIST);
    let text = serde_json::to_vec_pretty(list).map_err(io::Error::other).map_err(failed("write", &path))?;
    let written = File::create(&path).and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()));
    written.map_err(failed("write", &path))?;
    sync_dir(to)?;
    sync_dir(parent_of(to))
}

fn parent_of(dir: &Path) -> &Path {
    dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reads the list of a backup.
///
/// # Errors
/// [`BackupError`].
pub fn read_list(backup: &Path) -> Result<List, BackupError> {
    let incomplete = |reason: String| BackupError::Incomplete(backup.to_path_buf(), reason);
    let text = fs::read(backup.join(LIST)).map_err(|error| incomplete(error.to_string()))?;
    let list: List = serde_json::from_slice(&text).map_err(|error| incomplete(error.to_string()))?;
    if list.format > FORMAT { Err(BackupError::TooNew(list.format)) } else { Ok(list) }
}

/// Puts a backup into a data directory, which must be empty or not there yet. Each file is checked against the list. The
/// log begins a new epoch: what came after the backup was seen, and its positions are not given again. The directory gets
/// its name when all is done: what is not complete is never started on.
///
/// # Errors
/// [`BackupError`].
pub fn restore(backup: &Path, data_dir: &Path, progress: &mut Progress<'_>) -> Result<List, BackupError> {
    let list = read_list(backup)?;
    make_empty(data_dir)?;
    let mut unfinished = data_dir.as_os_str().to_owned();
    unfinished.push(".restoring");
    let unfinished = PathBuf::from(unfinished);
    if unfinished.is_dir() {
        fs::remove_dir_all(&unfinished).map_err(failed("remove", &unfinished))?;
    }
    for part in [LOG, HISTORY] {
        let dir = unfinished.join(part);
        fs::create_dir_all(&dir).map_err(failed("create", &dir))?;
    }
    let total = list.bytes();
    let mut before = 0;
    for listed in &list.files {
        let from = backup.join(&listed.name);
        if !is_inside(&listed.name) {
            return Err(BackupError::Damaged(backup.join(LIST)));
        }
        let digest = copy(&from, &unfinished.join(&listed.name), &mut |done, _| {
            progress("copying the backup", before + done, total);
        })?;
        if digest != (Digest { size: listed.bytes, sha256: listed.sha256.clone() }) {
            return Err(BackupError::Damaged(from));
        }
        before += listed.bytes;
    }
    for dir in [&unfinished.join(LOG), &unfinished.join(HISTORY), &unfinished] {
        sync_dir(dir)?;
    }
    let options = wal::Options { new_epoch: true, ..wal::Options::default() };
    let (log, _) = FileLog::open(unfinished.join(LOG), options, Arc::new(RealStorage))?;
    drop(log);
    fs::remove_dir(data_dir).map_err(failed("replace", data_dir))?;
    fs::rename(&unfinished, data_dir).map_err(failed("rename", &unfinished))?;
    sync_dir(parent_of(data_dir))?;
    Ok(list)
}

/// Whether this is the name of a file directly in one of the parts of a backup.
fn is_inside(name: &str) -> bool {
    let file = [LOG, HISTORY].iter().find_map(|part| name.strip_prefix(part)?.strip_prefix('/'));
    file.is_some_and(|file| !file.is_empty() && !file.contains('/') && file != "..")
}

fn make_empty(dir: &Path) -> Result<(), BackupError> {
    fs::create_dir_all(dir).map_err(failed("create", dir))?;
    let mut entries = fs::read_dir(dir).map_err(failed("read", dir))?;
    if entries.next().is_some() { Err(BackupError::NotEmpty(dir.to_path_buf())) } else { Ok(()) }
}

/// The files in a directory, by name.
fn files_in(dir: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let entries = fs::read_dir(dir).map_err(failed("read", dir))?;
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(failed("read", dir))?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

/// Locks are made anew, and SQLite makes its index of its own log anew.
fn is_kept(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !(name.ends_with("lock") || name.ends_with("-shm"))
}

/// Copies a file and syncs the copy; says what was copied.
fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Digest, BackupError> {
    let source = File::open(from).map_err(failed("open", from))?;
    let total = source.metadata().map_err(failed("read", from))?.len();
    let mut copy = File::options().write(true).create_new(true).open(to).map_err(failed("create", to))?;
    let mut done = 0;
    let digest = digest_of(source, |bytes| {
        copy.write_all(bytes)?;
        done += bytes.len() as u64;
        progress(done, total);
        Ok(())
    });
    let digest = digest.map_err(failed("copy", from))?;
    copy.sync_all().map_err(failed("sync", to))?;
    Ok(digest)
}

fn sync_dir(dir: &Path) -> Result<(), BackupError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))
}
