//! Where the contents of files are: an object store that speaks S3, or a directory for those who have none.

mod digest;
mod directory;
mod s3;
mod signature;

pub use digest::{Digest, Hasher, digest_of};
pub use directory::DirectoryStore;
pub use s3::{S3Settings, S3Store};

use std::io::{self, Read};
use std::path::PathBuf;

/// Why something could not be done with an object.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store can't be reached, or broke off.
    #[error("cannot reach the object store at {url}: {reason}")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The store refused.
    #[error("the object store refused {what}: {reason} ({status})")]
    Refused {
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The store's word for it, as `NoSuchKey`.
        reason: String,
    },
    /// A directory that is a store can't be read or written.
    #[error("cannot {action} {}", path.display())]
    Directory {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An object has a name that is none for a file. Names come from whoever added the file's record.
    #[error("{0:?} is no name for an object: refused")]
    Name(String),
    /// A file changed while it was put there.
    #[error("the file changed while it was read: try again")]
    Changed,
}

/// A store. Any number of threads may use it.
pub enum ObjectStore {
    /// One that speaks S3.
    S3(S3Store),
    /// A directory.
    Directory(DirectoryStore),
}

impl ObjectStore {
    /// Makes the bucket if it is not there.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn make_bucket(&self) -> Result<(), StoreError> {
        match self {
            ObjectStore::S3(store) => store.make_bucket(),
            ObjectStore::Directory(store) => store.make_bucket(),
        }
    }

    /// Puts contents there, as a whole or not at all; refused when their digest is another by now.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn put(&self, object: &str, contents: &mut dyn Read, digest: &Digest) -> Result<(), StoreError> {
        match self {
            ObjectStore::S3(store) => store.put(object, contents, digest),
            ObjectStore::Directory(store) => store.put(object, contents, digest),
        }
    }

    /// The contents of an object from byte `from` on, which must be less than it has.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn get(&self, object: &str, from: u64) -> Result<Box<dyn Read>, StoreError> {
        match self {
            ObjectStore::S3(store) => store.get(object, from),
            ObjectStore::Directory(store) => store.get(object, from),
        }
    }

    /// Removes an object; one that is not there is removed already.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn remove(&self, object: &str) -> Result<(), StoreError> {
        match self {
            ObjectStore::S3(store) => store.remove(object),
            ObjectStore::Directory(store) => store.remove(object),
        }
    }
}
