//! Attributes of processes (chapter 2, 8).

pub mod add;
pub mod get;

use crate::colony::processes::Process;
use crate::ids::{AttributeId, ProcessId};
use bincode::{Decode, Encode};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use sha3::{Digest, Sha3_256};
use std::sync::Arc;

/// The attribute type of an environment variable.
pub const ENV: i32 = 3;

/// A value that a process carries under a key and a type. Stored with its process.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Attribute {
    /// Stored and shown as the client sent it; never looked at.
    pub target_colony_name: Arc<str>,
    /// As sent when it was added; then follows the process (chapter 2, 8).
    pub state: i64,
    /// 0 in, 1 out, 2 err, 3 env; any is accepted.
    pub kind: i32,
    /// The key; one value a key and type.
    pub key: Box<str>,
    /// The value.
    pub value: Box<str>,
    /// The attempt that set it: a later one may set it anew.
    pub attempt: u32,
}

impl Attribute {
    /// About how many bytes of memory it takes, with its place in the index of ids.
    pub fn bytes(&self) -> usize {
        208 + self.key.len() + self.value.len()
    }

    /// The id of this attribute on a process.
    pub fn id(&self, target: &ProcessId) -> AttributeId {
        attribute_id(target, &self.key, self.kind)
    }
}

/// SHA3-256 over `targetid + key + decimal(attributetype)` without separators (chapter 2, 1.6).
pub fn attribute_id(target: &ProcessId, key: &str, kind: i32) -> AttributeId {
    let mut hash = Sha3_256::new();
    hash.update(target.to_string());
    hash.update(key);
    hash.update(kind.to_string());
    AttributeId(hash.finalize().into())
}

/// An attribute as it is shown.
pub struct ShownAttribute<'a> {
    /// The attribute.
    pub attribute: &'a Attribute,
    /// The process that carries it.
    pub target: ProcessId,
    /// The process's workflow.
    pub graph: &'a str,
}

impl Serialize for ShownAttribute<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let attribute = self.attribute;
        let mut shown = serializer.serialize_struct("attribute", 8)?;
        shown.serialize_field("attributeid", &attribute.id(&self.target))?;
        shown.serialize_field("targetid", &self.target)?;
        shown.serialize_field("targetcolonyname", &attribute.target_colony_name)?;
        shown.serialize_field("targetprocessgraphid", self.graph)?;
        shown.serialize_field("state", &attribute.state)?;
        shown.serialize_field("attributetype", &attribute.kind)?;
        shown.serialize_field("key", &attribute.key)?;
        shown.serialize_field("value", &attribute.value)?;
        shown.end()
    }
}

/// An attribute that outlives the turn it was read in, on its way to the client.
pub struct AttributeAnswer {
    /// The attribute.
    pub attribute: Attribute,
    /// The process that carries it.
    pub target: ProcessId,
    /// The process's workflow, as it is shown.
    pub graph: String,
}

impl AttributeAnswer {
    /// An attribute of a process.
    pub fn new(attribute: Attribute, process: &Process) -> AttributeAnswer {
        AttributeAnswer { attribute, target: process.id, graph: process.graph_text() }
    }
}

impl Serialize for AttributeAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ShownAttribute { attribute: &self.attribute, target: self.target, graph: &self.graph }.serialize(serializer)
    }
}
