//! Which colony is where. The http workers route by this; rights are decided in the turn.

use crate::colony::Colony;
use crate::colony::actor::Surroundings;
use crate::colony::colonies::statistics::Statistics;
use crate::colony::mailbox::Mailbox;
use crate::crypto::Identity;
use crate::ids::{AttributeId, CronId, GeneratorId, GraphId, Incarnation, ProcessId};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::Arc;

/// A colony as others reach it.
pub struct ColonyHandle {
    /// Its name.
    pub name: String,
    /// Which life of the name this is.
    pub incarnation: Incarnation,
    /// The way in.
    pub mailbox: Box<dyn Mailbox>,
    /// What is known about it without asking.
    pub figures: Arc<Mutex<Figures>>,
}

/// What is known about a colony without asking: as of its last turn.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Its owner's id.
    pub owner: Identity,
    /// Its counts.
    pub statistics: Statistics,
    /// Executors that wait for work.
    pub waiters: usize,
}

/// All colonies, and where ids that do not name their colony belong.
#[derive(Default)]
pub struct Directory {
    colonies: RwLock<Colonies>,
    attributes: RwLock<HashMap<AttributeId, Incarnation>>,
    /// Clients choose function ids, so that two colonies may use one.
    functions: RwLock<HashMap<String, Vec<Incarnation>>>,
    /// Clients may choose blueprint ids, so that two colonies may use one. Ids made here are listed too: a stranger is told
    /// that nothing has an id before it is told that it has no right.
    blueprints: RwLock<HashMap<String, Vec<Incarnation>>>,
    /// Where an id is registered as a user or an executor, in whatever state.
    identities: RwLock<HashMap<Identity, Vec<Incarnation>>>,
}

#[derive(Default)]
struct Colonies {
    by_name: HashMap<String, Arc<ColonyHandle>>,
    by_incarnation: HashMap<Incarnation, Arc<ColonyHandle>>,
}

impl Directory {
    /// Adds a colony.
    pub fn insert(&self, handle: Arc<ColonyHandle>) {
        let mut colonies = self.colonies.write();
        colonies.by_incarnation.insert(handle.incarnation, handle.clone());
        colonies.by_name.insert(handle.name.clone(), handle);
    }

    /// Takes a colony out: it is not found any more.
    pub fn remove(&self, name: &str) -> Option<Arc<ColonyHandle>> {
        let mut colonies = self.colonies.write();
        let handle = colonies.by_name.remove(name)?;
        colonies.by_incarnation.remove(&handle.incarnation);
        drop(colonies);
        self.attributes.write().retain(|_, incarnation| *incarnation != handle.incarnation);
        forget_everywhere(&mut self.functions.write(), handle.incarnation);
        forget_everywhere(&mut self.blueprints.write(), handle.incarnation);
        forget_everywhere(&mut self.identities.write(), handle.incarnation);
        Some(handle)
    }

    /// The colony of this name.
    pub fn by_name(&self, name: &str) -> Option<Arc<ColonyHandle>> {
        self.colonies.read().by_name.get(name).cloned()
    }

    /// The colony of this incarnation.
    pub fn by_incarnation(&self, incarnation: Incarnation) -> Option<Arc<ColonyHandle>> {
        self.colonies.read().by_incarnation.get(&incarnation).cloned()
    }

    /// The colony that a process's id names.
    pub fn of_process(&self, id: &str) -> Option<Arc<ColonyHandle>> {
        let id = ProcessId::from_text(id)?;
        self.colonies.read().by_incarnation.get(&id.incarnation()).cloned()
    }

    /// The colony that a workflow's id names.
    pub fn of_graph(&self, id: &str) -> Option<Arc<ColonyHandle>> {
        let id = GraphId::from_text(id)?;
        self.colonies.read().by_incarnation.get(&id.incarnation()).cloned()
    }

    /// The colony that a cron's id names.
    pub fn of_cron(&self, id: &str) -> Option<Arc<ColonyHandle>> {
        let id = CronId::from_text(id)?;
        self.colonies.read().by_incarnation.get(&id.incarnation()).cloned()
    }

    /// The colony that a generator's id names.
    pub fn of_generator(&self, id: &str) -> Option<Arc<ColonyHandle>> {
        let id = GeneratorId::from_text(id)?;
        self.colonies.read().by_incarnation.get(&id.incarnation()).cloned()
    }

    /// The colony of an attribute.
    pub fn of_attribute(&self, id: &str) -> Option<Arc<ColonyHandle>> {
        let id = AttributeId::from_text(id)?;
        let incarnation = *self.attributes.read().get(&id)?;
        self.colonies.read().by_incarnation.get(&incarnation).cloned()
    }

    /// The colonies in which a function has this id: those first in which this caller is known.
    pub fn of_function(&self, id: &str, caller: &Identity) -> Vec<Arc<ColonyHandle>> {
        let mut incarnations = self.functions.read().get(id).cloned().unwrap_or_default();
        let known = self.identities.read().get(caller).cloned().unwrap_or_default();
        incarnations.sort_by_key(|incarnation| !known.contains(incarnation));
        self.of_incarnations(&incarnations)
    }

    /// The colonies in which a blueprint has this id; where clients chose it for several, those first in which this caller
    /// is known or which it owns. An id that names nothing leads nowhere, whoever asks.
    pub fn of_blueprint(&self, id: &str, caller: &Identity) -> Vec<Arc<ColonyHandle>> {
        let incarnations = self.blueprints.read().get(id).cloned().unwrap_or_default();
        let known = self.identities.read().get(caller).cloned().unwrap_or_default();
        let mut colonies = self.of_incarnations(&incarnations);
        colonies.sort_by_key(|colony| !(known.contains(&colony.incarnation) || colony.figures.lock().owner == *caller));
        colonies
    }

