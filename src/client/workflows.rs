//! Workflows, which the protocol calls process graphs (chapter 3).

use super::processes::number_of;
use super::{Client, ClientError, FunctionSpec, Process, ProcessState};
use crate::crypto::PrivateKey;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A workflow as it is submitted: nodes that name the nodes they depend on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkflowSpec {
    /// The colony's name.
    pub colonyname: String,
    /// The nodes.
    pub functionspecs: Vec<FunctionSpec>,
}

/// A workflow that was submitted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessGraph {
    /// Its id.
    pub processgraphid: String,
    /// Who submitted it.
    pub initiatorid: String,
    /// Under what name.
    pub initiatorname: String,
    /// The colony's name.
    pub colonyname: String,
    /// The nodes that depend on none.
    pub rootprocessids: Vec<String>,
    /// Where it stands, by the numbers of a process.
    pub state: i64,
    /// When it was submitted.
    pub submissiontime: Time,
    /// When its first node began.
    pub starttime: Time,
    /// When it ended.
    pub endtime: Time,
    /// All nodes.
    pub processids: Vec<String>,
    /// The nodes as they are drawn; only of [`Client::workflow`].
    pub nodes: Vec<Value>,
    /// What is drawn between them; only of [`Client::workflow`].
    pub edges: Vec<Value>,
}

impl Client {
    /// Submits a workflow; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn submit_workflow(&self, member: &PrivateKey, spec: &WorkflowSpec) -> Result<ProcessGraph, ClientError> {
        self.ask(member, "submitworkflowspecmsg", json!({ "spec": spec }))
    }

    /// The workflow with this id; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn workflow(&self, member: &PrivateKey, id: &str) -> Result<ProcessGraph, ClientError> {
        self.ask(member, "getprocessgraphmsg", json!({ "processgraphid": id }))
    }

    /// Up to `count` workflows of a state; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn workflows(
        &self,
        member: &PrivateKey,
        colony: &str,
        state: ProcessState,
        count: i64,
    ) -> Result<Vec<ProcessGraph>, ClientError> {
        let members = json!({ "colonyname": colony, "count": count, "state": state as i64 });
        self.ask(member, "getprocessgraphsmsg", members)
    }

    /// Ends a workflow before it is done; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn cancel_workflow(&self, member: &PrivateKey, id: &str) -> Result<(), ClientError> {
        self.tell(member, "cancelprocessgraphmsg", json!({ "processgraphid": id }))
    }

    /// Removes a workflow with its processes; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_workflow(&self, member: &PrivateKey, id: &str) -> Result<(), ClientError> {
        self.tell(member, "removeprocessgraphmsg", json!({ "processgraphid": id }))
    }

    /// Removes all workflows of a state, or of every state; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_all_workflows(
        &self,
        owner: &PrivateKey,
        colony: &str,
        state: Option<ProcessState>,
    ) -> Result<(), ClientError> {
        let members = json!({ "colonyname": colony, "state": number_of(state) });
        self.tell(owner, "removeallprocessgraphsmsg", members)
    }

    /// Adds a node to a running workflow below `parent`; where `insert` is set, between it and what followed. For the
    /// executor that runs `parent`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_child(
        &self,
        executor: &PrivateKey,
        workflow: &str,
        parent: &str,
        spec: &FunctionSpec,
        insert: bool,
    ) -> Result<Process, ClientError> {
        let members = json!({ "processgraphid": workflow, "parentprocessid": parent, "childprocessid": "",
            "spec": spec, "insert": insert });
        self.ask(executor, "addchildmsg", members)
    }
}
