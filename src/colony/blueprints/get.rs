//! `getblueprintmsg`: a blueprint by its name (chapter 5, 5.2).

use super::{ShownBlueprint, either, no_blueprint};
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetBlueprint {
    namespace: String,
    /// What some clients write for `namespace`.
    colonyname: String,
    name: String,
}

impl ColonyMessage for GetBlueprint {
    const NAME: &'static str = "getblueprintmsg";
    const TEXTS: Texts = texts!("Failed to get blueprint");
    const ACCESS: Access = Access::MemberOrOwner;

    fn address(&self) -> Address<'_> {
        Address::Colony(either(&self.namespace, &self.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let blueprint = turn.colony.state.blueprints.get(&self.name).ok_or_else(no_blueprint)?;
        Ok(Decision::answer(ShownBlueprint { blueprint: blueprint.clone(), is_echo: false }))
    }
}
