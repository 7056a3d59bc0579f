//! `getcoloniesmsg`: all colonies (chapter 1, 7.3).

use super::add_colony::ColonyObject;
use super::message::{ServerDecision, ServerMessage, ServerTurn};
use crate::colony::message::{NullIfEmpty, Texts};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetColonies {}

impl ServerMessage for GetColonies {
    const NAME: &'static str = "getcoloniesmsg";
    const TEXTS: Texts = texts!("Failed to get colonies");

    fn decide(self, turn: &mut ServerTurn<'_>) -> Result<ServerDecision, Refusal> {
        let colonies = turn.state.colonies().map(|listed| {
            // The owner's present id is the colony's own business; a colony that has had no turn yet has the first one.
            let present = turn.directory.by_name(&listed.name).map(|handle| handle.figures.lock().owner.clone());
            let owner = present.filter(|owner| !owner.is_empty()).unwrap_or_else(|| listed.owner.clone());
            ColonyObject { colonyid: owner, name: listed.name.clone() }
        });
        Ok(ServerDecision { events: Vec::new(), answer: Box::new(NullIfEmpty(colonies.collect())) })
    }
}
