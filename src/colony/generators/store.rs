//! All generators of a colony.

use super::model::{arg_weight, weight};
use super::{Generator, GeneratorSpec, GeneratorStart};
use crate::colony::table::Table;
use crate::crypto::Identity;
use crate::ids::GeneratorId;
use crate::map::HashMap;
use crate::time::Time;
use std::collections::VecDeque;
use std::sync::Arc;

/// The generators of one colony.
#[derive(Debug, Default)]
pub struct Generators {
    table: Table<Generator>,
    by_name: HashMap<Arc<str>, GeneratorId>,
    bytes: usize,
}

/// The rest follows from the table.
impl PartialEq for Generators {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

impl Generators {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The generator of this id.
    pub fn get(&self, id: &GeneratorId) -> Option<&Generator> {
        self.table.get(id)
    }

    /// The generator of this name.
    pub fn named(&self, name: &str) -> Option<&Generator> {
        self.get(self.by_name.get(name)?)
    }

    /// All generators in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Generator> {
        self.table.iter()
    }

    /// About how many bytes of memory they and their arguments take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a generator.
    pub fn add(&mut self, spec: GeneratorSpec) {
        self.bytes += weight(&spec);
        self.by_name.insert(spec.name.clone(), spec.id);
        self.table.insert(Generator {
            spec,
            first_pack: Time::UNSET,
            last_run: Time::UNSET,
            queue: VecDeque::new(),
            waiting_since: Time::UNSET,
        });
    }

    /// What a checkpoint writes and reads.
    pub(in crate::colony) fn table(&mut self) -> &mut Table<Generator> {
        &mut self.table
    }

    /// Puts a generator back that had this number.
    pub(in crate::colony) fn restore(&mut self, number: u64, generator: Generator) {
        self.bytes += generator.bytes();
        self.by_name.insert(generator.spec.name.clone(), generator.spec.id);
        self.table.restore(number, generator);
    }

    /// Takes over an argument that came at this time.
    pub fn pack(&mut self, id: &GeneratorId, arg: Box<str>, at: Time) {
        if let Some(generator) = self.table.get_mut(id) {
            if !generator.first_pack.is_set() {
                generator.first_pack = at;
            }
            if generator.queue.is_empty() {
                generator.waiting_since = at;
            }
            self.bytes += arg_weight(&arg);
            generator.queue.push_back(arg);
        }
    }

    /// Takes over what a start at this time brought about.
    pub fn started(&mut self, start: &GeneratorStart, at: Time) {
        if let Some(generator) = self.table.get_mut(&start.id) {
            generator.last_run = at;
            generator.waiting_since = at;
            let used = usize::try_from(start.used).unwrap_or(usize::MAX).min(generator.queue.len());
            let freed: usize = generator.queue.drain(..used).map(|arg| arg_weight(&arg)).sum();
            if generator.queue.is_empty() {
                // What a flood of arguments took is not kept.
                generator.queue.shrink_to(64);
            }
            self.bytes = self.bytes.saturating_sub(freed);
        }
    }

    /// Removes a generator and its arguments.
    pub fn remove(&mut self, id: &GeneratorId) {
        if let Some(generator) = self.table.remove(id) {
            self.bytes = self.bytes.saturating_sub(generator.bytes());
            self.by_name.remove(&generator.spec.name);
        }
    }

    /// Whoever had one key has another: what it added follows.
    pub fn rekey(&mut self, from: &Identity, to: &Identity) {
        let of_it = self.iter().filter(|generator| generator.spec.starter.id == *from);
        let ids: Vec<GeneratorId> = of_it.map(|generator| generator.spec.id).collect();
        for id in ids {
            if let Some(generator) = self.table.get_mut(&id) {
                generator.spec.starter.id = to.clone();
            }
        }
    }
}
