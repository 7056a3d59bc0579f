//! The process object (chapter 2, 3).

use super::spec::{FunctionSpec, ShownSpec};
use crate::colony::Colony;
use crate::colony::attributes::{Attribute, ENV, ShownAttribute};
use crate::colony::message::Answer;
use crate::colony::table::Keyed;
use crate::crypto::Identity;
use crate::ids::ProcessId;
use crate::json::RawJson;
use crate::time::Time;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Where a process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProcessState {
    /// In its queue.
    Waiting = 0,
    /// With an executor.
    Running = 1,
    /// Done.
    Successful = 2,
    /// Failed.
    Failed = 3,
    /// Cancelled.
    Cancelled = 4,
}

impl ProcessState {
    /// The state of this number on the wire.
    pub fn from_number(number: i64) -> Option<ProcessState> {
        [Self::Waiting, Self::Running, Self::Successful, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|state| *state as i64 == number)
    }

    /// Whether nothing happens to the process any more.
    pub fn is_final(self) -> bool {
        !matches!(self, ProcessState::Waiting | ProcessState::Running)
    }
}

/// A process. What is large or rarely changed is shared, so that a copy for a reply is small.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// Its id.
    pub id: ProcessId,
    /// Who submitted it.
    pub initiator: Identity,
    /// Under what name.
    pub initiator_name: Arc<str>,
    /// Where it stands.
    pub state: ProcessState,
    /// Whether it is with an executor, or was when it ended.
    pub is_assigned: bool,
    /// That executor; kept when it ends, gone when it waits again.
    pub executor: Option<Identity>,
    /// What the queue is ordered by, smallest first (chapter 2, 3.1); nanoseconds.
    pub priority_time: i64,
    /// When it was submitted.
    pub submitted: Time,
    /// When the latest attempt began.
    pub started: Time,
    /// When it ended, or the latest attempt ran out of time.
    pub ended: Time,
    /// When it will have waited too long.
    pub wait_deadline: Time,
    /// When the attempt will have run too long.
    pub exec_deadline: Time,
    /// How often an attempt ran out of time and it was put back.
    pub retries: u32,
    /// How often it was assigned. Not shown.
    pub attempt: u32,
    /// What it is to do.
    pub spec: Arc<FunctionSpec>,
    /// What it carries.
    pub attributes: Arc<Vec<Attribute>>,
    /// What it was given.
    pub input: RawJson,
    /// What came of it.
    pub out: RawJson,
    /// Why it failed.
    pub errors: Arc<[String]>,
    /// The number of the record that last changed it.
    pub changed: u64,
}

impl Keyed for Process {
    type Key = ProcessId;
    fn key(&self) -> &ProcessId {
        &self.id
    }
}

impl Process {
    /// The deadline that counts in the present state, if there is one.
    pub fn deadline(&self) -> Option<Time> {
        let deadline = match self.state {
            ProcessState::Waiting => self.wait_deadline,
            ProcessState::Running => self.exec_deadline,
            _ => return None,
        };
        deadline.is_set().then_some(deadline)
    }

    /// Whether it is with this executor.
    pub fn is_with(&self, executor: &Identity) -> bool {
        self.executor.as_ref() == Some(executor)
    }
}

/// A process as it is shown.
pub struct ShownProcess<'a> {
    /// The process.
    pub process: &'a Process,
    /// The colony's name.
    pub colony: &'a str,
}

impl Serialize for ShownProcess<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let process = self.process;
        let attributes: Vec<_> = process
            .attributes
            .iter()
            .map(|attribute| ShownAttribute { attribute, target: process.id, graph: "" })
            .collect();
        let env = process.attributes.iter().filter(|attribute| attribute.kind == ENV);
        let spec = ShownSpec {
            spec: &process.spec,
            colony: self.colony,
            env: env.map(|attribute| (&*attribute.key, &*attribute.value)).collect(),
        };
        let mut shown = serializer.serialize_struct("process", 22)?;
        shown.serialize_field("processid", &process.id)?;
        shown.serialize_field("initiatorid", &process.initiator)?;
        shown.serialize_field("initiatorname", &process.initiator_name)?;
        match &process.executor {
            Some(executor) => shown.serialize_field("assignedexecutorid", executor)?,
            None => shown.serialize_field("assignedexecutorid", "")?,
        }
        shown.serialize_field("isassigned", &process.is_assigned)?;
        shown.serialize_field("state", &(process.state as u8))?;
        shown.serialize_field("prioritytime", &process.priority_time)?;
        shown.serialize_field("submissiontime", &process.submitted)?;
        shown.serialize_field("starttime", &process.started)?;
        shown.serialize_field("endtime", &process.ended)?;
        shown.serialize_field("waitdeadline", &process.wait_deadline)?;
        shown.serialize_field("execdeadline", &process.exec_deadline)?;
        shown.serialize_field("retries", &process.retries)?;
        shown.serialize_field("attributes", &attributes)?;
        shown.serialize_field("spec", &spec)?;
        shown.serialize_field("waitforparents", &false)?;
        shown.serialize_field("parents", &[(); 0])?;
        shown.serialize_field("children", &[(); 0])?;
        shown.serialize_field("processgraphid", "")?;
        shown.serialize_field("in", &process.input)?;
        shown.serialize_field("out", &process.out)?;
        shown.serialize_field("errors", &process.errors)?;
        shown.end()
    }
}

/// A process that outlives the turn it was read in, on its way to the client.
pub struct ProcessAnswer {
    /// The process.
    pub process: Process,
    /// The colony's name.
    pub colony: Arc<str>,
}

impl Serialize for ProcessAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ShownProcess { process: &self.process, colony: &self.colony }.serialize(serializer)
    }
}

impl ProcessAnswer {
    /// The process of this id as it is now. `null` for one that is gone, which a turn's own events can't bring about.
    pub fn of(colony: &Colony, id: &ProcessId) -> Box<dyn Answer> {
        let process = colony.state.processes.get(id).cloned();
        Box::new(process.map(|process| ProcessAnswer { process, colony: colony.state.name.clone() }))
    }
}
