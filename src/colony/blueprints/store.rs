//! All definitions and blueprints of a colony, with the indexes that keep a change's cost independent of their number.

use super::model::{Blueprint, ChangeType, Definition, HistoryEntry};
use super::{BlueprintEvent, Change, reconcile_cron};
use crate::colony::state::Changes;
use crate::colony::table::{Keyed, Table};
use crate::limits;
use crate::map::HashMap;
use crate::time::Time;
use bincode::{Decode, Encode};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// The definitions and blueprints of one colony.
#[derive(Debug, Default)]
pub struct Blueprints {
    definitions: Table<Arc<Definition>>,
    definition_ids: BTreeSet<String>,
    definition_names: BTreeSet<String>,
    /// Definitions' names by the kind that they declare.
    declared: HashMap<String, BTreeSet<String>>,
    blueprints: Table<Kept>,
    names: BTreeSet<String>,
    /// Names by id.
    ids: HashMap<String, String>,
    /// Names by kind.
    kinds: HashMap<String, BTreeSet<String>>,
    /// Names by kind and location, which here is compared without regard to case.
    places: HashMap<(String, String), BTreeSet<String>>,
    /// How many blueprints share a reconciliation cron, by its name.
    crons: HashMap<String, usize>,
    /// About how many bytes of memory all of them take.
    bytes: usize,
}

/// Everything else follows from these.
impl PartialEq for Blueprints {
    fn eq(&self, other: &Self) -> bool {
        self.definitions == other.definitions && self.blueprints == other.blueprints
    }
}

/// A blueprint with its history.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Kept {
    blueprint: Arc<Blueprint>,
    /// The oldest first.
    history: VecDeque<Arc<HistoryEntry>>,
    /// About how many bytes of memory the history takes.
    history_bytes: usize,
}

impl Keyed for Kept {
    type Key = String;
    fn key(&self) -> &String {
        &self.blueprint.metadata.name
    }
}

impl Keyed for Definition {
    type Key = String;
    fn key(&self) -> &String {
        &self.metadata.name
    }
}

impl Kept {
    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        self.blueprint.bytes() + self.history_bytes
    }

    /// Adds an entry about the blueprint as it is now.
    fn note(&mut self, change: Change, kind: ChangeType, at: Time) {
        let blueprint = &self.blueprint;
        let entry = HistoryEntry {
            id: change.id,
            kind: blueprint.kind.clone(),
            generation: blueprint.metadata.generation,
            spec: blueprint.spec.clone(),
            status: blueprint.status.clone(),
            at,
            by: change.by,
            change: kind,
        };
        self.history_bytes += entry.bytes();
        self.history.push_back(Arc::new(entry));
        if self.history.len() > limits::BLUEPRINT_HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.history_bytes = self.history_bytes.saturating_sub(oldest.bytes());
        }
    }
}

impl Blueprints {
    /// The definition of this name.
    pub fn definition(&self, name: &str) -> Option<&Arc<Definition>> {
        self.definitions.get(name)
    }

    /// The definition that counts for blueprints of this kind: the first by name that declares it.
    pub fn definition_of(&self, kind: &str) -> Option<&Arc<Definition>> {
        self.definitions.get(self.declared.get(kind)?.first()?)
    }

    /// Whether a definition has this id.
    pub fn has_definition_id(&self, id: &str) -> bool {
        self.definition_ids.contains(id)
    }

    /// All definitions by name.
    pub fn definitions(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.definition_names.iter().filter_map(|name| self.definitions.get(name))
    }

    /// How many definitions there are.
    pub fn definition_count(&self) -> usize {
        self.definitions.len()
    }

