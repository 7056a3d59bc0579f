//! What starts by itself: crons at their time, generators at their timeout. One record each.

use super::ColonyActor;
use super::turn::Answering;
use crate::colony::schedule::{Firing, Item};
use crate::limits;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wal::Class;

impl ColonyActor {
    /// Starts what is due, or some of it where it is much: the timer comes back at once for the rest.
    pub(super) fn start_due(&mut self) {
        self.colony.retry_failed(self.clock.monotonic());
        for _ in 0..limits::STARTS_A_TICK {
            let due = self.colony.schedule.next_due(self.clock.wall());
            let Some(item) = due.filter(|_| self.ended.is_none()) else {
                return;
            };
            self.start(item);
        }
    }

    fn start(&mut self, item: Item) {
        let at = self.moment();
        let fired = catch_unwind(AssertUnwindSafe(|| self.colony.fire(item, at.now, &mut *self.ids)));
        let failed = match fired {
            Ok(Firing::Start(event)) => {
                let events = vec![event];
                match self.make_record(&events, Class::Ordinary, at) {
                    Ok((record, credit)) => {
                        return self.record(events, record, credit, at, |_| Answering::Nobody);
                    }
                    Err(refusal) => refusal.message.into_owned(),
                }
            }
            Ok(Firing::Blocked(graph)) => return self.colony.block(item, graph),
            Ok(Firing::Nothing) => return self.colony.drop_due(item),
            Ok(Firing::Failed(reason)) => reason,
            Err(_) => "it made its decision panic".to_owned(),
        };
        if self.colony.put_off(item, at.monotonic) {
            tracing::warn!(colony = %self.colony.state.name, ?item, reason = failed,
                           "a workflow could not be started and is tried again from time to time");
        }
    }
}
