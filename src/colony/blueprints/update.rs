//! `updateblueprintmsg`: a member or the owner replaces a blueprint (chapter 5, 5.4). Only another specification, or
//! force, raises its generation, leaves a history entry and asks a reconciler.

use super::add::{change, valid};
use super::{Blueprint, BlueprintEvent, BlueprintRequest, ShownBlueprint, schema, work};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct UpdateBlueprint {
    blueprint: Option<Box<BlueprintRequest>>,
    forcegeneration: bool,
}

impl ColonyMessage for UpdateBlueprint {
    const NAME: &'static str = "updateblueprintmsg";
    const TEXTS: Texts = texts!("Failed to update blueprint");
    const ACCESS: Access = Access::MemberOrOwner;

    fn check(&self) -> Result<(), Refusal> {
        match &self.blueprint {
            Some(_) => Ok(()),
            None => Err(Refusal::bad_request("Failed to update blueprint, blueprint is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.blueprint.as_ref().map_or("", |blueprint| &blueprint.metadata.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let request = self.blueprint.unwrap_or_default();
        let state = &turn.colony.state;
        let Some(stored) = state.blueprints.get(&request.metadata.name).cloned() else {
            let (name, colony) = (&request.metadata.name, &state.name);
            return Err(Refusal::not_found(format!("blueprint '{name}' not found in namespace '{colony}'")));
        };
        let definition = valid(turn, &request)?;
        let is_raised = self.forcegeneration || has_other_spec(&stored, &request);
        let mut blueprint = request.into_blueprint();
        blueprint.blueprintid.clone_from(&stored.blueprintid);
        blueprint.metadata.generation = stored.metadata.generation.wrapping_add(i64::from(is_raised));
        turn.colony.check_bytes(2 * blueprint.bytes())?;
        let shown = Arc::new(blueprint.clone());
        let mut events = Vec::new();
        if (&stored.kind, &stored.metadata.locationname) != (&shown.kind, &shown.metadata.locationname) {
            events.extend(work::missing_location(turn, &shown)?);
        }
        let change = is_raised.then(|| change(turn));
        events.push(Event::Blueprint(BlueprintEvent::Updated { blueprint: Box::new(blueprint), change }));
        work::follow(turn, Some(&stored), Some(&shown), &mut events);
        if is_raised && definition.spec.handler.is_complete() {
            let (_, process) = work::process(turn, &definition.spec.handler, &shown, work::Task::Reconcile)?;
            events.push(process);
        }
        Ok(Decision::reply(events, move |_| Box::new(ShownBlueprint { blueprint: shown, is_echo: true })))
    }
}

/// Whether a member came, went, or says something else; how it is written does not matter, and none is as good as an
/// empty object.
fn has_other_spec(stored: &Blueprint, request: &BlueprintRequest) -> bool {
    if stored.spec == request.spec.text {
        return false;
    }
    let members: Map<String, Value> =
        stored.spec.as_ref().and_then(|spec| serde_json::from_str(spec.text()).ok()).unwrap_or_default();
    let other = &request.spec.members;
    members.len() != other.len()
        || members.iter().any(|(name, value)| other.get(name).is_none_or(|other| !schema::same(value, other)))
}
