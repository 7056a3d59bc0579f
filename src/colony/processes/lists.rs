//! The lists that `getprocessesmsg` and `getprocesshistmsg` read: each ordered and found without looking at other
//! processes (chapter 2, 7.2 and 7.3).

use super::{Process, ProcessState};
use crate::colony::sorted::SortedSet;
use crate::colony::table::{Slot, Table};
use crate::map::HashMap;
use crate::time::Time;

/// A row: what the list is ordered by, then the order of submission.
type Row = (i64, u64, Slot);

/// One list a state.
type ByState = [SortedSet<Row>; 5];

/// Which processes of a state are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFilter<'a> {
    /// All.
    All,
    /// Those for one executor type.
    ExecutorType(&'a str),
    /// Those that one initiator submitted.
    Initiator(&'a str),
    /// Those of one label.
    Label(&'a str),
}

impl ListFilter<'_> {
    /// The same with texts of its own.
    pub fn owned(&self) -> OwnedFilter {
        match *self {
            ListFilter::All => OwnedFilter::All,
            ListFilter::ExecutorType(key) => OwnedFilter::ExecutorType(key.to_owned()),
            ListFilter::Initiator(key) => OwnedFilter::Initiator(key.to_owned()),
            ListFilter::Label(key) => OwnedFilter::Label(key.to_owned()),
        }
    }
}

/// A filter that outlives its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedFilter {
    /// See [`ListFilter::All`].
    All,
    /// See [`ListFilter::ExecutorType`].
    ExecutorType(String),
    /// See [`ListFilter::Initiator`].
    Initiator(String),
    /// See [`ListFilter::Label`].
    Label(String),
}

impl OwnedFilter {
    /// The filter.
    pub fn as_filter(&self) -> ListFilter<'_> {
        match self {
            OwnedFilter::All => ListFilter::All,
            OwnedFilter::ExecutorType(key) => ListFilter::ExecutorType(key),
            OwnedFilter::Initiator(key) => ListFilter::Initiator(key),
            OwnedFilter::Label(key) => ListFilter::Label(key),
        }
    }
}

/// The lists of one colony.
///
/// They are behind by some processes: most pass through several states before anybody looks, so a change only notes where
/// the process is listed, and [`Lists::catch_up`] moves those that were changed together, each once. What reads must let
/// them catch up first.
#[derive(Debug, Default)]
pub struct Lists {
    all: ByState,
    by_submission: ByState,
    by_type: HashMap<Box<str>, ByState>,
    by_initiator: HashMap<Box<str>, ByState>,
    by_label: HashMap<Box<str>, ByState>,
    /// How many processes are in each state now.
    counts: [usize; 5],
    /// Processes that have changed, and where they are listed still; `None` for those that are in no list yet.
    behind: HashMap<Slot, Option<Listed>>,
}

/// Processes that lists may be behind by: what catching up costs at once, some 100 µs. Few in unit tests, which have few.
const BEHIND: usize = if cfg!(test) { 4 } else { 256 };

/// Where a process stands in the lists of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listed {
    state: ProcessState,
    order: i64,
}

impl Listed {
    fn of(process: &Process) -> Listed {
        Listed { state: process.state, order: order(process) }
    }
}

/// What a list is ordered by, then the order of submission: waiting by priority time, running by start, the rest by end,
/// newest first, an unset end last.
pub fn order(process: &Process) -> i64 {
    match process.state {
        ProcessState::Waiting => process.priority_time,
        ProcessState::Running => process.started.micros(),
        _ => -process.ended.micros(),
    }
}

impl Lists {
    /// A process is about to change, or to go.
    pub fn leave(&mut self, process: &Process, slot: Slot) {
        self.counts[process.state as usize] -= 1;
        self.behind.entry(slot).or_insert_with(|| Some(Listed::of(process)));
    }

