//! Keeps the history store still while it is copied: its writer takes a lock on a file for each job, and whoever copies
//! the store holds that lock. A server may be running or not.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// The name of the file that is locked.
pub const FILE: &str = "writing.lock";

/// The lock, held until this is dropped.
#[derive(Debug)]
pub struct Turn(File);

/// Waits until nobody else has the lock on the store in this directory, and takes it.
///
/// # Errors
/// What the system says.
pub fn take(dir: &Path) -> io::Result<Turn> {
    let path = dir.join(FILE);
    // Whoever may only read the directory may copy it.
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            File::options().create(true).write(true).truncate(false).open(&path)?
        }
        opened => opened?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            tracing::warn!(
                file = %path.display(),
                "the history store is being copied by a backup, or written: waiting for that. Meanwhile what has ended \
                 stays in memory"
            );
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(Turn(file))
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Closing the file would give it back, too.
        let _ = self.0.unlock();
    }
}
