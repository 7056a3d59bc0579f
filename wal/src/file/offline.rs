//! A log that is looked at, or cut, while nobody has it open.

use std::path::PathBuf;
use std::sync::Arc;

use super::cut::{self, Cut, CutError, CutPlan};
use super::inspect::{self, Inspection, Progress};
use super::{lock, replay};
use crate::error::{OpenError, ReadError};
use crate::log::Visit;
use crate::position::Position;
use crate::storage::{Storage, StorageLock};

/// The log in a directory, locked, and not opened: nothing is changed unless [`Offline::cut`] is called.
///
/// The lock is needed to look, too: what is being written beside the reader would look torn, or even damaged.
pub struct Offline {
    dir: PathBuf,
    storage: Arc<dyn Storage>,
    _lock: Box<dyn StorageLock>,
}

impl Offline {
    /// Locks the directory. [`crate::storage::ReadOnlyStorage`] is enough for all but [`Offline::cut`].
    ///
    /// # Errors
    ///
    /// [`OpenError::Locked`] if the log is open, or what the system says.
    pub fn lock(dir: impl Into<PathBuf>, storage: Arc<dyn Storage>) -> Result<Offline, OpenError> {
        let dir = dir.into();
        let lock = lock(&*storage, &dir)?;
        Ok(Offline { dir, storage, _lock: lock })
    }

    /// Reads and checks all of the log, as opening it does. `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`], if the system does not let it be read. Damage is no error: see [`crate::inspection::End`].
    pub fn inspect(&self, progress: &mut Progress<'_>) -> Result<Option<Inspection>, OpenError> {
        inspect::inspect(&self.storage, &self.dir, progress)
    }

    /// Visits all good records before the end that was found, or the damage.
    ///
    /// # Errors
    ///
    /// [`ReadError`], if the log could not be read again.
    pub fn replay(&self, inspection: &Inspection, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        replay::replay(&*self.storage, &inspection.extent, None, Position::ZERO, visit)
    }

    /// Says what would be lost if the log were cut at this byte of this segment, where a batch must begin or the good
    /// ones must end.
    ///
    /// # Errors
    ///
    /// [`CutError`], if it can't be cut there.
    pub fn plan_cut(&self, inspection: &Inspection, file: &str, offset: u64) -> Result<CutPlan, CutError> {
        cut::plan(&*self.storage, &self.dir, inspection, file, offset)
    }

    /// Cuts the log. What is cut is kept in files of its own, and a new epoch begins. A crash meanwhile leaves the log
    /// as it was, or one that is refused with a segment missing: then the same cut, at the new end, finishes it.
    ///
    /// # Errors
    ///
    /// [`OpenError`], if the system does not let it be done.
    pub fn cut(&self, plan: &CutPlan) -> Result<Cut, OpenError> {
        cut::cut(&*self.storage, &self.dir, plan)
    }
}
