//! A segmented, checksummed, group-committing write-ahead log.
//!
//! Many independent *streams* of records share one log, and so one sync. Whoever owns a stream appends to it by naming
//! the position that it believes to be the last; order holds within a stream, and nothing may lean on the order between
//! two of them.
//!
//! * [`FileLog`] keeps the log in a directory; its format is told in `docs/wal-format.md`.
//! * [`MemoryLog`] keeps it in memory, for tests and for servers that need not survive.
//!
//! Both are a [`Log`] and pass one conformance suite. [`Offline`] looks at the log in a directory, and cuts it.
//!
//! # Goals
//!
//! * A record whose completion said [`Outcome::Durable`] under [`Durability::Always`] is there after any crash, once
//!   and in order. What was damaged is told apart from what was never finished, and only the latter is cut.
//! * Appending never blocks and never fails: the permission, a [`Credit`], is taken beforehand. So a full disk is met
//!   before a caller has changed its state, never after.
//! * A checkpoint ([`Round`]) stands for what was before it; the log behind the older of the two newest is removed.
//! * A failed write or sync stops the log for good. It is never retried: the kernel may have dropped the data and
//!   forgotten the error.
//!
//! # Non-goals
//!
//! Replication, encryption and compression.
//!
//! # Example
//!
//! ```
//! use wal::{Append, Class, Log, MemoryLog, Outcome, Position, StreamId};
//!
//! let log = MemoryLog::new();
//! let credit = log.reserve(5, Class::Ordinary).expect("room");
//! let position = log.append(Append {
//!     stream: StreamId(1),
//!     expected: Position::ZERO,
//!     record: b"hello".to_vec(),
//!     credit,
//!     on_durable: vec![Box::new(|outcome| assert_eq!(outcome, Outcome::Durable))],
//! });
//! log.close();
//! assert_eq!(log.durable(StreamId(1)).position(), position);
//! ```

mod checkpoint;
mod credit;
mod error;
mod file;
mod gathering;
mod log;
mod mark;
mod memory;
mod options;
mod position;
mod queue;
mod status;
pub mod storage;

/// What an [`Offline`] log tells about itself, and how it is cut.
pub mod inspection {
    pub use crate::file::{
        CheckpointSummary, Cut, CutError, CutPlan, End, Files, Inspection, Lost, Progress, SegmentState,
        SegmentSummary, StreamSummary, Torn,
    };
}

pub use checkpoint::{Checkpoint, CheckpointError, Committed, Rejected, Round, VisitChunk};
pub use credit::{Class, Credit, NoRoom};
pub use error::{OpenError, ReadError};
pub use file::{Copied, FileLog, Offline, Recovered, TornTail, Verified, copy, verify};
pub use gathering::{Enough, Gathering};
pub use log::{Append, Durability, Log, OnDurable, Outcome, Visit};
pub use mark::DurableMark;
pub use memory::MemoryLog;
pub use options::{Observer, OnPoisoned, Options};
pub use position::{Position, StreamId};
pub use status::{Health, Status};
pub use storage::{ReadOnlyStorage, RealStorage, Storage};
