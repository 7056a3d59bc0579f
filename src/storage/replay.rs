//! Start-up: the states of all streams, rebuilt from the log.

use super::codec::{self, CodecError};
use crate::colony::event::Event;
use crate::colony::state::{Changes, State};
use crate::server::state::{ServerEvent, ServerState};
use std::collections::HashMap;
use std::ops::ControlFlow;
use wal::{Log, Position, ReadError, StreamId};

/// The stream of the server itself. Colonies' streams have their incarnation's number.
pub const SERVER_STREAM: StreamId = StreamId(0);

/// What was read back.
#[derive(Debug, Default)]
pub struct Replayed {
    /// The server's own state, and where its stream ends.
    pub server: (ServerState, Position),
    /// The colonies' states by incarnation, and where their streams end.
    pub colonies: HashMap<u32, (State, Position)>,
    /// Records read.
    pub records: u64,
    /// Events read.
    pub events: u64,
}

/// Why start-up can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A record can't be decoded.
    #[error("record {position} of stream {stream}: {error}")]
    Record {
        /// Which stream.
        stream: u64,
        /// Which record.
        position: String,
        /// Why.
        error: CodecError,
    },
}

/// Rebuilds all states: `apply` over the log and nothing else.
///
/// # Errors
/// Where the log can't be read, or holds a record that this server can't decode.
pub fn replay(log: &dyn Log) -> Result<Replayed, ReplayError> {
    let mut replayed = Replayed::default();
    let mut failure = None;
    log.replay(None, Position::ZERO, &mut |stream, position, record| {
        replayed.records += 1;
        let done = if stream == SERVER_STREAM {
            codec::decode::<ServerEvent>(record).map(|(now, events)| {
                replayed.events += events.len() as u64;
                let (state, last) = &mut replayed.server;
                *last = position;
                events.into_iter().for_each(|event| state.apply(event, now));
            })
        } else {
            codec::decode::<Event>(record).map(|(now, events)| {
                replayed.events += events.len() as u64;
                // Streams of colonies are numbered by their incarnation, which has 32 bits.
                let (state, last) = replayed.colonies.entry(stream.0 as u32).or_default();
                *last = position;
                events.into_iter().for_each(|event| state.apply(event, now, position.number));
                // Nobody waits yet for what events bring about.
                state.changes = Changes::default();
            })
        };
        match done {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                let position = format!("{}/{}", position.epoch, position.number);
                failure = Some(ReplayError::Record { stream: stream.0, position, error });
                ControlFlow::Break(())
            }
        }
    })?;
    match failure {
        Some(failure) => Err(failure),
        None => {
            // What is left of colonies that were removed.
            let listed = &replayed.server.0;
            replayed.colonies.retain(|incarnation, _| listed.is_listed(*incarnation));
            Ok(replayed)
        }
    }
}
