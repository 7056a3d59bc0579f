//! The process object (chapter 2, 3).

use super::spec::{FunctionSpec, ShownSpec};
use crate::colony::Colony;
use crate::colony::attributes::{Attribute, ENV, ShownAttribute};
use crate::colony::listing::fitting;
use crate::colony::message::Answer;
use crate::colony::state::State;
use crate::colony::table::Keyed;
use crate::colony::workflows::Links;
use crate::crypto::Identity;
use crate::ids::{GraphId, ProcessId};
use crate::json::RawJson;
use crate::time::Time;
use bincode::{Decode, Encode};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Where a process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
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
    /// All states, by number.
    pub const ALL: [ProcessState; 5] = [Self::Waiting, Self::Running, Self::Successful, Self::Failed, Self::Cancelled];

    /// The state of this number on the wire.
    pub fn from_number(number: i64) -> Option<ProcessState> {
        Self::ALL.into_iter().find(|state| *state as i64 == number)
    }

    /// Whether nothing happens to the process any more.
    pub fn is_final(self) -> bool {
        !matches!(self, ProcessState::Waiting | ProcessState::Running)
    }
}

/// A process. What is large or rarely changed is shared, so that a copy for a reply is small.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
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
    /// The workflow that it is a node of.
    pub graph: Option<GraphId>,
    /// Whether it is a node that waits for others, and so is not in its queue.
    pub waits_for_parents: bool,
    /// What it was given.
    pub input: RawJson,
    /// What came of it.
    pub out: RawJson,
    /// Why it failed.
    pub errors: Arc<[String]>,
    /// The number of the record that last changed it.
    pub changed: u64,
    /// About how many bytes of memory it takes, what comes and goes with its output and errors left out.
    pub weight: usize,
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

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        self.weight + self.out.text().len() + self.errors.iter().map(|error| error.len() + 16).sum::<usize>()
    }

    /// Whether it stands in its queue.
    pub fn is_ready(&self) -> bool {
        self.state == ProcessState::Waiting && !self.waits_for_parents
    }

    /// The id of its workflow as it is shown: empty outside of one.
    pub fn graph_text(&self) -> String {
        self.graph.map(|graph| graph.to_string()).unwrap_or_default()
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
    /// The nodes that it depends on, and that depend on it.
    pub links: &'a Links,
}

/// How many must share a specification so that its JSON is kept: more than one process alone has, which is in its colony,
/// in an answer and remembered as the newest.
const SHARED: usize = 5;

/// Bytes of the specification up to which it is kept: more would weigh, and what is around them matters less.
const RENDERED_BYTES: usize = 8 << 10;

impl Serialize for ShownProcess<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let process = self.process;
        let graph = process.graph_text();
        let attributes: Vec<_> = process
            .attributes
            .iter()
            .map(|attribute| ShownAttribute { attribute, target: process.id, graph: &graph })
            .collect();
        let env = process.attributes.iter().filter(|attribute| attribute.kind == ENV);
        let spec = ShownSpec {
            spec: &process.spec,
            colony: self.colony,
            env: env.map(|attribute| (&*attribute.key, &*attribute.value)).collect(),
        };
        let is_kept =
            spec.env.is_empty() && Arc::strong_count(&process.spec) >= SHARED && process.spec.bytes() <= RENDERED_BYTES;
        let rendered = if is_kept { process.spec.rendering.of(self.colony, &spec) } else { None };
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
        match rendered {
            Some(rendered) => shown.serialize_field("spec", rendered)?,
            None => shown.serialize_field("spec", &spec)?,
        }
        shown.serialize_field("waitforparents", &process.waits_for_parents)?;
        shown.serialize_field("parents", &*self.links.parents)?;
        shown.serialize_field("children", &*self.links.children)?;
        shown.serialize_field("processgraphid", &graph)?;
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
    /// The nodes that it depends on, and that depend on it.
    pub links: Links,
}

impl Serialize for ProcessAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ShownProcess { process: &self.process, colony: &self.colony, links: &self.links }.serialize(serializer)
    }
}

impl ProcessAnswer {
    /// The rows of a list: as many as one reply may hold.
    pub fn rows<'a>(processes: impl Iterator<Item = &'a Process>, state: &State) -> Vec<ProcessAnswer> {
        fitting(processes, |process| process.bytes()).map(|process| ProcessAnswer::new(state, process)).collect()
    }

    /// A process as it is now.
    pub fn new(state: &State, process: &Process) -> ProcessAnswer {
        let links = process.graph.map(|graph| state.workflows.links(&graph, &process.id)).unwrap_or_default();
        ProcessAnswer { process: process.clone(), colony: state.name.clone(), links }
    }

    /// The process of this id as it is now. `null` for one that is gone, which a turn's own events can't bring about.
    pub fn of(colony: &Colony, id: &ProcessId) -> Box<dyn Answer> {
        Box::new(colony.state.processes.get(id).map(|process| ProcessAnswer::new(&colony.state, process)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::processes::{ProcessEvent, Submission};
    use crate::json;

    fn text_in(colony: &str, process: &Process) -> String {
        let mut text = Vec::new();
        json::write(&mut text, &ShownProcess { process, colony, links: &Links::default() }).expect("it is shown");
        String::from_utf8(text).expect("JSON")
    }

    fn text(process: &Process) -> String {
        text_in("c", process)
    }

    /// A process of this specification, as it is after its submit.
    fn submitted(request: &str) -> Process {
        let id = ProcessId([7; 32]);
        let submission = Submission::sample(id, request);
        let mut state = State::default();
        state.processes.apply(ProcessEvent::Submitted(Box::new(submission)), 1_000, 1, &mut state.changes);
        state.processes.get(&id).expect("it was submitted").clone()
    }

    #[test]
    fn a_shared_specification_is_shown_as_one_alone() {
        let large = format!(r#"{{"funcname":"f","args":["{}"]}}"#, "x".repeat(RENDERED_BYTES));
        let requests = [
            r#"{"funcname":"f","args":["é\n", 1.50],"kwargs":{"b":1, "a":2},"label":"l","maxexectime":3,
                "conditions":{"executortype":"t","executornames":["n"]},"channels":["c"]}"#,
            r#"{"funcname":"f","env":{"k":"v"}}"#,
            &large,
        ];
        for request in requests {
            let mut process = submitted(request);
            let alone = text(&process);
            let alone_elsewhere = text_in("elsewhere", &process);
            let others = vec![process.spec.clone(); SHARED];
            for _ in 0..2 {
                assert_eq!(text(&process), alone);
                assert_eq!(text_in("elsewhere", &process), alone_elsewhere);
            }
            assert_ne!(alone, alone_elsewhere);
            // What comes and goes with the process is not kept with what it is to do.
            process.state = ProcessState::Running;
            process.attributes = submitted(r#"{"funcname":"f","env":{"other":"v"}}"#).attributes;
            let changed = text(&process);
            drop(others);
            process.spec = Arc::new((*process.spec).clone());
            assert_eq!(changed, text(&process));
            assert_ne!(changed, alone);
        }
    }
}
