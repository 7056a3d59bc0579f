//! Crons (chapter 3).

use super::{Client, ClientError};
use crate::crypto::PrivateKey;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A cron.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cron {
    /// Its id.
    pub cronid: String,
    /// Who added it.
    pub initiatorid: String,
    /// Under what name.
    pub initiatorname: String,
    /// The colony's name.
    pub colonyname: String,
    /// Unique in the colony.
    pub name: String,
    /// Six fields, seconds first.
    pub cronexpression: String,
    /// Seconds between two starts; -1 where the expression says when.
    pub interval: i64,
    /// Whether it starts at random times within its rhythm.
    pub random: bool,
    /// When it starts next.
    pub nextrun: Time,
    /// When it last started.
    pub lastrun: Time,
    /// The workflow that it starts, as a JSON text.
    pub workflowspec: String,
    /// The workflow that it last started.
    pub prevprocessgraphid: String,
    /// Whether it waits until that one has ended.
    pub waitforprevprocessgraph: bool,
    /// Milliseconds of the server's checker; only of [`Client::cron`].
    pub checkerperiod: i64,
}

impl Client {
    /// Adds a cron; for members. The server says its id, who added it, and when it starts next unless that is set.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_cron(&self, member: &PrivateKey, cron: &Cron) -> Result<Cron, ClientError> {
        self.ask(member, "addcronmsg", json!({ "cron": cron }))
    }

    /// The cron with this id; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn cron(&self, member: &PrivateKey, id: &str) -> Result<Cron, ClientError> {
        self.ask(member, "getcronmsg", json!({ "cronid": id }))
    }

    /// Up to `count` crons of a colony; for its members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn crons(&self, member: &PrivateKey, colony: &str, count: i64) -> Result<Vec<Cron>, ClientError> {
        self.ask(member, "getcronsmsg", json!({ "colonyname": colony, "count": count }))
    }

    /// Starts a cron now; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn run_cron(&self, member: &PrivateKey, id: &str) -> Result<(), ClientError> {
        self.tell(member, "runcronmsg", json!({ "cronid": id }))
    }

    /// Removes a cron; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_cron(&self, member: &PrivateKey, id: &str) -> Result<(), ClientError> {
        self.tell(member, "removecronmsg", json!({ "cronid": id }))
    }
}
