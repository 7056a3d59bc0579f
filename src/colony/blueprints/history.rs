//! `getblueprinthistorymsg`: how a blueprint came to be what it is, the newest entry first (chapter 5, 5.8).

use super::{ShownEntry, no_blueprint};
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetBlueprintHistory {
    blueprintid: String,
    limit: i64,
}

impl ColonyMessage for GetBlueprintHistory {
    const NAME: &'static str = "getblueprinthistorymsg";
    const TEXTS: Texts = texts!("Failed to get blueprint history");
    const ACCESS: Access = Access::MemberOrOwner;

    fn address(&self) -> Address<'_> {
        Address::Blueprint(&self.blueprintid)
    }

    fn unknown(&self) -> Refusal {
        no_blueprint()
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        let blueprint = state.blueprints.by_id(&self.blueprintid).ok_or_else(no_blueprint)?;
        let limit = usize::try_from(self.limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        let entries = state.blueprints.history(blueprint.name()).take(limit);
        let shown: Vec<_> = entries.map(|entry| ShownEntry::of(blueprint, &state.name, entry)).collect();
        Ok(Decision::answer(shown))
    }
}
