//! `runcronmsg`: a member starts a cron's workflow now (chapter 3, 6.6).

use super::CronAnswer;
use super::start::CronTurn;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RunCron {
    cronid: String,
}

impl ColonyMessage for RunCron {
    const NAME: &'static str = "runcronmsg";
    const TEXTS: Texts = texts!("Failed to run cron");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Cron(&self.cronid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::bad_request("cron not found")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let colony = turn.colony;
        let Some(cron) = turn.cron(&self.cronid).cloned() else {
            return Err(ColonyMessage::unknown(&self));
        };
        let events = match colony.start_cron(&cron, turn.now, true, turn.ids) {
            CronTurn::Start(event) => vec![event],
            // As the reference: the cron as it is, and nothing has started.
            CronTurn::Blocked(_) | CronTurn::Failed(_) => Vec::new(),
        };
        // The cron as it was before, as the reference has it.
        let answer = CronAnswer { cron, colony: colony.state.name.clone(), checker_period: 0 };
        Ok(Decision::reply(events, move |_| Box::new(answer)))
    }
}
