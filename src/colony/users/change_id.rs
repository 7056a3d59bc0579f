//! `changeuseridmsg`: a user changes its key (chapter 1, 11).

use super::UserEvent;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::names::check_id;
use crate::crypto::Identity;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ChangeUserId {
    colonyname: String,
    userid: Identity,
}

impl ColonyMessage for ChangeUserId {
    const NAME: &'static str = "changeuseridmsg";
    // The first text is the reference's, meant for another message.
    const TEXTS: Texts = texts!("Failed to add log", "Failed to change user Id");
    const ACCESS: Access = Access::Itself;
    const ECHOES: bool = true;

    fn check(&self) -> Result<(), Refusal> {
        if self.userid.is_empty() {
            return Err(Refusal::bad_request("Failed to change user Id, user Id is empty"));
        }
        Ok(())
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        if state.users.by_id(turn.caller).is_none() {
            return Err(Refusal::bad_request("Failed to change user Id, user not found"));
        }
        if self.userid.len() != 64 {
            return Err(Refusal::bad_request("Failed to change user Id, new user Id is not 64 characters"));
        }
        check_id("Failed to change user Id", "new user Id", &self.userid)?;
        if self.userid == *turn.caller {
            return Ok(Decision::done(Vec::new()));
        }
        // Ids of users are unique in a colony, as when they are added.
        if state.users.by_id(&self.userid).is_some() {
            let (id, colony) = (&self.userid, &state.name);
            return Err(Refusal::bad_request(format!(
                "A user with Id <{id}> already exists in Colony with name <{colony}>"
            )));
        }
        let event = UserEvent::Rekeyed { from: turn.caller.clone(), to: self.userid };
        Ok(Decision::done(vec![Event::User(event)]))
    }
}
