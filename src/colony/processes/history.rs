//! `getprocesshistmsg`: what was submitted lately and is in one state (chapter 2, 7.3).

use super::{Process, ProcessAnswer, ProcessState};
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::crypto::Identity;
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use crate::time::Time;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetProcessHistory {
    colonyname: String,
    executorid: Identity,
    seconds: i64,
    state: i64,
}

impl ColonyMessage for GetProcessHistory {
    const NAME: &'static str = "getprocesshistmsg";
    const TEXTS: Texts = texts!("Failed to get process hist", "Failed to get process history");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let colony = &turn.colony.state;
        let mut rows = Vec::new();
        if let Some(state) = ProcessState::from_number(self.state).filter(|_| self.seconds > 0) {
            let since = turn.time().micros().saturating_sub(self.seconds.saturating_mul(1_000_000));
            // Where it is too much for one turn, the newest are shown.
            let newest = colony.processes.submitted_since(state, Time::from_micros(since)).rev();
            let wanted = |process: &&Process| self.executorid.is_empty() || process.is_with(&self.executorid);
            let shown = newest.take(limits::HISTORY_SCAN).filter(wanted).take(limits::HISTORY_ROWS);
            rows = ProcessAnswer::rows(shown, colony);
            rows.reverse();
        }
        Ok(Decision::answer(NullIfEmpty(rows)))
    }
}
