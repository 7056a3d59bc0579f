//! `getexecutorbyidmsg`: an executor by id (chapter 1, 9.4).

use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::crypto::Identity;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetExecutorById {
    colonyname: String,
    executorid: Identity,
}

impl ColonyMessage for GetExecutorById {
    const NAME: &'static str = "getexecutorbyidmsg";
    const TEXTS: Texts = texts!("Failed to get executor by ID");
    const ACCESS: Access = Access::Member;

    /// The executor's own colony decides, whatever colony is named; it is looked for where the caller is known, so that
    /// nobody learns of executors elsewhere.
    fn address(&self) -> Address<'_> {
        Address::Caller(&self.colonyname)
    }

    fn unknown(&self) -> Refusal {
        Refusal::not_found("Failed to get executor by ID, executor is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        match turn.colony.state.executors.by_id(&self.executorid) {
            Some(executor) => Ok(Decision::answer(turn.colony.with_last_heard(executor.clone()))),
            None => Err(ColonyMessage::unknown(&self)),
        }
    }
}
