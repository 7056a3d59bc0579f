//! `getprocesshistmsg`: what was submitted lately and is in one state (chapter 2, 7.3).

use super::{Process, ProcessAnswer, ProcessState};
use crate::colony::access::Access;
use crate::colony::history::ProcessRecord;
use crate::colony::history::merge::{self, Row};
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::crypto::Identity;
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use crate::time::Time;
use serde::Deserialize;
use std::cmp::Reverse;

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
        let Some(state) = ProcessState::from_number(self.state).filter(|_| self.seconds > 0) else {
            return Ok(Decision::answer(NullIfEmpty::<ProcessAnswer>(Vec::new())));
        };
        let since = turn.time().micros().saturating_sub(self.seconds.saturating_mul(1_000_000));
        let since = Time::from_micros(since);
        let executor = self.executorid;
        let wanted = move |process: &Process| executor.is_empty() || process.is_with(&executor);
        // Where it is too much for one turn, the newest are shown.
        let bounds = (limits::HISTORY_SCAN, limits::HISTORY_ROWS);
        let shown = colony.processes.newest_since(state, since, bounds, &wanted).into_iter();
        if colony.history.processes(state) == 0 {
            let mut rows = ProcessAnswer::rows(shown.map(|(_, process)| process), colony);
            rows.reverse();
            return Ok(Decision::answer(NullIfEmpty(rows)));
        }
        let present = shown.map(|(number, process)| Row::new(number, ProcessAnswer::new(colony, process))).collect();
        let (of, name, hidden) = (colony.incarnation, colony.name.clone(), colony.history.hidden());
        Ok(Decision::from_past(move |past| {
            let of_record = |record: &ProcessRecord| wanted(&record.process);
            let old = past.submitted_since(of, state, since, bounds, &of_record, &hidden)?;
            let mut rows = merge::first(present, old, &name, limits::HISTORY_ROWS, |_, number| Reverse(number));
            rows.reverse();
            Ok(NullIfEmpty(rows))
        }))
    }
}
