//! Definitions, blueprints and history entries as they are stored and shown (chapter 5, 2).

use super::schema::Schema;
use super::value::{Object, SentTime};
use crate::crypto::Identity;
use crate::hexadecimal;
use crate::json::RawJson;
use crate::time::Time;
use bincode::{Decode, Encode};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;

/// What definitions and blueprints are called, and what clients note about them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Metadata {
    /// Unique among the colony's definitions, or blueprints.
    pub name: String,
    /// The colony's name.
    pub colonyname: String,
    /// Where a blueprint belongs; empty is anywhere.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub locationname: String,
    /// Free.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Free.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// How often the specification changed; the client's own count at the beginning.
    #[serde(skip_serializing_if = "is_zero")]
    pub generation: i64,
    /// The client's.
    #[serde(rename(serialize = "createdAt", deserialize = "createdat"))]
    pub created_at: SentTime,
    /// The client's.
    #[serde(rename(serialize = "updatedAt", deserialize = "updatedat"))]
    pub updated_at: SentTime,
    /// The client's.
    #[serde(rename(serialize = "lastReconciliationProcess", deserialize = "lastreconciliationprocess"))]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_reconciliation_process: String,
    /// The client's.
    #[serde(rename(serialize = "lastReconciliationTime", deserialize = "lastreconciliationtime"))]
    pub last_reconciliation_time: SentTime,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Metadata {
    fn bytes(&self) -> usize {
        let maps = self.labels.iter().chain(&self.annotations).map(|(key, value)| key.len() + value.len() + 64);
        2 * self.name.len() + self.colonyname.len() + self.locationname.len() + maps.sum::<usize>()
    }
}

/// A kind of blueprint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Definition {
    /// Chosen by the client, or made.
    pub blueprintdefinitionid: String,
    /// Free text.
    pub kind: String,
    /// Name and colony.
    pub metadata: Metadata,
    /// What it declares.
    pub spec: DefinitionSpec,
}

impl Definition {
    /// The kind of blueprints that it is for.
    pub fn declares(&self) -> &str {
        &self.spec.names.kind
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        1_024 + self.metadata.bytes() + self.spec.schema.as_ref().map_or(0, Schema::bytes)
    }
}

/// What a definition declares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct DefinitionSpec {
    /// Free text.
    pub group: String,
    /// Free text.
    pub version: String,
    /// What its blueprints are called.
    pub names: Names,
    /// Free text.
    pub scope: String,
    /// What a blueprint's specification must look like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// Who reconciles its blueprints.
    pub handler: Handler,
}

/// What blueprints of a definition are called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Names {
    /// The kind that blueprints refer to.
    pub kind: String,
    /// Free text.
    #[serde(rename(serialize = "listKind", deserialize = "listkind"))]
    pub list_kind: String,
    /// Free text.
    pub singular: String,
    /// Free text.
    pub plural: String,
    /// Free texts.
    #[serde(rename(serialize = "shortNames", deserialize = "shortnames"))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub short_names: Vec<String>,
}

/// Who reconciles blueprints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Handler {
    /// The type of the executors.
    #[serde(rename(serialize = "executorType", deserialize = "executortype"))]
    pub executor_type: String,
    /// The function they are asked to run.
    #[serde(rename(serialize = "functionName", deserialize = "functionname"))]
    pub function_name: String,
    /// Stored only.
    #[serde(rename(serialize = "reconcileInterval", deserialize = "reconcileinterval"))]
    #[serde(skip_serializing_if = "is_zero")]
    pub reconcile_interval: i64,
}

impl Handler {
    /// Whether it says both who and what.
    pub fn is_complete(&self) -> bool {
        !self.executor_type.is_empty() && !self.function_name.is_empty()
    }
}

/// A blueprint in a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BlueprintRequest {
    /// The client's choice.
    pub blueprintid: String,
    /// Its kind.
    pub kind: String,
    /// Name, colony, location.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: Object,
    /// What is.
    status: Object,
}

impl BlueprintRequest {
    /// The blueprint as it is stored.
    pub fn into_blueprint(self) -> Blueprint {
        Blueprint {
            blueprintid: self.blueprintid,
            kind: self.kind,
            metadata: self.metadata,
            spec: self.spec.text,
            status: status_of(self.status),
        }
    }
}

/// A status as it is stored: none where it says nothing.
pub fn status_of(status: Object) -> Option<RawJson> {
    status.text.filter(|text| !text.is_empty())
}