    /// The blueprint of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Blueprint>> {
        self.blueprints.get(name).map(|kept| &kept.blueprint)
    }

    /// The blueprint of this id.
    pub fn by_id(&self, id: &str) -> Option<&Arc<Blueprint>> {
        self.get(self.ids.get(id)?)
    }

    /// The ids of all blueprints.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        self.ids.keys()
    }

    /// How many blueprints there are.
    pub fn len(&self) -> usize {
        self.blueprints.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.blueprints.is_empty()
    }

    /// How many blueprints are of this kind.
    pub fn count_of(&self, kind: &str) -> usize {
        self.kinds.get(kind).map_or(0, BTreeSet::len)
    }

    /// How many blueprints share the reconciliation cron of this name.
    pub fn sharing_cron(&self, cron: &str) -> usize {
        self.crons.get(cron).copied().unwrap_or_default()
    }

    /// Blueprints by name: all of them for the empty kind; with a location, those of the kind that are there, compared
    /// without regard to case.
    pub fn list(&self, kind: &str, location: &str) -> Vec<Arc<Blueprint>> {
        if kind.is_empty() {
            return self.names.iter().filter_map(|name| self.get(name).cloned()).collect();
        }
        let names = if location.is_empty() {
            self.kinds.get(kind)
        } else {
            self.places.get(&(kind.to_owned(), location.to_lowercase()))
        };
        names.into_iter().flatten().filter_map(|name| self.get(name).cloned()).collect()
    }

    /// The history of a blueprint, the newest first.
    pub fn history(&self, name: &str) -> impl Iterator<Item = &Arc<HistoryEntry>> {
        self.blueprints.get(name).into_iter().flat_map(|kept| kept.history.iter().rev())
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Carries out what happened at this time.
    pub fn apply(&mut self, event: BlueprintEvent, at: Time, changes: &mut Changes) {
        match event {
            BlueprintEvent::DefinitionAdded(definition) => self.define(*definition),
            BlueprintEvent::DefinitionRemoved(name) => self.undefine(&name),
            BlueprintEvent::Added { blueprint, change } => {
                // One of the same name would be an error of whoever decided; it must not leave its indexes behind.
                self.remove(&blueprint.metadata.name, changes);
                let (blueprint, history) = (Arc::from(blueprint), VecDeque::new());
                let mut kept = Kept { blueprint, history, history_bytes: 0 };
                kept.note(change, ChangeType::Create, at);
                changes.blueprints.push((kept.blueprint.blueprintid.clone(), true));
                self.enter(kept);
            }
            BlueprintEvent::Updated { blueprint, change } => self.update(*blueprint, change, at),
            BlueprintEvent::StatusSet { name, status } => self.touch(&name, |blueprint| blueprint.status = status),
            BlueprintEvent::GenerationRaised(name) => self.touch(&name, |blueprint| {
                blueprint.metadata.generation = blueprint.metadata.generation.wrapping_add(1);
            }),
            BlueprintEvent::Removed(name) => self.remove(&name, changes),
        }
    }

    fn define(&mut self, definition: Definition) {
        self.undefine(&definition.metadata.name);
        self.index_definition(&definition);
        self.definitions.insert(Arc::new(definition));
    }

    fn index_definition(&mut self, definition: &Definition) {
        self.bytes += definition.bytes();
        let name = definition.metadata.name.clone();
        self.definition_ids.insert(definition.blueprintdefinitionid.clone());
        self.declared.entry(definition.declares().to_owned()).or_default().insert(name.clone());
        self.definition_names.insert(name);
    }

    /// What a checkpoint writes and reads.
    pub(in crate::colony) fn tables(&mut self) -> (&mut Table<Arc<Definition>>, &mut Table<Kept>) {
        (&mut self.definitions, &mut self.blueprints)
    }

    /// Puts a definition back that had this number.
    pub(in crate::colony) fn restore_definition(&mut self, number: u64, definition: Arc<Definition>) {
        self.index_definition(&definition);
        self.definitions.restore(number, definition);
    }

    /// Puts a blueprint back that had this number.
    pub(in crate::colony) fn restore(&mut self, number: u64, kept: Kept) {
        self.index(&kept);
        self.blueprints.restore(number, kept);
    }

    fn undefine(&mut self, name: &str) {
        let Some(definition) = self.definitions.remove(name) else {
            return;
        };
        self.bytes = self.bytes.saturating_sub(definition.bytes());
        self.definition_ids.remove(&definition.blueprintdefinitionid);
        self.definition_names.remove(name);
        leave(&mut self.declared, definition.declares(), name);
    }

    fn update(&mut self, blueprint: Blueprint, change: Option<Change>, at: Time) {
        let name = blueprint.metadata.name.clone();
        let Some(kept) = self.blueprints.get_mut(&name) else {
            return;
        };
        let is_alike = is_indexed_alike(&kept.blueprint, &blueprint);
        let replace = |kept: &mut Kept| {
            kept.blueprint = Arc::new(blueprint);
            if let Some(change) = change {
                kept.note(change, ChangeType::Update, at);
            }
        };
        // Mostly the indexes say the same afterwards: five look-ups among all the others of its kind are saved.
        if is_alike {
            let before = kept.bytes();
            replace(kept);
            self.bytes = (self.bytes + kept.bytes()).saturating_sub(before);
        } else if let Some(mut kept) = self.take(&name) {
            replace(&mut kept);
            self.enter(kept);
        }
    }

    /// Changes what no index looks at.
    fn touch(&mut self, name: &str, change: impl FnOnce(&mut Blueprint)) {
        if let Some(kept) = self.blueprints.get_mut(name) {
            let before = kept.bytes();
            change(Arc::make_mut(&mut kept.blueprint));
            self.bytes = (self.bytes + kept.bytes()).saturating_sub(before);
        }
    }

    fn remove(&mut self, name: &str, changes: &mut Changes) {
        if let Some(kept) = self.take(name) {
            changes.blueprints.push((kept.blueprint.blueprintid.clone(), false));
        }
    }

    fn enter(&mut self, kept: Kept) {
        self.index(&kept);
        self.blueprints.insert(kept);
    }

    fn index(&mut self, kept: &Kept) {
        let blueprint = &kept.blueprint;
        let name = blueprint.metadata.name.clone();
        self.bytes += kept.bytes();
        self.ids.insert(blueprint.blueprintid.clone(), name.clone());
        self.kinds.entry(blueprint.kind.clone()).or_default().insert(name.clone());
        self.places.entry(place(blueprint)).or_default().insert(name.clone());
        let cron = reconcile_cron::name(&blueprint.kind, &blueprint.metadata.locationname);
        *self.crons.entry(cron).or_default() += 1;
        self.names.insert(name);
    }

    fn take(&mut self, name: &str) -> Option<Kept> {
        let kept = self.blueprints.remove(name)?;
        let blueprint = &kept.blueprint;
        self.bytes = self.bytes.saturating_sub(kept.bytes());
        self.ids.remove(&blueprint.blueprintid);
        self.names.remove(name);
        leave(&mut self.kinds, &blueprint.kind, name);
        leave(&mut self.places, &place(blueprint), name);
        let cron = reconcile_cron::name(&blueprint.kind, &blueprint.metadata.locationname);
        if let Some(count) = self.crons.get_mut(&cron) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.crons.remove(&cron);
            }
        }
        Some(kept)
    }
}

/// Whether two blueprints of one name stand in the same places of all indexes.
fn is_indexed_alike(one: &Blueprint, other: &Blueprint) -> bool {
    one.blueprintid == other.blueprintid
        && one.kind == other.kind
        && one.metadata.locationname == other.metadata.locationname
}

fn place(blueprint: &Blueprint) -> (String, String) {
    (blueprint.kind.clone(), blueprint.metadata.locationname.to_lowercase())
}

/// Takes a name out of an index; a key without names goes too.
fn leave<K: Eq + std::hash::Hash + std::borrow::Borrow<Q>, Q: Eq + std::hash::Hash + ?Sized>(
    index: &mut HashMap<K, BTreeSet<String>>,
    key: &Q,
    name: &str,
) {
    if let Some(names) = index.get_mut(key) {
        names.remove(name);
        if names.is_empty() {
            index.remove(key);
        }
    }
}
