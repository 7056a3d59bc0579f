//! A colony's part of a checkpoint: copied between commands, so that nobody waits for it.

use super::ColonyActor;
use crate::colony::mailbox::{Begun, CheckpointStep, Taken};
use crate::limits;

impl ColonyActor {
    /// Carries out a step. Nothing of it changes the colony.
    pub(super) fn step_checkpoint(&mut self, step: CheckpointStep) {
        self.stop_if_disowned();
        self.guarded(|actor| actor.take_step(step));
    }

    fn take_step(&mut self, step: CheckpointStep) {
        let state = &mut self.colony.state;
        match step {
            CheckpointStep::Begin { unless, reply } => {
                let position = self.stream.position();
                reply(match &self.ended {
                    Some((_, ended)) => Begun::Ended(*ended),
                    None if position.number == 0 => Begun::NoRecord,
                    None if unless == Some(position) => Begun::Unchanged(position),
                    None => Begun::At(position, Box::new(state.begin_checkpoint())),
                });
            }
            CheckpointStep::Next(reply) => reply(match &self.ended {
                Some((_, ended)) => Taken::Ended(*ended),
                None => state
                    .next_piece(limits::CHECKPOINT_SLICE_BYTES)
                    .map_or(Taken::All, |piece| Taken::Piece(Box::new(piece))),
            }),
            CheckpointStep::End => state.end_checkpoint(),
        }
    }
}
