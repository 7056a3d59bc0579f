//! `getblueprintdefinitionsmsg`: all definitions by name, which is the order that clients rely on (chapter 5, 4.4).

use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetBlueprintDefinitions {
    colonyname: String,
}

impl ColonyMessage for GetBlueprintDefinitions {
    const NAME: &'static str = "getblueprintdefinitionsmsg";
    const TEXTS: Texts = texts!("Failed to get blueprint definitions");
    const ACCESS: Access = Access::MemberOrOwner;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let definitions: Vec<_> = turn.colony.state.blueprints.definitions().cloned().collect();
        // Empty it is `[]`, where the list of blueprints is `null`.
        Ok(Decision::answer(definitions))
    }
}
