//! `closesuccessfulmsg`: the executor closes a process as successful (chapter 2, 6.1).

use super::{ProcessEvent, ProcessState};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::json::RawList;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use wal::Class;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct CloseSuccessful {
    processid: String,
    out: RawList,
}

impl ColonyMessage for CloseSuccessful {
    const NAME: &'static str = "closesuccessfulmsg";
    const TEXTS: Texts = texts!("Failed to close successful", "Failed to close process as successful");
    const ACCESS: Access = Access::AssignedExecutor;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Process(&self.processid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to close process as successful, process is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(process) = turn.process(&self.processid) else {
            return Err(ColonyMessage::unknown(&self));
        };
        if process.executor.is_none() {
            return Err(Refusal::forbidden("Failed to close process as successful, process is not assigned"));
        }
        if !process.is_with(turn.caller) {
            return Err(Refusal::forbidden(
                "Failed to close process as successful, not allowed to close process as successful",
            ));
        }
        // A missing or empty output leaves what was set before.
        let out = (!self.out.0.is_empty()).then_some(self.out.0);
        let id = process.id;
        match process.state {
            ProcessState::Running => {
                Ok(Decision::done(vec![Event::Process(ProcessEvent::ClosedSuccessful { id, out })]))
            }
            // A client that lost the reply tries again: the answer is the same, the end and the statistics stay.
            ProcessState::Successful => {
                let events = out.map(|out| Event::Process(ProcessEvent::OutputSet { id, out }));
                Ok(Decision::done(events.into_iter().collect()))
            }
            ProcessState::Failed => Err(Refusal::bad_request("Tried to set failed process as successful")),
            ProcessState::Cancelled => Err(Refusal::bad_request("Tried to set cancelled process as successful")),
            ProcessState::Waiting => {
                Err(Refusal::bad_request("Tried to set waiting process as successful without being running"))
            }
        }
    }
}
