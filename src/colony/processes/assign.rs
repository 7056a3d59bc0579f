//! `assignprocessmsg`: an executor asks for work and may wait for it (chapter 2, 5).

use super::queue::{Offer, fold_location};
use super::resources::{parse_cpu, parse_memory};
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::waiters::Poll;
use crate::limits;
use crate::refusal::Refusal;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AssignProcess {
    colonyname: String,
    timeout: i64,
    availablecpu: String,
    availablemem: String,
}

impl ColonyMessage for AssignProcess {
    const NAME: &'static str = "assignprocessmsg";
    const TEXTS: Texts = Texts {
        invalid_json: "Failed to assign process, invalid JSON",
        mismatch: "Failed to assign process, msg.msgType does not match payloadType",
    };
    const ACCESS: Access = Access::Executor;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        if self.timeout == 0 {
            return Err(Refusal::bad_request("Invalid timeout value, timeout cannot be zero"));
        }
        let Some(executor) = turn.colony.state.executors.acting(turn.caller) else {
            return Err(Refusal::odd("Failed to assign process, executor not found"));
        };
        let given = |text: &str| !text.is_empty();
        let cpu = given(&self.availablecpu).then(|| parse_cpu(&self.availablecpu)).transpose()?;
        let memory = given(&self.availablemem).then(|| parse_memory(&self.availablemem)).transpose()?;
        if self.timeout < 0 && turn.colony.state.paused {
            return Err(Refusal::unavailable("No processes available: colony assignments are paused"));
        }
        let offer = Offer {
            executor_type: executor.executortype.as_str().into(),
            executor_name: executor.executorname.as_str().into(),
            location: fold_location(&executor.locationname),
            cpu,
            memory,
        };
        let seconds = u64::try_from(self.timeout.min(limits::POLL_SECONDS)).ok();
        Ok(Decision::Park(Poll { executor: turn.caller.clone(), offer, seconds }))
    }
}
