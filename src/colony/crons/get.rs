//! `getcronmsg`: a cron by id (chapter 3, 6.6).

use super::CronAnswer;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetCron {
    cronid: String,
}

impl ColonyMessage for GetCron {
    const NAME: &'static str = "getcronmsg";
    const TEXTS: Texts = texts!("Failed to get cron");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Cron(&self.cronid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to get cron, cron is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(cron) = turn.cron(&self.cronid) else {
            return Err(ColonyMessage::unknown(&self));
        };
        Ok(Decision::answer(CronAnswer {
            cron: cron.clone(),
            colony: turn.colony.state.name.clone(),
            checker_period: turn.colony.options.cron_checker_period,
        }))
    }
}
