//! `reconcileblueprintmsg`: a member asks a reconciler to look at a blueprint now (chapter 5, 5.7).

use super::{BlueprintEvent, either, no_blueprint, work};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::processes::ProcessAnswer;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ReconcileBlueprint {
    namespace: String,
    /// What some clients write for `namespace`.
    colonyname: String,
    name: String,
    force: bool,
}

impl ColonyMessage for ReconcileBlueprint {
    const NAME: &'static str = "reconcileblueprintmsg";
    const TEXTS: Texts = texts!("Failed to reconcile blueprint");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(either(&self.namespace, &self.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let blueprints = &turn.colony.state.blueprints;
        let blueprint = blueprints.get(&self.name).ok_or_else(no_blueprint)?.clone();
        let handler = blueprints.definition_of(&blueprint.kind).map(|definition| definition.spec.handler.clone());
        let handler = handler.unwrap_or_default();
        let missing = if handler.executor_type.is_empty() {
            "executor type"
        } else if handler.function_name.is_empty() {
            "function name"
        } else {
            ""
        };
        if !missing.is_empty() {
            return Err(Refusal::bad_request(format!("Blueprint has no handler with {missing} defined")));
        }
        let task = if self.force { work::Task::ForcedReconcile } else { work::Task::Reconcile };
        let (id, process) = work::process(turn, &handler, &blueprint, task)?;
        let raised = self.force.then_some(Event::Blueprint(BlueprintEvent::GenerationRaised(self.name)));
        let events = raised.into_iter().chain([process]).collect();
        Ok(Decision::reply(events, move |colony| ProcessAnswer::of(colony, &id)))
    }
}
