//! `getcolonystatsmsg`: counts (chapter 1, 7.5). All of them are kept, none is counted here.

use crate::colony::access::Access;
use crate::colony::executors::ExecutorState;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::processes::ProcessState;
use crate::colony::state::State;
use crate::refusal::Refusal;
use crate::texts;
use serde::{Deserialize, Serialize};

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetColonyStats {
    colonyname: String,
}

/// Counts as they are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statistics {
    /// Colonies.
    pub colonies: usize,
    /// Executors, those in state 3 included where one colony is counted.
    pub executors: usize,
    /// Approved executors.
    pub activeexecutors: usize,
    /// Executors in state 3.
    pub unregisteredexecutors: usize,
    /// Processes that wait.
    pub waitingprocesses: usize,
    /// Processes that run.
    pub runningprocesses: usize,
    /// Processes that succeeded.
    pub successfulprocesses: usize,
    /// Processes that failed.
    pub failedprocesses: usize,
    /// Processes that were cancelled.
    pub cancelledprocesses: usize,
    /// Workflows that wait.
    pub waitingworkflows: usize,
    /// Workflows that run.
    pub runningworkflows: usize,
    /// Workflows that succeeded.
    pub successfulworkflows: usize,
    /// Workflows that failed.
    pub failedworkflows: usize,
    /// Workflows that were cancelled.
    pub cancelledworkflows: usize,
}

impl Statistics {
    /// The counts of one colony.
    pub fn of(state: &State) -> Statistics {
        let processes = |of| state.processes.count(of) + state.history.processes(of);
        let workflows = |of| state.workflows.count(of) + state.history.workflows(of);
        Statistics {
            colonies: 1,
            executors: state.executors.len(),
            activeexecutors: state.executors.count(ExecutorState::Approved),
            unregisteredexecutors: state.executors.count(ExecutorState::Unregistered),
            waitingprocesses: processes(ProcessState::Waiting),
            runningprocesses: processes(ProcessState::Running),
            successfulprocesses: processes(ProcessState::Successful),
            failedprocesses: processes(ProcessState::Failed),
            cancelledprocesses: processes(ProcessState::Cancelled),
            waitingworkflows: workflows(ProcessState::Waiting),
            runningworkflows: workflows(ProcessState::Running),
            successfulworkflows: workflows(ProcessState::Successful),
            failedworkflows: workflows(ProcessState::Failed),
            cancelledworkflows: workflows(ProcessState::Cancelled),
        }
    }

    /// The counts of both together.
    #[must_use]
    pub fn plus(self, other: &Statistics) -> Statistics {
        Statistics {
            colonies: self.colonies + other.colonies,
            executors: self.executors + other.executors,
            activeexecutors: self.activeexecutors + other.activeexecutors,
            unregisteredexecutors: self.unregisteredexecutors + other.unregisteredexecutors,
            waitingprocesses: self.waitingprocesses + other.waitingprocesses,
            runningprocesses: self.runningprocesses + other.runningprocesses,
            successfulprocesses: self.successfulprocesses + other.successfulprocesses,
            failedprocesses: self.failedprocesses + other.failedprocesses,
            cancelledprocesses: self.cancelledprocesses + other.cancelledprocesses,
            waitingworkflows: self.waitingworkflows + other.waitingworkflows,
            runningworkflows: self.runningworkflows + other.runningworkflows,
            successfulworkflows: self.successfulworkflows + other.successfulworkflows,
            failedworkflows: self.failedworkflows + other.failedworkflows,
            cancelledworkflows: self.cancelledworkflows + other.cancelledworkflows,
        }
    }
}

impl ColonyMessage for GetColonyStats {
    const NAME: &'static str = "getcolonystatsmsg";
    const TEXTS: Texts = texts!("Failed to get colony statistics");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn unknown(&self) -> Refusal {
        Refusal::bad_request(format!("Colony with name <{}> not found", self.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        Ok(Decision::answer(Statistics::of(&turn.colony.state)))
    }
}
