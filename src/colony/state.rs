//! A colony's durable state: what replay rebuilds. Waiters, subscriptions and last-heard-from are not part of it.

use super::blueprints::Blueprints;
use super::crons::{CronEvent, CronStart, Crons};
use super::event::Event;
use super::executors::{ExecutorEvent, Executors};
use super::files::Files;
use super::functions::Functions;
use super::generators::{GeneratorEvent, GeneratorStart, Generators};
use super::history::{History, Missing, is_over};
use super::locations::Locations;
use super::logs::Logs;
use super::processes::{ProcessEvent, ProcessState, Processes, Turned};
use super::schedule::{Item, Rescheduled};
use super::snapshots::Snapshots;
use super::users::{UserEvent, Users};
use super::workflows::{NodeAnswer, NodeMessage, WorkflowEvent, Workflows};
use crate::crypto::Identity;
use crate::ids::{AttributeId, GraphId, Incarnation, ProcessId};
use crate::time::{Nanos, Time};
use std::sync::Arc;

/// Everything a colony must remember.
#[derive(Debug, PartialEq)]
pub struct State {
    /// The colony's name.
    pub name: Arc<str>,
    /// The id of its owner.
    pub owner: Identity,
    /// Which life of the name this is.
    pub incarnation: Incarnation,
    /// Whether assignments are paused.
    pub paused: bool,
    /// Users.
    pub users: Users,
    /// Executors.
    pub executors: Executors,
    /// Locations.
    pub locations: Locations,
    /// Registered functions.
    pub functions: Functions,
    /// Processes, their queues and lists.
    pub processes: Processes,
    /// Workflows.
    pub workflows: Workflows,
    /// Generators.
    pub generators: Generators,
    /// Crons.
    pub crons: Crons,
    /// Blueprints and their definitions.
    pub blueprints: Blueprints,
    /// Log lines.
    pub logs: Logs,
    /// Files, all their revisions.
    pub files: Files,
    /// Snapshots.
    pub snapshots: Snapshots,
    /// What is past, in the history store.
    pub history: History,
    /// The time of the newest record: no later record may be earlier.
    pub newest: Nanos,
    /// The number of the newest record in the colony's stream.
    pub number: u64,
    /// What the events of this turn brought about.
    pub changes: Changes,
}

/// What a turn's events brought about, for those who must act on it: matching, websocket events, the id index. Emptied
/// each turn, and no part of the state.
#[derive(Debug, Default)]
pub struct Changes {
    /// Processes that became assignable.
    pub ready: Vec<ProcessId>,
    /// Processes that entered their present state.
    pub entered: Vec<ProcessId>,
    /// Processes whose attempt ended or whose executor lost them.
    pub ended: Vec<ProcessId>,
    /// Processes to which nothing happens any more, or that are gone.
    pub closed: Vec<ProcessId>,
    /// Processes whose deadline is another now, or none.
    pub deadlines: Vec<(ProcessId, Option<Time>)>,
    /// Ids that may have lost their right to be here.
    pub identities: Vec<Identity>,
    /// Ids that may have become known here, or unknown.
    pub known: Vec<Identity>,
    /// Executors that were added, came back or were forgotten, by name.
    pub registered: Vec<String>,
    /// Whether assignments were resumed.
    pub resumed: bool,
    /// Attribute ids that came and went.
    pub attributes: Vec<(AttributeId, bool)>,
    /// Function ids that came and went.
    pub functions: Vec<(String, bool)>,
    /// What starts by itself and is another now, and workflows that ended.
    pub rescheduled: Vec<Rescheduled>,
    /// Blueprint ids that came and went.
    pub blueprints: Vec<(String, bool)>,
    /// What may be past, but for what ended just now: what was brought back, and workflows that are not their cron's
    /// previous one any more.
    pub past: Vec<Missing>,
}

