//! Generators (chapter 3).

use super::{Client, ClientError};
use crate::crypto::PrivateKey;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A generator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Generator {
    /// Its id.
    pub generatorid: String,
    /// Who added it.
    pub initiatorid: String,
    /// Under what name.
    pub initiatorname: String,
    /// The colony's name.
    pub colonyname: String,
    /// Unique in the colony.
    pub name: String,
    /// The workflow that it starts, as a JSON text.
    pub workflowspec: String,
    /// How many arguments start one.
    pub trigger: i64,
    /// Seconds after which fewer start one; none where it is not positive.
    pub timeout: i64,
    /// When its first argument came.
    pub firstpack: Time,
    /// When it last started a workflow.
    pub lastrun: Time,
    /// Arguments that wait; only of [`Client::generator`].
    pub queuesize: i64,
    /// Milliseconds of the server's checker; only of [`Client::generator`].
    pub checkerperiod: i64,
}

impl Client {
    /// Adds a generator; for members. The server says its id and who added it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_generator(&self, member: &PrivateKey, generator: &Generator) -> Result<Generator, ClientError> {
        self.ask(member, "addgeneratormsg", json!({ "generator": generator }))
    }

    /// The generator with this id; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn generator(&self, member: &PrivateKey, id: &str) -> Result<Generator, ClientError> {
        self.ask(member, "getgeneratormsg", json!({ "generatorid": id }))
    }

    /// The generator of this name; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn generator_by_name(&self, member: &PrivateKey, colony: &str, name: &str) -> Result<Generator, ClientError> {
        self.ask(member, "resolvegeneratormsg", json!({ "colonyname": colony, "generatorname": name }))
    }

    /// Up to `count` generators of a colony; for its members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn generators(&self, member: &PrivateKey, colony: &str, count: i64) -> Result<Vec<Generator>, ClientError> {
        self.ask(member, "getgeneratorsmsg", json!({ "colonyname": colony, "count": count }))
    }

    /// Gives a generator an argument; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn pack(&self, member: &PrivateKey, id: &str, argument: &str) -> Result<(), ClientError> {
        self.tell(member, "packgeneratormsg", json!({ "generatorid": id, "arg": argument }))
    }

    /// Removes a generator; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_generator(&self, member: &PrivateKey, id: &str) -> Result<(), ClientError> {
        self.tell(member, "removegeneratormsg", json!({ "generatorid": id }))
    }
}
