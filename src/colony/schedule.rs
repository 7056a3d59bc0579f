//! What starts by itself and when: crons at their next time, generators at their timeout.
//!
//! Those times are of the wall clock, so that is what they are compared with; the one timer of the colony's actor sleeps
//! until the earliest, but looks at the clock again at least once a minute in case somebody has set it. A time comes
//! once: starting is one event that also moves the next time on. Nothing here is durable; it follows from the state.

use super::Colony;
use super::crons::start::CronTurn;
use super::event::Event;
use super::history::Missing;
use crate::ids::{CronId, GeneratorId, GraphId, IdSource};
use crate::limits;
use crate::map::HashMap;
use crate::time::{Nanos, Time, micros};
use std::collections::BTreeSet;
use std::time::Duration;

pub use super::starter::Starter;

/// Something that starts by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// A cron.
    Cron(CronId),
    /// A generator.
    Generator(GeneratorId),
}

/// What an event did to something that starts by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescheduled {
    /// It is new, has started or is gone.
    Anew(Item),
    /// It got more to do: one whose start has failed goes on waiting.
    More(Item),
    /// A workflow has ended or is gone: what waits for it may start.
    Ended(GraphId),
}

/// When what is due.
#[derive(Debug, Default)]
pub struct Schedule {
    due: BTreeSet<(Time, Item)>,
    of: HashMap<Item, Time>,
    /// Crons that are due and wait for their previous workflow.
    blocked: HashMap<GraphId, CronId>,
    /// What could not be started, by when it is tried again (microseconds of the clock that never leaps).
    retries: BTreeSet<(u64, Item)>,
    failures: HashMap<Item, Failure>,
    /// For which time the timer was set, and when it fires.
    alarm: Option<(Time, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    retry: u64,
    count: u32,
}

/// What comes of something that is due.
pub enum Firing {
    /// It starts.
    Start(Event),
    /// It waits for this workflow.
    Blocked(GraphId),
    /// It can't start now.
    Failed(String),
    /// It is gone, or not due any more.
    Nothing,
}

impl Schedule {
    fn set(&mut self, item: Item, due: Option<Time>) {
        if let Some(before) = self.of.remove(&item) {
            self.due.remove(&(before, item));
        }
        if let Some(due) = due {
            self.of.insert(item, due);
            self.due.insert((due, item));
        }
    }

    fn forget_failure(&mut self, item: Item) {
        if let Some(failure) = self.failures.remove(&item) {
            self.retries.remove(&(failure.retry, item));
        }
    }

    /// When to look again, on the clock that never leaps.
    pub fn next_look(&mut self, wall: Nanos, monotonic: u64) -> Option<u64> {
        let retry = self.retries.first().map(|&(retry, _)| retry);
        let Some(&(due, _)) = self.due.first() else {
            self.alarm = None;
            return retry;
        };
        let alarm = match self.alarm {
            Some((time, alarm)) if time == due && alarm > monotonic => alarm,
            _ => {
                // One more: it must have passed.
                let remaining = due.micros().saturating_sub(wall.div_euclid(1_000)).saturating_add(1);
                let longest = micros(LONGEST_LOOK);
                monotonic.saturating_add(u64::try_from(remaining).unwrap_or(0).min(longest))
            }
        };
        self.alarm = Some((due, alarm));
        Some(retry.map_or(alarm, |retry| retry.min(alarm)))
    }

    /// What is due by the wall clock, the earliest first.
    pub fn next_due(&self, wall: Nanos) -> Option<Item> {
        let &(due, item) = self.due.first()?;
        (wall.div_euclid(1_000) > due.micros()).then_some(item)
    }
}

/// How long nobody looks at the wall clock.
const LONGEST_LOOK: Duration = Duration::from_secs(60);

impl Colony {
    /// Takes over all crons and generators of a state that was read back.
    pub(crate) fn start_schedule(&mut self) {
        let crons = self.state.crons.iter().map(|cron| Item::Cron(cron.id));
        let generators = self.state.generators.iter().map(|generator| Item::Generator(generator.spec.id));
        let items: Vec<Item> = crons.chain(generators).collect();
        items.into_iter().for_each(|item| self.schedule.set(item, self.due_time(item)));
    }

