//! The file system of the machine.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, FlockOperation};
use rustix::io::Errno;

use super::{Storage, StorageFile, StorageLock};

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealStorage;

pub(super) struct RealFile(pub(super) File);

/// The lock is a `flock`, so the kernel drops it with the process, however that ends.
struct RealLock {
    _file: File,
}

impl StorageLock for RealLock {}

impl Storage for RealStorage {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            self.create_dir(parent)?;
            fs::create_dir(dir).or_else(|error| if dir.is_dir() { Ok(()) } else { Err(error) })?;
            return self.sync_dir(parent);
        }
        fs::create_dir(dir)?;
        self.sync_dir(Path::new("."))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            // A name that is not UTF-8 is none of the log's.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Box::new(RealFile(file)))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(Box::new(RealFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>> {
        take_lock(OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?)
    }
}

/// Locks an open file, and says in it who has the lock.
pub(super) fn take_lock(mut file: File) -> io::Result<Box<dyn StorageLock>> {
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            // Only for the message: the lock itself is what counts.
            let _ = (&file).take(64).read_to_string(&mut holder);
            let holder = holder.trim();
            let holder = if holder.is_empty() { "which did not say its number" } else { holder };
            return Err(io::Error::new(io::ErrorKind::WouldBlock, holder));
        }
        Err(error) => return Err(error.into()),
    }
    // A disk that is full must not keep the log from opening, so this is a courtesy, too.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "number {}", std::process::id()));
    Ok(Box::new(RealLock { _file: file }))
}

impl StorageFile for RealFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => Ok(()),
            // A file system that cannot allocate is made to by writing.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                let size = self.size()?;
                self.zero(size, bytes.saturating_sub(size))
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_exclusive_and_says_who_holds_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("lock");
        let held = RealStorage.lock(&path).expect("the lock");
        let refused = RealStorage.lock(&path).err().expect("a refusal");
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        assert!(refused.to_string().contains(&std::process::id().to_string()));
        drop(held);
        assert!(RealStorage.lock(&path).is_ok());
    }

    #[test]
    fn files_are_allocated_written_and_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let deep = dir.path().join("a/b");
        RealStorage.create_dir(&deep).expect("created");
        RealStorage.create_dir(&deep).expect("still there");
        let file = RealStorage.create(&deep.join("x")).expect("created");
        assert!(RealStorage.create(&deep.join("x")).is_err());
        file.allocate(4096).expect("allocated");
        file.write_all_at(10, b"abc").expect("written");
        file.zero(11, 1).expect("zeroed");
        let mut read = [9; 4];
        file.read_exact_at(9, &mut read).expect("read");
        assert_eq!(&read, b"\0a\0c");
        assert!(file.read_exact_at(4094, &mut read).is_err());
        assert_eq!(file.size().expect("its size"), 4096);
    }
}
