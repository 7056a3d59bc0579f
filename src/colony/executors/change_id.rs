//! `changeexecutoridmsg`: an executor changes its key (chapter 1, 11).

use super::{ExecutorEvent, ExecutorState};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::names::check_id;
use crate::crypto::Identity;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ChangeExecutorId {
    colonyname: String,
    executorid: Identity,
}

impl ColonyMessage for ChangeExecutorId {
    const NAME: &'static str = "changeexecutoridmsg";
    const TEXTS: Texts = texts!("Failed to change executor Id");
    const ACCESS: Access = Access::Itself;
    const ECHOES: bool = true;

    fn check(&self) -> Result<(), Refusal> {
        if self.executorid.is_empty() {
            return Err(Refusal::bad_request("Failed to change executor Id, executor Id is empty"));
        }
        Ok(())
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let executors = &turn.colony.state.executors;
        if !executors.is_pending(turn.caller) && executors.acting(turn.caller).is_none() {
            return Err(Refusal::bad_request("Failed to change executor Id, executor not found"));
        }
        if self.executorid.len() != 64 {
            return Err(Refusal::bad_request("Failed to change executor Id, new executor Id is not 64 characters"));
        }
        check_id("Failed to change executor Id", "new executor Id", &self.executorid)?;
        if self.executorid == *turn.caller {
            return Ok(Decision::done(Vec::new()));
        }
        // Whoever takes another executor's id would be asked in its place (docs/protocol.md).
        let is_taken = executors
            .names_of(&self.executorid)
            .filter_map(|name| executors.get(name))
            .any(|executor| executor.state != ExecutorState::Unregistered);
        if is_taken {
            return Err(Refusal::bad_request("Failed to change executor Id, another executor has the new executor Id"));
        }
        let event = ExecutorEvent::Rekeyed { from: turn.caller.clone(), to: self.executorid };
        Ok(Decision::done(vec![Event::Executor(event)]))
    }
}
