//! Start-up: the states of all streams, rebuilt from the newest checkpoint and the log after it.

use super::checkpoint;
use super::codec::{self, CodecError};
use crate::colony::event::Event;
use crate::colony::state::{Changes, State};
use crate::server::state::{ServerEvent, ServerState};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use wal::{Checkpoint, Log, Position, ReadError, StreamId};

/// The stream of the server itself. Colonies' streams have their incarnation's number.
pub const SERVER_STREAM: StreamId = StreamId(0);

/// What was read back.
#[derive(Debug, Default)]
pub struct Replayed {
    /// The server's own state, and where its stream ends.
    pub server: (ServerState, Position),
    /// The colonies' states by incarnation, and where their streams end.
    pub colonies: HashMap<u32, (State, Position)>,
    /// Records read, but for those that the checkpoint covers.
    pub records: u64,
    /// Bytes of these.
    pub bytes: u64,
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
    /// A checkpoint can't be decoded.
    #[error("the state of stream {stream} at record {position} in {checkpoint}: {error}")]
    Checkpoint {
        /// Which stream.
        stream: u64,
        /// As of which record.
        position: Position,
        /// The checkpoint's manifest.
        checkpoint: PathBuf,
        /// Why.
        error: CodecError,
    },
    /// Records are missing between the checkpoint and the log.
    #[error(
        "stream {stream} goes on with record {found} in the log, after record {last}: what is between is neither there \
         nor in the checkpoint. Nothing was changed: restore the log's directory from a back-up"
    )]
    Gap {
        /// Which stream.
        stream: u64,
        /// The last record that is known.
        last: u64,
        /// The record that follows in the log.
        found: u64,
    },
}

/// Rebuilds all states: those of the checkpoint, then `apply` over the log and nothing else.
///
/// # Errors
/// Where checkpoint or log can't be read, or hold something that this server can't decode.
pub fn replay(log: &dyn Log, checkpoint: Option<&Checkpoint>) -> Result<Replayed, ReplayError> {
    let mut replayed = checkpoint.map(checkpoint::load).transpose()?.unwrap_or_default();
    let mut failure = None;
    // Streams of colonies that were removed: their records go on in the log after what a checkpoint has covered.
    let mut headless: HashMap<u64, u64> = HashMap::new();
    log.replay(None, Position::ZERO, &mut |stream, position, record| {
        let last = match stream {
            SERVER_STREAM => replayed.server.1.number,
            stream => replayed.colonies.get(&(stream.0 as u32)).map_or(0, |(_, last)| last.number),
        };
        if position.number <= last {
            return ControlFlow::Continue(());
        }
        if position.number > last + 1 {
            if last > 0 {
                failure = Some(ReplayError::Gap { stream: stream.0, last, found: position.number });
                return ControlFlow::Break(());
            }
            headless.entry(stream.0).or_insert(position.number);
            return ControlFlow::Continue(());
        }
        replayed.records += 1;
        replayed.bytes += record.len() as u64;
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
            let listed = &replayed.server.0;
            let missed = headless.iter().find(|(stream, _)| listed.is_listed(**stream as u32) || **stream == 0);
            if let Some((&stream, &found)) = missed {
                return Err(ReplayError::Gap { stream, last: 0, found });
            }
            // What is left of colonies that were removed.
            replayed.colonies.retain(|incarnation, _| listed.is_listed(*incarnation));
            Ok(replayed)
        }
    }
}