impl Changes {
    /// Forgets all of them, and keeps the room for the next ones.
    pub fn clear(&mut self) {
        let Changes {
            ready,
            entered,
            ended,
            closed,
            deadlines,
            identities,
            known,
            registered,
            resumed,
            attributes,
            functions,
            rescheduled,
            blueprints,
            past,
        } = self;
        ready.clear();
        entered.clear();
        ended.clear();
        closed.clear();
        deadlines.clear();
        identities.clear();
        known.clear();
        registered.clear();
        *resumed = false;
        attributes.clear();
        functions.clear();
        rescheduled.clear();
        blueprints.clear();
        past.clear();
    }
}

/// Always equal: not part of the state.
impl PartialEq for Changes {
    fn eq(&self, _: &Changes) -> bool {
        true
    }
}

impl Default for State {
    fn default() -> Self {
        State {
            name: Arc::from(""),
            owner: Identity::default(),
            incarnation: 0,
            paused: false,
            users: Users::default(),
            executors: Executors::default(),
            locations: Locations::default(),
            functions: Functions::default(),
            processes: Processes::default(),
            workflows: Workflows::default(),
            generators: Generators::default(),
            crons: Crons::default(),
            blueprints: Blueprints::default(),
            logs: Logs::default(),
            files: Files::default(),
            snapshots: Snapshots::default(),
            history: History::default(),
            newest: 0,
            number: 0,
            changes: Changes::default(),
        }
    }
}

impl State {
    /// Carries out one event of the record with this number and time. Total: what does not fit the state does nothing.
    pub fn apply(&mut self, event: Event, now: Nanos, number: u64) {
        self.newest = self.newest.max(now);
        self.number = number;
        match event {
            Event::Founded { name, owner, incarnation } => {
                self.name = name.into();
                self.processes.colony = self.name.clone();
                self.owner = owner;
                self.incarnation = incarnation;
            }
            Event::OwnerChanged(owner) => {
                let from = std::mem::replace(&mut self.owner, owner.clone());
                self.rekey_starters(&from, &owner);
            }
            Event::Paused(paused) => {
                self.paused = paused;
                self.changes.resumed |= !paused;
            }
            Event::User(event) => {
                self.changes.identities.extend(self.users.losing_rights(&event).cloned());
                self.changes.known.extend(self.users.concerned(&event).into_iter().flatten().cloned());
                if let UserEvent::Rekeyed { from, to } = &event {
                    self.rekey_starters(from, to);
                    self.processes.rekey_channels(from, to, number);
                }
                self.users.apply(event);
            }
            Event::Executor(event) => self.apply_executor(event, now, number),
            Event::Location(event) => self.locations.apply(event),
            Event::Function(event) => self.functions.apply(event, &mut self.changes),
            Event::Process(event) => self.apply_process(event, now, number),
            Event::Log(event) => self.logs.apply(event, now),
            Event::Workflow(event) => self.apply_workflow(event, Turned { now, number }),
            Event::File(event) => self.files.apply(event, Time::from_nanos(now)),
            Event::Snapshot(event) => self.snapshots.apply(event, &self.files, Time::from_nanos(now)),
            Event::Generator(event) => self.apply_generator(event, Turned { now, number }),
            Event::Cron(event) => self.apply_cron(event, Turned { now, number }),
            Event::Blueprint(event) => self.blueprints.apply(event, Time::from_nanos(now), &mut self.changes),
            Event::History(event) => self.apply_history(event, number),
        }
    }

    fn apply_executor(&mut self, event: ExecutorEvent, now: Nanos, number: u64) {
        self.changes.known.extend(self.executors.concerned(&event).into_iter().flatten().cloned());
        let mut leaving = None;
        if let Some((name, drops_functions)) = event.releases() {
            leaving = self.executors.get(name).map(|executor| executor.executorid.clone());
            if drops_functions {
                self.functions.remove_of(name, &mut self.changes);
            }
        }
        if let ExecutorEvent::Rekeyed { from, to } = &event {
            self.processes.rekey(from, to, number);
            self.processes.rekey_channels(from, to, number);
            self.rekey_starters(from, to);
            self.changes.identities.push(from.clone());
        }
        match &event {
            ExecutorEvent::Added(executor) => self.changes.registered.push(executor.executorname.clone()),
            ExecutorEvent::Forgotten(name) => self.changes.registered.push(name.clone()),
            _ => {}
        }
        self.executors.apply(event, Time::from_nanos(now));
        // An executor that leaves, is rejected or comes back under its name gives back what it holds; but not where its id
        // is registered under another name too and still works under that.
        if let Some(id) = leaving {
            if self.executors.acting(&id).is_none() {
                for process in self.processes.release(&id, number, &mut self.changes) {
                    self.tell_workflow(&process, Turned { now, number });
                }
            }
            self.changes.identities.push(id);
        }
    }