    /// The colonies in which this id is registered as a user or an executor, in whatever state.
    pub fn of_identity(&self, id: &Identity) -> Vec<Arc<ColonyHandle>> {
        let incarnations = self.identities.read().get(id).cloned().unwrap_or_default();
        self.of_incarnations(&incarnations)
    }

    fn of_incarnations(&self, incarnations: &[Incarnation]) -> Vec<Arc<ColonyHandle>> {
        let colonies = self.colonies.read();
        incarnations.iter().filter_map(|incarnation| colonies.by_incarnation.get(incarnation).cloned()).collect()
    }

    /// The figures of all colonies together, each as of its last turn.
    pub fn total(&self) -> Statistics {
        self.colonies
            .read()
            .by_name
            .values()
            .fold(Statistics::default(), |sum, colony| sum.plus(&colony.figures.lock().statistics))
    }

    /// All colonies.
    pub fn all(&self) -> Vec<Arc<ColonyHandle>> {
        self.colonies.read().by_name.values().cloned().collect()
    }

    fn note_attribute(&self, id: AttributeId, incarnation: Incarnation, is_there: bool) {
        let mut attributes = self.attributes.write();
        if is_there {
            attributes.insert(id, incarnation);
        } else {
            attributes.remove(&id);
        }
    }

    /// Takes over the ids of a colony that was read back.
    pub fn index(&self, colony: &Colony) {
        let incarnation = colony.state.incarnation;
        let mut attributes = self.attributes.write();
        attributes.extend(colony.state.processes.attribute_ids().map(|id| (*id, incarnation)));
        drop(attributes);
        let mut functions = self.functions.write();
        for function in colony.state.functions.iter() {
            note(&mut functions, function.functionid.clone(), incarnation, true);
        }
        drop(functions);
        let mut blueprints = self.blueprints.write();
        for id in colony.state.blueprints.ids() {
            note(&mut blueprints, id.clone(), incarnation, true);
        }
        drop(blueprints);
        let mut identities = self.identities.write();
        for id in colony.state.identities() {
            note(&mut identities, id.clone(), incarnation, true);
        }
    }
}

/// Notes that something of this key is in this colony, or is not there any more.
fn note<K: Eq + Hash>(index: &mut HashMap<K, Vec<Incarnation>>, key: K, incarnation: Incarnation, is_there: bool) {
    match index.entry(key) {
        Entry::Occupied(mut entry) => {
            entry.get_mut().retain(|other| *other != incarnation);
            if is_there {
                entry.get_mut().push(incarnation);
            } else if entry.get().is_empty() {
                entry.remove();
            }
        }
        Entry::Vacant(entry) if is_there => {
            entry.insert(vec![incarnation]);
        }
        Entry::Vacant(_) => {}
    }
}

fn forget_everywhere<K>(index: &mut HashMap<K, Vec<Incarnation>>, incarnation: Incarnation) {
    index.retain(|_, incarnations| {
        incarnations.retain(|other| *other != incarnation);
        !incarnations.is_empty()
    });
}

/// Keeps the directory in step with one colony.
pub struct DirectoryEntry {
    /// The directory.
    pub directory: Arc<Directory>,
    /// The colony's figures.
    pub figures: Arc<Mutex<Figures>>,
}

impl Surroundings for DirectoryEntry {
    fn turned(&self, colony: &mut Colony) {
        let incarnation = colony.state.incarnation;
        for (id, is_there) in colony.state.changes.attributes.drain(..) {
            self.directory.note_attribute(id, incarnation, is_there);
        }
        let functions = std::mem::take(&mut colony.state.changes.functions);
        if !functions.is_empty() {
            let mut index = self.directory.functions.write();
            functions.into_iter().for_each(|(id, is_there)| note(&mut index, id, incarnation, is_there));
        }
        let blueprints = std::mem::take(&mut colony.state.changes.blueprints);
        if !blueprints.is_empty() {
            let mut index = self.directory.blueprints.write();
            blueprints.into_iter().for_each(|(id, is_there)| note(&mut index, id, incarnation, is_there));
        }
        let known = std::mem::take(&mut colony.state.changes.known);
        if !known.is_empty() {
            let mut index = self.directory.identities.write();
            for id in known {
                let is_known = colony.state.is_known(&id);
                note(&mut index, id, incarnation, is_known);
            }
        }
        let mut figures = self.figures.lock();
        figures.statistics = Statistics::of(&colony.state);
        figures.waiters = colony.waiters.len();
        if figures.owner != colony.state.owner {
            figures.owner = colony.state.owner.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_knows_all_colonies_of_a_key() {
        let mut index: HashMap<&str, Vec<Incarnation>> = HashMap::new();
        for (key, incarnation, is_there) in
            [("a", 1, true), ("a", 2, true), ("a", 2, true), ("b", 2, true), ("c", 3, false), ("b", 2, false)]
        {
            note(&mut index, key, incarnation, is_there);
        }
        assert_eq!(index, HashMap::from([("a", vec![1, 2])]));
        forget_everywhere(&mut index, 1);
        assert_eq!(index, HashMap::from([("a", vec![2])]));
        forget_everywhere(&mut index, 2);
        assert!(index.is_empty());
    }
}
