//! `addexecutormsg`: the owner adds an executor, or one comes back under its name (chapter 1, 9.2 and 9.3).

use super::{Executor, ExecutorEvent, ExecutorState};
use crate::colony::Colony;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::names::{check_id, check_name, check_text};
use crate::limits;
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
        let executors = &turn.colony.state.executors;
        let living = executors.len().saturating_sub(executors.count(ExecutorState::Unregistered));
        turn.colony.check_count("Failed to add executor", "executors", living)?;
        check_name(
            "Failed to add executor",
            "executor name",
            &executor.executorname,
            turn.colony.options.bounds.name_bytes,
        )?;
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
        let mut events = forgotten(turn.colony, &name);
        events.push(Event::Executor(ExecutorEvent::Added(executor)));
        Ok(Decision::reply(events, move |colony| Box::new(colony.state.executors.get(&name).cloned())))
    }
}

/// Containers come under ever new names and leave their records behind: the oldest one goes where a new name comes and
/// there are too many (chapter 1, W8).
fn forgotten(colony: &Colony, name: &str) -> Vec<Event> {
    let executors = &colony.state.executors;
    let is_full = executors.count(ExecutorState::Unregistered) >= limits::UNREGISTERED_EXECUTORS;
    if !is_full || executors.get(name).is_some() {
        return Vec::new();
    }
    let oldest = executors.iter().find(|executor| executor.state == ExecutorState::Unregistered);
    oldest.map(|oldest| Event::Executor(ExecutorEvent::Forgotten(oldest.executorname.clone()))).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::Options;
    use crate::colony::state::State;
    use std::sync::Arc;

    #[test]
    fn the_oldest_removed_executor_makes_room() {
        let mut colony = Colony::new(State::default(), Arc::new(Options::default()));
        let mut apply = |event| colony.apply(Event::Executor(event), 1, 1);
        for n in 0..=limits::UNREGISTERED_EXECUTORS {
            let executor = Executor { executorname: format!("e{n}"), ..Executor::default() };
            apply(ExecutorEvent::Added(Box::new(executor)));
            if n > 0 {
                apply(ExecutorEvent::Removed(format!("e{n}")));
            }
        }
        assert!(forgotten(&colony, "e0").is_empty(), "not a new name");
        let events = forgotten(&colony, "new");
        assert_eq!(events, [Event::Executor(ExecutorEvent::Forgotten("e1".to_owned()))]);
        events.into_iter().for_each(|event| colony.apply(event, 1, 1));
        assert!(colony.state.executors.get("e1").is_none());
        assert!(forgotten(&colony, "new").is_empty(), "there is room now");
    }
}
