//! `getlocationsmsg`: the locations of a colony (chapter 1, 10).

use crate::colony::access::{Access, no_such_colony_to_resolve};
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetLocations {
    colonyname: String,
}

impl ColonyMessage for GetLocations {
    const NAME: &'static str = "getlocationsmsg";
    const TEXTS: Texts = texts!("Failed to get locations");
    const ACCESS: Access = Access::Joining;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn unknown(&self) -> Refusal {
        no_such_colony_to_resolve(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        Ok(Decision::answer(NullIfEmpty(turn.colony.state.locations.iter().cloned().collect())))
    }
}
