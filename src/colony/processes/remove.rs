//! `removeprocessmsg`: a member removes a process (chapter 2, 7.5).

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
pub struct RemoveProcess {
    processid: String,
    // Read so that a wrong type is refused; nothing follows from it.
    #[serde(rename = "all")]
    _all: bool,
}

impl ColonyMessage for RemoveProcess {
    const NAME: &'static str = "removeprocessmsg";
    const TEXTS: Texts = texts!("Failed to remove process");
    const ACCESS: Access = Access::Member;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Process(&self.processid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to remove process, process is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(process) = turn.process(&self.processid) else {
            return Err(ColonyMessage::unknown(&self));
        };
        if process.graph.is_some() {
            return Err(Refusal::bad_request(
                "Failed to remove, cannot remove a process part of a workflow, delete the entire workflow instead",
            ));
        }
        if process.state == ProcessState::Running {
            return Err(Refusal::bad_request("Failed to remove process, cannot remove a running process"));
        }
        Ok(Decision::done(vec![Event::Process(ProcessEvent::Removed(process.id))]))
    }
}