    /// Takes over what this turn's events changed.
    pub(crate) fn reschedule(&mut self, monotonic: u64) {
        for past in std::mem::take(&mut self.state.changes.past) {
            self.note_past(past, monotonic);
        }
        for change in std::mem::take(&mut self.state.changes.rescheduled) {
            match change {
                Rescheduled::Anew(item) => {
                    self.schedule.forget_failure(item);
                    self.schedule.set(item, self.due_time(item));
                }
                Rescheduled::More(item) if self.schedule.failures.contains_key(&item) => {}
                Rescheduled::More(item) => self.schedule.set(item, self.due_time(item)),
                Rescheduled::Ended(graph) => {
                    self.note_past(Missing::Workflow(graph), monotonic);
                    if let Some(cron) = self.schedule.blocked.remove(&graph) {
                        self.schedule.set(Item::Cron(cron), self.due_time(Item::Cron(cron)));
                    }
                }
            }
        }
    }

    fn due_time(&self, item: Item) -> Option<Time> {
        match item {
            Item::Cron(id) => self.state.crons.get(&id).map(|cron| cron.next_run).filter(|next| next.is_set()),
            Item::Generator(id) => self.state.generators.get(&id)?.due(self.options.generator_checker_period),
        }
    }

    /// Lets be due again what was put off until now.
    pub fn retry_failed(&mut self, monotonic: u64) {
        while let Some(&(retry, item)) = self.schedule.retries.first()
            && retry <= monotonic
        {
            self.schedule.retries.pop_first();
            self.schedule.set(item, self.due_time(item));
        }
    }

    /// What comes of something that is due. Changes nothing.
    pub fn fire(&self, item: Item, now: Nanos, ids: &mut dyn IdSource) -> Firing {
        match item {
            Item::Cron(id) => match self.state.crons.get(&id) {
                Some(cron) => match self.start_cron(cron, now, false, ids) {
                    CronTurn::Start(event) => Firing::Start(event),
                    CronTurn::Blocked(graph) => Firing::Blocked(graph),
                    CronTurn::Failed(refusal) => Firing::Failed(refusal.message.into_owned()),
                },
                None => Firing::Nothing,
            },
            Item::Generator(id) => match self.state.generators.get(&id) {
                Some(generator) if !generator.queue.is_empty() => match self.start_generator(generator, None, now, ids)
                {
                    Ok(event) => Firing::Start(event),
                    Err(refusal) => Firing::Failed(refusal.message.into_owned()),
                },
                _ => Firing::Nothing,
            },
        }
    }

    /// Notes that a due cron waits for this workflow.
    pub fn block(&mut self, item: Item, graph: GraphId) {
        self.schedule.set(item, None);
        if let Item::Cron(id) = item {
            self.schedule.blocked.insert(graph, id);
        }
    }

    /// Puts off what could not be started: for a checker's period at first, then longer and longer, up to a minute.
    /// Whether this is the first time.
    pub fn put_off(&mut self, item: Item, monotonic: u64) -> bool {
        self.schedule.set(item, None);
        let period = match item {
            Item::Cron(_) => self.options.cron_checker_period,
            Item::Generator(_) => self.options.generator_checker_period,
        };
        let count = self.schedule.failures.get(&item).map_or(0, |failure| failure.count);
        self.schedule.forget_failure(item);
        let longest = limits::SCHEDULE_RETRY.as_millis() as u64;
        let wait = u64::from(period.max(1)).saturating_mul(1 << count.min(16)).min(longest.max(u64::from(period)));
        let retry = monotonic.saturating_add(wait.saturating_mul(1_000));
        self.schedule.retries.insert((retry, item));
        self.schedule.failures.insert(item, Failure { retry, count: count + 1 });
        count == 0
    }

    /// Takes out what is neither due nor there any more.
    pub fn drop_due(&mut self, item: Item) {
        self.schedule.set(item, None);
    }
}

#[cfg(test)]
mod tests;
