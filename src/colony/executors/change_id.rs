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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::executors::Executor;
    use crate::colony::matching::{Moment, PollAnswer, Record};
    use crate::colony::poll::PollSlot;
    use crate::colony::processes::queue::Offer;
    use crate::colony::processes::{ProcessEvent, ProcessState, Submission};
    use crate::colony::state::State;
    use crate::colony::waiters::Poll;
    use crate::colony::{Colony, Options};
    use crate::ids::ProcessId;
    use std::sync::Arc;

    struct Room;
    impl Record for Room {
        fn has_room(&self) -> bool {
            true
        }
        fn add(&mut self, _: &Event) {}
    }

    const AT: Moment = Moment { now: 1_000, monotonic: 1, number: 1 };
    const PROCESS: ProcessId = ProcessId([1; 32]);

    fn colony() -> Colony {
        let mut colony = Colony::new(State::default(), Arc::new(Options::default()));
        let executor =
            Executor { executorname: "e".to_owned(), executorid: Identity::from_text("old"), ..Executor::default() };
        colony.apply(Event::Executor(ExecutorEvent::Added(Box::new(executor))), 1, 1);
        colony.apply(Event::Executor(ExecutorEvent::Approved("e".to_owned())), 1, 1);
        let submission = Submission::sample(PROCESS, "{}");
        colony.apply(Event::Process(ProcessEvent::Submitted(Box::new(submission))), 1, 1);
        colony
    }

    fn poll(colony: &mut Colony) -> (Arc<PollSlot>, Vec<PollAnswer>) {
        let offer =
            Offer { executor_type: "".into(), executor_name: "e".into(), location: "".into(), cpu: None, memory: None };
        let slot = Arc::new(PollSlot::new(|_| {}));
        let poll = Poll { executor: Identity::from_text("old"), offer, seconds: Some(10) };
        let answers = colony.poll(poll, slot.clone(), AT, &mut Room);
        colony.settle(AT, &mut Room);
        (slot, answers)
    }

    fn rekey(colony: &mut Colony) -> Vec<PollAnswer> {
        let (from, to) = (Identity::from_text("old"), Identity::from_text("new"));
        colony.apply(Event::Executor(ExecutorEvent::Rekeyed { from, to }), 2, 2);
        colony.settle(AT, &mut Room).answers
    }

    #[test]
    fn what_was_given_to_the_old_key_and_not_sent_goes_back() {
        let mut colony = colony();
        let (slot, answers) = poll(&mut colony);
        assert!(answers[0].outcome.is_ok());
        let generation = answers[0].generation;
        let told = rekey(&mut colony);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].outcome.as_ref().err().map(|refusal| refusal.status), Some(403));
        assert!(!slot.send(generation), "revoked");
        let process = colony.state.processes.get(&PROCESS).expect("the process");
        assert_eq!((process.state, process.retries), (ProcessState::Waiting, 0));
    }

    #[test]
    fn what_was_sent_follows_to_the_new_key() {
        let mut colony = colony();
        let (slot, answers) = poll(&mut colony);
        assert!(slot.send(answers[0].generation));
        assert!(rekey(&mut colony).is_empty());
        let process = colony.state.processes.get(&PROCESS).expect("the process");
        assert!(process.is_with(&Identity::from_text("new")));
    }

    #[test]
    fn a_poll_of_the_old_key_ends() {
        let mut colony = colony();
        colony.apply(Event::Process(ProcessEvent::Cancelled(PROCESS)), 1, 1);
        let (_, answers) = poll(&mut colony);
        assert!(answers.is_empty(), "parked");
        let told = rekey(&mut colony);
        assert_eq!(told[0].outcome.as_ref().err().map(|refusal| refusal.status), Some(403));
    }
}
