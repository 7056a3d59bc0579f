//! `addlocationmsg`: the owner adds a location (chapter 1, 10).

use super::{Location, LocationEvent};
use crate::colony::access::{Access, no_such_colony_to_resolve};
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::names::{check_name, check_text};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddLocation {
    location: Option<Location>,
}

impl AddLocation {
    fn colony(&self) -> &str {
        self.location.as_ref().map_or("", |location| &location.colonyname)
    }
}

impl ColonyMessage for AddLocation {
    const NAME: &'static str = "addlocationmsg";
    const TEXTS: Texts = texts!("Failed to add location");
    const ACCESS: Access = Access::ColonyOwner;

    fn check(&self) -> Result<(), Refusal> {
        match &self.location {
            Some(_) => Ok(()),
            None => Err(Refusal::bad_request("Failed to add location, location is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.colony())
    }

    fn unknown(&self) -> Refusal {
        no_such_colony_to_resolve(self.colony())
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let location = self.location.unwrap_or_default();
        if turn.colony.state.locations.get(&location.name).is_some() {
            let (name, colony) = (&location.name, &location.colonyname);
            return Err(Refusal::bad_request(format!(
                "A location with name <{name}> already exists in Colony with name <{colony}>"
            )));
        }
        turn.colony.check_count("Failed to add location", "locations", turn.colony.state.locations.len())?;
        check_name("Failed to add location", "location name", &location.name, turn.colony.options.bounds.name_bytes)?;
        check_text("Failed to add location", "location id", &location.locationid)?;
        check_text("Failed to add location", "description", &location.description)?;
        let shown = location.clone();
        Ok(Decision::reply(vec![Event::Location(LocationEvent::Added(location))], |_| Box::new(shown)))
    }
}
