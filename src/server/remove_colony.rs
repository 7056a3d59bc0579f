//! `removecolonymsg`: the server's owner removes a colony with everything in it (chapter 1, 7.2).

use super::message::{ServerDecision, ServerMessage, ServerTurn};
use super::state::ServerEvent;
use crate::colony::message::{Empty, Texts};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RemoveColony {
    colonyname: String,
}

impl ServerMessage for RemoveColony {
    const NAME: &'static str = "removecolonymsg";
    const TEXTS: Texts = texts!("Failed to remove colony");

    fn decide(self, turn: &mut ServerTurn<'_>) -> Result<ServerDecision, Refusal> {
        if turn.state.colony(&self.colonyname).is_none() {
            return Err(Refusal::bad_request(format!("Colony with name <{}> not found", self.colonyname)));
        }
        Ok(ServerDecision { events: vec![ServerEvent::ColonyRemoved(self.colonyname)], answer: Box::new(Empty {}) })
    }
}
