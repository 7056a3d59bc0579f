//! Snapshots of labels (chapter 4, 4).

use super::{Client, ClientError};
use crate::crypto::PrivateKey;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The files of a label as they were at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// Its id.
    pub snapshotid: String,
    /// The colony's name.
    pub colonyname: String,
    /// The label.
    pub label: String,
    /// Unique in the colony.
    pub name: String,
    /// The revisions in it.
    pub fileids: Vec<String>,
    /// When it was made.
    pub added: Time,
}

/// Which snapshot is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotSelector<'a> {
    /// By its id.
    Id(&'a str),
    /// By its name.
    Name(&'a str),
}

impl SnapshotSelector<'_> {
    fn members(self, colony: &str) -> Value {
        match self {
            SnapshotSelector::Id(id) => json!({ "colonyname": colony, "snapshotid": id }),
            SnapshotSelector::Name(name) => json!({ "colonyname": colony, "name": name }),
        }
    }
}

impl Client {
    /// Makes a snapshot of a label and what is below it; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn create_snapshot(
        &self,
        member: &PrivateKey,
        colony: &str,
        label: &str,
        name: &str,
    ) -> Result<Snapshot, ClientError> {
        let members = json!({ "colonyname": colony, "label": label, "name": name });
        self.ask(member, "createsnapshotmsg", members)
    }

    /// A snapshot; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn snapshot(
        &self,
        member: &PrivateKey,
        colony: &str,
        snapshot: SnapshotSelector<'_>,
    ) -> Result<Snapshot, ClientError> {
        self.ask(member, "getsnapshotmsg", snapshot.members(colony))
    }

    /// All snapshots of a colony; for its members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn snapshots(&self, member: &PrivateKey, colony: &str) -> Result<Vec<Snapshot>, ClientError> {
        self.ask(member, "getsnapshotsmsg", json!({ "colonyname": colony }))
    }

    /// Removes a snapshot; its files stay. For members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_snapshot(
        &self,
        member: &PrivateKey,
        colony: &str,
        snapshot: SnapshotSelector<'_>,
    ) -> Result<(), ClientError> {
        self.tell(member, "removesnapshotmsg", snapshot.members(colony))
    }

    /// Removes all snapshots of a colony; for its members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_all_snapshots(&self, member: &PrivateKey, colony: &str) -> Result<(), ClientError> {
        self.tell(member, "removeallsnapshotmsg", json!({ "colonyname": colony }))
    }
}
