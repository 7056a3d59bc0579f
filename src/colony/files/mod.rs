//! ColonyFS: what the server knows about files, whose content lies elsewhere (chapter 4, 3). A file is a label and a
//! name; adding it again adds a revision, and no revision ever changes.

pub mod add;
pub mod get;
pub mod labels;
pub mod list;
pub mod model;
pub mod remove;
pub mod store;

pub use model::{File, FileContent, ShownFile};
pub use store::Files;

use crate::ids::FileId;
use bincode::{Decode, Encode};

/// What happens to files.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum FileEvent {
    /// A revision was added. Its number and its time follow from the state and the turn.
    Added {
        /// Its id.
        id: FileId,
        /// What it is.
        content: Box<FileContent>,
    },
    /// One revision was removed.
    Removed(FileId),
    /// The revisions of a file up to this number were removed.
    RemovedUpTo {
        /// The file's label.
        label: String,
        /// Its name.
        name: String,
        /// The newest revision that goes.
        sequencenr: u64,
    },
}
