//! `removeexecutormsg`: the owner removes an executor (chapter 1, 9.6).

use super::ExecutorEvent;
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
pub struct RemoveExecutor {
    colonyname: String,
    executorname: String,
}

impl ColonyMessage for RemoveExecutor {
    const NAME: &'static str = "removeexecutormsg";
    const TEXTS: Texts = texts!("Failed to remove executor");
    const ACCESS: Access = Access::ColonyOwner;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    // A colony that is not there has no executors; the reference says no more than that.
    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to remove executor, executor is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        if turn.colony.state.executors.get(&self.executorname).is_none() {
            return Err(ColonyMessage::unknown(&self));
        }
        Ok(Decision::done(vec![Event::Executor(ExecutorEvent::Removed(self.executorname))]))
    }
}
