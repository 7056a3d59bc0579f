//! `getusersmsg`: the users of a colony (chapter 1, 8.2).

use crate::colony::access::{Access, no_such_colony_to_resolve};
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetUsers {
    colonyname: String,
}

impl ColonyMessage for GetUsers {
    const NAME: &'static str = "getusersmsg";
    const TEXTS: Texts = texts!("Failed to get users");
    const ACCESS: Access = Access::Joining;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn unknown(&self) -> Refusal {
        no_such_colony_to_resolve(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        Ok(Decision::answer(NullIfEmpty(turn.colony.state.users.iter().cloned().collect())))
    }
}
