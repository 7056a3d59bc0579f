//! Which colony is where. The http workers route by this; rights are decided in the turn.

use crate::colony::Colony;
use crate::colony::actor::Surroundings;
use crate::colony::colonies::statistics::Statistics;
use crate::colony::mailbox::Mailbox;
use crate::crypto::Identity;
use crate::ids::{AttributeId, GraphId, Incarnation, ProcessId};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
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
        self.functions.write().retain(|_, incarnations| {
            incarnations.retain(|incarnation| *incarnation != handle.incarnation);
            !incarnations.is_empty()
        });
        Some(handle)
    }

    /// The colony of this name.
    pub fn by_name(&self, name: &str) -> Option<Arc<ColonyHandle>> {
        self.colonies.read().by_name.get(name).cloned()
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

    /// The colony of an attribute.
    pub fn of_attribute(&self, id: &str) -> Option<Arc<ColonyHandle>> {
        let id = AttributeId::from_text(id)?;
        let incarnation = *self.attributes.read().get(&id)?;
        self.colonies.read().by_incarnation.get(&incarnation).cloned()
    }

    /// The colonies in which a function has this id.
    pub fn of_function(&self, id: &str) -> Vec<Arc<ColonyHandle>> {
        let incarnations = self.functions.read().get(id).cloned().unwrap_or_default();
        let colonies = self.colonies.read();
        incarnations.iter().filter_map(|incarnation| colonies.by_incarnation.get(incarnation).cloned()).collect()
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

    fn note_function(&self, id: String, incarnation: Incarnation, is_there: bool) {
        let mut functions = self.functions.write();
        let incarnations = functions.entry(id.clone()).or_default();
        incarnations.retain(|other| *other != incarnation);
        if is_there {
            incarnations.push(incarnation);
        } else if incarnations.is_empty() {
            functions.remove(&id);
        }
    }

    /// Takes over the ids of a colony that was read back.
    pub fn index(&self, colony: &Colony) {
        let incarnation = colony.state.incarnation;
        let mut attributes = self.attributes.write();
        attributes.extend(colony.state.processes.attribute_ids().map(|id| (*id, incarnation)));
        drop(attributes);
        for function in colony.state.functions.iter() {
            self.note_function(function.functionid.clone(), incarnation, true);
        }
    }
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
        for (id, is_there) in colony.state.changes.functions.drain(..) {
            self.directory.note_function(id, incarnation, is_there);
        }
        let mut figures = self.figures.lock();
        figures.statistics = Statistics::of(&colony.state);
        figures.waiters = colony.waiters.len();
        if figures.owner != colony.state.owner {
            figures.owner = colony.state.owner.clone();
        }
    }
}
