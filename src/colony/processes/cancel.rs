//! `cancelprocessmsg`: a member cancels a process; an executor that runs it is told when it closes it (chapter 2, 6.1).

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
pub struct CancelProcess {
    processid: String,
}

impl ColonyMessage for CancelProcess {
    const NAME: &'static str = "cancelprocessmsg";
    const TEXTS: Texts = texts!("Failed to cancel process");
    const ACCESS: Access = Access::Member;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Process(&self.processid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to cancel process, process is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(process) = turn.process(&self.processid) else {
            return Err(ColonyMessage::unknown(&self));
        };
        if process.graph.is_some() {
            return Err(Refusal::bad_request(
                "Failed to cancel, cannot cancel a process part of a workflow, cancel the entire workflow instead",
            ));
        }
        match process.state {
            ProcessState::Waiting | ProcessState::Running => {
                Ok(Decision::done(vec![Event::Process(ProcessEvent::Cancelled(process.id))]))
            }
            ProcessState::Successful => Err(Refusal::bad_request("Tried to cancel successful process")),
            ProcessState::Failed => Err(Refusal::bad_request("Tried to cancel failed process")),
            ProcessState::Cancelled => Err(Refusal::bad_request("Tried to cancel already cancelled process")),
        }
    }
}
