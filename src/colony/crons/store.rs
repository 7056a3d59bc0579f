//! All crons of a colony.

use super::{Cron, CronStart};
use crate::colony::table::Table;
use crate::crypto::Identity;
use crate::ids::{CronId, GraphId};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The crons of one colony.
#[derive(Debug, Default)]
pub struct Crons {
    table: Table<Cron>,
    by_name: BTreeMap<Arc<str>, CronId>,
    bytes: usize,
    /// Workflows that a cron names as its previous one.
    previous: BTreeSet<GraphId>,
}

/// The rest follows from the table.
impl PartialEq for Crons {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

impl Crons {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The cron of this id.
    pub fn get(&self, id: &CronId) -> Option<&Cron> {
        self.table.get(id)
    }

    /// The cron of this name.
    pub fn named(&self, name: &str) -> Option<&Cron> {
        self.get(self.by_name.get(name)?)
    }

    /// Whether a cron has this name.
    pub fn has_name(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// All crons in the order of their names.
    pub fn by_name(&self) -> impl Iterator<Item = &Cron> {
        self.by_name.values().filter_map(|id| self.get(id))
    }

    /// All crons in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Cron> {
        self.table.iter()
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a cron names this workflow as its previous one.
    pub fn has_previous(&self, graph: &GraphId) -> bool {
        self.previous.contains(graph)
    }

    /// Adds a cron.
    pub fn add(&mut self, cron: Cron) {
        self.index(&cron);
        self.table.insert(cron);
    }

    fn index(&mut self, cron: &Cron) {
        self.bytes += weight(cron);
        self.by_name.insert(cron.name.clone(), cron.id);
        self.previous.extend(cron.previous);
    }

    /// What a checkpoint writes and reads.
    pub(in crate::colony) fn table(&mut self) -> &mut Table<Cron> {
        &mut self.table
    }

    /// Puts a cron back that had this number.
    pub(in crate::colony) fn restore(&mut self, number: u64, cron: Cron) {
        self.index(&cron);
        self.table.restore(number, cron);
    }

    /// Takes over what a start at this time brought about.
    pub fn started(&mut self, start: &CronStart, at: Time) {
        if let Some(cron) = self.table.get_mut(&start.id) {
            if let Some(before) = cron.previous {
                self.previous.remove(&before);
            }
            self.previous.insert(start.graph.id);
            cron.last_run = at;
            cron.next_run = start.next;
            cron.anchor = start.anchor;
            cron.previous = Some(start.graph.id);
        }
    }

    /// Removes a cron.
    pub fn remove(&mut self, id: &CronId) {
        if let Some(cron) = self.table.remove(id) {
            self.bytes = self.bytes.saturating_sub(weight(&cron));
            self.by_name.remove(&cron.name);
            if let Some(previous) = cron.previous {
                self.previous.remove(&previous);
            }
        }
    }

    /// Whoever had one key has another: what it added follows.
    pub fn rekey(&mut self, from: &Identity, to: &Identity) {
        let ids: Vec<CronId> = self.iter().filter(|cron| cron.starter.id == *from).map(|cron| cron.id).collect();
        for id in ids {
            if let Some(cron) = self.table.get_mut(&id) {
                cron.starter.id = to.clone();
            }
        }
    }
}

fn weight(cron: &Cron) -> usize {
    size_of::<Cron>() + cron.name.len() * 2 + cron.expression.len() + cron.workflow.len() + 128
}
