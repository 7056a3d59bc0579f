//! The queues of waiting processes: who may take what, smallest priority time first.
//!
//! A process stands in one lane for each executor that it names, or in the lane for anyone; lanes are kept by executor
//! type and location, and inside a lane by what the processes demand. An executor looks at no more than four lanes
//! (anyone or itself, anywhere or its location), so taking the first eligible process costs O(log n) in the depth of
//! the queue, plus the number of different demands of processor time and memory in those lanes. Processes that it may
//! not have never stand in its way.

use super::Process;
use crate::colony::sorted::SortedSet;
use crate::colony::table::Slot;
use crate::limits;
use crate::map::HashMap;
use std::collections::BTreeMap;

/// A place in a queue: priority time, then order of submission.
pub type Place = (i64, u64, Slot);

/// What an executor brings when it asks for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its type.
    pub executor_type: Box<str>,
    /// Its name.
    pub executor_name: Box<str>,
    /// Its location, folded by [`fold_location`]; empty when it has none.
    pub location: Box<str>,
    /// Millicores that it has left; `None` is no limit.
    pub cpu: Option<i64>,
    /// Bytes of memory that it has left; `None` is no limit.
    pub memory: Option<i64>,
}

/// Locations are compared without regard to case (chapter 2, 5.3).
pub fn fold_location(name: &str) -> Box<str> {
    name.to_lowercase().into()
}

/// Whether anybody at all may take it: demands beyond these are never met (chapter 2, 5.3, rule 7).
pub fn is_assignable(process: &Process) -> bool {
    let conditions = &process.spec.conditions;
    [conditions.nodes, conditions.processes, conditions.processes_per_node].iter().all(|&n| n <= limits::NODES)
}

/// The executors that a process names; empty for anyone.
pub fn targets(process: &Process) -> &[Box<str>] {
    process.spec.conditions.executor_names.as_deref().unwrap_or_default()
}

/// Whether this offer meets what the process asks for.
pub fn is_eligible(process: &Process, offer: &Offer) -> bool {
    let conditions = &process.spec.conditions;
    let names = targets(process);
    conditions.executor_type == offer.executor_type
        && (names.is_empty() || names.contains(&offer.executor_name))
        && (conditions.location_name.is_empty() || fold_location(&conditions.location_name) == offer.location)
        && offer.cpu.is_none_or(|cpu| conditions.cpu <= cpu)
        && offer.memory.is_none_or(|memory| conditions.memory <= memory)
        && is_assignable(process)
}

/// All queues of one colony.
#[derive(Debug, Default)]
pub struct Queues {
    types: HashMap<Box<str>, TypeQueue>,
}

#[derive(Debug, Default)]
struct TypeQueue {
    anyone: Lanes,
    named: HashMap<Box<str>, Lanes>,
}

/// The lanes for anywhere (the empty location) and for each location.
#[derive(Debug, Default)]
struct Lanes(HashMap<Box<str>, Lane>);

/// Places by demand: millicores, then bytes of memory.
type Lane = BTreeMap<(i64, i64), SortedSet<Place>>;

impl Queues {
    /// Puts a waiting process into its lanes.
    pub fn insert(&mut self, process: &Process, place: Place) {
        if !is_assignable(process) {
            return;
        }
        let conditions = &process.spec.conditions;
        let location = fold_location(&conditions.location_name);
        let demand = (conditions.cpu, conditions.memory);
        let queue = self.types.entry(conditions.executor_type.clone()).or_default();
        let put = |lanes: &mut Lanes| {
            lanes.0.entry(location.clone()).or_default().entry(demand).or_default().insert(place);
        };
        match targets(process) {
            [] => put(&mut queue.anyone),
            names => names.iter().for_each(|name| put(queue.named.entry(name.clone()).or_default())),
        }
    }

    /// Takes a process out of its lanes; empty lanes go with it.
    pub fn remove(&mut self, process: &Process, place: Place) {
        let conditions = &process.spec.conditions;
        let Some(queue) = self.types.get_mut(&conditions.executor_type) else {
            return;
        };
        let location = fold_location(&conditions.location_name);
        let demand = (conditions.cpu, conditions.memory);
        match targets(process) {
            [] => queue.anyone.take(&location, demand, place),
            names => {
                for name in names {
                    if let Some(lanes) = queue.named.get_mut(name) {
                        lanes.take(&location, demand, place);
                        if lanes.0.is_empty() {
                            queue.named.remove(name);
                        }
                    }
                }
            }
        }
        if queue.anyone.0.is_empty() && queue.named.is_empty() {
            self.types.remove(&conditions.executor_type);
        }
    }

    /// The first process that this offer may take.
    pub fn first_for(&self, offer: &Offer) -> Option<Place> {
        let queue = self.types.get(&offer.executor_type)?;
        let lanes = [Some(&queue.anyone), queue.named.get(&offer.executor_name)];
        let locations: &[&str] = if offer.location.is_empty() { &[""] } else { &["", &offer.location] };
        lanes
            .into_iter()
            .flatten()
            .flat_map(|lanes| locations.iter().filter_map(|&location| lanes.0.get(location)))
            .filter_map(|lane| first_in(lane, offer))
            .min()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }
}

impl Lanes {
    fn take(&mut self, location: &str, demand: (i64, i64), place: Place) {
        let Some(lane) = self.0.get_mut(location) else {
            return;
        };
        if let Some(places) = lane.get_mut(&demand) {
            places.remove(&place);
            if places.is_empty() {
                lane.remove(&demand);
            }
        }
        if lane.is_empty() {
            self.0.remove(location);
        }
    }
}

fn first_in(lane: &Lane, offer: &Offer) -> Option<Place> {
    let cpu = offer.cpu.unwrap_or(i64::MAX);
    lane.range(..=(cpu, i64::MAX))
        .filter(|((_, memory), _)| offer.memory.is_none_or(|offered| *memory <= offered))
        .filter_map(|(_, places)| places.first().copied())
        .min()
}
