//! `removeblueprintmsg`: a member or the owner removes a blueprint, and a reconciler is asked to clean up (chapter 5,
//! 5.6). Its location stays, and so do processes that wait for a reconciler.

use super::{BlueprintEvent, either, no_blueprint, work};
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
pub struct RemoveBlueprint {
    namespace: String,
    /// What some clients write for `namespace`.
    colonyname: String,
    name: String,
}

impl ColonyMessage for RemoveBlueprint {
    const NAME: &'static str = "removeblueprintmsg";
    const TEXTS: Texts = texts!("Failed to remove blueprint");
    const ACCESS: Access = Access::MemberOrOwner;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Colony(either(&self.namespace, &self.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let blueprints = &turn.colony.state.blueprints;
        let blueprint = blueprints.get(&self.name).ok_or_else(no_blueprint)?.clone();
        let definition = blueprints.definition_of(&blueprint.kind).cloned();
        let mut events = vec![Event::Blueprint(BlueprintEvent::Removed(self.name))];
        work::follow(turn, Some(&blueprint), None, &mut events);
        // Whatever the handler's function: this one is always called `cleanup`.
        if let Some(definition) = definition
            && !definition.spec.handler.executor_type.is_empty()
        {
            let (_, process) = work::process(turn, &definition.spec.handler, &blueprint, work::Task::CleanUp)?;
            events.push(process);
        }
        Ok(Decision::done(events))
    }
}
