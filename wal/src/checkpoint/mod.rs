//! Checkpoints: what each stream amounts to at one of its positions, so that the log before need not be read, nor kept.
//!
//! The log gives the contents no meaning: whoever appends to a stream says what it amounts to, in chunks. A round writes
//! one file and then a manifest, which points to files of earlier rounds for streams that have not changed; renaming the
//! manifest commits it. The two newest are kept, and the log from where the older of them needs it.

mod format;
mod read;
mod write;

pub(crate) use format::{Manifest, VERSION, is_part, manifest_path};
pub use read::{Checkpoint, Rejected, VisitChunk};
pub(crate) use read::{find, misfit};
pub use write::{CheckpointError, Committed, Round};
pub(crate) use write::{Store, clean, set_aside};
