//! What is too much for one turn: done in steps, between which other messages are served.

use super::ColonyActor;
use super::answers::Tell;
use super::turn::Answering;
use crate::colony::Colony;
use crate::colony::message::{Answer, Empty, Gradual, Reply, Reveals};
use crate::limits;
use crate::refusal::Refusal;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wal::Class;

/// Work in steps, and who is told when it is done.
pub(super) struct Job {
    work: Box<dyn Gradual>,
    tell: Tell,
}

impl ColonyActor {
    /// Takes up a new job, and the next step of the one that has waited longest; the colony's timer takes the others.
    pub(super) fn begin_job(&mut self, work: Box<dyn Gradual>, tell: Tell) {
        if self.jobs.len() >= limits::GRADUAL_JOBS {
            return tell(Err(Refusal::unavailable("too many long jobs are under way in this colony, try again later")));
        }
        self.jobs.push_back(Job { work, tell });
        self.step_job();
    }

    /// The next step of the job that has waited longest; jobs take turns.
    pub(super) fn step_job(&mut self) {
        let Some(Job { mut work, tell }) = self.jobs.pop_front() else {
            return;
        };
        let at = self.moment();
        let step = catch_unwind(AssertUnwindSafe(|| work.step(&self.colony)));
        let Ok((events, is_last)) = step else {
            tracing::error!(colony = %self.colony.state.name, "a step of a long job panicked");
            return tell(Err(Refusal::odd("the server failed to decide about this; a part may have been done")));
        };
        if is_last {
            let answer = Box::new(|_: &Colony| Box::new(Empty {}) as Box<dyn Answer>);
            let reply = Reply { events, answer, reveals: Reveals::Colony, payload_type: None };
            return self.carry_out(reply, tell, Class::Essential, at);
        }
        match self.make_record(&events, Class::Essential, at) {
            Ok((record, credit)) => {
                self.record(events, record, credit, at, |_| Answering::Nobody);
                self.jobs.push_back(Job { work, tell });
            }
            Err(_) => tell(Err(Refusal::unavailable(
                "the server's log has no room: a part was done, ask again later for the rest",
            ))),
        }
        if let Some((refusal, _)) = self.ended.clone() {
            self.end_jobs(&refusal);
        }
    }

    /// Tells all who wait for a job that nothing more is done.
    pub(super) fn end_jobs(&mut self, refusal: &Refusal) {
        self.jobs.drain(..).for_each(|job| (job.tell)(Err(refusal.clone())));
    }
}
