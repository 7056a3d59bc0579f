//! Locations (chapter 1).

use super::{Client, ClientError};
use crate::crypto::PrivateKey;
use serde_json::json;

pub use crate::colony::locations::Location;

impl Client {
    /// Adds a location; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_location(&self, owner: &PrivateKey, location: &Location) -> Result<Location, ClientError> {
        self.ask(owner, "addlocationmsg", json!({ "location": location }))
    }

    /// All locations of a colony; for its members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn locations(&self, member: &PrivateKey, colony: &str) -> Result<Vec<Location>, ClientError> {
        self.ask(member, "getlocationsmsg", json!({ "colonyname": colony }))
    }

    /// The location of this name; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn location(&self, member: &PrivateKey, colony: &str, name: &str) -> Result<Location, ClientError> {
        self.ask(member, "getlocationmsg", json!({ "colonyname": colony, "name": name }))
    }

    /// Removes a location; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_location(&self, owner: &PrivateKey, colony: &str, name: &str) -> Result<(), ClientError> {
        self.tell(owner, "removelocationmsg", json!({ "colonyname": colony, "name": name }))
    }
}
