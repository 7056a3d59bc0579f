//! Executors (chapter 1).

use super::{Client, ClientError};
use crate::crypto::PrivateKey;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;

pub use crate::colony::executors::{Allocations, Capabilities, Hardware, Software};

/// Where an executor stands, as its number on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutorState(pub i64);

impl ExecutorState {
    /// Waits for its approval.
    pub const PENDING: ExecutorState = ExecutorState(0);
    /// May work.
    pub const APPROVED: ExecutorState = ExecutorState(1);
    /// Was refused.
    pub const REJECTED: ExecutorState = ExecutorState(2);
    /// Was removed, or was silent for too long.
    pub const UNREGISTERED: ExecutorState = ExecutorState(3);
}

impl fmt::Display for ExecutorState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            ExecutorState::PENDING => "Pending",
            ExecutorState::APPROVED => "Approved",
            ExecutorState::REJECTED => "Rejected",
            ExecutorState::UNREGISTERED => "Unregistered",
            _ => "Unknown",
        })
    }
}

/// An executor's record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Executor {
    /// The id of its key.
    pub executorid: String,
    /// What processes are addressed to.
    pub executortype: String,
    /// Unique in the colony.
    pub executorname: String,
    /// The colony's name.
    pub colonyname: String,
    /// Where it stands; the server's to say.
    pub state: ExecutorState,
    /// Whether it takes only functions that it registered.
    pub requirefuncreg: bool,
    /// When it was added.
    pub commissiontime: Time,
    /// When it last asked for work.
    pub lastheardfromtime: Time,
    /// Where it is; empty is nowhere in particular.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub locationname: String,
    /// What it has.
    pub capabilities: Capabilities,
    /// What projects may use of it.
    pub allocations: Allocations,
    /// The blueprint that it was made for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub blueprintid: String,
    /// That blueprint's generation then.
    pub blueprintgen: i64,
}

impl Client {
    /// Adds an executor, which then waits for its approval; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_executor(&self, owner: &PrivateKey, executor: &Executor) -> Result<Executor, ClientError> {
        self.ask(owner, "addexecutormsg", json!({ "executor": executor }))
    }

    /// All executors of a colony, unregistered ones too; for its members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn executors(&self, member: &PrivateKey, colony: &str) -> Result<Vec<Executor>, ClientError> {
        self.ask(member, "getexecutorsmsg", json!({ "colonyname": colony }))
    }

    /// The executor of this name; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn executor(&self, member: &PrivateKey, colony: &str, name: &str) -> Result<Executor, ClientError> {
        self.ask(member, "getexecutormsg", json!({ "colonyname": colony, "executorname": name }))
    }

    /// The executor with this id; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn executor_by_id(&self, member: &PrivateKey, colony: &str, id: &str) -> Result<Executor, ClientError> {
        self.ask(member, "getexecutorbyidmsg", json!({ "colonyname": colony, "executorid": id }))
    }

    /// Lets an executor work; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn approve_executor(&self, owner: &PrivateKey, colony: &str, name: &str) -> Result<(), ClientError> {
        self.tell(owner, "approveexecutormsg", json!({ "colonyname": colony, "executorname": name }))
    }

    /// Keeps an executor from working; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn reject_executor(&self, owner: &PrivateKey, colony: &str, name: &str) -> Result<(), ClientError> {
        self.tell(owner, "rejectexecutormsg", json!({ "colonyname": colony, "executorname": name }))
    }

    /// Removes an executor; what it was running waits again. For the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_executor(&self, owner: &PrivateKey, colony: &str, name: &str) -> Result<(), ClientError> {
        self.tell(owner, "removeexecutormsg", json!({ "colonyname": colony, "executorname": name }))
    }

    /// Says what an executor's projects may use; for the colony's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn report_allocations(
        &self,
        owner: &PrivateKey,
        colony: &str,
        name: &str,
        allocations: &Allocations,
    ) -> Result<(), ClientError> {
        let members = json!({ "colonyname": colony, "executorname": name, "allocations": allocations });
        self.tell(owner, "reportallocationmsg", members)
    }

    /// Says what an executor has; for the executor itself.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn update_executor(
        &self,
        executor: &PrivateKey,
        colony: &str,
        name: &str,
        capabilities: &Capabilities,
    ) -> Result<(), ClientError> {
        let members = json!({ "colonyname": colony, "executorname": name, "capabilities": capabilities });
        self.tell(executor, "updateexecutormsg", members)
    }

    /// Gives the executor that signs another id, and so another key.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn change_executor_id(&self, executor: &PrivateKey, colony: &str, id: &str) -> Result<(), ClientError> {
        self.tell(executor, "changeexecutoridmsg", json!({ "colonyname": colony, "executorid": id }))
    }
}
