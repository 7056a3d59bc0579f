//! What a log is.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::credit::{Class, Credit, NoRoom};
use crate::error::ReadError;
use crate::mark::DurableMark;
use crate::position::{Position, StreamId};
use crate::status::Status;

/// When a record counts as durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Durability {
    /// Once it is synced. Nothing that was told [`Outcome::Durable`] is lost, short of a broken disk. The default.
    #[default]
    Always,
    /// Once it was handed to the operating system, which is made to sync at this interval while there is something to
    /// sync. A crash of the process loses nothing; a crash of the machine may lose what came since the last sync.
    Interval(Duration),
    /// Once it was handed to the operating system, which syncs when it likes; the log does so only with the first record
    /// after opening, when it changes segments and when it is closed. A crash of the machine may lose what it had not written by itself.
    Never,
}

/// What a completion is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The record is durable, in the sense of [`Durability`].
    Durable,
    /// The stream's last position was not the expected one: someone else appends to it. Nothing was written. The caller
    /// must forget what it did on top and stop appending: a record queued on top of one that was refused expects a
    /// position that the other one's record may have by now.
    NotOwner,
    /// The log has stopped, by a failure or by being closed. Whether the record is there after a restart is unknown.
    Failed,
}

/// Runs on the log's thread, so it should be short and must not block; it may append.
pub type OnDurable = Box<dyn FnOnce(Outcome) + Send>;

/// Gets a record, and says whether to go on to the next.
pub type Visit<'a> = dyn FnMut(StreamId, Position, &[u8]) -> ControlFlow<()> + 'a;

/// One record to be appended.
pub struct Append {
    /// The stream to append to.
    pub stream: StreamId,
    /// The last position of the stream, as far as the caller knows; [`Position::ZERO`] if it has no record.
    pub expected: Position,
    /// The record.
    pub record: Vec<u8>,
    /// The permission, for at least `record.len()` bytes.
    pub credit: Credit,
    /// What to run when the outcome is known, in order.
    pub on_durable: Vec<OnDurable>,
}

/// A log of many streams.
pub trait Log: Send + Sync {
    /// Takes room, in the queue and on disk, for a record of at most `bytes`. Never blocks.
    ///
    /// # Errors
    ///
    /// [`NoRoom`] says why. After [`NoRoom::Busy`] room is on its way, so it is worth trying again soon.
    fn reserve(&self, bytes: usize, class: Class) -> Result<Credit, NoRoom>;

    /// Blocks until `bytes` could be reserved for a record of [`Class::Ordinary`]. It takes nothing, so others may be
    /// quicker: reserve, and begin again if that is refused. For large records, off the hot path.
    ///
    /// # Errors
    ///
    /// [`NoRoom`], if waiting would be of no use; never [`NoRoom::Busy`].
    fn make_room(&self, bytes: usize) -> Result<(), NoRoom>;

    /// Queues a record and returns the position that it has if it is accepted: the one after `expected`, in the log's
    /// epoch. Never blocks and never fails; the outcome comes through `on_durable`.
    ///
    /// Of a thread that has a [`crate::Gathering`] it is written when that wakes the writer at the latest, and the thread
    /// must not block on the outcome; so it is with [`Log::after_queued`].
    ///
    /// After [`Log::close`] the completions are told [`Outcome::Failed`] before this returns.
    fn append(&self, append: Append) -> Position;

    /// Runs `then` once everything queued before is durable, in order with the completions of appends. The log does not
    /// bound how many wait.
    fn after_queued(&self, then: OnDurable);

    /// How far a stream is durable.
    fn durable(&self, stream: StreamId) -> DurableMark;

    /// Visits the durable records of one stream, or of all, whose position is `from` or greater, in order.
    ///
    /// Records that become durable after the call began may be left out. The log may be appended to meanwhile.
    ///
    /// # Errors
    ///
    /// [`ReadError`], if the log could not be read or what was read is not what was written.
    fn replay(&self, stream: Option<StreamId>, from: Position, visit: &mut Visit<'_>) -> Result<(), ReadError>;

    /// How the log is and what it has done since it was opened.
    fn status(&self) -> Status;

    /// Writes and syncs everything queued, runs its completions and stops. May be called again, to no effect.
    ///
    /// Called by a completion, it returns at once and the log stops after what was queued.
    fn close(&self);
}
