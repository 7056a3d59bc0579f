//! `addexecutormsg`: the owner adds an executor, or one comes back under its name (chapter 1, 9.2 and 9.3).

use super::{Executor, ExecutorEvent, ExecutorState};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::names::{check_id, check_name, check_text};
use crate::refusal::Refusal;
use crate::texts;
use crate::time::Time;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddExecutor {
    executor: Option<Box<Executor>>,
}

impl ColonyMessage for AddExecutor {
    const NAME: &'static str = "addexecutormsg";
    const TEXTS: Texts = texts!("Failed to add executor");
    const ACCESS: Access = Access::ColonyOwner;

    fn check(&self) -> Result<(), Refusal> {
        match &self.executor {
            Some(_) => Ok(()),
            None => Err(Refusal::bad_request("Failed to add executor, executor is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.executor.as_ref().map_or("", |executor| &executor.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let mut executor = self.executor.unwrap_or_default();
        if let Some(before) = turn.colony.state.executors.get(&executor.executorname) {
            // A removed executor's name is free again in both modes (chapter 1, W8).
            let taken = before.state != ExecutorState::Unregistered;
            if taken && !turn.colony.options.allow_reregister {
                return Err(Refusal::bad_request(format!(
                    "Executor with name <{}> in Colony <{}> already exists",
                    executor.executorname, executor.colonyname
                )));
            }
        }
        turn.colony.check_count("Failed to add executor", "executors", turn.colony.state.executors.len())?;
        check_name("Failed to add executor", "executor name", &executor.executorname)?;
        let texts = [
            ("executor type", &executor.executortype),
            ("location name", &executor.locationname),
            ("blueprint id", &executor.blueprintid),
        ];
        texts.into_iter().try_for_each(|(kind, text)| check_text("Failed to add executor", kind, text))?;
        if executor.executorid.len() != 64 {
            return Err(Refusal::bad_request("Failed to add executor, executor Id is not 64 characters"));
        }
        check_id("Failed to add executor", "executor Id", &executor.executorid)?;
        // A zero time that went through another server's zone is no sign of life (chapter 1, W15).
        if executor.lastheardfromtime < Time::EPOCH {
            executor.lastheardfromtime = Time::UNSET;
        }
        let name = executor.executorname.clone();
        Ok(Decision::reply(vec![Event::Executor(ExecutorEvent::Added(executor))], move |colony| {
            Box::new(colony.state.executors.get(&name).cloned())
        }))
    }
}
