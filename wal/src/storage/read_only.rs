//! The file system of the machine, for those who only look.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::real::{RealFile, RealStorage, take_lock};
use super::{Storage, StorageFile, StorageLock};

/// The file system of the machine, on which nothing can be changed: so a copy of a log may be read from a medium that
/// cannot be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOnlyStorage;

/// There is no lock file, so that no log is open: an open one has it.
struct NothingToLock;

impl StorageLock for NothingToLock {}

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Storage for ReadOnlyStorage {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        RealStorage.list(dir)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        Ok(Box::new(RealFile(File::open(path)?)))
    }

    fn create(&self, _: &Path) -> io::Result<Box<dyn StorageFile>> {
        refused()
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    /// The lock file is not made; where it can be written, it says who has the lock.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>> {
        let writable = OpenOptions::new().read(true).write(true).open(path);
        match writable.or_else(|_| File::open(path)) {
            Ok(file) => take_lock(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Box::new(NothingToLock)),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_and_none_is_made() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("lock");
        assert!(ReadOnlyStorage.lock(&path).is_ok());
        assert!(!path.exists());
        let held = RealStorage.lock(&path).expect("the lock");
        let refused = ReadOnlyStorage.lock(&path).err().expect("a refusal");
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        drop(held);
        let held = ReadOnlyStorage.lock(&path).expect("the lock");
        assert!(RealStorage.lock(&path).is_err());
        drop(held);
    }

    #[test]
    fn nothing_can_be_changed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x");
        assert!(ReadOnlyStorage.create(&path).is_err());
        std::fs::write(&path, "abc").expect("written");
        let file = ReadOnlyStorage.open(&path).expect("opened");
        assert_eq!(file.size().expect("its size"), 3);
        assert!(file.write_all_at(0, b"x").is_err());
        assert!(ReadOnlyStorage.remove(&path).is_err());
        assert_eq!(ReadOnlyStorage.list(dir.path()).expect("a list"), ["x"]);
    }
}
