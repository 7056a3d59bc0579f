//! What is in a checkpoint of the log: the server's state, and of each colony its pieces, mostly a chunk each.

use super::codec::{self, CodecError};
use super::replay::{ReplayError, Replayed, SERVER_STREAM, incarnation};
use crate::colony::checkpoint::Piece;
use crate::colony::processes::Alike;
use crate::server::state::{ServerPiece, ServerState};
use crossbeam_channel::{Sender, bounded};
use std::ops::ControlFlow;
use std::thread;
use wal::{Checkpoint, CheckpointError, Position, Round, StreamId};

/// Bytes of a chunk, at most; what is longer goes in parts.
const PART_BYTES: usize = 64 << 20;
/// The first byte of a chunk: whether the rest of its piece is in the next one.
const LAST: u8 = 0;
const MORE: u8 = 1;

/// Writes a piece of a colony.
///
/// # Errors
/// Where a chunk can't be written.
pub fn write(round: &mut Round, piece: &Piece) -> Result<(), CheckpointError> {
    write_parts(round, &codec::encode_versioned(piece))
}

/// Writes the server's state.
///
/// # Errors
/// Where a chunk can't be written.
pub fn write_server(round: &mut Round, piece: &ServerPiece) -> Result<(), CheckpointError> {
    write_parts(round, &codec::encode_versioned(piece))
}

fn write_parts(round: &mut Round, bytes: &[u8]) -> Result<(), CheckpointError> {
    let mut parts = bytes.chunks(PART_BYTES).peekable();
    while let Some(part) = parts.next() {
        let mark = if parts.peek().is_some() { MORE } else { LAST };
        round.chunk_of(&[&[mark], part])?;
    }
    Ok(())
}

/// Puts the parts of pieces together.
#[derive(Default)]
struct Parts(Vec<u8>);

impl Parts {
    /// Takes a chunk; hands the piece on that it completes.
    fn take(&mut self, chunk: &[u8], then: impl FnOnce(&[u8]) -> Result<(), CodecError>) -> Result<(), CodecError> {
        let Some((mark, part)) = chunk.split_first() else {
            return Err(CodecError::TooShort(0));
        };
        if *mark == LAST && self.0.is_empty() {
            return then(part);
        }
        self.0.extend_from_slice(part);
        if *mark == LAST { then(&std::mem::take(&mut self.0)) } else { Ok(()) }
    }
}

/// Pieces that may be decoded ahead of what is taken over.
const PIECES_AHEAD: usize = 16;

/// A piece that was read.
enum Decoded {
    /// Of the server.
    Server(Box<ServerPiece>),
    /// Of a colony.
    Colony(Box<Piece>),
}

/// Rebuilds all states from a checkpoint. The log from there on is still to be applied. One thread reads and decodes, this
/// one takes over.
///
/// # Errors
/// Where it can't be read, or holds what this server can't decode.
pub fn load(checkpoint: &Checkpoint) -> Result<Replayed, ReplayError> {
    let mut replayed = Replayed::default();
    let (sender, receiver) = bounded(PIECES_AHEAD);
    let read = thread::scope(|scope| {
        let reader = scope.spawn(move || read_all(checkpoint, &sender));
        for (stream, position, piece) in receiver {
            match piece {
                Decoded::Server(piece) => replayed.server = (ServerState::from_piece(*piece), position),
                Decoded::Colony(piece) => {
                    let (state, last) = replayed.colonies.entry(incarnation(stream)).or_default();
                    *last = position;
                    state.load(*piece);
                }
            }
        }
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    read.map(|()| replayed)
}

fn read_all(checkpoint: &Checkpoint, sender: &Sender<(StreamId, Position, Decoded)>) -> Result<(), ReplayError> {
    for (stream, position) in checkpoint.streams() {
        // Here, so that what is dropped is freed by the thread that asked for it.
        let mut alike = Alike::default();
        read(checkpoint, stream, position, |chunk| {
            let piece = if stream == SERVER_STREAM {
                Decoded::Server(Box::new(codec::decode_versioned(chunk)?))
            } else {
                let mut piece: Box<Piece> = Box::new(codec::decode_versioned(chunk)?);
                piece.share(&mut alike);
                Decoded::Colony(piece)
            };
            // Whoever takes over has gone only after a panic.
            let _ = sender.send((stream, position, piece));
            Ok(())
        })?;
    }
    Ok(())
}

fn read(
    checkpoint: &Checkpoint,
    stream: StreamId,
    position: Position,
    mut take: impl FnMut(&[u8]) -> Result<(), CodecError>,
) -> Result<(), ReplayError> {
    let mut failure = None;
    let mut parts = Parts::default();
    checkpoint.read(stream, &mut |chunk| match parts.take(chunk, &mut take) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            let checkpoint = checkpoint.path();
            failure = Some(ReplayError::Checkpoint { stream: stream.0, position, checkpoint, error });
            ControlFlow::Break(())
        }
    })?;
    failure.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_parts_comes_back_whole() -> Result<(), CodecError> {
        let mut parts = Parts::default();
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        for chunk in [&[LAST, 1, 2][..], &[MORE, 3], &[MORE, 4], &[LAST, 5], &[LAST, 6]] {
            parts.take(chunk, |piece| {
                pieces.push(piece.to_vec());
                Ok(())
            })?;
        }
        assert_eq!(pieces, [vec![1, 2], vec![3, 4, 5], vec![6]]);
        assert!(parts.take(&[], |_| Ok(())).is_err());
        Ok(())
    }
}
