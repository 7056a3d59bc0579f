//! How others reach a colony, without knowing what it runs on.

use super::checkpoint::Piece;
use super::history::{Found, Lookup, ProcessRecord, Purpose};
use super::message::{Answered, Command};
use super::poll::PollSlot;
use super::subscriptions::{Subscription, SubscriptionId};
use crate::crypto::Identity;
use crate::refusal::Refusal;
use std::sync::Arc;
use wal::Position;

/// What the caller is told in the end.
pub type Outcome = Result<Answered, Refusal>;

/// Who is told.
pub enum ReplyTo {
    /// A request that is answered once.
    Once(Box<dyn FnOnce(Outcome) + Send>),
    /// A long poll.
    Poll(Arc<PollSlot>),
}

/// A message on its way to a colony.
pub struct Call {
    /// Who sent it: recovered from the signature.
    pub caller: Identity,
    /// The message.
    pub command: Box<dyn Command>,
    /// Who is told.
    pub reply: ReplyTo,
    /// Whether what it is about was looked for in the past already.
    pub searched: bool,
}

/// A request to subscribe. The outcome comes when what it reveals is durable.
pub struct Subscribe {
    /// What to.
    pub subscription: Subscription,
    /// Who is told that it begins, or why it does not.
    pub reply: Box<dyn FnOnce(Result<SubscriptionId, NotSubscribed>) + Send>,
    /// Its process, where that is past.
    pub past: PastProcess,
}

/// The process of a subscription, where it is not in memory.
pub enum PastProcess {
    /// It was not looked for yet.
    NotSearched,
    /// This was found.
    Searched(Option<Box<ProcessRecord>>),
}

/// Why a subscription does not begin.
pub enum NotSubscribed {
    /// It is refused.
    Refused(Refusal),
    /// Its process may be past.
    Elsewhere(Lookup),
}

/// A record of the past that is wanted.
pub struct Retrieve {
    /// What was found.
    pub found: Found,
    /// For what.
    pub purpose: Purpose,
    /// Told whether it was done; where it was not, the record must be looked for again.
    pub reply: Box<dyn FnOnce(Result<bool, Refusal>) + Send>,
}

/// A step of a checkpoint. They come one at a time.
pub enum CheckpointStep {
    /// Begins: what is taken from now on is the colony as it is now.
    Begin {
        /// Not if the colony ends with this record still.
        unless: Option<Position>,
        /// Told how it began.
        reply: Box<dyn FnOnce(Begun) + Send>,
    },
    /// Takes the next piece.
    Next(Box<dyn FnOnce(Taken) + Send>),
    /// Ends it before all was taken.
    End,
}

/// How a colony's part of a checkpoint began.
#[derive(Debug)]
pub enum Begun {
    /// It did not: the colony has no record yet.
    NoRecord,
    /// It did not: the colony has not changed.
    Unchanged(Position),
    /// With this record as its newest, and this first piece.
    At(Position, Box<Piece>),
    /// It did not: the colony has ended.
    Ended(Ended),
}

/// What was taken of a colony.
#[derive(Debug)]
pub enum Taken {
    /// A piece.
    Piece(Box<Piece>),
    /// Nothing: all was taken.
    All,
    /// Nothing: the colony has ended.
    Ended(Ended),
}

/// How a colony ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is being removed.
    Sealed,
    /// A defect: its state is in doubt.
    Broken,
}

/// The way into a colony. Every method returns at once.
pub trait Mailbox: Send + Sync {
    /// Sends a message.
    ///
    /// # Errors
    /// Gives it back where too many are waiting already, or the colony has ended.
    fn call(&self, call: Call) -> Result<(), Call>;
    /// Says that a poll's client has gone. Never refused: an assignment may have to be taken back.
    fn gone(&self, poll: Arc<PollSlot>);
    /// Subscribes.
    ///
    /// # Errors
    /// As [`Mailbox::call`].
    fn subscribe(&self, request: Subscribe) -> Result<(), Box<Subscribe>>;
    /// Brings a record of the past back, or removes it.
    ///
    /// # Errors
    /// As [`Mailbox::call`].
    fn retrieve(&self, request: Retrieve) -> Result<(), Box<Retrieve>>;
    /// Ends a subscription.
    fn unsubscribe(&self, id: SubscriptionId);
    /// Ends the colony: polls and subscriptions are answered with the refusal, no turn follows. `done` is run when
    /// nothing of it will be appended any more.
    fn seal(&self, refusal: Refusal, done: Box<dyn FnOnce() + Send>);
    /// Carries out a step of a checkpoint; never refused, since there is one at a time.
    fn checkpoint(&self, step: CheckpointStep);
    /// Answers all polls with the refusal, as at a graceful stop; the colony goes on.
    fn dismiss(&self, refusal: Refusal);
}
