//! All processes of a colony and what is known about them: queues, lists, who holds what.

use super::lists::Lists;
use super::queue::{self, Offer, Queues};
use super::{ListFilter, Process, ProcessEvent, ProcessState, Submission};
use crate::colony::attributes::{Attribute, ENV};
use crate::colony::state::Changes;
use crate::colony::table::{Slot, Table};
use crate::crypto::Identity;
use crate::ids::{AttributeId, ProcessId};
use crate::json::RawJson;
use crate::map::HashMap;
use crate::time::{Nanos, Time};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Nanoseconds that one step of priority is worth: a day (chapter 2, 3.1).
const PRIORITY_STEP: i64 = 86_400 * 1_000_000_000;

/// The processes of one colony.
#[derive(Debug)]
pub struct Processes {
    /// The colony's name, as attributes show it.
    pub(in crate::colony) colony: Arc<str>,
    table: Table<Process>,
    queues: Queues,
    lists: Lists,
    /// Running processes by the executor that holds them.
    held: HashMap<Identity, BTreeSet<(u64, Slot)>>,
    attributes: HashMap<AttributeId, ProcessId>,
}

impl Default for Processes {
    fn default() -> Self {
        Processes {
            colony: Arc::from(""),
            table: Table::default(),
            queues: Queues::default(),
            lists: Lists::default(),
            held: HashMap::default(),
            attributes: HashMap::default(),
        }
    }
}

