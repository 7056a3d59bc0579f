//! Colonies (chapter 1).

use super::{Client, ClientError};
use crate::crypto::PrivateKey;
use serde_json::json;

pub use crate::colony::colonies::statistics::Statistics;
pub use crate::server::add_colony::ColonyObject as Colony;

impl Client {
    /// Adds a colony; for the server's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_colony(&self, server: &PrivateKey, colony: &Colony) -> Result<Colony, ClientError> {
        self.ask(server, "addcolonymsg", json!({ "colony": colony }))
    }

    /// Removes a colony with everything in it; for the server's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_colony(&self, server: &PrivateKey, name: &str) -> Result<(), ClientError> {
        self.tell(server, "removecolonymsg", json!({ "colonyname": name }))
    }

    /// All colonies; for the server's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn colonies(&self, server: &PrivateKey) -> Result<Vec<Colony>, ClientError> {
        self.ask(server, "getcoloniesmsg", json!({}))
    }

    /// The colony of this name; for its members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn colony(&self, member: &PrivateKey, name: &str) -> Result<Colony, ClientError> {
        self.ask(member, "getcolonymsg", json!({ "colonyname": name }))
    }

    /// What is in the colony, counted; for its members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn colony_statistics(&self, member: &PrivateKey, name: &str) -> Result<Statistics, ClientError> {
        self.ask(member, "getcolonystatsmsg", json!({ "colonyname": name }))
    }

    /// Gives the colony another owner; for its present owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn change_colony_id(&self, owner: &PrivateKey, name: &str, id: &str) -> Result<(), ClientError> {
        self.tell(owner, "changecolonyidmsg", json!({ "colonyname": name, "colonyid": id }))
    }

    /// Stops giving out work; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn pause(&self, owner: &PrivateKey, colony: &str) -> Result<(), ClientError> {
        self.tell(owner, "pauseassignmentsmsg", json!({ "colonyname": colony }))
    }

    /// Gives out work again; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn resume(&self, owner: &PrivateKey, colony: &str) -> Result<(), ClientError> {
        self.tell(owner, "resumeassignmentsmsg", json!({ "colonyname": colony }))
    }

    /// Whether giving out work is stopped; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn is_paused(&self, member: &PrivateKey, colony: &str) -> Result<bool, ClientError> {
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        struct Status {
            ispaused: bool,
        }
        let status: Status = self.ask(member, "getpausestatusmsg", json!({ "colonyname": colony }))?;
        Ok(status.ispaused)
    }
}
