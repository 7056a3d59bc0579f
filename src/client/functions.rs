//! The functions that executors registered (chapter 2, 9).

use super::{Client, ClientError};
use crate::crypto::PrivateKey;
use serde_json::json;

pub use crate::colony::functions::{Argument, Function};

impl Client {
    /// Registers a function; for the executor that it names.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_function(&self, executor: &PrivateKey, function: &Function) -> Result<Function, ClientError> {
        self.ask(executor, "addfunctionmsg", json!({ "fun": function }))
    }

    /// The functions of one executor, or of all; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn functions(
        &self,
        member: &PrivateKey,
        colony: &str,
        executor: Option<&str>,
    ) -> Result<Vec<Function>, ClientError> {
        let executor = executor.unwrap_or_default();
        self.ask(member, "getfunctionsmsg", json!({ "colonyname": colony, "executorname": executor }))
    }

    /// Removes a function; for the executor that registered it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_function(&self, executor: &PrivateKey, id: &str) -> Result<(), ClientError> {
        self.tell(executor, "removefunctionmsg", json!({ "functionid": id }))
    }
}
