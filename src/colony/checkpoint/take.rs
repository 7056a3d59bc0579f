//! Takes a state in pieces.

use super::{Head, NextNumbers, Piece};
use crate::colony::blueprints::Kept;
use crate::colony::generators::Generator;
use crate::colony::processes::Process;
use crate::colony::state::State;
use crate::colony::table::{Keyed, Table};
use crate::colony::workflows::Workflow;

/// Bytes of memory that a small record is reckoned with.
const SMALL_BYTES: usize = 512;
/// Bytes of memory that a node of a workflow is reckoned with.
const NODE_BYTES: usize = 128;

impl State {
    /// Begins a round: what [`State::next_piece`] takes from now on is the state as it is now. Returns the first piece.
    pub fn begin_checkpoint(&mut self) -> Piece {
        let next = NextNumbers {
            users: begin(self.users.table()),
            executors: begin(self.executors.table()),
            locations: begin(self.locations.table()),
            functions: begin(self.functions.table()),
            processes: begin(self.processes.table()),
            workflows: begin(self.workflows.table()),
            generators: begin(self.generators.table()),
            crons: begin(self.crons.table()),
            definitions: begin(self.blueprints.tables().0),
            blueprints: begin(self.blueprints.tables().1),
            files: begin(self.files.table()),
            snapshots: begin(self.snapshots.table()),
        };
        Piece::Head(Box::new(Head {
            name: self.name.to_string(),
            owner: self.owner.clone(),
            incarnation: self.incarnation,
            paused: self.paused,
            newest: self.newest,
            number: self.number,
            history: self.history.clone(),
            removed_line_bytes: self.logs.begin_round() as u64,
            next,
        }))
    }

    /// The next piece of the round, of about so many bytes of memory; `None` when all was taken.
    pub fn next_piece(&mut self, bytes: usize) -> Option<Piece> {
        let small = (bytes / SMALL_BYTES).max(1);
        some(self.users.table().next_slice(small, |_| 1), Piece::Users)
            .or_else(|| some(self.executors.table().next_slice(small, |_| 1), Piece::Executors))
            .or_else(|| some(self.locations.table().next_slice(small, |_| 1), Piece::Locations))
            .or_else(|| some(self.functions.table().next_slice(small, |_| 1), Piece::Functions))
            .or_else(|| some(self.processes.table().next_slice(bytes, Process::bytes), Piece::Processes))
            .or_else(|| {
                let workflows = self.workflows.table().next_slice(bytes, |workflow| workflow.len() * NODE_BYTES);
                let record = |(number, workflow): &(u64, Workflow)| workflow.record(*number);
                some(workflows.iter().map(record).collect(), Piece::Workflows)
            })
            .or_else(|| some(self.generators.table().next_slice(bytes, Generator::bytes), Piece::Generators))
            .or_else(|| some(self.crons.table().next_slice(small, |_| 1), Piece::Crons))
            .or_else(|| some(self.blueprints.tables().0.next_slice(small, |_| 1), Piece::Definitions))
            .or_else(|| some(self.blueprints.tables().1.next_slice(bytes, Kept::bytes), Piece::Blueprints))
            .or_else(|| some(self.files.table().next_slice(small, |_| 1), Piece::Files))
            .or_else(|| some(self.snapshots.table().next_slice(bytes, |one| one.bytes()), Piece::Snapshots))
            .or_else(|| some(self.logs.next_slice(bytes), Piece::Lines))
    }

    /// Ends a round before all was taken.
    pub fn end_checkpoint(&mut self) {
        self.users.table().end_round();
        self.executors.table().end_round();
        self.locations.table().end_round();
        self.functions.table().end_round();
        self.processes.table().end_round();
        self.workflows.table().end_round();
        self.generators.table().end_round();
        self.crons.table().end_round();
        self.blueprints.tables().0.end_round();
        self.blueprints.tables().1.end_round();
        self.files.table().end_round();
        self.snapshots.table().end_round();
        self.logs.end_round();
    }
}

fn begin<V: Keyed + Clone>(table: &mut Table<V>) -> u64 {
    table.begin_round();
    table.next_number()
}

fn some<T>(records: Vec<T>, piece: fn(Vec<T>) -> Piece) -> Option<Piece> {
    (!records.is_empty()).then(|| piece(records))
}
