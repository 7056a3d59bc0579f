//! Keeps the history store still while it is copied: its writer takes a lock on a file for each job, and whoever copies
//! the store holds that lock. A server may be running or not.

use std::fs::File;
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
    let file = File::options().create(true).write(true).truncate(false).open(dir.join(FILE))?;
    file.lock()?;
    Ok(Turn(file))
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Closing the file would give it back, too.
        let _ = self.0.unlock();
    }
}