/// Equal when the same processes are there: everything else here is an index that follows from them.
impl PartialEq for Processes {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

/// A first successful close, for the statistics of functions.
#[derive(Debug, PartialEq)]
pub struct Closed {
    /// Who closed it.
    pub executor: Identity,
    /// What was called.
    pub function: Box<str>,
    /// Seconds from submission to start.
    pub waited: f64,
    /// Seconds from start to end.
    pub ran: f64,
}

impl Processes {
    /// The process of this id.
    pub fn get(&self, id: &ProcessId) -> Option<&Process> {
        self.table.get(id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// All processes in the order in which they were submitted.
    pub fn iter(&self) -> impl Iterator<Item = &Process> {
        self.table.iter()
    }

    /// How many are in this state.
    pub fn count(&self, state: ProcessState) -> usize {
        self.lists.count(state)
    }

    /// The first process that this offer may take.
    pub fn first_for(&self, offer: &Offer) -> Option<ProcessId> {
        let (_, _, slot) = self.queues.first_for(offer)?;
        self.table.at(slot).map(|process| process.id)
    }

    /// The first `count` processes of a list.
    pub fn list(&self, state: ProcessState, filter: ListFilter<'_>, count: usize) -> Vec<&Process> {
        self.lists.of(state, filter).take(count).filter_map(|slot| self.table.at(slot)).collect()
    }

    /// The processes of a state submitted from this time on, oldest first.
    pub fn submitted_since(&self, state: ProcessState, since: Time) -> impl Iterator<Item = &Process> {
        self.lists.submitted_since(state, since).filter_map(|slot| self.table.at(slot))
    }

    /// The running processes that an executor holds.
    pub fn held_by(&self, executor: &Identity) -> impl Iterator<Item = &Process> {
        self.held.get(executor).into_iter().flatten().filter_map(|&(_, slot)| self.table.at(slot))
    }

    /// The process that carries this attribute, and the attribute.
    pub fn attribute(&self, id: &AttributeId) -> Option<(&Process, &Attribute)> {
        let process = self.table.get(self.attributes.get(id)?)?;
        let attribute = process.attributes.iter().find(|attribute| attribute.id(&process.id) == *id)?;
        Some((process, attribute))
    }

    /// The ids of all attributes.
    pub fn attribute_ids(&self) -> impl Iterator<Item = &AttributeId> {
        self.attributes.keys()
    }

    /// Carries out what happened in the record of this number and time.
    pub fn apply(&mut self, event: ProcessEvent, now: Nanos, number: u64, changes: &mut Changes) -> Option<Closed> {
        let at = Time::from_nanos(now);
        match event {
            ProcessEvent::Submitted(submission) => {
                self.submit(*submission, now, number, changes);
            }
            ProcessEvent::Removed(id) => self.remove(&id, changes),
            ProcessEvent::AttributeAdded { id, attribute } => {
                self.add_attribute(&id, attribute, number, changes);
            }
            ProcessEvent::OutputSet { id, out } => {
                if let Some(process) = self.table.get_mut(&id) {
                    process.out = out;
                    process.changed = number;
                }
            }
            ProcessEvent::Assigned { id, executor } => {
                self.change(&id, number, changes, |process| process.assign(executor, at));
            }
            ProcessEvent::Revoked(id) => self.change(&id, number, changes, Process::revoke),
            ProcessEvent::ClosedSuccessful { id, out } => {
                self.change(&id, number, changes, |process| {
                    process.end(ProcessState::Successful, at);
                    if let Some(out) = out {
                        process.out = out;
                    }
                });
                return self.table.get(&id).and_then(Process::closed);
            }
            ProcessEvent::ClosedFailed { id, errors } => {
                self.change(&id, number, changes, |process| process.fail(errors.into(), at));
            }
            ProcessEvent::Cancelled(id) => {
                self.change(&id, number, changes, |process| process.end(ProcessState::Cancelled, at));
            }
            ProcessEvent::WaitExpired(id) => {
                let errors: Arc<[String]> = Arc::new(["Maximum waiting time limit exceeded".to_owned()]);
                self.change(&id, number, changes, |process| process.fail(errors, at));
            }
            ProcessEvent::ExecExpired(id) => {
                self.change(&id, number, changes, |process| process.run_out_of_time(at));
            }
        }
        None
    }

    fn submit(&mut self, submission: Submission, now: Nanos, number: u64, changes: &mut Changes) {
        let process = Process::submitted(submission, &self.colony, now, number);
        for attribute in process.attributes.iter() {
            let id = attribute.id(&process.id);
            self.attributes.insert(id, process.id);
            changes.attributes.push((id, true));
        }
        let id = process.id;
        let slot = self.table.insert(process);
        self.enter(slot);
        self.note(&id, changes);
    }

    /// Gives back what an executor holds: it waits again at its old place (chapter 1, 9.6).
    pub fn release(&mut self, executor: &Identity, number: u64, changes: &mut Changes) {
        let held: Vec<ProcessId> = self.held_by(executor).map(|process| process.id).collect();
        for id in held {
            self.change(&id, number, changes, Process::release);
        }
    }

    /// An executor changed its key: what it holds follows (chapter 1, W14).
    pub fn rekey(&mut self, from: &Identity, to: &Identity, number: u64) {
        let Some(slots) = self.held.remove(from) else {
            return;
        };
        for &(_, slot) in &slots {
            if let Some(process) = self.table.at_mut(slot) {
                process.executor = Some(to.clone());
                process.changed = number;
            }
        }
        self.held.entry(to.clone()).or_default().extend(slots);
    }

    fn remove(&mut self, id: &ProcessId, changes: &mut Changes) {
        let Some(slot) = self.table.slot(id) else {
            return;
        };
        self.leave(slot);
        if let Some(process) = self.table.remove(id) {
            for attribute in process.attributes.iter() {
                let id = attribute.id(&process.id);
                self.attributes.remove(&id);
                changes.attributes.push((id, false));
            }
            changes.ended.push(process.id);
            changes.deadlines.push((process.id, None));
        }
    }

    fn add_attribute(&mut self, id: &ProcessId, attribute: Attribute, number: u64, changes: &mut Changes) {
        if let Some(process) = self.table.get_mut(id) {
            let attribute_id = attribute.id(&process.id);
            let attributes = Arc::make_mut(&mut process.attributes);
            match attributes.iter_mut().find(|other| other.kind == attribute.kind && other.key == attribute.key) {
                Some(other) => *other = attribute,
                None => attributes.push(attribute),
            }
            process.changed = number;
            self.attributes.insert(attribute_id, *id);
            changes.attributes.push((attribute_id, true));
        }
    }

    /// Changes a process and moves it between queues and lists.
    fn change(&mut self, id: &ProcessId, number: u64, changes: &mut Changes, change: impl FnOnce(&mut Process)) {
        let Some(slot) = self.table.slot(id) else {
            return;
        };
        self.leave(slot);
        let mut was_running = false;
        if let Some(process) = self.table.at_mut(slot) {
            was_running = process.state == ProcessState::Running;
            change(process);
            process.changed = number;
        }
        self.enter(slot);
        self.note(id, changes);
        if was_running {
            changes.ended.push(*id);
        }
    }

    fn note(&self, id: &ProcessId, changes: &mut Changes) {
        if let Some(process) = self.table.get(id) {
            changes.entered.push(*id);
            changes.deadlines.push((*id, process.deadline()));
            if process.state == ProcessState::Waiting && queue::is_assignable(process) {
                changes.ready.push(*id);
            }
        }
    }

    fn enter(&mut self, slot: Slot) {
        let (Some(process), Some(number)) = (self.table.at(slot), self.table.number(slot)) else {
            return;
        };
        self.lists.insert(process, number, slot);
        match process.state {
            ProcessState::Waiting => self.queues.insert(process, (process.priority_time, number, slot)),
            ProcessState::Running => {
                if let Some(executor) = &process.executor {
                    self.held.entry(executor.clone()).or_default().insert((number, slot));
                }
            }
            _ => {}
        }
    }

    fn leave(&mut self, slot: Slot) {
        let (Some(process), Some(number)) = (self.table.at(slot), self.table.number(slot)) else {
            return;
        };
        self.lists.remove(process, number, slot);
        match process.state {
            ProcessState::Waiting => self.queues.remove(process, (process.priority_time, number, slot)),
            ProcessState::Running => {
                if let Some(executor) = &process.executor
                    && let Some(held) = self.held.get_mut(executor)
                {
                    held.remove(&(number, slot));
                    if held.is_empty() {
                        self.held.remove(executor);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The transitions (chapter 2, 3.2).
impl Process {
    fn submitted(submission: Submission, colony: &Arc<str>, now: Nanos, number: u64) -> Process {
        let Submission { id, initiator, initiator_name, spec, env } = submission;
        let at = Time::from_nanos(now);
        let attributes = env.into_iter().map(|(key, value)| Attribute {
            target_colony_name: colony.clone(),
            state: 0,
            kind: ENV,
            key,
            value,
            attempt: 0,
        });
        let max_wait = spec.max_wait_seconds;
        Process {
            id,
            initiator,
            initiator_name: initiator_name.into(),
            state: ProcessState::Waiting,
            is_assigned: false,
            executor: None,
            priority_time: now.saturating_sub(i64::from(spec.priority).saturating_mul(PRIORITY_STEP)),
            submitted: at,
            started: Time::UNSET,
            ended: Time::UNSET,
            wait_deadline: deadline(at, max_wait),
            exec_deadline: Time::UNSET,
            retries: 0,
            attempt: 0,
            spec,
            attributes: Arc::new(attributes.collect()),
            input: RawJson::empty_list(),
            out: RawJson::empty_list(),
            errors: Arc::new([]),
            changed: number,
        }
    }

    fn assign(&mut self, executor: Identity, at: Time) {
        self.state = ProcessState::Running;
        self.is_assigned = true;
        self.executor = Some(executor);
        self.started = at;
        self.attempt += 1;
        self.exec_deadline = deadline(at, self.spec.max_exec_seconds);
        self.mark_attributes(1);
    }

    fn revoke(&mut self) {
        self.release();
        self.exec_deadline = Time::UNSET;
        self.mark_attributes(0);
    }

    fn release(&mut self) {
        self.state = ProcessState::Waiting;
        self.is_assigned = false;
        self.executor = None;
        self.started = Time::UNSET;
        self.ended = Time::UNSET;
    }

    fn end(&mut self, state: ProcessState, at: Time) {
        self.state = state;
        self.ended = at;
        self.mark_attributes(state as i64);
    }

    fn fail(&mut self, errors: Arc<[String]>, at: Time) {
        self.end(ProcessState::Failed, at);
        self.errors = errors;
    }

    fn run_out_of_time(&mut self, at: Time) {
        let tried_enough = u32::try_from(self.spec.max_retries).is_ok_and(|most| self.retries >= most);
        if tried_enough {
            self.fail(Arc::new(["Maximum execution time limit exceeded".to_owned()]), at);
            return;
        }
        self.state = ProcessState::Waiting;
        self.is_assigned = false;
        self.executor = None;
        self.ended = at;
        self.retries = self.retries.saturating_add(1);
        self.wait_deadline = deadline(at, self.spec.max_wait_seconds);
        self.mark_attributes(0);
    }

    /// Attributes follow their process (chapter 2, 8).
    fn mark_attributes(&mut self, state: i64) {
        if !self.attributes.is_empty() {
            for attribute in Arc::make_mut(&mut self.attributes) {
                attribute.state = state;
            }
        }
    }

    fn closed(&self) -> Option<Closed> {
        Some(Closed {
            executor: self.executor.clone()?,
            function: self.spec.func_name.clone(),
            waited: self.started.seconds_since(self.submitted),
            ran: self.ended.seconds_since(self.started),
        })
    }
}

/// So many seconds after `at`; 0 or less is no limit.
fn deadline(at: Time, seconds: i32) -> Time {
    if seconds > 0 { at.plus_seconds(seconds.into()) } else { Time::UNSET }
}
