//! Executors of a colony: the registry (chapter 1, 9).

pub mod add;
pub mod approve;
pub mod change_id;
pub mod get;
pub mod get_by_id;
pub mod list;
mod model;
pub mod reject;
pub mod remove;
pub mod report_allocations;
pub mod stale;
pub mod update;

pub use model::{Allocations, Capabilities, Executor, ExecutorState, Hardware, Software};

use super::table::{Keyed, Slot, Table};
use crate::crypto::Identity;
use crate::map::{HashMap, remove_from};
use crate::time::Time;
use bincode::{Decode, Encode};
use std::collections::BTreeSet;

impl Keyed for Executor {
    type Key = String;
    fn key(&self) -> &String {
        &self.executorname
    }
}

/// What happens to executors.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum ExecutorEvent {
    /// An executor was added, or came back under its name; it waits for approval.
    Added(Box<Executor>),
    /// The owner approved it.
    Approved(String),
    /// The owner rejected it: what it holds goes back.
    Rejected(String),
    /// It was removed by the owner or by the sweep for silent ones: what it holds goes back, its functions go, its
    /// record stays.
    Removed(String),
    /// It reported its allocations.
    AllocationsReported {
        /// The executor's name.
        name: String,
        /// All of them, in place of the earlier ones.
        allocations: Allocations,
    },
    /// It reported its capabilities.
    CapabilitiesUpdated {
        /// The executor's name.
        name: String,
        /// All of them, in place of the earlier ones.
        capabilities: Capabilities,
    },
    /// It changed its key; all records of the old id change together.
    Rekeyed {
        /// The id so far.
        from: Identity,
        /// The id from now on.
        to: Identity,
    },
    /// The record of a removed executor was dropped, because there are too many.
    Forgotten(String),
}

impl ExecutorEvent {
    /// The executor that gives back what it holds, and whether its functions go too.
    pub fn releases(&self) -> Option<(&str, bool)> {
        match self {
            ExecutorEvent::Added(executor) => Some((&executor.executorname, true)),
            ExecutorEvent::Removed(name) => Some((name, true)),
            ExecutorEvent::Rejected(name) => Some((name, false)),
            _ => None,
        }
    }
}

/// The executors of one colony, found by name and by id, with their counts.
#[derive(Debug, Default, PartialEq)]
pub struct Executors {
    table: Table<Executor>,
    /// Names by id: one id may be registered under several names.
    by_id: HashMap<Identity, BTreeSet<String>>,
    counts: [usize; 4],
}

impl Executors {
    /// The executor of this name, in any state.
    pub fn get(&self, name: &str) -> Option<&Executor> {
        self.table.get(name)
    }

    /// All executors in the order in which their names were first added.
    pub fn iter(&self) -> impl Iterator<Item = &Executor> {
        self.table.iter()
    }

    /// How many there are in all states.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// How many are in this state.
    pub fn count(&self, state: ExecutorState) -> usize {
        self.counts[state as usize]
    }

    /// The names registered under this id.
    pub fn names_of(&self, id: &Identity) -> impl Iterator<Item = &str> {
        self.by_id.get(id).into_iter().flatten().map(String::as_str)
    }

    /// The approved executor that a caller of this id acts as: the latest where there are several (chapter 1, W2).
    pub fn acting(&self, id: &Identity) -> Option<&Executor> {
        self.table.at(self.acting_slot(id)?)
    }

    /// The name of [`Executors::acting`], or of any record of the id where none is approved any more.
    pub fn acting_name(&self, id: &Identity) -> Option<&str> {
        self.acting(id).map(|executor| executor.executorname.as_str()).or_else(|| self.names_of(id).next())
    }

    /// The executor of this id, whatever its state: the acting one first.
    pub fn by_id(&self, id: &Identity) -> Option<&Executor> {
        self.acting(id).or_else(|| self.names_of(id).next().and_then(|name| self.table.get(name)))
    }

    /// Whether an executor of this id waits for its approval.
    pub fn is_pending(&self, id: &Identity) -> bool {
        self.names_of(id)
            .filter_map(|name| self.table.get(name))
            .any(|executor| executor.state == ExecutorState::Pending)
    }

