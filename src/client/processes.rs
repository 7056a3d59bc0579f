//! Function specifications and processes (chapter 2).

use super::{Attribute, Client, ClientError};
use crate::crypto::PrivateKey;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

pub use crate::colony::processes::ProcessState;
pub use crate::colony::processes::spec::{FileSystem, SnapshotMount};

/// What is to be done, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FunctionSpec {
    /// Its name as a node of a workflow.
    pub nodename: String,
    /// The function.
    pub funcname: String,
    /// Its arguments.
    pub args: Vec<Value>,
    /// Its named arguments.
    pub kwargs: Map<String, Value>,
    /// From -50000 to 50000; a step is a day ahead in the queue.
    pub priority: i64,
    /// Seconds that it may wait; -1 for ever.
    pub maxwaittime: i64,
    /// Seconds that one attempt may run; -1 for ever.
    pub maxexectime: i64,
    /// How often it is tried again; -1 without end.
    pub maxretries: i64,
    /// Who may have it.
    pub conditions: Conditions,
    /// Free text to find it by.
    pub label: String,
    /// Files that it needs.
    pub fs: FileSystem,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Its channels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
}

impl FunctionSpec {
    /// A function for executors of this type, without limits of time.
    ///
    /// ```
    /// use colonies::client::FunctionSpec;
    ///
    /// let mut spec = FunctionSpec::new("dev", "cli", "echo");
    /// spec.args.push("hello".into());
    /// assert_eq!((spec.conditions.executortype.as_str(), spec.maxexectime), ("cli", -1));
    /// ```
    pub fn new(colony: &str, executor_type: &str, function: &str) -> FunctionSpec {
        FunctionSpec {
            funcname: function.to_owned(),
            maxwaittime: -1,
            maxexectime: -1,
            conditions: Conditions {
                colonyname: colony.to_owned(),
                executortype: executor_type.to_owned(),
                ..Conditions::default()
            },
            ..FunctionSpec::default()
        }
    }
}

/// Who may have a process, and what it needs there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// The colony's name.
    pub colonyname: String,
    /// Executors by name; none or `null` is anyone.
    pub executornames: Option<Vec<String>>,
    /// The type of executor.
    pub executortype: String,
    /// Where; empty is anywhere.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub locationname: String,
    /// The nodes of the workflow that must be done before.
    pub dependencies: Vec<String>,
    /// Nodes.
    pub nodes: i64,
    /// CPU, as in `500m`.
    pub cpu: String,
    /// Processes of the operating system.
    pub processes: i64,
    /// The same for each node.
    pub processespernode: i64,
    /// Memory, as in `10Gi`.
    pub mem: String,
    /// Storage, as in `10Gi`.
    pub storage: String,
    /// Graphics processors.
    pub gpu: Gpu,
    /// Seconds that a batch system is to grant.
    pub walltime: i64,
}

/// Graphics processors that a process needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gpu {
    /// The model.
    pub name: String,
    /// Memory, as in `10Gi`.
    pub mem: String,
    /// How many.
    pub count: i64,
    /// How many for each node.
    pub nodecount: i64,
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    /// Its id.
    pub processid: String,
    /// Who submitted it.
    pub initiatorid: String,
    /// Under what name.
    pub initiatorname: String,
    /// Who has or had it; empty before.
    pub assignedexecutorid: String,
    /// Whether somebody has or had it.
    pub isassigned: bool,
    /// Where it stands: see [`Process::state`].
    pub state: i64,
    /// Its place in the queue: smallest first.
    pub prioritytime: i64,
    /// When it was submitted.
    pub submissiontime: Time,
    /// When the latest attempt began.
    pub starttime: Time,
    /// When it ended.
    pub endtime: Time,
    /// When it will have waited too long.
    pub waitdeadline: Time,
    /// When the attempt will have run too long.
    pub execdeadline: Time,
    /// How often it was put back.
    pub retries: i64,
    /// What it carries.
    pub attributes: Vec<Attribute>,
    /// What is to be done.
    pub spec: FunctionSpec,
    /// Whether it is a node that waits for others.
    pub waitforparents: bool,
    /// The nodes before it.
    pub parents: Vec<String>,
    /// The nodes after it.
    pub children: Vec<String>,
    /// Its workflow; empty outside one.
    pub processgraphid: String,
    /// What it was given.
    #[serde(rename = "in")]
    pub input: Vec<Value>,
    /// What came of it.
    pub out: Vec<Value>,
    /// Why it failed.
    pub errors: Vec<String>,
}

