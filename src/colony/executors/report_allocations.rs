//! `reportallocationmsg`: an executor reports what of it is in use (chapter 1, 9.7).

use super::{Allocations, ExecutorEvent};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ReportAllocations {
    colonyname: String,
    executorname: String,
    allocations: Allocations,
}

impl ColonyMessage for ReportAllocations {
    const NAME: &'static str = "reportallocationmsg";
    const TEXTS: Texts = texts!("Failed to report allocation");
    const ACCESS: Access = Access::Itself;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(executor) = turn.colony.state.executors.get(&self.executorname) else {
            return Err(Refusal::bad_request(format!("Executor with name <{}> does not exist", self.executorname)));
        };
        if executor.executorid != *turn.caller || !executor.state.may_speak() {
            return Err(Refusal::bad_request("Only an executor can report allocations to itself"));
        }
        let event = ExecutorEvent::AllocationsReported { name: self.executorname, allocations: self.allocations };
        Ok(Decision::done(vec![Event::Executor(event)]))
    }
}
