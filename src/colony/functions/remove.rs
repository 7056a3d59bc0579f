//! `removefunctionmsg`: an executor takes one of its functions back (chapter 2, 9.3).

use super::FunctionEvent;
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
pub struct RemoveFunction {
    functionid: String,
}

impl ColonyMessage for RemoveFunction {
    const NAME: &'static str = "removefunctionmsg";
    const TEXTS: Texts = texts!("Failed to remove function");
    const ACCESS: Access = Access::Executor;
    const CLASS: Class = Class::Essential;

    fn check(&self) -> Result<(), Refusal> {
        if self.functionid.is_empty() {
            return Err(Refusal::bad_request("Failed to remove function, msg.FunctionID is empty"));
        }
        Ok(())
    }

    fn address(&self) -> Address<'_> {
        Address::Function(&self.functionid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::not_found("Failed to remove function, function does not exist")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        let Some(function) = state.functions.get(&self.functionid) else {
            return Err(ColonyMessage::unknown(&self));
        };
        let owns = state.executors.get(&function.executorname).is_some_and(|owner| owner.executorid == *turn.caller);
        if !owns {
            return Err(Refusal::forbidden("Not allowed to remove a function from another executor"));
        }
        Ok(Decision::done(vec![Event::Function(FunctionEvent::Removed(self.functionid))]))
    }
}
