//! `getblueprintdefinitionmsg`: a definition by its name (chapter 5, 4.3).

use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetBlueprintDefinition {
    colonyname: String,
    name: String,
}

impl ColonyMessage for GetBlueprintDefinition {
    const NAME: &'static str = "getblueprintdefinitionmsg";
    const TEXTS: Texts = texts!("Failed to get blueprint definition");
    const ACCESS: Access = Access::MemberOrOwner;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        match turn.colony.state.blueprints.definition(&self.name) {
            Some(definition) => Ok(Decision::answer(definition.clone())),
            None => Err(Refusal::not_found("Blueprint definition not found")),
        }
    }
}
