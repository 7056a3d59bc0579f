//! All processes of a colony and what is known about them: queues, lists, who holds what.

use super::lists::Lists;
use super::queue::{self, Offer, Queues};
use super::{Alike, ListFilter, Process, ProcessEvent, ProcessState, Submission};
use crate::colony::attributes::Attribute;
use crate::colony::state::Changes;
use crate::colony::table::{Slot, Table};
use crate::colony::workflows::NodeAnswer;
use crate::crypto::Identity;
use crate::ids::{AttributeId, GraphId, ProcessId};
use crate::json::RawJson;
use crate::map::{HashMap, remove_from};
use crate::time::{Nanos, Time};
use std::cell::{RefCell, RefMut};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The processes of one colony.
#[derive(Debug)]
pub struct Processes {
    /// The colony's name, as attributes show it.
    pub(in crate::colony) colony: Arc<str>,
    table: Table<Process>,
    queues: Queues,
    /// Reading lets them catch up first.
    lists: RefCell<Lists>,
    /// Running processes by the executor that holds them.
    held: HashMap<Identity, BTreeSet<(u64, Slot)>>,
    /// Those with channels that are not over, by who submitted them.
    with_channels: HashMap<Identity, BTreeSet<(u64, Slot)>>,
    attributes: HashMap<AttributeId, ProcessId>,
    /// About how many bytes of memory all of them take.
    bytes: usize,
    alike: Alike,
}

impl Default for Processes {
    fn default() -> Self {
        Processes {
            colony: Arc::from(""),
            table: Table::default(),
            queues: Queues::default(),
            lists: RefCell::default(),
            held: HashMap::default(),
            with_channels: HashMap::default(),
            attributes: HashMap::default(),
            bytes: 0,
            alike: Alike::default(),
        }
    }
}

/// Equal when the same processes are there: everything else here is an index that follows from them.
impl PartialEq for Processes {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

/// The record that a change is made by.
#[derive(Clone, Copy, Debug)]
pub struct Turned {
    /// Its time.
    pub now: Nanos,
    /// Its number in the colony's stream.
    pub number: u64,
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
    /// What a checkpoint writes and reads.
    pub(in crate::colony) fn table(&mut self) -> &mut Table<Process> {
        &mut self.table
    }

    /// The process of this id.
    pub fn get(&self, id: &ProcessId) -> Option<&Process> {
        self.table.get(id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// All processes in the order in which they were submitted.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Process> {
        self.table.iter()
    }

    /// How many are in this state.
    pub fn count(&self, state: ProcessState) -> usize {
        self.lists.borrow().count(state)
    }

    /// The first process that this offer may take.
    pub fn first_for(&self, offer: &Offer) -> Option<ProcessId> {
        let (_, _, slot) = self.queues.first_for(offer)?;
        self.table.at(slot).map(|process| process.id)
    }

    /// The lists as they are now.
    fn lists(&self) -> RefMut<'_, Lists> {
        let mut lists = self.lists.borrow_mut();
        lists.catch_up(&self.table);
        lists
    }

    /// The first `count` processes of a list, with their numbers in the order of submission.
    pub fn list(&self, state: ProcessState, filter: ListFilter<'_>, count: usize) -> Vec<(u64, &Process)> {
        self.lists().of(state, filter).take(count).filter_map(|slot| self.numbered(slot)).collect()
    }

    /// The newest of the processes of a state that were submitted from this time on, newest first, with their numbers:
    /// at most `count` that are wanted, among the `scanned` newest.
    pub fn newest_since(
        &self,
        state: ProcessState,
        since: Time,
        (scanned, count): (usize, usize),
        wanted: impl Fn(&Process) -> bool,
    ) -> Vec<(u64, &Process)> {
        let lists = self.lists();
        let newest = lists.submitted_since(state, since).rev().take(scanned);
        newest.filter_map(|slot| self.numbered(slot)).filter(|(_, process)| wanted(process)).take(count).collect()
    }

    fn numbered(&self, slot: Slot) -> Option<(u64, &Process)> {
        Some((self.table.number(slot)?, self.table.at(slot)?))
    }

    /// The processes from this number on, with their numbers, in the order in which they were submitted.
    pub fn iter_from(&self, number: u64) -> impl Iterator<Item = (u64, &Process)> {
        self.table.iter_from(number)
    }

    /// The number of a process in the order of submission.
    pub fn number(&self, id: &ProcessId) -> Option<u64> {
        self.table.number(self.table.slot(id)?)
    }

    /// The process of this number.
    pub fn by_number(&self, number: u64) -> Option<&Process> {
        self.table.by_number(number)
    }

