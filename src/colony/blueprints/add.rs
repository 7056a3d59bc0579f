//! `addblueprintmsg`: a member or the owner adds a blueprint (chapter 5, 5.1). Its location, its history and the
//! reconciler's process come with it, in one record.

use super::{BlueprintEvent, BlueprintRequest, Change, Definition, ShownBlueprint, work};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::ids::BlueprintId;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use std::sync::Arc;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddBlueprint {
    blueprint: Option<Box<BlueprintRequest>>,
}

impl ColonyMessage for AddBlueprint {
    const NAME: &'static str = "addblueprintmsg";
    const TEXTS: Texts = texts!("Failed to add blueprint");
    const ACCESS: Access = Access::MemberOrOwner;

    fn check(&self) -> Result<(), Refusal> {
        match &self.blueprint {
            Some(_) => Ok(()),
            None => Err(Refusal::bad_request("Failed to add blueprint, blueprint is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.blueprint.as_ref().map_or("", |blueprint| &blueprint.metadata.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let request = self.blueprint.unwrap_or_default();
        let definition = valid(turn, &request)?;
        let mut blueprint = request.into_blueprint();
        let blueprints = &turn.colony.state.blueprints;
        if blueprints.get(blueprint.name()).is_some() {
            let (name, colony) = (blueprint.name(), &turn.colony.state.name);
            return Err(Refusal::new(409, format!("blueprint with name '{name}' already exists in colony '{colony}'")));
        }
        if blueprints.by_id(&blueprint.blueprintid).is_some() {
            return Err(Refusal::odd("pq: duplicate key value violates unique constraint \"prod_blueprints_pkey\""));
        }
        turn.colony.check_count("Failed to add blueprint", "blueprints", blueprints.len())?;
        turn.colony.check_bytes(2 * blueprint.bytes())?;
        if blueprint.blueprintid.is_empty() {
            blueprint.blueprintid =
                BlueprintId::new(turn.colony.state.incarnation, turn.now, turn.ids.random()).to_string();
        }
        let shown = Arc::new(blueprint.clone());
        let mut events: Vec<Event> = work::missing_location(turn, &blueprint)?.into_iter().collect();
        let event = BlueprintEvent::Added { blueprint: Box::new(blueprint), change: change(turn) };
        events.push(Event::Blueprint(event));
        work::follow(turn, None, Some(&shown), &mut events);
        if definition.spec.handler.is_complete() {
            let (_, process) = work::process(turn, &definition.spec.handler, &shown, work::Task::Reconcile)?;
            events.push(process);
        }
        Ok(Decision::reply(events, move |_| Box::new(ShownBlueprint { blueprint: shown, is_echo: true })))
    }
}

/// The definition of a blueprint's kind, whose schema the blueprint meets.
///
/// # Errors
/// 400 with the texts of chapter 5, 5.1.
pub(super) fn valid(turn: &Turn<'_>, request: &BlueprintRequest) -> Result<Arc<Definition>, Refusal> {
    if request.kind.is_empty() {
        return Err(Refusal::bad_request("blueprint kind is required"));
    }
    let state = &turn.colony.state;
    let Some(definition) = state.blueprints.definition_of(&request.kind) else {
        let (kind, colony) = (&request.kind, &state.name);
        return Err(Refusal::bad_request(format!(
            "BlueprintDefinition for kind '{kind}' not found in namespace '{colony}'"
        )));
    };
    if let Some(schema) = &definition.spec.schema {
        schema
            .validate(&request.spec.members)
            .map_err(|problem| Refusal::bad_request(format!("blueprint validation failed: {problem}")))?;
    }
    Ok(definition.clone())
}

/// A history entry of this turn.
pub(super) fn change(turn: &mut Turn<'_>) -> Change {
    let random = turn.ids.random();
    let mut id = [0; 16];
    id.copy_from_slice(&random[..16]);
    Change { id, by: turn.caller.clone() }
}
