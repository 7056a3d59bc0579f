//! `addlogmsg`: the executor that runs a process adds a line to its log (chapter 4, 2.2).

use super::LogEvent;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::processes::ProcessState;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddLog {
    processid: String,
    message: String,
}

impl ColonyMessage for AddLog {
    const NAME: &'static str = "addlogmsg";
    const TEXTS: Texts = texts!("Failed to add log");
    const ACCESS: Access = Access::AssignedExecutor;

    fn address(&self) -> Address<'_> {
        Address::Process(&self.processid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to add log, process is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        let Some(process) = turn.process(&self.processid) else {
            return Err(ColonyMessage::unknown(&self));
        };
        if process.state != ProcessState::Running {
            return Err(Refusal::forbidden("Failed to set output, process is not running"));
        }
        let executor = state.executors.acting(turn.caller).filter(|_| process.is_with(turn.caller));
        let Some(executor) = executor else {
            return Err(Refusal::forbidden(
                "Failed to add log, not allowed to add log, only the assigned Executor may att logs",
            ));
        };
        if self.message.contains('\0') {
            return Err(Refusal::bad_request("Failed to add log, message contains a zero byte"));
        }
        turn.colony.check_log_bytes(self.message.len())?;
        let said =
            LogEvent { process: Some(process.id), executor: executor.executorname.clone(), message: self.message };
        Ok(Decision::done(vec![Event::Log(said)]))
    }
}
