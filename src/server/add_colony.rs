//! `addcolonymsg`: the server's owner adds a colony (chapter 1, 7.1).

use super::message::{ServerDecision, ServerMessage, ServerTurn};
use super::state::{ListedColony, ServerEvent};
use crate::colony::message::Texts;
use crate::colony::names::{check_id, check_name};
use crate::crypto::Identity;
use crate::ids::Incarnation;
use crate::refusal::Refusal;
use crate::texts;
use serde::{Deserialize, Serialize};

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddColony {
    colony: Option<ColonyObject>,
}

/// A colony as it is sent and shown.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct ColonyObject {
    /// Its owner's id.
    pub colonyid: Identity,
    /// Its name.
    pub name: String,
}

impl ServerMessage for AddColony {
    const NAME: &'static str = "addcolonymsg";
    const TEXTS: Texts = texts!("Failed to add colony");

    fn decide(self, turn: &mut ServerTurn<'_>) -> Result<ServerDecision, Refusal> {
        let Some(colony) = self.colony else {
            return Err(Refusal::bad_request("Failed to add colony, colony is <nil>"));
        };
        if colony.colonyid.len() != 64 {
            return Err(Refusal::bad_request("Failed to add colony, invalid colony Id length"));
        }
        if turn.state.colony(&colony.name).is_some() {
            return Err(Refusal::bad_request(format!("A Colony with name <{}> already exists", colony.name)));
        }
        check_name("Failed to add colony", "colony name", &colony.name, turn.bounds.name_bytes)?;
        check_id("Failed to add colony", "colony Id", &colony.colonyid)?;
        let listed = ListedColony {
            name: colony.name.clone(),
            incarnation: fresh_incarnation(turn),
            owner: colony.colonyid.clone(),
        };
        Ok(ServerDecision { events: vec![ServerEvent::ColonyAdded(listed)], answer: Box::new(colony) })
    }
}

/// A number that no colony has. Random, so that a process's id, which shows it, does not tell how many colonies there
/// are. Zero is the server's own.
fn fresh_incarnation(turn: &mut ServerTurn<'_>) -> Incarnation {
    loop {
        let random = turn.ids.random();
        let incarnation = Incarnation::from_be_bytes([random[0], random[1], random[2], random[3]]);
        if incarnation != 0 && !turn.state.is_listed(incarnation) {
            return incarnation;
        }
    }
}
