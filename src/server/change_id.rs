//! `changeserveridmsg`: the server's owner changes its key (chapter 1, 11).

use super::message::{ServerDecision, ServerMessage, ServerTurn};
use super::state::ServerEvent;
use crate::colony::message::{Empty, Texts};
use crate::colony::names::check_id;
use crate::crypto::Identity;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ChangeServerId {
    serverid: Identity,
}

impl ServerMessage for ChangeServerId {
    const NAME: &'static str = "changeserveridmsg";
    // These texts speak of a colony in the reference too.
    const TEXTS: Texts = texts!("Failed to change colony Id");
    const ECHOES: bool = true;

    fn check(&self) -> Result<(), Refusal> {
        if self.serverid.is_empty() {
            return Err(Refusal::bad_request("Failed to change colony Id, colony Id is empty"));
        }
        Ok(())
    }

    fn decide(self, _: &mut ServerTurn<'_>) -> Result<ServerDecision, Refusal> {
        // The reference takes any text, and so can lock its owner out (chapter 1, W14).
        if self.serverid.len() != 64 {
            return Err(Refusal::bad_request("Failed to change server Id, new server Id is not 64 characters"));
        }
        check_id("Failed to change server Id", "new server Id", &self.serverid)?;
        Ok(ServerDecision { events: vec![ServerEvent::OwnerSet(self.serverid)], answer: Box::new(Empty {}) })
    }
}
