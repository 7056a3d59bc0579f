//! `addexecutorlogmsg`: an executor adds a line about itself (chapter 4, 2.3).

use super::LogEvent;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::names::check_text;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddExecutorLog {
    colonyname: String,
    executorname: String,
    message: String,
}

impl ColonyMessage for AddExecutorLog {
    const NAME: &'static str = "addexecutorlogmsg";
    const TEXTS: Texts = texts!("Failed to add executor log");
    const ACCESS: Access = Access::Executor;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(executor) = turn.colony.state.executors.acting(turn.caller) else {
            return Err(Refusal::forbidden("Failed to add executor log, executor not found"));
        };
        if executor.executorname != self.executorname {
            return Err(Refusal::forbidden("Failed to add executor log, executor name mismatch"));
        }
        check_text("Failed to add executor log", "message", &self.message)?;
        turn.colony.check_log_bytes(self.message.len())?;
        let said = LogEvent { process: None, executor: self.executorname, message: self.message };
        Ok(Decision::done(vec![Event::Log(said)]))
    }
}
