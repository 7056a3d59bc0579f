//! `updateblueprintstatusmsg`: a member reports what is (chapter 5, 5.5). Nothing else of the blueprint changes.

use super::{BlueprintEvent, Object, either, no_blueprint, status_of};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct UpdateBlueprintStatus {
    colonyname: String,
    blueprintname: String,
    /// What some clients write for `blueprintname`.
    name: String,
    status: Object,
}

impl ColonyMessage for UpdateBlueprintStatus {
    const NAME: &'static str = "updateblueprintstatusmsg";
    const TEXTS: Texts = texts!("Failed to update blueprint status");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let name = either(&self.blueprintname, &self.name);
        if turn.colony.state.blueprints.get(name).is_none() {
            return Err(no_blueprint());
        }
        let (name, status) = (name.to_owned(), status_of(self.status));
        turn.colony.check_bytes(status.as_ref().map_or(0, |status| status.text().len()))?;
        Ok(Decision::done(vec![Event::Blueprint(BlueprintEvent::StatusSet { name, status })]))
    }
}
