//! `setoutputmsg`: the executor that runs a process sets its output so far (chapter 2, 6.1).

use super::{ProcessEvent, ProcessState};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::json::RawList;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SetOutput {
    processid: String,
    out: RawList,
}

impl ColonyMessage for SetOutput {
    const NAME: &'static str = "setoutputmsg";
    const TEXTS: Texts = texts!("Failed to set output");
    const ACCESS: Access = Access::AssignedExecutor;

    fn address(&self) -> Address<'_> {
        Address::Process(&self.processid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to set output, process is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(process) = turn.process(&self.processid) else {
            return Err(ColonyMessage::unknown(&self));
        };
        if !process.is_with(turn.caller) {
            // The text is the reference's, meant for another message.
            return Err(Refusal::forbidden(
                "Failed to close process as successful, not allowed to close process as successful",
            ));
        }
        if process.state != ProcessState::Running {
            return Err(Refusal::forbidden("Failed to set output, process is not running"));
        }
        // A missing or empty output leaves what was set before.
        let given = !self.out.0.is_empty();
        let event = given.then_some(Event::Process(ProcessEvent::OutputSet { id: process.id, out: self.out.0 }));
        Ok(Decision::done(event.into_iter().collect()))
    }
}
