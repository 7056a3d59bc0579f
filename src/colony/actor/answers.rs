//! Answers: none leaves before what it reveals is durable.

use super::ColonyActor;
use crate::colony::mailbox::{Outcome, ReplyTo};
use crate::colony::message::Reveals;
use crate::refusal::Refusal;

/// Who is told the outcome of a message.
pub(super) type Tell = Box<dyn FnOnce(Outcome) + Send>;

impl ColonyActor {
    /// Answers a refusal once everything that it may reveal is durable.
    pub(super) fn answer_refusal(&mut self, reply: ReplyTo, refusal: Refusal) {
        match reply {
            ReplyTo::Once(tell) => self.answer_when_durable(tell, Err(refusal), Reveals::Colony),
            ReplyTo::Poll(slot) => {
                let tell = Box::new(move |outcome| {
                    let generation = slot.generation();
                    if slot.finish() {
                        slot.deliver(generation, outcome);
                    }
                });
                self.answer_when_durable(tell, Err(refusal), Reveals::Colony);
            }
        }
    }

    /// Answers once what the outcome reveals is durable: at once where it is.
    pub(super) fn answer_when_durable(&mut self, tell: Tell, outcome: Outcome, reveals: Reveals) {
        let number = match reveals {
            Reveals::Colony => self.stream.number(),
            Reveals::Record(number) => number,
        };
        if self.stream.is_durable(number) {
            return tell(outcome);
        }
        self.stream.after_queued(Box::new(move |log| {
            tell(once_durable(log, outcome));
        }));
    }
}

/// 503 for whoever waits for a log that has stopped: whether the change is there after a restart is not known.
pub(super) fn log_stopped() -> Refusal {
    Refusal::unavailable("the server's log has stopped: whether this was done is known after its restart")
}

/// What the caller is told when the log reports on the record that the outcome waited for.
pub fn once_durable(log: wal::Outcome, outcome: Outcome) -> Outcome {
    if log == wal::Outcome::Durable { outcome } else { Err(log_stopped()) }
}

/// Refuses at once what has revealed nothing.
pub(super) fn refuse(reply: ReplyTo, refusal: Refusal) {
    match reply {
        ReplyTo::Once(tell) => tell(Err(refusal)),
        ReplyTo::Poll(slot) => {
            let generation = slot.generation();
            if slot.finish() {
                slot.deliver(generation, Err(refusal));
            }
        }
    }
}
