//! A colony's state for a checkpoint: all of it as it is at one moment, in pieces that are taken between commands.
//!
//! Small values are copied when a round begins; records are taken in slices ([`super::table`]), and those that change
//! before their turn are saved as they were. Indexes are not written: they are rebuilt when the pieces are read back.

mod load;
mod take;

use super::blueprints::{Definition, Kept};
use super::crons::Cron;
use super::executors::Executor;
use super::files::File;
use super::functions::Function;
use super::generators::Generator;
use super::history::{History, WorkflowRecord};
use super::locations::Location;
use super::logs::LogLine;
use super::processes::{Alike, Process};
use super::snapshots::Snapshot;
use super::users::User;
use crate::crypto::Identity;
use crate::ids::Incarnation;
use crate::time::Nanos;
use bincode::{Decode, Encode};
use std::sync::Arc;

/// A piece of a colony's state. Records come with their numbers in their tables. Variants and fields are only ever added
/// under a new schema number (`storage::codec`).
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Piece {
    /// What there is one of; always the first.
    Head(Box<Head>),
    /// Users.
    Users(Vec<(u64, User)>),
    /// Executors.
    Executors(Vec<(u64, Executor)>),
    /// Locations.
    Locations(Vec<(u64, Location)>),
    /// Functions.
    Functions(Vec<(u64, Function)>),
    /// Processes.
    Processes(Vec<(u64, Process)>),
    /// Workflows without their processes.
    Workflows(Vec<WorkflowRecord>),
    /// Generators with the arguments that wait.
    Generators(Vec<(u64, Generator)>),
    /// Crons.
    Crons(Vec<(u64, Cron)>),
    /// Blueprint definitions.
    Definitions(Vec<(u64, Arc<Definition>)>),
    /// Blueprints with their histories.
    Blueprints(Vec<(u64, Kept)>),
    /// Revisions of files.
    Files(Vec<(u64, Arc<File>)>),
    /// Snapshots.
    Snapshots(Vec<(u64, Snapshot)>),
    /// Log lines that the history store does not have yet.
    Lines(Vec<Arc<LogLine>>),
}

impl Piece {
    /// Has processes share what never changes with the one before, where they are alike.
    pub fn share(&mut self, alike: &mut Alike) {
        if let Piece::Processes(processes) = self {
            processes.iter_mut().for_each(|(_, process)| process.share(alike));
        }
    }
}

/// What there is one of in a colony.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Head {
    /// The colony's name.
    pub name: String,
    /// Its owner.
    pub owner: Identity,
    /// Which life of the name this is.
    pub incarnation: Incarnation,
    /// Whether assignments are paused.
    pub paused: bool,
    /// The time of the newest record.
    pub newest: Nanos,
    /// The number of the newest record.
    pub number: u64,
    /// What is past.
    pub history: History,
    /// Bytes of memory of all log lines that have left.
    pub removed_line_bytes: u64,
    /// The next number of each table.
    pub next: NextNumbers,
}

/// The number that the next new record of each table will have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub struct NextNumbers {
    /// Users.
    pub users: u64,
    /// Executors.
    pub executors: u64,
    /// Locations.
    pub locations: u64,
    /// Functions.
    pub functions: u64,
    /// Processes.
    pub processes: u64,
    /// Workflows.
    pub workflows: u64,
    /// Generators.
    pub generators: u64,
    /// Crons.
    pub crons: u64,
    /// Blueprint definitions.
    pub definitions: u64,
    /// Blueprints.
    pub blueprints: u64,
    /// Revisions of files.
    pub files: u64,
    /// Snapshots.
    pub snapshots: u64,
}
