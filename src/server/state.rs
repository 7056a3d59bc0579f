//! The server's durable state: its owner and the list of colonies.

use crate::colony::table::{Keyed, Table};
use crate::crypto::Identity;
use crate::ids::Incarnation;
use crate::time::Nanos;
use bincode::{Decode, Encode};
use std::collections::HashMap;

/// A colony as the server lists it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ListedColony {
    /// Its name.
    pub name: String,
    /// Which life of the name this is; also the number of its stream.
    pub incarnation: Incarnation,
    /// The id that its owner had when it was added.
    pub owner: Identity,
}

impl Keyed for ListedColony {
    type Key = String;
    fn key(&self) -> &String {
        &self.name
    }
}

/// What happens to the server.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum ServerEvent {
    /// The server has an owner from now on.
    OwnerSet(Identity),
    /// A colony was added.
    ColonyAdded(ListedColony),
    /// A colony was removed, with everything in it.
    ColonyRemoved(String),
}

/// What the server must remember, as a checkpoint holds it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ServerPiece {
    owner: Identity,
    newest: Nanos,
    next: u64,
    colonies: Vec<(u64, ListedColony)>,
}

/// What the server must remember.
#[derive(Debug, Default, PartialEq)]
pub struct ServerState {
    /// The id of its owner; empty until there is one.
    pub owner: Identity,
    colonies: Table<ListedColony>,
    by_incarnation: HashMap<Incarnation, String>,
    /// The time of the newest record.
    pub newest: Nanos,
}

impl ServerState {
    /// All of it, for a checkpoint.
    pub fn piece(&self) -> ServerPiece {
        ServerPiece {
            owner: self.owner.clone(),
            newest: self.newest,
            next: self.colonies.next_number(),
            colonies: self.colonies.iter_from(0).map(|(number, colony)| (number, colony.clone())).collect(),
        }
    }

    /// What a checkpoint held.
    pub fn from_piece(piece: ServerPiece) -> ServerState {
        let ServerPiece { owner, newest, next, colonies } = piece;
        let mut state = ServerState { owner, newest, ..ServerState::default() };
        for (number, colony) in colonies {
            state.by_incarnation.insert(colony.incarnation, colony.name.clone());
            state.colonies.restore(number, colony);
        }
        state.colonies.go_on_from(next);
        state
    }

    /// The colony of this name.
    pub fn colony(&self, name: &str) -> Option<&ListedColony> {
        self.colonies.get(name)
    }

    /// All colonies in the order in which they were added.
    pub fn colonies(&self) -> impl Iterator<Item = &ListedColony> {
        self.colonies.iter()
    }

    /// How many colonies there are.
    pub fn count(&self) -> usize {
        self.colonies.len()
    }

    /// Whether a colony of this incarnation is there.
    pub fn is_listed(&self, incarnation: Incarnation) -> bool {
        self.by_incarnation.contains_key(&incarnation)
    }

    /// Carries out what happened at this time.
    pub fn apply(&mut self, event: ServerEvent, now: Nanos) {
        self.newest = self.newest.max(now);
        match event {
            ServerEvent::OwnerSet(owner) => self.owner = owner,
            ServerEvent::ColonyAdded(colony) => {
                self.by_incarnation.insert(colony.incarnation, colony.name.clone());
                self.colonies.insert(colony);
            }
            ServerEvent::ColonyRemoved(name) => {
                if let Some(colony) = self.colonies.remove(&name) {
                    self.by_incarnation.remove(&colony.incarnation);
                }
            }
        }
    }
}
