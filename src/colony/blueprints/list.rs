//! `getblueprintsmsg`: blueprints by name, of all kinds or of one, of that one also by location (chapter 5, 5.3).

use super::{ShownBlueprint, either};
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetBlueprints {
    namespace: String,
    /// What some clients write for `namespace`.
    colonyname: String,
    kind: String,
    locationname: String,
    /// What some clients write for `locationname`.
    location: String,
}

impl ColonyMessage for GetBlueprints {
    const NAME: &'static str = "getblueprintsmsg";
    const TEXTS: Texts = texts!("Failed to get blueprints");
    const ACCESS: Access = Access::MemberOrOwner;

    fn address(&self) -> Address<'_> {
        Address::Colony(either(&self.namespace, &self.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let location = either(&self.locationname, &self.location);
        let blueprints = turn.colony.state.blueprints.list(&self.kind, location).into_iter();
        let shown = blueprints.map(|blueprint| ShownBlueprint { blueprint, is_echo: false });
        Ok(Decision::answer(NullIfEmpty(shown.collect())))
    }
}
