//! Executors (chapter 1).

use super::{Client, ClientError};
use crate::crypto::PrivateKey;
use serde_json::json;

pub use crate::colony::executors::{Allocations, Capabilities, Executor, ExecutorState, Hardware, Software};

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
