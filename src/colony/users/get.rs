//! `getusermsg`: a user by name (chapter 1, 8.2).

use crate::colony::access::{Access, no_such_colony_to_resolve};
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetUser {
    colonyname: String,
    name: String,
}

impl ColonyMessage for GetUser {
    const NAME: &'static str = "getusermsg";
    const TEXTS: Texts = texts!("Failed to get user");
    const ACCESS: Access = Access::Joining;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn unknown(&self) -> Refusal {
        no_such_colony_to_resolve(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        match turn.colony.state.users.get(&self.name) {
            Some(user) => Ok(Decision::answer(user.clone())),
            None => Err(Refusal::odd("Failed to get user, user is nil")),
        }
    }
}
