//! Load on a running server: what `colonies bench` and the criterion benches do to it.

mod handoff;

pub use handoff::Handoff;

use crate::client::connection::Connection;
use crate::client::{Client, ClientError, read_reply, sign};
use crate::crypto::PrivateKey;
use serde_json::{Value, json};
use std::io;

/// Why a load could not be put on the server.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The connection broke.
    #[error("the connection to the server broke: {0}")]
    Connection(#[from] io::Error),
    /// The server refused, or answered strangely.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The executor's side ended.
    #[error("the executor's side of the load ended")]
    ExecutorEnded,
}

/// A colony made for a load, with a user and an executor.
pub struct LoadColony {
    name: String,
    user: PrivateKey,
    executor: PrivateKey,
    spec: Value,
}

impl LoadColony {
    /// Makes a colony whose processes carry an argument of so many bytes.
    ///
    /// # Errors
    /// Where the server refuses, as when `server` is not its owner's key.
    pub fn make(client: &Client, server: &PrivateKey, payload: usize) -> Result<LoadColony, LoadError> {
        let (owner, user, executor) = (PrivateKey::generate(), PrivateKey::generate(), PrivateKey::generate());
        let name = format!("load-{}", &owner.id().to_string()[..12]);
        client.send(server, &json!({"msgtype": "addcolonymsg", "colony": {"colonyid": owner.id(), "name": name}}))?;
        client.send(
            &owner,
            &json!({"msgtype": "addusermsg", "user":
            {"colonyname": name, "userid": user.id(), "name": "load", "email": "", "phone": ""}}),
        )?;
        client.send(
            &owner,
            &json!({"msgtype": "addexecutormsg", "executor": {"executorid": executor.id(),
            "executorname": "load", "executortype": "load", "colonyname": name}}),
        )?;
        client.send(&owner, &json!({"msgtype": "approveexecutormsg", "colonyname": name, "executorname": "load"}))?;
        let spec = json!({"msgtype": "submitfuncspecmsg", "spec": {"funcname": "load", "args": ["x".repeat(payload)],
            "maxexectime": 600, "conditions": {"colonyname": name, "executortype": "load"}}});
        Ok(LoadColony { name, user, executor, spec })
    }

    /// Removes it with everything in it.
    ///
    /// # Errors
    /// Where the server refuses.
    pub fn remove(&self, client: &Client, server: &PrivateKey) -> Result<(), LoadError> {
        client.send(server, &json!({"msgtype": "removecolonymsg", "colonyname": self.name}))?;
        Ok(())
    }

    /// Submits a process.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn submit(&self, connection: &mut Connection) -> Result<(), LoadError> {
        call(connection, &sign(&self.user, &self.spec))
    }

    /// Submits a process, gets one assigned and closes it.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn cycle(&self, connection: &mut Connection) -> Result<(), LoadError> {
        self.submit(connection)?;
        let (_, body) = connection.post(&self.poll())?;
        let id = process_id(body)?;
        self.close(connection, &id)
    }

    /// The body of the executor's long poll: the same bytes each time, as real executors send them.
    fn poll(&self) -> Vec<u8> {
        sign(&self.executor, &json!({"msgtype": "assignprocessmsg", "colonyname": self.name, "timeout": 60}))
    }

    fn close(&self, connection: &mut Connection, id: &str) -> Result<(), LoadError> {
        let message = json!({"msgtype": "closesuccessfulmsg", "processid": id, "out": ["done"]});
        call(connection, &sign(&self.executor, &message))
    }
}

fn call(connection: &mut Connection, body: &[u8]) -> Result<(), LoadError> {
    let (status, body) = connection.post(body)?;
    // Only a refusal is read: the client's own cost must not hide the server's.
    if status != 200 {
        read_reply(body)?;
        return Err(ClientError::Strange(format!("the status is {status}")).into());
    }
    Ok(())
}

fn process_id(body: &[u8]) -> Result<String, LoadError> {
    let process = read_reply(body)?;
    match process["processid"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => Err(ClientError::Strange("a reply without processid".to_owned()).into()),
    }
}