    /// The number that the next submitted process will have.
    pub fn next_number(&self) -> u64 {
        self.table.next_number()
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
                    self.bytes = (self.bytes + out.text().len()).saturating_sub(process.out.text().len());
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
        self.add(Process::submitted(submission, &self.colony, now, number), changes);
    }

    /// Adds a node of a workflow; one that depends on others waits for them.
    pub fn submit_node(
        &mut self,
        submission: Submission,
        graph: GraphId,
        waits_for_parents: bool,
        at: Turned,
        changes: &mut Changes,
    ) {
        let process = Process::submitted(submission, &self.colony, at.now, at.number);
        self.add(Process { graph: Some(graph), waits_for_parents, ..process }, changes);
    }

    fn add(&mut self, mut process: Process, changes: &mut Changes) {
        self.alike.share(&mut process.spec, &mut process.initiator_name);
        let id = process.id;
        self.index_attributes(&id, &process.attributes.clone(), changes);
        self.bytes += process.bytes();
        let slot = self.table.insert(process);
        self.enter(slot);
        self.note(slot, changes);
    }

    /// Gives back what an executor holds: it waits again at its old place (chapter 1, 9.6).
    pub fn release(&mut self, executor: &Identity, number: u64, changes: &mut Changes) -> Vec<ProcessId> {
        let held: Vec<ProcessId> = self.held_by(executor).map(|process| process.id).collect();
        for id in &held {
            self.change(id, number, changes, Process::release);
        }
        held
    }

    /// An executor changed its key: what it holds follows (chapter 1, W14).
    pub fn rekey(&mut self, from: &Identity, to: &Identity, number: u64) {
        follow(&mut self.held, &mut self.table, [from, to], number, |process| process.executor = Some(to.clone()));
    }

    /// A member changed its key: it keeps the channels of what it has submitted and that is not over (chapter 1, 11).
    pub fn rekey_channels(&mut self, from: &Identity, to: &Identity, number: u64) {
        follow(&mut self.with_channels, &mut self.table, [from, to], number, |process| process.initiator = to.clone());
    }

    /// Carries out what a workflow said about one of its nodes.
    pub fn answer(&mut self, answer: NodeAnswer, at: Turned, changes: &mut Changes) {
        match answer {
            NodeAnswer::Release(id) => {
                self.change(&id, at.number, changes, |process| process.waits_for_parents = false);
            }
            NodeAnswer::Fail(id) => self.change(&id, at.number, changes, |process| {
                // Only the state: neither end nor errors (chapter 3, 3.2).
                process.state = ProcessState::Failed;
                process.mark_attributes(ProcessState::Failed as i64);
            }),
            NodeAnswer::Cancel(id) => {
                let ended = Time::from_nanos(at.now);
                self.change(&id, at.number, changes, |process| process.end(ProcessState::Cancelled, ended));
            }
            NodeAnswer::Remove(id) => self.remove(&id, changes),
        }
    }

    /// Gives a node that is about to run what its parents put out (chapter 3, 3.6).
    pub fn set_input(&mut self, id: &ProcessId, parents: &[ProcessId]) {
        let input = self.outputs(parents);
        if let Some(process) = self.table.get_mut(id) {
            process.input = input;
        }
    }

    /// Gives processes what others put out; where that is nothing, they keep what they have (chapter 3, 6.5).
    pub fn hand_on(&mut self, from: &[ProcessId], to: &[ProcessId]) {
        let input = self.outputs(from);
        for id in to.iter().filter(|_| input.text() != "null") {
            if let Some(process) = self.table.get_mut(id) {
                process.input = input.clone();
            }
        }
    }

    fn outputs(&self, of: &[ProcessId]) -> RawJson {
        RawJson::concatenated(of.iter().filter_map(|id| self.table.get(id)).map(|process| &process.out))
    }

    fn remove(&mut self, id: &ProcessId, changes: &mut Changes) {
        if let Some(process) = self.take(id, changes) {
            changes.ended.push(process.id);
            changes.closed.push(process.id);
            changes.deadlines.push((process.id, None));
        }
    }

    /// Takes a process out of memory; the past may have it. Nobody is told.
    pub fn take(&mut self, id: &ProcessId, changes: &mut Changes) -> Option<Process> {
        let slot = self.table.slot(id)?;
        let number = self.table.number(slot)?;
        self.leave(slot);
        let process = self.table.remove(id)?;
        self.lists.get_mut().forget(&process, number, slot);
        self.bytes = self.bytes.saturating_sub(process.bytes());
        for attribute in process.attributes.iter() {
            let id = attribute.id(&process.id);
            self.attributes.remove(&id);
            changes.attributes.push((id, false));
        }
        Some(process)
    }

