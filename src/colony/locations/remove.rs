//! `removelocationmsg`: the owner removes a location; what refers to it stays as it is (chapter 1, 10).

use super::LocationEvent;
use crate::colony::access::{Access, no_such_colony_to_resolve};
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use wal::Class;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RemoveLocation {
    colonyname: String,
    name: String,
}

impl ColonyMessage for RemoveLocation {
    const NAME: &'static str = "removelocationmsg";
    const TEXTS: Texts = texts!("Failed to remove location");
    const ACCESS: Access = Access::ColonyOwner;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn unknown(&self) -> Refusal {
        no_such_colony_to_resolve(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        if turn.colony.state.locations.get(&self.name).is_none() {
            return Err(Refusal::bad_request(format!("Location with name <{}> not found", self.name)));
        }
        Ok(Decision::done(vec![Event::Location(LocationEvent::Removed(self.name))]))
    }
}
