//! Retention by age: what has been done for long enough is removed (chapter 2, 7.7; chapter 3, 3.8; chapter 4, 2.6).
//!
//! Off unless the operator says how long is enough. Then successful processes outside of workflows, successful workflows
//! as a whole, and log lines go; the age of work counts from its end. All of that is in the history store within
//! seconds of its end, so that is where it is removed. What waits, runs, failed or was cancelled stays, and so does the
//! workflow that a cron started last, which is never in the store: the next one is given what it put out.

use super::Colony;
use super::event::Event;
use super::history::{Expired, HistoryEvent};
use super::matching::Moment;
use crate::limits;
use crate::time::{Nanos, micros};

/// When to look for what is too old; microseconds of the clock that never leaps.
#[derive(Debug, Default)]
pub struct Retention {
    next_sweep: Option<u64>,
    /// Whether the store is removing something: meanwhile nothing comes back from there.
    is_under_way: bool,
}

impl Retention {
    /// When the next sweep is due; `None` where there is no policy, or while one is under way.
    pub fn next_sweep(&self) -> Option<u64> {
        self.next_sweep
    }

    /// Whether the store is removing something.
    pub fn is_under_way(&self) -> bool {
        self.is_under_way
    }
}

impl Colony {
    /// The first sweep comes at once.
    pub(in crate::colony) fn start_retention(&mut self, monotonic: u64) {
        self.retention.next_sweep = self.options.retention.map(|_| monotonic);
    }

    /// Before which time everything is to be removed from the store, where a sweep is due.
    pub fn begin_sweep(&mut self, at: Moment) -> Option<Nanos> {
        let age = self.options.retention?;
        self.retention.next_sweep.filter(|due| *due <= at.monotonic)?;
        if self.state.history.is_empty() {
            self.plan_next_sweep(at.monotonic, false);
            return None;
        }
        self.retention = Retention { next_sweep: None, is_under_way: true };
        Some(at.now.saturating_sub(Nanos::try_from(age.as_nanos()).unwrap_or(Nanos::MAX)))
    }

    /// The store has removed some of it, or could not: what to record.
    pub fn end_sweep(&mut self, expired: Option<Expired>, has_more: bool, monotonic: u64) -> Option<Event> {
        self.retention.is_under_way = false;
        self.plan_next_sweep(monotonic, has_more);
        let news = expired.filter(|expired| expired != self.state.history.expired());
        news.map(|expired| Event::History(HistoryEvent::Expired(expired)))
    }

    fn plan_next_sweep(&mut self, monotonic: u64, has_more: bool) {
        self.retention.next_sweep = self.options.retention.map(|age| {
            let pause = if has_more { limits::SWEEP_PAUSE } else { age.min(limits::SWEEP) };
            monotonic.saturating_add(micros(pause))
        });
    }
}
