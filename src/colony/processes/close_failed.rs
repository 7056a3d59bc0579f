//! `closefailedmsg`: the executor closes a process as failed, for good (chapter 2, 6.1).

use super::{ProcessEvent, ProcessState};
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
pub struct CloseFailed {
    processid: String,
    errors: Vec<String>,
}

impl ColonyMessage for CloseFailed {
    const NAME: &'static str = "closefailedmsg";
    const TEXTS: Texts = texts!("Failed to close failed", "Failed to close process as failed");
    const ACCESS: Access = Access::AssignedExecutor;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Process(&self.processid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to close process as failed, process is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(process) = turn.process(&self.processid) else {
            return Err(ColonyMessage::unknown(&self));
        };
        if process.executor.is_none() {
            return Err(Refusal::forbidden("Failed to close process as failed, process is not assigned"));
        }
        if !process.is_with(turn.caller) {
            return Err(Refusal::forbidden(
                "Failed to close process as failed, not allowed to close process as failed",
            ));
        }
        match process.state {
            ProcessState::Running => {
                let event = ProcessEvent::ClosedFailed { id: process.id, errors: self.errors };
                Ok(Decision::done(vec![Event::Process(event)]))
            }
            ProcessState::Successful => Err(Refusal::bad_request("Tried to set successful process as failed")),
            ProcessState::Failed => Err(Refusal::bad_request("Tried to set failed process as failed")),
            ProcessState::Cancelled => Err(Refusal::bad_request("Tried to set cancelled process as failed")),
            ProcessState::Waiting => Err(Refusal::bad_request("Tried to set waiting process as failed")),
        }
    }
}
