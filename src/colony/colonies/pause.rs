//! `pauseassignmentsmsg`: the owner pauses assignments (chapter 1, 7.6).

use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct PauseAssignments {
    colonyname: String,
}

impl ColonyMessage for PauseAssignments {
    const NAME: &'static str = "pauseassignmentsmsg";
    const TEXTS: Texts = texts!("Failed to pause assignments");
    const ACCESS: Access = Access::ColonyOwner;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        // Asking for what is so already succeeds and is not recorded.
        let events = (!turn.colony.state.paused).then_some(Event::Paused(true));
        Ok(Decision::done(events.into_iter().collect()))
    }
}
