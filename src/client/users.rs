//! Users (chapter 1).

use super::{Client, ClientError};
use crate::crypto::PrivateKey;
use serde_json::json;

pub use crate::colony::users::User;

impl Client {
    /// Adds a user; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_user(&self, owner: &PrivateKey, user: &User) -> Result<User, ClientError> {
        self.ask(owner, "addusermsg", json!({ "user": user }))
    }

    /// All users of a colony; for its members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn users(&self, member: &PrivateKey, colony: &str) -> Result<Vec<User>, ClientError> {
        self.ask(member, "getusersmsg", json!({ "colonyname": colony }))
    }

    /// The user of this name; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn user(&self, member: &PrivateKey, colony: &str, name: &str) -> Result<User, ClientError> {
        self.ask(member, "getusermsg", json!({ "colonyname": colony, "name": name }))
    }

    /// The user with this id; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn user_by_id(&self, member: &PrivateKey, colony: &str, id: &str) -> Result<User, ClientError> {
        self.ask(member, "getuserbyidmsg", json!({ "colonyname": colony, "userid": id }))
    }

    /// Removes a user; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_user(&self, owner: &PrivateKey, colony: &str, name: &str) -> Result<(), ClientError> {
        self.tell(owner, "removeusermsg", json!({ "colonyname": colony, "name": name }))
    }

    /// Gives the user who signs another id, and so another key.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn change_user_id(&self, user: &PrivateKey, colony: &str, id: &str) -> Result<(), ClientError> {
        self.tell(user, "changeuseridmsg", json!({ "colonyname": colony, "userid": id }))
    }
}
