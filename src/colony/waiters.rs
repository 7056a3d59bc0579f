//! Executors that wait for work: the parked long polls of a colony.
//!
//! A process looks for its waiter the way a waiter looks for its process: among those of its type, in order of
//! arrival, without passing others that may not have it. Waiters are grouped by location and by what they have left,
//! and found by name where the process names its executors.

use super::processes::Process;
use super::processes::queue::{self, Offer};
use crate::crypto::Identity;
use crate::map::{HashMap, remove_from};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A long poll as it was asked for.
#[derive(Debug)]
pub struct Poll {
    /// Who asks.
    pub executor: Identity,
    /// What it brings.
    pub offer: Offer,
    /// Seconds to wait; `None` asks once and does not wait.
    pub seconds: Option<u64>,
}

/// Where a waiter stands in the order of arrival.
pub type Arrival = u64;

/// A parked poll.
#[derive(Debug)]
pub struct Waiter<R> {
    /// Who asks.
    pub executor: Identity,
    /// What it brings.
    pub offer: Offer,
    /// When it gives up, on the turn's monotonic clock in microseconds.
    pub until: u64,
    /// How it is answered.
    pub reply: Arc<R>,
}

/// The group of waiters with the same location and the same amounts left.
type Group = (Box<str>, Option<i64>, Option<i64>);

/// All waiters of a colony. `R` is how they are answered.
#[derive(Debug)]
pub struct Waiters<R> {
    waiters: HashMap<Arrival, Waiter<R>>,
    types: HashMap<Box<str>, TypeWaiters>,
    by_executor: HashMap<Identity, BTreeSet<Arrival>>,
    until: BTreeSet<(u64, Arrival)>,
    next: Arrival,
}

#[derive(Debug, Default)]
struct TypeWaiters {
    groups: BTreeMap<Group, BTreeSet<Arrival>>,
    by_name: HashMap<Box<str>, BTreeSet<Arrival>>,
}

impl<R> Default for Waiters<R> {
    fn default() -> Self {
        Waiters {
            waiters: HashMap::default(),
            types: HashMap::default(),
            by_executor: HashMap::default(),
            until: BTreeSet::new(),
            next: 0,
        }
    }
}

impl<R> Waiters<R> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Parks a waiter behind all others.
    pub fn park(&mut self, waiter: Waiter<R>) -> Arrival {
        let arrival = self.next;
        self.next += 1;
        self.park_again(arrival, waiter);
        arrival
    }

    /// Parks a waiter at the place it had before.
    pub fn park_again(&mut self, arrival: Arrival, waiter: Waiter<R>) {
        let offer = &waiter.offer;
        let of_type = self.types.entry(offer.executor_type.clone()).or_default();
        of_type.groups.entry(group(offer)).or_default().insert(arrival);
        of_type.by_name.entry(offer.executor_name.clone()).or_default().insert(arrival);
        self.by_executor.entry(waiter.executor.clone()).or_default().insert(arrival);
        self.until.insert((waiter.until, arrival));
        self.waiters.insert(arrival, waiter);
    }

    /// Takes a waiter out.
    pub fn take(&mut self, arrival: Arrival) -> Option<Waiter<R>> {
        let waiter = self.waiters.remove(&arrival)?;
        let offer = &waiter.offer;
        if let Some(of_type) = self.types.get_mut(&offer.executor_type) {
            let group = group(offer);
            if let Some(arrivals) = of_type.groups.get_mut(&group) {
                arrivals.remove(&arrival);
                if arrivals.is_empty() {
                    of_type.groups.remove(&group);
                }
            }
            remove_from(&mut of_type.by_name, &offer.executor_name, &arrival);
            if of_type.groups.is_empty() {
                self.types.remove(&offer.executor_type);
            }
        }
        remove_from(&mut self.by_executor, &waiter.executor, &arrival);
        self.until.remove(&(waiter.until, arrival));
        Some(waiter)
    }

    /// The waiter of this arrival.
    pub fn get(&self, arrival: Arrival) -> Option<&Waiter<R>> {
        self.waiters.get(&arrival)
    }

    /// The longest waiting one that may have this process.
    pub fn first_for(&self, process: &Process) -> Option<Arrival> {
        let of_type = self.types.get(&process.spec.conditions.executor_type)?;
        let eligible = |arrival: &Arrival| {
            self.waiters.get(arrival).is_some_and(|waiter| queue::is_eligible(process, &waiter.offer))
        };
        match queue::targets(process) {
            // Members of a group are alike but for their names, so the first one speaks for all.
            [] => {
                of_type.groups.values().filter_map(|arrivals| arrivals.first()).filter(|a| eligible(a)).min().copied()
            }
            names => names
                .iter()
                .filter_map(|name| of_type.by_name.get(name)?.iter().find(|arrival| eligible(arrival)))
                .min()
                .copied(),
        }
    }

    /// The polls of one executor.
    pub fn of(&self, executor: &Identity) -> Vec<Arrival> {
        self.by_executor.get(executor).into_iter().flatten().copied().collect()
    }

    /// Whether this executor has a poll open.
    pub fn has(&self, executor: &Identity) -> bool {
        self.by_executor.contains_key(executor)
    }

    /// All of them in order of arrival.
    pub fn all(&self) -> Vec<Arrival> {
        let mut all: Vec<_> = self.waiters.keys().copied().collect();
        all.sort_unstable();
        all
    }

    /// The one that gives up first, and when.
    pub fn next_to_give_up(&self) -> Option<(u64, Arrival)> {
        self.until.first().copied()
    }
}

fn group(offer: &Offer) -> Group {
    (offer.location.clone(), offer.cpu, offer.memory)
}
