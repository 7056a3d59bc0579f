//! `getcronsmsg`: the crons of a colony by name (chapter 3, 6.6). Empty is `[]`: dashboards read its length.

use super::CronAnswer;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetCrons {
    colonyname: String,
    count: i64,
}

impl ColonyMessage for GetCrons {
    const NAME: &'static str = "getcronsmsg";
    const TEXTS: Texts = texts!("Failed to get crons");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        let Ok(count) = usize::try_from(self.count) else {
            return Err(Refusal::bad_request("Failed to get crons, count must not be negative"));
        };
        let crons = state.crons.by_name().take(count);
        let answers: Vec<_> = crons
            .map(|cron| CronAnswer { cron: cron.clone(), colony: state.name.clone(), checker_period: 0 })
            .collect();
        Ok(Decision::answer(answers))
    }
}
