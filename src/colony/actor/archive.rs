//! What leaves memory for the history store, and what comes back.

use super::{Answering, ColonyActor};
use crate::colony::history::PastError;
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

impl Message for Revive {
    type Result = ();
}

impl Handler<Revive> for ColonyActor {
    type Result = ();
    fn handle(&mut self, Revive { found, reply }: Revive, ctx: &mut Self::Context) {
        if let Some(refusal) = &self.ended {
            return reply(Err(refusal.clone()));
        }
        let Some(event) = self.colony.revival(found) else {
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

    /// When to look for the next batch.
    pub(super) fn next_archiving(&self, monotonic: u64) -> Option<u64> {
        if self.written.is_some() {
            return Some(monotonic + super::RETRY_MICROS);
        }
        if self.jobs.is_empty() { self.colony.next_batch(monotonic) } else { None }
    }
}
