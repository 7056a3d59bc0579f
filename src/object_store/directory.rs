//! A directory as an object store: a file an object, in a directory a bucket.
//!
//! Objects are never changed, only put and removed. One is written beside its place, synced and then renamed, so that
//! whoever reads finds it whole or not at all.

use super::{Digest, StoreError, digest_of};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The store.
pub struct DirectoryStore {
    bucket: PathBuf,
}

/// A result with what was tried where.
fn tried<T>(action: &'static str, path: &Path, outcome: io::Result<T>) -> Result<T, StoreError> {
    outcome.map_err(|source| StoreError::Directory { action, path: path.to_owned(), source })
}

impl DirectoryStore {
    /// The store in this directory, for one bucket. Nothing is looked at yet.
    ///
    /// # Errors
    /// Where the bucket's name is none for a directory.
    pub fn new(root: &Path, bucket: &str) -> Result<DirectoryStore, StoreError> {
        Ok(DirectoryStore { bucket: place(root, bucket)? })
    }

    pub(super) fn make_bucket(&self) -> Result<(), StoreError> {
        tried("make", &self.bucket, fs::create_dir_all(&self.bucket))
    }

    pub(super) fn put(&self, object: &str, contents: &mut dyn Read, digest: &Digest) -> Result<(), StoreError> {
        let path = place(&self.bucket, object)?;
        // Names of objects have no dot in front; two that put the same object are no case, since names are random.
        let part = self.bucket.join(format!(".{object}.part"));
        let put = self.write(&part, contents, digest).and_then(|()| {
            tried("name", &path, fs::rename(&part, &path))?;
            tried("sync", &self.bucket, File::open(&self.bucket).and_then(|dir| dir.sync_all()))
        });
        if put.is_err() {
            // What is left over is no use; that it can't be removed is no news.
            let _ = fs::remove_file(&part);
        }
        put
    }

    fn write(&self, part: &Path, contents: &mut dyn Read, digest: &Digest) -> Result<(), StoreError> {
        let mut copy = tried("make", part, File::create(part))?;
        let found = tried("write", part, digest_of(contents, |bytes| copy.write_all(bytes)))?;
        if found != *digest {
            return Err(StoreError::Changed);
        }
        tried("sync", part, copy.sync_all())
    }

    pub(super) fn get(&self, object: &str, from: u64) -> Result<Box<dyn Read>, StoreError> {
        let path = place(&self.bucket, object)?;
        let mut file = tried("read", &path, File::open(&path))?;
        tried("read", &path, file.seek(SeekFrom::Start(from)))?;
        Ok(Box::new(file))
    }

    pub(super) fn remove(&self, object: &str) -> Result<(), StoreError> {
        let path = place(&self.bucket, object)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => tried("remove", &path, outcome),
        }
    }
}

/// Where something of this name is in a directory: in it, and nowhere else.
fn place(dir: &Path, name: &str) -> Result<PathBuf, StoreError> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return Err(StoreError::Name(name.to_owned()));
    }
    Ok(dir.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Result<(tempfile::TempDir, DirectoryStore), Box<dyn std::error::Error>> {
        let dir = tempfile::TempDir::new()?;
        let store = DirectoryStore::new(dir.path(), "bucket")?;
        store.make_bucket()?;
        fs::write(dir.path().join("file"), "contents")?;
        Ok((dir, store))
    }

    #[test]
    fn objects_come_back_from_any_byte_on() -> Result<(), Box<dyn std::error::Error>> {
        let (dir, store) = store()?;
        let path = dir.path().join("file");
        let digest = digest_of(File::open(&path)?, |_| Ok(()))?;
        store.put("object", &mut File::open(&path)?, &digest)?;
        let mut text = String::new();
        store.get("object", 3)?.read_to_string(&mut text)?;
        assert_eq!(text, "tents");
        store.remove("object")?;
        store.remove("object")?;
        assert!(store.get("object", 0).is_err());
        Ok(())
    }

    #[test]
    fn a_file_that_changed_leaves_nothing_behind() -> Result<(), Box<dyn std::error::Error>> {
        let (dir, store) = store()?;
        let path = dir.path().join("file");
        let digest = Digest { size: 8, sha256: "another".to_owned() };
        assert!(matches!(store.put("object", &mut File::open(&path)?, &digest), Err(StoreError::Changed)));
        assert_eq!(fs::read_dir(dir.path().join("bucket"))?.count(), 0);
        Ok(())
    }

    #[test]
    fn names_lead_nowhere_else() -> Result<(), Box<dyn std::error::Error>> {
        let (_dir, store) = store()?;
        for name in ["", ".", "..", "../file", "/etc/passwd", "a/b", ".a.part", "a\0"] {
            assert!(matches!(store.get(name, 0), Err(StoreError::Name(_))), "{name:?}");
            assert!(matches!(store.remove(name), Err(StoreError::Name(_))), "{name:?}");
        }
        assert!(DirectoryStore::new(Path::new("/tmp"), "..").is_err());
        Ok(())
    }
}
