//! Rebuilds a state from its pieces.

use super::{Head, Piece};
use crate::colony::state::State;
use crate::colony::workflows::Workflow;

impl State {
    /// Takes a piece over. The pieces of a round, in their order, make the state that it was taken of.
    pub fn load(&mut self, piece: Piece) {
        match piece {
            Piece::Head(head) => self.load_head(*head),
            Piece::Users(users) => users.into_iter().for_each(|(number, user)| self.users.restore(number, user)),
            Piece::Executors(executors) => {
                executors.into_iter().for_each(|(number, executor)| self.executors.restore(number, executor));
            }
            Piece::Locations(locations) => locations.into_iter().for_each(|(number, location)| {
                self.locations.table().restore(number, location);
            }),
            Piece::Functions(functions) => {
                functions.into_iter().for_each(|(number, function)| self.functions.restore(number, function));
            }
            Piece::Processes(processes) => processes.into_iter().for_each(|(number, process)| {
                self.processes.restore(number, process, &mut self.changes);
            }),
            Piece::Workflows(records) => records.into_iter().for_each(|record| {
                self.workflows.restore(record.number, Workflow::from_record(record));
            }),
            Piece::Generators(generators) => {
                generators.into_iter().for_each(|(number, generator)| self.generators.restore(number, generator));
            }
            Piece::Crons(crons) => crons.into_iter().for_each(|(number, cron)| self.crons.restore(number, cron)),
            Piece::Definitions(definitions) => definitions.into_iter().for_each(|(number, definition)| {
                self.blueprints.restore_definition(number, definition);
            }),
            Piece::Blueprints(blueprints) => {
                blueprints.into_iter().for_each(|(number, kept)| self.blueprints.restore(number, kept));
            }
            Piece::Files(files) => files.into_iter().for_each(|(number, file)| self.files.restore(number, file)),
            Piece::Snapshots(snapshots) => {
                snapshots.into_iter().for_each(|(number, snapshot)| self.snapshots.restore(number, snapshot));
            }
            Piece::Lines(lines) => lines.into_iter().for_each(|line| self.logs.restore(line)),
        }
        // Nobody waits yet for what comes back.
        self.changes.clear();
    }

    fn load_head(&mut self, head: Head) {
        let Head { name, owner, incarnation, paused, newest, number, history, removed_line_bytes, next } = head;
        self.name = name.into();
        self.processes.colony = self.name.clone();
        self.owner = owner;
        self.incarnation = incarnation;
        self.paused = paused;
        self.newest = newest;
        self.number = number;
        self.history = history;
        self.logs.begin_after(usize::try_from(removed_line_bytes).unwrap_or_default());
        self.users.table().go_on_from(next.users);
        self.executors.table().go_on_from(next.executors);
        self.locations.table().go_on_from(next.locations);
        self.functions.table().go_on_from(next.functions);
        self.processes.table().go_on_from(next.processes);
        self.workflows.table().go_on_from(next.workflows);
        self.generators.table().go_on_from(next.generators);
        self.crons.table().go_on_from(next.crons);
        let (definitions, blueprints) = self.blueprints.tables();
        definitions.go_on_from(next.definitions);
        blueprints.go_on_from(next.blueprints);
        self.files.table().go_on_from(next.files);
        self.snapshots.table().go_on_from(next.snapshots);
    }
}