impl Process {
    /// Where it stands; `None` for a number that this client does not know.
    pub fn state(&self) -> Option<ProcessState> {
        ProcessState::from_number(self.state)
    }
}

/// The word for a state of a process or workflow, as people are told it.
pub fn state_name(number: i64) -> &'static str {
    match ProcessState::from_number(number) {
        Some(ProcessState::Waiting) => "Waiting",
        Some(ProcessState::Running) => "Running",
        Some(ProcessState::Successful) => "Successful",
        Some(ProcessState::Failed) => "Failed",
        Some(ProcessState::Cancelled) => "Cancelled",
        None => "Unknown",
    }
}

/// Which processes of a state to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProcessFilter<'a> {
    /// All.
    #[default]
    All,
    /// Those for this type of executor.
    ExecutorType(&'a str),
    /// Those with this label.
    Label(&'a str),
    /// Those that this name submitted.
    Initiator(&'a str),
    /// Those of this workflow.
    Workflow(&'a str),
}

impl Client {
    /// Submits a process; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn submit(&self, member: &PrivateKey, spec: &FunctionSpec) -> Result<Process, ClientError> {
        self.ask(member, "submitfuncspecmsg", json!({ "spec": spec }))
    }

    /// Waits up to `patience` for work, in whole seconds, and takes it; for executors. `None` when there was none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn assign(
        &self,
        executor: &PrivateKey,
        colony: &str,
        patience: Duration,
    ) -> Result<Option<Process>, ClientError> {
        // Asking once is -1 on the wire; 0 waits for a default of the server's.
        let seconds = i64::try_from(patience.as_secs()).ok().filter(|&seconds| seconds > 0).unwrap_or(-1);
        let members = json!({ "colonyname": colony, "timeout": seconds });
        match self.ask_patiently(executor, "assignprocessmsg", members, patience) {
            Ok(process) => Ok(Some(process)),
            Err(error) if error.is_refused_with(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Ends a process as done; for the executor that runs it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn close_successful(&self, executor: &PrivateKey, id: &str, out: &[Value]) -> Result<(), ClientError> {
        self.tell(executor, "closesuccessfulmsg", json!({ "processid": id, "out": out }))
    }

    /// Ends a process as failed; for the executor that runs it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn close_failed(&self, executor: &PrivateKey, id: &str, errors: &[String]) -> Result<(), ClientError> {
        self.tell(executor, "closefailedmsg", json!({ "processid": id, "errors": errors }))
    }

    /// Sets the output of a running process; for the executor that runs it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn set_output(&self, executor: &PrivateKey, id: &str, out: &[Value]) -> Result<(), ClientError> {
        self.tell(executor, "setoutputmsg", json!({ "processid": id, "out": out }))
    }

    /// The process with this id; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn process(&self, member: &PrivateKey, id: &str) -> Result<Process, ClientError> {
        self.ask(member, "getprocessmsg", json!({ "processid": id }))
    }

    /// Up to `count` processes of a state; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn processes(
        &self,
        member: &PrivateKey,
        colony: &str,
        state: ProcessState,
        count: i64,
        filter: ProcessFilter<'_>,
    ) -> Result<Vec<Process>, ClientError> {
        let mut members = json!({ "colonyname": colony, "count": count, "state": state as i64 });
        match filter {
            ProcessFilter::All => {}
            ProcessFilter::ExecutorType(name) => members["executortype"] = name.into(),
            ProcessFilter::Label(label) => members["label"] = label.into(),
            ProcessFilter::Initiator(name) => members["initiator"] = name.into(),
            ProcessFilter::Workflow(id) => members["processgraphid"] = id.into(),
        }
        self.ask(member, "getprocessesmsg", members)
    }

    /// Ends a process before it is done; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn cancel(&self, member: &PrivateKey, id: &str) -> Result<(), ClientError> {
        self.tell(member, "cancelprocessmsg", json!({ "processid": id }))
    }

    /// Removes a process; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_process(&self, member: &PrivateKey, id: &str) -> Result<(), ClientError> {
        self.tell(member, "removeprocessmsg", json!({ "processid": id }))
    }

    /// Removes all processes of a state, or of every state; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_all_processes(
        &self,
        owner: &PrivateKey,
        colony: &str,
        state: Option<ProcessState>,
    ) -> Result<(), ClientError> {
        let members = json!({ "colonyname": colony, "state": number_of(state) });
        self.tell(owner, "removeallprocessesmsg", members)
    }
}

/// The number on the wire of a state, or of all of them.
pub(super) fn number_of(state: Option<ProcessState>) -> i64 {
    state.map_or(-1, |state| state as i64)
}