    /// Puts a process back that had this number. Nobody is told.
    pub fn restore(&mut self, number: u64, mut process: Process, changes: &mut Changes) {
        process.share(&mut self.alike);
        let (id, bytes) = (process.id, process.bytes());
        let attributes = process.attributes.clone();
        if let Some(slot) = self.table.restore(number, process) {
            self.bytes += bytes;
            self.index_attributes(&id, &attributes, changes);
            self.enter(slot);
        }
    }

    fn index_attributes(&mut self, of: &ProcessId, attributes: &[Attribute], changes: &mut Changes) {
        for attribute in attributes {
            let id = attribute.id(of);
            self.attributes.insert(id, *of);
            changes.attributes.push((id, true));
        }
    }

    fn add_attribute(&mut self, id: &ProcessId, attribute: Attribute, number: u64, changes: &mut Changes) {
        if let Some(process) = self.table.get_mut(id) {
            let attribute_id = attribute.id(&process.id);
            let attributes = Arc::make_mut(&mut process.attributes);
            let more = attribute.bytes();
            match attributes.iter_mut().find(|other| other.kind == attribute.kind && other.key == attribute.key) {
                Some(other) => {
                    let less = std::mem::replace(other, attribute).bytes();
                    process.weight = (process.weight + more).saturating_sub(less);
                    self.bytes = (self.bytes + more).saturating_sub(less);
                }
                None => {
                    attributes.push(attribute);
                    process.weight += more;
                    self.bytes += more;
                }
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
            let before = process.bytes();
            change(process);
            self.bytes = (self.bytes + process.bytes()).saturating_sub(before);
            process.changed = number;
        }
        self.enter(slot);
        self.note(slot, changes);
        if was_running {
            changes.ended.push(*id);
        }
    }

    fn note(&self, slot: Slot, changes: &mut Changes) {
        if let Some(process) = self.table.at(slot) {
            let id = &process.id;
            // A node that waits for others is not an event yet: it is one when it may run.
            if !process.waits_for_parents || process.state.is_final() {
                changes.entered.push(*id);
            }
            if process.state.is_final() {
                changes.closed.push(*id);
            }
            changes.deadlines.push((*id, process.deadline()));
            if process.is_ready() && queue::is_assignable(process) {
                changes.ready.push(*id);
            }
        }
    }

    fn enter(&mut self, slot: Slot) {
        let (Some(process), Some(number)) = (self.table.at(slot), self.table.number(slot)) else {
            return;
        };
        let lists = self.lists.get_mut();
        if lists.enter(process, slot) {
            lists.catch_up(&self.table);
        }
        match process.state {
            ProcessState::Waiting if process.waits_for_parents => {}
            ProcessState::Waiting => self.queues.insert(process, (process.priority_time, number, slot)),
            ProcessState::Running => {
                if let Some(executor) = &process.executor {
                    self.held.entry(executor.clone()).or_default().insert((number, slot));
                }
            }
            _ => {}
        }
        if has_open_channels(process) {
            self.with_channels.entry(process.initiator.clone()).or_default().insert((number, slot));
        }
    }

    fn leave(&mut self, slot: Slot) {
        let (Some(process), Some(number)) = (self.table.at(slot), self.table.number(slot)) else {
            return;
        };
        self.lists.get_mut().leave(process, slot);
        match process.state {
            ProcessState::Waiting if process.waits_for_parents => {}
            ProcessState::Waiting => self.queues.remove(process, (process.priority_time, number, slot)),
            ProcessState::Running => {
                if let Some(executor) = &process.executor {
                    remove_from(&mut self.held, executor, &(number, slot));
                }
            }
            _ => {}
        }
        if has_open_channels(process) {
            remove_from(&mut self.with_channels, &process.initiator, &(number, slot));
        }
    }
}

/// Moves the processes of one key to another one, in an index by keys and each by `change`.
fn follow(
    index: &mut HashMap<Identity, BTreeSet<(u64, Slot)>>,
    table: &mut Table<Process>,
    [from, to]: [&Identity; 2],
    number: u64,
    change: impl Fn(&mut Process),
) {
    let Some(slots) = index.remove(from) else {
        return;
    };
    for &(_, slot) in &slots {
        if let Some(process) = table.at_mut(slot) {
            change(process);
            process.changed = number;
        }
    }
    index.entry(to.clone()).or_default().extend(slots);
}

fn has_open_channels(process: &Process) -> bool {
    !process.spec.channels.is_empty() && !process.state.is_final()
}

#[cfg(test)]
mod tests;
