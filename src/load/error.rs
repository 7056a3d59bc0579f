//! Why a load fails.

use crate::client::ClientError;
use std::io;

/// Why a load could not be put on the server.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The connection broke.
    #[error("the connection to the server broke: {0}")]
    Connection(#[from] io::Error),
    /// The server refused, or answered strangely.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An executor's side ended.
    #[error("an executor's side of the load ended")]
    ExecutorEnded,
    /// A thread of the load failed.
    #[error("a thread of the load failed")]
    Thread,
    /// Another process than the one that was submitted came to the executor that waited.
    #[error("process {submitted} was submitted and {arrived} arrived")]
    Mixed {
        /// What was submitted.
        submitted: String,
        /// What arrived.
        arrived: String,
    },
    /// One submit woke more than one executor.
    #[error("a submit woke a second executor")]
    Herd,
    /// The server's own count is not that of what it acknowledged.
    #[error("{acknowledged} processes were {what} and acknowledged, and the server counts {counted}")]
    Lost {
        /// What was done.
        what: &'static str,
        /// How often it was acknowledged.
        acknowledged: u64,
        /// What the server counts.
        counted: u64,
    },
    /// A server of the load's own could not be started.
    #[error("cannot start {what}: {reason}")]
    Server {
        /// Which one.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// Figures that can't be kept.
    #[error("a figure could not be kept: {0}")]
    Figure(String),
    /// The scenario can't be compared with the limit.
    #[error("scenario {0} has no limit beside it: only submit, cycle and handoff do")]
    NoLimit(&'static str),
}