    /// Notes that the executor that acts for this id asked for work at this time.
    pub fn note_asked(&mut self, id: &Identity, at: Time) {
        let Some(slot) = self.acting_slot(id) else {
            return;
        };
        if let Some(executor) = self.table.at_mut(slot) {
            executor.lastheardfromtime = at;
        }
    }

    fn acting_slot(&self, id: &Identity) -> Option<Slot> {
        self.names_of(id)
            .filter_map(|name| self.table.slot(name))
            .filter(|&slot| self.table.at(slot).is_some_and(|executor| executor.state == ExecutorState::Approved))
            .max_by_key(|&slot| self.table.number(slot))
    }

    /// The ids that this makes known or unknown.
    pub fn concerned<'a>(&'a self, event: &'a ExecutorEvent) -> [Option<&'a Identity>; 2] {
        match event {
            ExecutorEvent::Added(executor) => {
                let before = self.get(&executor.executorname).map(|before| &before.executorid);
                [Some(&executor.executorid), before]
            }
            ExecutorEvent::Rekeyed { from, to } => [Some(from), Some(to)],
            ExecutorEvent::Forgotten(name) => [self.get(name).map(|executor| &executor.executorid), None],
            _ => [None, None],
        }
    }

    /// What a checkpoint writes and reads.
    pub(in crate::colony) fn table(&mut self) -> &mut Table<Executor> {
        &mut self.table
    }

    /// Puts an executor back that had this number.
    pub(in crate::colony) fn restore(&mut self, number: u64, executor: Executor) {
        self.counts[executor.state as usize] += 1;
        self.by_id.entry(executor.executorid.clone()).or_default().insert(executor.executorname.clone());
        self.table.restore(number, executor);
    }

    /// Carries out what happened at this time.
    pub fn apply(&mut self, event: ExecutorEvent, at: Time) {
        match event {
            ExecutorEvent::Added(mut executor) => {
                executor.state = ExecutorState::Pending;
                executor.commissiontime = at;
                if let Some(before) = self.table.get(&executor.executorname) {
                    self.counts[before.state as usize] -= 1;
                    let (id, name) = (before.executorid.clone(), before.executorname.clone());
                    remove_from(&mut self.by_id, &id, &name);
                }
                self.counts[executor.state as usize] += 1;
                self.by_id.entry(executor.executorid.clone()).or_default().insert(executor.executorname.clone());
                self.table.insert(*executor);
            }
            ExecutorEvent::Approved(name) => self.set_state(&name, ExecutorState::Approved),
            ExecutorEvent::Rejected(name) => self.set_state(&name, ExecutorState::Rejected),
            ExecutorEvent::Removed(name) => self.set_state(&name, ExecutorState::Unregistered),
            ExecutorEvent::AllocationsReported { name, allocations } => {
                if let Some(executor) = self.table.get_mut(&name) {
                    executor.allocations = allocations;
                }
            }
            ExecutorEvent::CapabilitiesUpdated { name, capabilities } => {
                if let Some(executor) = self.table.get_mut(&name) {
                    executor.capabilities = capabilities;
                }
            }
            ExecutorEvent::Rekeyed { from, to } => {
                let Some(names) = self.by_id.remove(&from) else {
                    return;
                };
                for name in &names {
                    if let Some(executor) = self.table.get_mut(name) {
                        executor.executorid = to.clone();
                    }
                }
                self.by_id.entry(to).or_default().extend(names);
            }
            ExecutorEvent::Forgotten(name) => {
                if let Some(executor) = self.table.remove(&name) {
                    self.counts[executor.state as usize] -= 1;
                    remove_from(&mut self.by_id, &executor.executorid, &name);
                }
            }
        }
    }

    fn set_state(&mut self, name: &str, state: ExecutorState) {
        if let Some(executor) = self.table.get_mut(name) {
            self.counts[executor.state as usize] -= 1;
            executor.state = state;
            self.counts[state as usize] += 1;
        }
    }
}
