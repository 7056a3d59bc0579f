//! Crons and their expressions at work.

use super::Cron;
use crate::colony::schedule::Starter;
use crate::crypto::Identity;
use crate::ids::CronId;
use crate::time::Time;

/// A cron that starts every minute.
pub(super) fn cron() -> Cron {
    Cron {
        id: CronId([0; 32]),
        starter: Starter { id: Identity::from_text("u"), name: "u".into(), is_user: true },
        name: "c".into(),
        expression: "0 * * * * *".into(),
        interval: -1,
        random: false,
        waits: false,
        workflow: "{}".into(),
        next_run: Time::UNSET,
        last_run: Time::UNSET,
        previous: None,
        anchor: Time::UNSET,
    }
}
