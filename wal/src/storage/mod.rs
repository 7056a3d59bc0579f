//! Where a [`crate::FileLog`] keeps its files: the real file system, or one that a test makes fail.

mod read_only;
mod real;

use std::io;
use std::path::Path;

pub use read_only::ReadOnlyStorage;
pub use real::RealStorage;

/// A file system, as far as the log needs one.
pub trait Storage: Send + Sync {
    /// Creates a directory and what is missing above it, durably. No error if it exists.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// The names of the files in a directory, in any order.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Opens an existing file to read and write.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageFile>>;

    /// Creates a file to read and write.
    ///
    /// # Errors
    ///
    /// What the system says; [`io::ErrorKind::AlreadyExists`] if it exists.
    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageFile>>;

    /// Renames a file within a directory. Durable only after [`Storage::sync_dir`].
    ///
    /// # Errors
    ///
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Durable only after [`Storage::sync_dir`].
    ///
    /// # Errors
    ///
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes an exclusive lock, kept until the result is dropped or the process ends.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if someone else has it, with a message that says who; else what the system says.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>>;
}

/// A lock that is held.
pub trait StorageLock: Send + Sync {}

/// An open file.
pub trait StorageFile: Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn size(&self) -> io::Result<u64>;

    /// Reads at `offset`; fewer bytes than asked for, or none at the end, are no error.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Writes at `offset`, perhaps fewer bytes than given.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Makes what was written durable, and the length.
    ///
    /// # Errors
    ///
    /// What the system says. What was not durable yet may then be lost, even if a later call succeeds.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes sure that the first `bytes` bytes have room on disk. What was there stays; what is new reads as zeros.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn allocate(&self, bytes: u64) -> io::Result<()>;

    /// Reads exactly, or fails with [`io::ErrorKind::UnexpectedEof`].
    ///
    /// # Errors
    ///
    /// What the system says.
    fn read_exact_at(&self, mut offset: u64, mut bytes: &mut [u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.read_at(offset, bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    offset += n as u64;
                    bytes = &mut bytes[n..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes everything. A short write goes on where it stopped; a failed one is not tried again.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn write_all_at(&self, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(offset, bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    offset += n as u64;
                    bytes = &bytes[n..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes `bytes` zeros at `offset`.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn zero(&self, offset: u64, bytes: u64) -> io::Result<()> {
        static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
        let mut done = 0;
        while done < bytes {
            let piece = usize::try_from(bytes - done).unwrap_or(usize::MAX).min(ZEROS.len());
            self.write_all_at(offset + done, &ZEROS[..piece])?;
            done += piece as u64;
        }
        Ok(())
    }
}
