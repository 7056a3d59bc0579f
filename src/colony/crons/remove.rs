//! `removecronmsg`: a member removes a cron (chapter 3, 6.6). What it started goes on.

use super::CronEvent;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use wal::Class;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RemoveCron {
    cronid: String,
}

impl ColonyMessage for RemoveCron {
    const NAME: &'static str = "removecronmsg";
    const TEXTS: Texts = texts!("Failed to remove cron");
    const ACCESS: Access = Access::Member;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Cron(&self.cronid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to remove cron, cron is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        match turn.cron(&self.cronid) {
            Some(cron) => Ok(Decision::done(vec![Event::Cron(CronEvent::Removed(cron.id))])),
            None => Err(ColonyMessage::unknown(&self)),
        }
    }
}