    fn apply_process(&mut self, event: ProcessEvent, now: Nanos, number: u64) {
        let concerned = event.process().and_then(|id| self.processes.get(&id));
        if concerned.is_some_and(|process| !event.suits(process.state)) {
            return;
        }
        // Whoever was given work asked for it: that much of its signs of life outlasts a restart.
        if let ProcessEvent::Assigned { executor, .. } = &event {
            self.executors.note_asked(executor, Time::from_nanos(now));
        }
        // A node that is about to run is given what its parents put out.
        if let ProcessEvent::Assigned { id, .. } = &event
            && let Some(graph) = self.processes.get(id).and_then(|process| process.graph)
        {
            let parents = self.workflows.links(&graph, id).parents;
            if !parents.is_empty() {
                self.processes.set_input(id, &parents);
            }
        }
        if let ProcessEvent::Removed(id) = &event
            && let Some(process) = self.processes.get(id).filter(|process| process.state.is_final())
        {
            let number = self.processes.number(&process.id);
            number.into_iter().for_each(|number| self.history.forget_process(number));
        }
        let about = event.process();
        let closed = self.processes.apply(event, now, number, &mut self.changes);
        if let Some(id) = about {
            self.tell_workflow(&id, Turned { now, number });
        }
        // Function statistics follow from a first successful close alone (chapter 2, 7.4).
        if let Some(closed) = closed
            && let Some(executor) = self.executors.acting_name(&closed.executor)
        {
            self.functions.count(executor, &closed.function, closed.waited, closed.ran);
        }
    }

