//! `getexecutormsg`: an executor by name (chapter 1, 9.4).

use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetExecutor {
    colonyname: String,
    executorname: String,
}

impl ColonyMessage for GetExecutor {
    const NAME: &'static str = "getexecutormsg";
    const TEXTS: Texts = texts!("Failed to get executor");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    // A colony that is not there has no executors; the reference says no more than that.
    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to get executor, executor is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        match turn.colony.state.executors.get(&self.executorname) {
            Some(executor) => Ok(Decision::answer(turn.colony.with_last_heard(executor.clone()))),
            None => Err(ColonyMessage::unknown(&self)),
        }
    }
}
