//! Snapshots: a named list of the newest revisions in a label and below it, as they were (chapter 4, 4).

pub mod create;
pub mod get;
pub mod list;
pub mod remove;
pub mod remove_all;

use super::files::Files;
use super::table::{Keyed, Table};
use crate::ids::{FileId, SnapshotId};
use crate::map::HashMap;
use crate::time::Time;
use bincode::{Decode, Encode};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// What happens to snapshots.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum SnapshotEvent {
    /// One was taken. Which files are in it follows from the files and is not recorded.
    Created {
        /// Its id.
        id: SnapshotId,
        /// The label that it was taken of.
        label: String,
        /// Its name, unique in the colony.
        name: String,
    },
    /// One was removed.
    Removed(SnapshotId),
    /// All were removed.
    AllRemoved,
}

/// A snapshot. It never changes, also when files that it names are removed.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// The label that it was taken of.
    pub label: String,
    /// Its name.
    pub name: String,
    /// The newest revisions at that time, by label and name.
    pub files: Arc<[FileId]>,
    /// When it was taken.
    pub added: Time,
}

impl Keyed for Snapshot {
    type Key = SnapshotId;
    fn key(&self) -> &SnapshotId {
        &self.id
    }
}

/// About how many bytes of memory a snapshot takes beside its texts and files.
const SNAPSHOT_BYTES: usize = 384;

/// Bytes of a file's id in a reply.
const SHOWN_ID_BYTES: usize = 67;

impl Snapshot {
    /// About how many bytes of memory a snapshot of so many files takes.
    pub fn bytes_of(label: &str, name: &str, files: usize) -> usize {
        SNAPSHOT_BYTES + label.len() + 2 * name.len() + files * size_of::<FileId>()
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        Snapshot::bytes_of(&self.label, &self.name, self.files.len())
    }

    /// About how many bytes it has in a reply.
    fn shown_bytes(&self) -> usize {
        SNAPSHOT_BYTES + self.label.len() + self.name.len() + self.files.len() * SHOWN_ID_BYTES
    }
}

/// The snapshots of one colony.
#[derive(Debug, Default)]
pub struct Snapshots {
    table: Table<Snapshot>,
    by_name: HashMap<String, SnapshotId>,
    /// About how many bytes of memory all of them take.
    bytes: usize,
}

/// Names and bytes follow from the table.
impl PartialEq for Snapshots {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

impl Snapshots {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The snapshot of this id.
    pub fn get(&self, id: &SnapshotId) -> Option<&Snapshot> {
        self.table.get(id)
    }

    /// The snapshot of this name.
    pub fn by_name(&self, name: &str) -> Option<&Snapshot> {
        self.get(self.by_name.get(name)?)
    }

    /// All snapshots, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Snapshot> {
        self.table.iter().rev()
    }

    /// What a checkpoint writes and reads.
    pub(in crate::colony) fn table(&mut self) -> &mut Table<Snapshot> {
        &mut self.table
    }

    /// Puts a snapshot back that had this number.
    pub(in crate::colony) fn restore(&mut self, number: u64, snapshot: Snapshot) {
        self.bytes += snapshot.bytes();
        self.by_name.insert(snapshot.name.clone(), snapshot.id);
        self.table.restore(number, snapshot);
    }

    /// Carries out what happened at this time, when these were the files.
    pub fn apply(&mut self, event: SnapshotEvent, files: &Files, added: Time) {
        match event {
            SnapshotEvent::Created { id, label, name } => {
                // Ids and names are unique; a record that says otherwise must not leave the indexes in disagreement.
                if self.get(&id).is_some() || self.by_name(&name).is_some() {
                    return;
                }
                let files = files.in_tree(&label).map(|file| file.id).collect();
                let snapshot = Snapshot { id, label, name: name.clone(), files, added };
                self.bytes += snapshot.bytes();
                self.by_name.insert(name, id);
                self.table.insert(snapshot);
            }
            SnapshotEvent::Removed(id) => {
                if let Some(snapshot) = self.table.remove(&id) {
                    self.bytes -= snapshot.bytes();
                    self.by_name.remove(&snapshot.name);
                }
            }
            SnapshotEvent::AllRemoved => {
                self.table.clear();
                self.by_name.clear();
                self.bytes = 0;
            }
        }
    }
}

/// A snapshot on its way to the client.
pub struct ShownSnapshot {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The colony's name.
    pub colony: Arc<str>,
}

impl Serialize for ShownSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Snapshot { id, label, name, files, added } = &self.snapshot;
        let mut shown = serializer.serialize_struct("snapshot", 6)?;
        shown.serialize_field("snapshotid", id)?;
        shown.serialize_field("colonyname", &self.colony)?;
        shown.serialize_field("label", label)?;
        shown.serialize_field("name", name)?;
        shown.serialize_field("fileids", &Some(files).filter(|files| !files.is_empty()))?;
        shown.serialize_field("added", added)?;
        shown.end()
    }
}
