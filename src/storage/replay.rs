//! Start-up: the states of all streams, rebuilt from the newest checkpoint and the log after it.

use super::checkpoint;
use super::codec::{self, CodecError};
use crate::colony::event::Event;
use crate::colony::processes::Alike;
use crate::colony::state::State;
use crate::ids::Incarnation;
use crate::map::HashMap;
use crate::server::state::{ServerEvent, ServerState};
use crate::time::Nanos;
use crossbeam_channel::{Sender, bounded};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::thread;
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

/// Rebuilds all states: those of the checkpoint, then `apply` over the log and nothing else. One thread reads and decodes,
/// this one applies.
///
/// # Errors
/// Where checkpoint or log can't be read, or hold something that this server can't decode.
pub fn replay(log: &dyn Log, checkpoint: Option<&Checkpoint>) -> Result<Replayed, ReplayError> {
    let mut replayed = checkpoint.map(checkpoint::load).transpose()?.unwrap_or_default();
    let covered = checkpoint.into_iter().flat_map(Checkpoint::streams);
    let lasts: HashMap<StreamId, u64> = covered.map(|(stream, position)| (stream, position.number)).collect();
    let (sender, receiver) = bounded(BATCHES_AHEAD);
    let read = thread::scope(|scope| {
        let reader = scope.spawn(move || Reader { lasts, ..Reader::default() }.read(log, &sender));
        for Batch { records, bytes } in receiver {
            replayed.bytes += bytes;
            records.into_iter().for_each(|record| replayed.apply(record));
        }
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let headless = read?;
    let listed = &replayed.server.0;
    let missed =
        headless.iter().find(|(stream, _)| **stream == SERVER_STREAM || listed.is_listed(incarnation(**stream)));
    if let Some((&stream, &found)) = missed {
        return Err(ReplayError::Gap { stream: stream.0, last: 0, found });
    }
    // What is left of colonies that were removed.
    replayed.colonies.retain(|incarnation, _| listed.is_listed(*incarnation));
    Ok(replayed)
}

/// Streams of colonies are numbered by their incarnation, which has 32 bits.
pub(super) fn incarnation(stream: StreamId) -> Incarnation {
    stream.0 as Incarnation
}

/// Records that are handed over at once, and how many times that may be decoded ahead of what is applied.
const BATCH_RECORDS: usize = 256;
const BATCHES_AHEAD: usize = 16;

/// A record that was read.
enum Decoded {
    /// Of the server's stream.
    Server(Position, Nanos, Vec<ServerEvent>),
    /// Of a colony's.
    Colony(StreamId, Position, Nanos, Vec<Event>),
}

#[derive(Default)]
struct Batch {
    records: Vec<Decoded>,
    bytes: u64,
}

impl Replayed {
    fn apply(&mut self, record: Decoded) {
        self.records += 1;
        match record {
            Decoded::Server(position, now, events) => {
                self.events += events.len() as u64;
                let (state, last) = &mut self.server;
                *last = position;
                events.into_iter().for_each(|event| state.apply(event, now));
            }
            Decoded::Colony(stream, position, now, events) => {
                self.events += events.len() as u64;
                let (state, last) = self.colonies.entry(incarnation(stream)).or_default();
                *last = position;
                events.into_iter().for_each(|event| state.apply(event, now, position.number));
                // Nobody waits yet for what events bring about.
                state.changes.clear();
            }
        }
    }
}

/// Reads the log ahead of what is applied.
#[derive(Default)]
struct Reader {
    /// The last record of each stream so far, those that the checkpoint covers included.
    lasts: HashMap<StreamId, u64>,
    /// Streams of which the beginning is neither here nor in the checkpoint, and their first record here: of colonies that
    /// were removed.
    headless: HashMap<StreamId, u64>,
    /// The newest process of each colony. Compared and dropped here, by the thread that has the memory of both: cheaper
    /// than by the one that applies.
    alike: HashMap<StreamId, Alike>,
    batch: Batch,
}

impl Reader {
    /// Reads all that the checkpoint does not cover. Returns the streams without a beginning.
    fn read(mut self, log: &dyn Log, sender: &Sender<Batch>) -> Result<HashMap<StreamId, u64>, ReplayError> {
        let mut failure = None;
        log.replay(None, Position::ZERO, &mut |stream, position, record| {
            let taken = self.take(stream, position, record);
            if let Err(error) = taken {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            if self.batch.records.len() < BATCH_RECORDS {
                return ControlFlow::Continue(());
            }
            // Whoever applies has gone only after a panic.
            match sender.send(std::mem::take(&mut self.batch)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let _ = sender.send(self.batch);
        Ok(self.headless)
    }

    fn take(&mut self, stream: StreamId, position: Position, record: &[u8]) -> Result<(), ReplayError> {
        let last = self.lasts.get(&stream).copied().unwrap_or(0);
        if position.number <= last || self.headless.contains_key(&stream) {
            return Ok(());
        }
        if position.number > last + 1 {
            if last > 0 {
                return Err(ReplayError::Gap { stream: stream.0, last, found: position.number });
            }
            self.headless.insert(stream, position.number);
            return Ok(());
        }
        self.lasts.insert(stream, position.number);
        self.batch.bytes += record.len() as u64;
        let decoded = if stream == SERVER_STREAM {
            codec::decode(record).map(|(now, events)| Decoded::Server(position, now, events))
        } else {
            codec::decode::<Event>(record).map(|(now, mut events)| {
                let alike = self.alike.entry(stream).or_default();
                events.iter_mut().for_each(|event| event.share(alike));
                Decoded::Colony(stream, position, now, events)
            })
        };
        let unreadable = |error| {
            let position = format!("{}/{}", position.epoch, position.number);
            ReplayError::Record { stream: stream.0, position, error }
        };
        self.batch.records.push(decoded.map_err(unreadable)?);
        Ok(())
    }
}
