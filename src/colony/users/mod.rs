//! Users of a colony (chapter 1, 8).

pub mod add;
pub mod change_id;
pub mod get;
pub mod get_by_id;
pub mod list;
pub mod remove;

use super::table::{Keyed, Table};
use crate::crypto::Identity;
use crate::map::HashMap;
use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// A user as it is stored, sent and shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct User {
    /// The colony's name.
    pub colonyname: String,
    /// The id that the user's requests are signed as.
    pub userid: Identity,
    /// Unique within the colony.
    pub name: String,
    /// Free text.
    pub email: String,
    /// Free text.
    pub phone: String,
}

impl Keyed for User {
    type Key = String;
    fn key(&self) -> &String {
        &self.name
    }
}

/// What happens to users.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum UserEvent {
    /// A user was added.
    Added(User),
    /// A user was removed; what it began goes on.
    Removed(String),
    /// A user changed its key.
    Rekeyed {
        /// The id so far.
        from: Identity,
        /// The id from now on.
        to: Identity,
    },
}

/// The users of one colony.
#[derive(Debug, Default, PartialEq)]
pub struct Users {
    table: Table<User>,
    by_id: HashMap<Identity, String>,
}

impl Users {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The user of this name.
    pub fn get(&self, name: &str) -> Option<&User> {
        self.table.get(name)
    }

    /// The user of this id. Ids are unique among the users of a colony.
    pub fn by_id(&self, id: &Identity) -> Option<&User> {
        self.table.get(self.by_id.get(id)?)
    }

    /// All users in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.table.iter()
    }

    /// The id that will not be a user's any more once this has happened.
    pub fn losing_rights<'a>(&'a self, event: &'a UserEvent) -> Option<&'a Identity> {
        match event {
            UserEvent::Added(_) => None,
            UserEvent::Removed(name) => self.get(name).map(|user| &user.userid),
            UserEvent::Rekeyed { from, .. } => Some(from),
        }
    }

    /// The ids that this makes known or unknown.
    pub fn concerned<'a>(&'a self, event: &'a UserEvent) -> [Option<&'a Identity>; 2] {
        match event {
            UserEvent::Added(user) => [Some(&user.userid), None],
            UserEvent::Removed(name) => [self.get(name).map(|user| &user.userid), None],
            UserEvent::Rekeyed { from, to } => [Some(from), Some(to)],
        }
    }

    /// What a checkpoint writes and reads.
    pub(in crate::colony) fn table(&mut self) -> &mut Table<User> {
        &mut self.table
    }

    /// Puts a user back that had this number.
    pub(in crate::colony) fn restore(&mut self, number: u64, user: User) {
        self.by_id.insert(user.userid.clone(), user.name.clone());
        self.table.restore(number, user);
    }

    /// Carries out what happened.
    pub fn apply(&mut self, event: UserEvent) {
        match event {
            UserEvent::Added(user) => {
                self.by_id.insert(user.userid.clone(), user.name.clone());
                self.table.insert(user);
            }
            UserEvent::Removed(name) => {
                if let Some(user) = self.table.remove(&name) {
                    self.by_id.remove(&user.userid);
                }
            }
            UserEvent::Rekeyed { from, to } => {
                if let Some(name) = self.by_id.remove(&from) {
                    if let Some(user) = self.table.get_mut(&name) {
                        user.userid = to.clone();
                    }
                    self.by_id.insert(to, name);
                }
            }
        }
    }
}
