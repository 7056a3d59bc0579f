//! `removeusermsg`: the owner removes a user; its key loses access at once (chapter 1, 8.3).

use super::UserEvent;
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
pub struct RemoveUser {
    colonyname: String,
    name: String,
}

impl ColonyMessage for RemoveUser {
    const NAME: &'static str = "removeusermsg";
    const TEXTS: Texts = texts!("Failed to remove user");
    const ACCESS: Access = Access::ColonyOwner;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn unknown(&self) -> Refusal {
        no_such_colony_to_resolve(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        if turn.colony.state.users.get(&self.name).is_none() {
            return Err(Refusal::bad_request(format!("User with name <{}> not found", self.name)));
        }
        Ok(Decision::done(vec![Event::User(UserEvent::Removed(self.name))]))
    }
}