/// A blueprint: what is wanted, and what is.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Blueprint {
    /// Chosen by the client, or made.
    pub blueprintid: String,
    /// Its kind.
    pub kind: String,
    /// Name, colony, location.
    pub metadata: Metadata,
    /// What is wanted; `None` where the client sent none.
    pub spec: Option<RawJson>,
    /// What is, as reconcilers report it; never an empty object.
    pub status: Option<RawJson>,
}

impl Blueprint {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        512 + self.metadata.bytes() + self.kind.len() + text_bytes(&self.spec) + text_bytes(&self.status)
    }
}

fn text_bytes(json: &Option<RawJson>) -> usize {
    json.as_ref().map_or(0, |json| json.text().len())
}

/// A blueprint as it is shown.
pub struct ShownBlueprint<B> {
    /// The blueprint.
    pub blueprint: B,
    /// Whether this is the reply to the add or update itself, where a `spec` that was not sent is `null`; it is `{}`
    /// later.
    pub is_echo: bool,
}

impl<B: AsRef<Blueprint>> Serialize for ShownBlueprint<B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let blueprint = self.blueprint.as_ref();
        let mut shown = serializer.serialize_struct("blueprint", 5)?;
        shown.serialize_field("blueprintid", &blueprint.blueprintid)?;
        shown.serialize_field("kind", &blueprint.kind)?;
        shown.serialize_field("metadata", &blueprint.metadata)?;
        match &blueprint.spec {
            None if !self.is_echo => shown.serialize_field("spec", &RawJson::empty_object())?,
            spec => shown.serialize_field("spec", spec)?,
        }
        if let Some(status) = &blueprint.status {
            shown.serialize_field("status", status)?;
        }
        shown.end()
    }
}

/// How a history entry came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Encode, Decode)]
#[serde(rename_all = "lowercase")]
pub enum ChangeType {
    /// The blueprint was added.
    Create,
    /// Its generation was raised.
    Update,
}

/// A former, or the present, look of a blueprint. What all entries of a blueprint share is not here.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct HistoryEntry {
    /// A random UUID.
    pub id: [u8; 16],
    /// The kind it had.
    pub kind: String,
    /// The generation it had.
    pub generation: i64,
    /// What was wanted.
    pub spec: Option<RawJson>,
    /// What the client said was.
    pub status: Option<RawJson>,
    /// When.
    pub at: Time,
    /// Who did it.
    pub by: Identity,
    /// How.
    pub change: ChangeType,
}

impl HistoryEntry {
    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        // Texts are shared with the blueprint while it has them, and counted twice then.
        256 + self.kind.len() + text_bytes(&self.spec) + text_bytes(&self.status)
    }
}

/// A history entry as it is shown.
#[derive(Serialize)]
pub struct ShownEntry {
    historyid: String,
    blueprintid: String,
    kind: String,
    namespace: String,
    name: String,
    generation: i64,
    spec: Option<RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<RawJson>,
    timestamp: Time,
    changedby: Identity,
    changetype: ChangeType,
}

impl ShownEntry {
    /// An entry of this blueprint.
    pub fn of(blueprint: &Blueprint, colony: &str, entry: &HistoryEntry) -> ShownEntry {
        ShownEntry {
            historyid: dashed(&entry.id),
            blueprintid: blueprint.blueprintid.clone(),
            kind: entry.kind.clone(),
            namespace: colony.to_owned(),
            name: blueprint.name().to_owned(),
            generation: entry.generation,
            spec: entry.spec.clone(),
            status: entry.status.clone(),
            timestamp: entry.at,
            changedby: entry.by.clone(),
            changetype: entry.change,
        }
    }
}

/// A UUID's text, as version 4.
fn dashed(id: &[u8; 16]) -> String {
    let mut id = *id;
    id[6] = id[6] & 0x0F | 0x40;
    id[8] = id[8] & 0x3F | 0x80;
    let hex = hexadecimal::encode(id);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_of_version_4() {
        assert_eq!(dashed(&[0xFF; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn the_smallest_definition_is_shown_whole() {
        let definition: Definition =
            crate::json::decode(br#"{"MetaData":{"colonyname":"c"},"handler":{}}"#).expect("a definition");
        let text = serde_json::to_string(&definition).expect("JSON");
        assert_eq!(
            text,
            r#"{"blueprintdefinitionid":"","kind":"","metadata":{"name":"","colonyname":"c","createdAt":"0001-01-01T00:00:00Z","updatedAt":"0001-01-01T00:00:00Z","lastReconciliationTime":"0001-01-01T00:00:00Z"},"spec":{"group":"","version":"","names":{"kind":"","listKind":"","singular":"","plural":""},"scope":"","handler":{"executorType":"","functionName":""}}}"#
        );
    }
}
