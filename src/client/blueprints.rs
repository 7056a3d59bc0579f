//! Blueprints and their definitions (chapter 5).

use super::{Client, ClientError, Process};
use crate::crypto::PrivateKey;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use crate::colony::blueprints::{Definition as BlueprintDefinition, Metadata as BlueprintMetadata};

/// What should be, and what is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Blueprint {
    /// Chosen by the client, or made.
    pub blueprintid: String,
    /// A kind that a definition declares.
    pub kind: String,
    /// Name and colony.
    pub metadata: BlueprintMetadata,
    /// What should be.
    pub spec: Map<String, Value>,
    /// What is.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub status: Map<String, Value>,
}

/// A change of a blueprint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    /// Its id.
    pub historyid: String,
    /// The blueprint.
    pub blueprintid: String,
    /// Its kind.
    pub kind: String,
    /// Its colony's name.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its generation after the change.
    pub generation: i64,
    /// What should be since then.
    pub spec: Map<String, Value>,
    /// What was then.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub status: Map<String, Value>,
    /// When it was changed.
    pub timestamp: Time,
    /// The id of who changed it.
    pub changedby: String,
    /// `create` or `update`.
    pub changetype: String,
}

impl Client {
    /// Adds a kind of blueprints; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_blueprint_definition(
        &self,
        owner: &PrivateKey,
        definition: &BlueprintDefinition,
    ) -> Result<BlueprintDefinition, ClientError> {
        self.ask(owner, "addblueprintdefinitionmsg", json!({ "blueprintdefinition": definition }))
    }

    /// The definition of this name; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn blueprint_definition(
        &self,
        member: &PrivateKey,
        colony: &str,
        name: &str,
    ) -> Result<BlueprintDefinition, ClientError> {
        self.ask(member, "getblueprintdefinitionmsg", json!({ "colonyname": colony, "name": name }))
    }

    /// All definitions of a colony; for its members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn blueprint_definitions(
        &self,
        member: &PrivateKey,
        colony: &str,
    ) -> Result<Vec<BlueprintDefinition>, ClientError> {
        self.ask(member, "getblueprintdefinitionsmsg", json!({ "colonyname": colony }))
    }

    /// Removes a definition that no blueprint needs; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_blueprint_definition(&self, owner: &PrivateKey, colony: &str, name: &str) -> Result<(), ClientError> {
        self.tell(owner, "removeblueprintdefinitionmsg", json!({ "namespace": colony, "name": name }))
    }

    /// Adds a blueprint; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_blueprint(&self, member: &PrivateKey, blueprint: &Blueprint) -> Result<Blueprint, ClientError> {
        self.ask(member, "addblueprintmsg", json!({ "blueprint": blueprint }))
    }

    /// The blueprint of this name; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn blueprint(&self, member: &PrivateKey, colony: &str, name: &str) -> Result<Blueprint, ClientError> {
        self.ask(member, "getblueprintmsg", json!({ "namespace": colony, "name": name }))
    }

    /// The blueprints of a kind, or all; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn blueprints(&self, member: &PrivateKey, colony: &str, kind: &str) -> Result<Vec<Blueprint>, ClientError> {
        self.ask(member, "getblueprintsmsg", json!({ "namespace": colony, "kind": kind }))
    }

    /// Replaces what should be; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn update_blueprint(&self, member: &PrivateKey, blueprint: &Blueprint) -> Result<Blueprint, ClientError> {
        self.ask(member, "updateblueprintmsg", json!({ "blueprint": blueprint }))
    }

    /// Says what is; for members, as a rule the reconciler.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn update_blueprint_status(
        &self,
        member: &PrivateKey,
        colony: &str,
        name: &str,
        status: &Map<String, Value>,
    ) -> Result<(), ClientError> {
        let members = json!({ "colonyname": colony, "blueprintname": name, "status": status });
        self.tell(member, "updateblueprintstatusmsg", members)
    }

    /// Has a blueprint reconciled now: the process that does it. For members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn reconcile_blueprint(
        &self,
        member: &PrivateKey,
        colony: &str,
        name: &str,
        force: bool,
    ) -> Result<Process, ClientError> {
        let members = json!({ "namespace": colony, "name": name, "force": force });
        self.ask(member, "reconcileblueprintmsg", members)
    }

    /// The changes of the blueprint with this id, newest first, up to `limit` where it is positive; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn blueprint_history(&self, member: &PrivateKey, id: &str, limit: i64) -> Result<Vec<Change>, ClientError> {
        self.ask(member, "getblueprinthistorymsg", json!({ "blueprintid": id, "limit": limit }))
    }

    /// Removes a blueprint; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_blueprint(&self, member: &PrivateKey, colony: &str, name: &str) -> Result<(), ClientError> {
        self.tell(member, "removeblueprintmsg", json!({ "namespace": colony, "name": name }))
    }
}
