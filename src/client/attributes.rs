//! Attributes of processes (chapter 2, 8).

use super::{Client, ClientError};
use crate::crypto::PrivateKey;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;

/// What an attribute is about, as its number on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttributeType(pub i64);

impl AttributeType {
    /// Input.
    pub const IN: AttributeType = AttributeType(0);
    /// Output.
    pub const OUT: AttributeType = AttributeType(1);
    /// Errors.
    pub const ERR: AttributeType = AttributeType(2);
    /// The environment.
    pub const ENV: AttributeType = AttributeType(3);
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            AttributeType::IN => f.write_str("In"),
            AttributeType::OUT => f.write_str("Out"),
            AttributeType::ERR => f.write_str("Err"),
            AttributeType::ENV => f.write_str("Env"),
            AttributeType(other) => write!(f, "{other}"),
        }
    }
}

/// A key and a value that a process carries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attribute {
    /// Computed by the server.
    pub attributeid: String,
    /// The process.
    pub targetid: String,
    /// Its colony.
    pub targetcolonyname: String,
    /// Its workflow; empty outside one.
    pub targetprocessgraphid: String,
    /// The process's state.
    pub state: i64,
    /// What it is about.
    pub attributetype: AttributeType,
    /// The key, unique for a process and a type.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Client {
    /// Adds an attribute to a running process; for the executor that runs it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_attribute(&self, executor: &PrivateKey, attribute: &Attribute) -> Result<Attribute, ClientError> {
        self.ask(executor, "addattributemsg", json!({ "attribute": attribute }))
    }

    /// The attribute with this id; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn attribute(&self, member: &PrivateKey, id: &str) -> Result<Attribute, ClientError> {
        self.ask(member, "getattributemsg", json!({ "attributeid": id }))
    }
}
