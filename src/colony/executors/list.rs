//! `getexecutorsmsg`: the executors of a colony in all states (chapter 1, 9.4).

use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetExecutors {
    colonyname: String,
}

impl ColonyMessage for GetExecutors {
    const NAME: &'static str = "getexecutorsmsg";
    const TEXTS: Texts = texts!("Failed to get executors");
    const ACCESS: Access = Access::Joining;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let colony = turn.colony;
        let executors = colony.state.executors.iter().cloned().map(|executor| colony.with_last_heard(executor));
        Ok(Decision::answer(NullIfEmpty(executors.collect())))
    }
}
