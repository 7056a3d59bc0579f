//! Locations: labels that executors and specs refer to by name (chapter 1, 10).

pub mod add;
pub mod get;
pub mod list;
pub mod remove;

use super::table::{Keyed, Table};
use crate::json::plain_number;
use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// A location as it is stored, sent and shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Location {
    /// Chosen by the client.
    pub locationid: String,
    /// Unique within the colony.
    pub name: String,
    /// The colony's name.
    pub colonyname: String,
    /// Free text.
    pub description: String,
    /// Degrees.
    #[serde(serialize_with = "plain_number")]
    pub long: f64,
    /// Degrees.
    #[serde(serialize_with = "plain_number")]
    pub lat: f64,
}

impl Keyed for Location {
    type Key = String;
    fn key(&self) -> &String {
        &self.name
    }
}

/// What happens to locations.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum LocationEvent {
    /// One was added.
    Added(Location),
    /// One was removed; what refers to it stays as it is.
    Removed(String),
}

/// The locations of one colony.
#[derive(Debug, Default, PartialEq)]
pub struct Locations {
    table: Table<Location>,
}

impl Locations {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The location of this name.
    pub fn get(&self, name: &str) -> Option<&Location> {
        self.table.get(name)
    }

    /// All locations in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Location> {
        self.table.iter()
    }

    /// What a checkpoint writes and reads.
    pub(in crate::colony) fn table(&mut self) -> &mut Table<Location> {
        &mut self.table
    }

    /// Carries out what happened.
    pub fn apply(&mut self, event: LocationEvent) {
        match event {
            LocationEvent::Added(location) => {
                self.table.insert(location);
            }
            LocationEvent::Removed(name) => {
                self.table.remove(&name);
            }
        }
    }
}
