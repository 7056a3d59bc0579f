//! What leaves memory for the history store, and what comes back.

use super::{Answering, ColonyActor};
use crate::colony::event::Event;
use crate::colony::history::{Expired, HistoryEvent, Holdings, PastError};
use crate::colony::mailbox::Revive;
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

impl Message for Revive {
    type Result = ();
}

impl Handler<Revive> for ColonyActor {
    type Result = ();
    fn handle(&mut self, Revive { found, reply }: Revive, ctx: &mut Self::Context) {
        if let Some(refusal) = &self.ended {
            return reply(Err(refusal.clone()));
        }
        // While all of a state is being removed, nothing may come back behind the removal's back.
        let event = self.jobs.is_empty().then(|| self.colony.revival(found)).flatten();
        let Some(event) = event else {
            return reply(Ok(()));
        };
        let at = self.moment();
        let events = vec![event];
        match self.make_record(&events, Class::Essential, at) {
            Ok((record, credit)) => {
                self.record(events, record, credit, at, |_| Answering::Nobody);
                reply(Ok(()));
            }
            Err(refusal) => reply(Err(refusal)),
        }
        self.arm(ctx);
    }
}

impl ColonyActor {
    /// Takes over what the history store holds, where the colony knows it differently.
    pub(super) fn correct_history(&mut self) {
        let Some(holdings) = self.holdings.take() else {
            return;
        };
        let history = &self.colony.state.history;
        let batches = history.batches();
        if holdings.batches < batches {
            tracing::warn!(
                colony = %self.colony.state.name, batches = holdings.batches, of = batches,
                "the history store has lost finished work and log lines: what is missing stays missing, counts are \
                 corrected"
            );
            // Batches go on from where the colony is: a number never stands for two.
            let event = HistoryEvent::Lost(Box::new(Holdings { batches, ..holdings }));
            self.own_turn(|_, _| vec![Event::History(event)]);
        } else if holdings.expired != *history.expired() {
            self.own_turn(|_, _| vec![Event::History(HistoryEvent::Expired(holdings.expired))]);
        }
    }

    /// Acts on a batch that was written, and gives the store the next one.
    pub(super) fn archive_due(&mut self) {
        let Some(archive) = self.archive.clone() else {
            return;
        };
        if self.written.is_some() {
            self.own_turn(|actor, at| {
                let written = actor.written.take();
                written.map_or_else(Vec::new, |has_worked| actor.colony.batch_written(has_worked, at.monotonic))
            });
        }
        // While all of a state is being removed, nothing may slip from memory to where the removal does not look.
        if self.written.is_some() || !self.jobs.is_empty() || self.ended.is_some() {
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
        let (at, me) = (self.moment(), self.me.clone());
        if let (Some(archive), Some(me)) = (self.archive.clone(), me)
            && let Some(before) = self.colony.begin_sweep(at)
        {
            let history = &self.colony.state.history;
            let done = move |result| me.do_send(Swept(result));
            archive.expire(self.colony.state.incarnation, before, history.hidden(), Box::new(done));
        }
    }

    /// When to look for the next batch.
    pub(super) fn next_archiving(&self, monotonic: u64) -> Option<u64> {
        if self.written.is_some() {
            return Some(monotonic + super::RETRY_MICROS);
        }
        if self.jobs.is_empty() { self.colony.next_batch(monotonic) } else { None }
    }
}
