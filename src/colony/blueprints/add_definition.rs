//! `addblueprintdefinitionmsg`: the owner declares a kind of blueprints (chapter 5, 4.2).

use super::{BlueprintEvent, Definition};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::hexadecimal;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddBlueprintDefinition {
    blueprintdefinition: Option<Box<Definition>>,
}

impl ColonyMessage for AddBlueprintDefinition {
    const NAME: &'static str = "addblueprintdefinitionmsg";
    const TEXTS: Texts = texts!("Failed to add blueprint definition");
    const ACCESS: Access = Access::ColonyOwner;

    fn check(&self) -> Result<(), Refusal> {
        match &self.blueprintdefinition {
            Some(_) => Ok(()),
            None => Err(Refusal::bad_request("Failed to add blueprint definition, blueprint definition is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.blueprintdefinition.as_ref().map_or("", |definition| &definition.metadata.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let mut definition = self.blueprintdefinition.unwrap_or_default();
        let blueprints = &turn.colony.state.blueprints;
        // The command line looks for "duplicate key"; the rest is the reference's store speaking.
        if blueprints.definition(&definition.metadata.name).is_some() {
            return Err(Refusal::odd(
                "pq: duplicate key value violates unique constraint \"prod_blueprintdefinitions_colony_name_name_key\"",
            ));
        }
        if blueprints.has_definition_id(&definition.blueprintdefinitionid) {
            return Err(Refusal::odd(
                "pq: duplicate key value violates unique constraint \"prod_blueprintdefinitions_pkey\"",
            ));
        }
        let count = blueprints.definition_count();
        turn.colony.check_count("Failed to add blueprint definition", "blueprint definitions", count)?;
        turn.colony.check_bytes(definition.bytes())?;
        if definition.blueprintdefinitionid.is_empty() {
            definition.blueprintdefinitionid = hexadecimal::encode(turn.ids.random());
        }
        let shown = definition.clone();
        Ok(Decision::reply(vec![Event::Blueprint(BlueprintEvent::DefinitionAdded(definition))], |_| Box::new(shown)))
    }
}
