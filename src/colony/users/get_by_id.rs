//! `getuserbyidmsg`: a user by id (chapter 1, 8.2).

use crate::colony::access::{Access, no_such_colony_to_resolve};
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::crypto::Identity;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetUserById {
    colonyname: String,
    userid: Identity,
}

impl ColonyMessage for GetUserById {
    const NAME: &'static str = "getuserbyidmsg";
    const TEXTS: Texts = texts!("Failed to get user by ID");
    const ACCESS: Access = Access::Joining;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn unknown(&self) -> Refusal {
        no_such_colony_to_resolve(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        match turn.colony.state.users.by_id(&self.userid) {
            Some(user) => Ok(Decision::answer(user.clone())),
            None => Err(Refusal::not_found("Failed to get user by ID, user is nil")),
        }
    }
}
