//! Checkpoints that are taken between the commands of a history, a few records at a time.

use super::shell::Shell;
use colonies::colony::checkpoint::Piece;
use colonies::colony::state::State;
use colonies::storage::codec;

/// One round after the other.
#[derive(Default)]
pub struct Rounds {
    /// The pieces of the round that is under way, encoded.
    pieces: Vec<Vec<u8>>,
}

impl Rounds {
    /// Takes the next piece, of one to some records; where all were taken, compares, and begins another round.
    pub fn step(&mut self, shell: &mut Shell, number: usize) {
        let state = &mut shell.colony.state;
        if self.pieces.is_empty() {
            self.pieces.push(codec::encode_versioned(&state.begin_checkpoint()));
            return;
        }
        match state.next_piece(1 + number % 3_000) {
            Some(piece) => self.pieces.push(codec::encode_versioned(&piece)),
            None => {
                compare(&self.pieces, shell);
                self.pieces.clear();
            }
        }
    }
}

/// The pieces make the state that the records made then; with the records since, the present one.
fn compare(pieces: &[Vec<u8>], shell: &Shell) {
    let mut loaded = State::default();
    pieces.iter().for_each(|piece| loaded.load(codec::decode_versioned::<Piece>(piece).unwrap()));
    let then = shell.replayed_up_to(loaded.number);
    assert!(loaded == then, "the checkpoint is not the state that it was taken of");
    shell.replay_into(&mut loaded);
    assert!(loaded == shell.colony.state, "the checkpoint and the records after it make another state");
}
