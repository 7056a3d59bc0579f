//! What is in a checkpoint of the log: the server's state in one chunk, and of each colony its pieces, a chunk each.

use super::codec::{self, CodecError};
use super::replay::{ReplayError, Replayed, SERVER_STREAM};
use crate::colony::checkpoint::Piece;
use crate::colony::state::State;
use crate::server::state::{ServerPiece, ServerState};
use std::ops::ControlFlow;
use wal::{Checkpoint, Position, StreamId};

/// A piece of a colony as a chunk.
pub fn encode(piece: &Piece) -> Vec<u8> {
    codec::encode_versioned(piece)
}

/// The server's state as a chunk.
pub fn encode_server(piece: &ServerPiece) -> Vec<u8> {
    codec::encode_versioned(piece)
}

/// Rebuilds all states from a checkpoint. The log from there on is still to be applied.
///
/// # Errors
/// Where it can't be read, or holds what this server can't decode.
pub fn load(checkpoint: &Checkpoint) -> Result<Replayed, ReplayError> {
    let mut replayed = Replayed::default();
    for (stream, position) in checkpoint.streams() {
        if stream == SERVER_STREAM {
            let mut state = ServerState::default();
            read(checkpoint, stream, position, |chunk| {
                state = ServerState::from_piece(codec::decode_versioned(chunk)?);
                Ok(())
            })?;
            replayed.server = (state, position);
        } else {
            let mut state = State::default();
            read(checkpoint, stream, position, |chunk| {
                state.load(codec::decode_versioned::<Piece>(chunk)?);
                Ok(())
            })?;
            // Streams of colonies are numbered by their incarnation, which has 32 bits.
            replayed.colonies.insert(stream.0 as u32, (state, position));
        }
    }
    Ok(replayed)
}

fn read(
    checkpoint: &Checkpoint,
    stream: StreamId,
    position: Position,
    mut take: impl FnMut(&[u8]) -> Result<(), CodecError>,
) -> Result<(), ReplayError> {
    let mut failure = None;
    checkpoint.read(stream, &mut |chunk| match take(chunk) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            let checkpoint = checkpoint.path();
            failure = Some(ReplayError::Checkpoint { stream: stream.0, position, checkpoint, error });
            ControlFlow::Break(())
        }
    })?;
    failure.map_or(Ok(()), Err)
}