    /// A process has changed, or is new. Says whether the lists should catch up now.
    #[must_use]
    pub fn enter(&mut self, process: &Process, slot: Slot) -> bool {
        self.counts[process.state as usize] += 1;
        self.behind.entry(slot).or_insert(None);
        self.behind.len() >= BEHIND
    }

    /// A process that has left is gone: its slot may be another one's from now on.
    pub fn forget(&mut self, process: &Process, number: u64, slot: Slot) {
        if let Some(Some(listed)) = self.behind.remove(&slot) {
            self.remove(process, listed, number, slot);
        }
    }

    /// Moves what has changed to where it belongs.
    pub fn catch_up(&mut self, table: &Table<Process>) {
        let rows = self.behind.drain().filter_map(|(slot, listed)| Some((table.number(slot)?, slot, listed)));
        let mut rows: Vec<_> = rows.collect();
        // In the order of submission most are added behind all others.
        rows.sort_unstable_by_key(|&(number, slot, _)| (number, slot));
        for (number, slot, listed) in rows {
            let Some(process) = table.at(slot) else {
                continue;
            };
            let now = Listed::of(process);
            if listed != Some(now) {
                if let Some(before) = listed {
                    self.remove(process, before, number, slot);
                }
                self.insert(process, now, number, slot);
            }
        }
    }

    fn insert(&mut self, process: &Process, listed: Listed, number: u64, slot: Slot) {
        let (state, row) = (listed.state as usize, (listed.order, number, slot));
        self.all[state].insert(row);
        self.by_submission[state].insert((process.submitted.micros(), number, slot));
        for (index, key) in self.filtered(process) {
            match index.get_mut(key) {
                Some(lists) => lists[state].insert(row),
                None => index.entry(key.into()).or_default()[state].insert(row),
            };
        }
    }

    fn remove(&mut self, process: &Process, listed: Listed, number: u64, slot: Slot) {
        let (state, row) = (listed.state as usize, (listed.order, number, slot));
        self.all[state].remove(&row);
        self.by_submission[state].remove(&(process.submitted.micros(), number, slot));
        for (index, key) in self.filtered(process) {
            if let Some(lists) = index.get_mut(key) {
                lists[state].remove(&row);
                if lists.iter().all(SortedSet::is_empty) {
                    index.remove(key);
                }
            }
        }
    }

    fn filtered<'a>(
        &'a mut self,
        process: &'a Process,
    ) -> impl Iterator<Item = (&'a mut HashMap<Box<str>, ByState>, &'a str)> {
        [
            (&mut self.by_type, &*process.spec.conditions.executor_type),
            (&mut self.by_initiator, &*process.initiator_name),
            (&mut self.by_label, &*process.spec.label),
        ]
        .into_iter()
        // An empty filter is no filter, so nobody can ask for an empty key.
        .filter(|(_, key)| !key.is_empty())
    }

    /// The processes of a state in the order of its list.
    pub fn of(&self, state: ProcessState, filter: ListFilter<'_>) -> impl Iterator<Item = Slot> {
        let lists = match filter {
            ListFilter::All => Some(&self.all),
            ListFilter::ExecutorType(key) => self.by_type.get(key),
            ListFilter::Initiator(key) => self.by_initiator.get(key),
            ListFilter::Label(key) => self.by_label.get(key),
        };
        lists.into_iter().flat_map(move |lists| lists[state as usize].iter()).map(|&(_, _, slot)| slot)
    }

    /// The processes of a state that were submitted from this time on, oldest first.
    pub fn submitted_since(&self, state: ProcessState, since: Time) -> impl DoubleEndedIterator<Item = Slot> {
        let from = (since.micros(), 0, Slot::FIRST);
        self.by_submission[state as usize].range_from(from).map(|&(_, _, slot)| slot)
    }

    /// How many processes are in this state.
    pub fn count(&self, state: ProcessState) -> usize {
        self.counts[state as usize]
    }
}
