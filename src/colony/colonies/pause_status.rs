//! `getpausestatusmsg`: whether assignments are paused (chapter 1, 7.6).

use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetPauseStatus {
    colonyname: String,
}

#[derive(Serialize)]
struct PauseStatus {
    msgtype: &'static str,
    colonyname: Arc<str>,
    ispaused: bool,
}

/// The one reply whose type is not its request's.
const REPLY: &str = "pausestatusreplymsg";

impl ColonyMessage for GetPauseStatus {
    const NAME: &'static str = "getpausestatusmsg";
    const TEXTS: Texts = texts!("Failed to get pause status");
    const ACCESS: Access = Access::Joining;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        let status = PauseStatus { msgtype: REPLY, colonyname: state.name.clone(), ispaused: state.paused };
        Ok(Decision::answer(status).named(REPLY))
    }
}