    /// The ids of all users and executors; some more than once.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.users.iter().map(|user| &user.userid).chain(self.executors.iter().map(|executor| &executor.executorid))
    }

    /// Whether anything is registered under this id, in whatever state.
    pub fn is_known(&self, id: &Identity) -> bool {
        self.users.by_id(id).is_some() || self.executors.names_of(id).next().is_some()
    }

    fn apply_workflow(&mut self, event: WorkflowEvent, at: Turned) {
        let time = Time::from_nanos(at.now);
        match event {
            WorkflowEvent::Submitted(submission) => {
                self.workflows.submit(&submission, time, at.number);
                for node in submission.nodes {
                    let waits = !node.parents.is_empty();
                    self.processes.submit_node(node.process, submission.id, waits, at, &mut self.changes);
                }
            }
            WorkflowEvent::ChildAdded(child) => {
                self.workflows.add_child(&child, at.number);
                self.processes.submit_node(child.process, child.graph, true, at, &mut self.changes);
            }
            WorkflowEvent::Cancelled(graph) => {
                // The store may be writing it as it was: it is another state's from now on.
                if self.workflows.get(&graph).is_some_and(is_over) {
                    self.history.hide_workflow(self.workflows.number(&graph));
                }
                let answers = self.workflows.cancel(&graph, time, at.number);
                self.carry_out(answers, at);
                self.changes.rescheduled.push(Rescheduled::Ended(graph));
            }
            WorkflowEvent::Removed(graph) => {
                if self.workflows.get(&graph).is_some_and(is_over) {
                    self.forget_past_workflow(&graph);
                }
                let answers = self.workflows.remove(&graph);
                self.carry_out(answers, at);
                self.changes.rescheduled.push(Rescheduled::Ended(graph));
            }
        }
    }

    /// Tells a node's workflow where the node stands now, and carries out what the workflow says.
    fn tell_workflow(&mut self, id: &ProcessId, at: Turned) {
        let Some(process) = self.processes.get(id) else {
            return;
        };
        let Some(graph) = process.graph else {
            return;
        };
        let message = match process.state {
            ProcessState::Running => NodeMessage::Assigned(*id),
            ProcessState::Waiting => NodeMessage::PutBack(*id),
            ProcessState::Successful => NodeMessage::Succeeded(*id),
            ProcessState::Failed => NodeMessage::Failed(*id),
            // A node is cancelled by its workflow alone, which knows.
            ProcessState::Cancelled => return,
        };
        let answers = self.workflows.handle(&graph, message, Time::from_nanos(at.now), at.number);
        self.carry_out(answers, at);
        if self.workflows.get(&graph).is_none_or(|workflow| workflow.state.is_final()) {
            self.changes.rescheduled.push(Rescheduled::Ended(graph));
        }
    }

    fn apply_generator(&mut self, event: GeneratorEvent, at: Turned) {
        let time = Time::from_nanos(at.now);
        let change = match event {
            GeneratorEvent::Added(spec) => {
                let id = spec.id;
                self.generators.add(*spec);
                Rescheduled::Anew(Item::Generator(id))
            }
            GeneratorEvent::Packed { id, arg } => {
                self.generators.pack(&id, arg, time);
                Rescheduled::More(Item::Generator(id))
            }
            GeneratorEvent::Started(start) => {
                self.generators.started(&start, time);
                let GeneratorStart { id, graph, .. } = *start;
                self.apply_workflow(WorkflowEvent::Submitted(Box::new(graph)), at);
                Rescheduled::Anew(Item::Generator(id))
            }
            GeneratorEvent::Removed(id) => {
                self.generators.remove(&id);
                Rescheduled::Anew(Item::Generator(id))
            }
        };
        self.changes.rescheduled.push(change);
    }

    fn apply_cron(&mut self, event: CronEvent, at: Turned) {
        let id = match event {
            CronEvent::Added(cron) => {
                let id = cron.id;
                self.crons.add(*cron);
                id
            }
            CronEvent::Started(start) => {
                let previous = self.crons.get(&start.id).and_then(|cron| cron.previous);
                self.crons.started(&start, Time::from_nanos(at.now));
                self.changes.past.extend(previous.map(Missing::Workflow));
                let CronStart { id, graph, .. } = *start;
                let graph_id = graph.id;
                self.apply_workflow(WorkflowEvent::Submitted(Box::new(graph)), at);
                self.hand_on(previous, graph_id);
                id
            }
            CronEvent::Removed(id) => {
                let previous = self.crons.get(&id).and_then(|cron| cron.previous);
                self.changes.past.extend(previous.map(Missing::Workflow));
                self.crons.remove(&id);
                id
            }
        };
        self.changes.rescheduled.push(Rescheduled::Anew(Item::Cron(id)));
    }

    /// Gives the roots of a workflow what the leaves of its cron's previous one put out (chapter 3, 6.5).
    fn hand_on(&mut self, from: Option<GraphId>, to: GraphId) {
        let Some(from) = from.and_then(|from| self.workflows.get(&from)) else {
            return;
        };
        let leaves = from.leaves();
        let roots = self.workflows.get(&to).map(|workflow| workflow.roots.clone()).unwrap_or_default();
        self.processes.hand_on(&leaves, &roots);
    }

    fn rekey_starters(&mut self, from: &Identity, to: &Identity) {
        self.generators.rekey(from, to);
        self.crons.rekey(from, to);
    }

    fn carry_out(&mut self, answers: Vec<NodeAnswer>, at: Turned) {
        for answer in answers {
            self.processes.answer(answer, at, &mut self.changes);
        }
    }

    /// Whether this is a user or an approved executor of the colony.
    pub fn is_member(&self, id: &Identity) -> bool {
        self.users.by_id(id).is_some() || self.executors.acting(id).is_some()
    }

    /// The name under which something that `id` begins is known: an executor's, else a user's.
    pub fn initiator_name(&self, id: &Identity) -> Option<&str> {
        match self.executors.acting(id) {
            Some(executor) => Some(&executor.executorname),
            None => self.users.by_id(id).map(|user| user.name.as_str()),
        }
    }
}
