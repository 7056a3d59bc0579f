//! What leaves memory for the history store, and what comes back.

use super::ColonyActor;
use super::answers::log_stopped;
use super::timer::RETRY_MICROS;
use super::turn::Answering;
use crate::colony::event::Event;
use crate::colony::history::{Expired, HistoryEvent, PastError, Purpose};
use crate::colony::mailbox::Retrieve;
use crate::limits;
use actix::prelude::*;
use wal::Class;

/// The store has synced a batch, or could not.
pub(super) struct Written(Result<(), PastError>);

impl Message for Written {
    type Result = ();
}

impl Handler<Written> for ColonyActor {
    type Result = ();
    fn handle(&mut self, Written(result): Written, ctx: &mut Self::Context) {
        if let Err(error) = &result {
            tracing::error!(
                colony = %self.colony.state.name, %error,
                "finished work stays in memory: it is tried again every {} s, and new work is refused when memory \
                 is full", limits::ARCHIVE_RETRY.as_secs()
            );
        }
        self.written = Some(result.is_ok());
        self.tick();
        self.arm(ctx);
    }
}

/// The store has removed what was too old, or could not.
pub(super) struct Swept(Result<(Expired, bool), PastError>);

impl Message for Swept {
    type Result = ();
}

impl Handler<Swept> for ColonyActor {
    type Result = ();
    fn handle(&mut self, Swept(result): Swept, ctx: &mut Self::Context) {
        self.stop_if_disowned();
        if self.ended.is_some() {
            return;
        }
        if let Err(error) = &result {
            tracing::error!(colony = %self.colony.state.name, %error, "what is too old was not removed");
        }
        let (expired, has_more) = result.map_or((None, false), |(expired, has_more)| (Some(expired), has_more));
        let event = self.colony.end_sweep(expired, has_more, self.clock.monotonic());
        // Without credit the counts stay as they were until the next sweep, which tells the same sums.
        event.into_iter().for_each(|event| self.own_turn(|_, _| vec![event]));
        self.arm(ctx);
    }
}

impl Message for Retrieve {
    type Result = ();
}

impl Handler<Retrieve> for ColonyActor {
    type Result = ();
    fn handle(&mut self, Retrieve { found, purpose, reply }: Retrieve, ctx: &mut Self::Context) {
        self.stop_if_disowned();
        if let Some((refusal, _)) = &self.ended {
            return reply(Err(refusal.clone()));
        }
        // While all of a state is being removed, nothing may come back behind the removal's back.
        let event = self.jobs.is_empty().then(|| self.colony.retrieval(found, purpose)).flatten();
        let Some(event) = event else {
            return reply(Ok(false));
        };
        let at = self.moment();
        let events = vec![event];
        let class = if purpose == Purpose::Removal { Class::Essential } else { Class::Ordinary };
        match self.make_record(&events, class, at) {
            Ok((record, credit)) => {
                self.record(events, record, credit, at, |_| Answering::Nobody);
                if let Some((refusal, _)) = &self.ended {
                    return reply(Err(refusal.clone()));
                }
                // A removal's answer must not leave before its record is durable; a revival's message waits for its own.
                self.stream.after_queued(Box::new(move |log| match log {
                    wal::Outcome::Durable => reply(Ok(true)),
                    _ => reply(Err(log_stopped())),
                }));
            }
            Err(refusal) => reply(Err(refusal)),
        }
        self.arm(ctx);
    }
}

impl ColonyActor {
    /// Takes over what the history store holds, where the colony knows it differently. Nothing is archived before.
    pub(super) fn correct_history(&mut self) {
        if self.holdings.is_none() {
            return;
        }
        self.own_turn(|actor, _| {
            let known = &actor.colony.state.history;
            let correction = actor.holdings.take().and_then(|holdings| known.correction(holdings));
            if let Some(HistoryEvent::Lost(holdings)) = &correction {
                tracing::warn!(
                    colony = %actor.colony.state.name,
                    batches = holdings.batches,
                    "the history store has lost finished work and log lines: what is missing stays missing, counts are \
                     corrected"
                );
                let (archive, of, batches) = (actor.archive.clone(), actor.colony.state.incarnation, holdings.batches);
                // Once that is recorded, the store may say that nothing is missing.
                actor.told_lost = archive.map(|archive| (archive, of, batches));
            }
            correction.map(Event::History).into_iter().collect()
        });
        if let Some((archive, of, batches)) = self.told_lost.take().filter(|_| self.ended.is_none()) {
            self.stream.after_queued(Box::new(move |log| {
                if log == wal::Outcome::Durable {
                    archive.adopt(of, batches);
                }
            }));
        }
    }

    /// Acts on a batch that was written, and gives the store the next one.
    pub(super) fn archive_due(&mut self) {
        let Some(archive) = self.archive.clone() else {
            return;
        };
        self.correct_history();
        if self.written.is_some() {
            self.own_turn(|actor, at| {
                let written = actor.written.take();
                written.map_or_else(Vec::new, |has_worked| actor.colony.batch_written(has_worked, at.monotonic))
            });
        }
        // While all of a state is being removed, nothing may slip from memory to where the removal does not look.
        if self.holdings.is_some() || self.written.is_some() || !self.jobs.is_empty() || self.ended.is_some() {
            return;
        }
        let (at, me) = (self.moment(), self.me.clone());
        let (Some(me), Some(batch)) = (me, self.colony.select_batch(at)) else {
            return;
        };
        self.stream.after_queued(Box::new(move |log| {
            let done = move |result| me.do_send(Written(result));
            match log {
                wal::Outcome::Durable => archive.write(batch, Box::new(done)),
                _ => done(Err(PastError("the log has stopped".to_owned()))),
            }
        }));
    }

    /// Has the store remove what is too old.
    pub(super) fn expire_old(&mut self) {
        if self.ended.is_some() {
            return;
        }
        let (at, me) = (self.moment(), self.me.clone());
        if let (Some(archive), Some(me)) = (self.archive.clone(), me)
            && let Some(before) = self.colony.begin_sweep(at)
        {
            let history = &self.colony.state.history;
            let done = move |result| me.do_send(Swept(result));
            archive.expire(self.colony.state.incarnation, before, history.batches(), history.hidden(), Box::new(done));
        }
    }

    /// When to look for the next batch.
    pub(super) fn next_archiving(&self, monotonic: u64) -> Option<u64> {
        if self.written.is_some() || self.holdings.is_some() {
            return Some(monotonic + RETRY_MICROS);
        }
        if self.jobs.is_empty() { self.colony.next_batch(monotonic) } else { None }
    }
}
