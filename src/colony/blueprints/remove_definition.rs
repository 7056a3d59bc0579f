//! `removeblueprintdefinitionmsg`: the owner removes a definition that has no blueprints (chapter 5, 4.5).

use super::{BlueprintEvent, either};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use wal::Class;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RemoveBlueprintDefinition {
    namespace: String,
    /// What some clients write for `namespace`.
    colonyname: String,
    name: String,
}

impl ColonyMessage for RemoveBlueprintDefinition {
    const NAME: &'static str = "removeblueprintdefinitionmsg";
    const TEXTS: Texts = texts!("Failed to remove blueprint definition");
    const ACCESS: Access = Access::ColonyOwner;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Colony(either(&self.namespace, &self.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let blueprints = &turn.colony.state.blueprints;
        let Some(definition) = blueprints.definition(&self.name) else {
            let (name, colony) = (&self.name, &turn.colony.state.name);
            return Err(Refusal::not_found(format!("BlueprintDefinition '{name}' not found in namespace '{colony}'")));
        };
        // Also where another definition of the kind would be left.
        let kind = definition.declares();
        let count = blueprints.count_of(kind);
        if count > 0 {
            return Err(Refusal::new(
                409,
                format!(
                    "cannot remove BlueprintDefinition '{}': {count} blueprint(s) of kind '{kind}' still exist",
                    self.name
                ),
            ));
        }
        Ok(Decision::done(vec![Event::Blueprint(BlueprintEvent::DefinitionRemoved(self.name))]))
    }
}
