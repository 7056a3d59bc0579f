//! `updateexecutormsg`: an executor reports what it has (chapter 1, 9.7).

use super::{Capabilities, ExecutorEvent};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct UpdateExecutor {
    colonyname: String,
    executorname: String,
    capabilities: Capabilities,
}

impl ColonyMessage for UpdateExecutor {
    const NAME: &'static str = "updateexecutormsg";
    const TEXTS: Texts = texts!("Failed to update executor");
    const ACCESS: Access = Access::Itself;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(executor) = turn.colony.state.executors.get(&self.executorname) else {
            return Err(Refusal::bad_request(format!("Executor with name <{}> does not exist", self.executorname)));
        };
        if executor.executorid != *turn.caller || !executor.state.may_speak() {
            return Err(Refusal::bad_request("Only an executor can update its own capabilities"));
        }
        let event = ExecutorEvent::CapabilitiesUpdated { name: self.executorname, capabilities: self.capabilities };
        Ok(Decision::done(vec![Event::Executor(event)]))
    }
}
