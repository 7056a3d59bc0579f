//! `getlocationmsg`: a location by name (chapter 1, 10).

use crate::colony::access::{Access, no_such_colony_to_resolve};
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetLocation {
    colonyname: String,
    name: String,
}

impl ColonyMessage for GetLocation {
    const NAME: &'static str = "getlocationmsg";
    const TEXTS: Texts = texts!("Failed to get location");
    const ACCESS: Access = Access::Joining;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn unknown(&self) -> Refusal {
        no_such_colony_to_resolve(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        match turn.colony.state.locations.get(&self.name) {
            Some(location) => Ok(Decision::answer(location.clone())),
            None => Err(Refusal::not_found("Failed to get location, location is nil")),
        }
    }
}
