//! A colony that is made for a load.

use super::LoadError;
use super::lane::{Lane, process_id};
use crate::client::{Client, ClientError, sign};
use crate::crypto::PrivateKey;
use serde_json::{Value, json};

/// The name of a load's user and of its functions, and the type of its executors.
const NAME: &str = "load";

/// How long a poll waits, in seconds. Longer than any load that is not ended by its own side.
const POLL_SECONDS: u64 = 600;

/// What a load's processes are like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Bytes of the argument.
    pub payload: usize,
    /// Whether each submit is signed anew, with a number of its own; else the same bytes are sent each time.
    pub distinct: bool,
}

/// A colony with a user and executors, and the requests that they repeat.
pub struct LoadColony {
    name: String,
    user: PrivateKey,
    executors: Vec<Executor>,
    shape: Shape,
    submit: Vec<u8>,
}

struct Executor {
    key: PrivateKey,
    /// Its long poll: the same bytes each time, as real executors send them.
    poll: Vec<u8>,
}

impl LoadColony {
    /// Keys and requests of a colony that no server has been told of.
    pub fn plan(shape: Shape, executors: usize) -> LoadColony {
        let user = PrivateKey::generate();
        let name = format!("load-{}", &user.id().to_string()[..12]);
        let executors = (0..executors.max(1)).map(|_| {
            let key = PrivateKey::generate();
            let poll = sign(&key, &poll(&name, POLL_SECONDS));
            Executor { key, poll }
        });
        let executors = executors.collect();
        let submit = sign(&user, &submit_message(&name, shape, None));
        LoadColony { name, user, executors, shape, submit }
    }

    /// Makes a colony on a server.
    ///
    /// # Errors
    /// Where the server refuses, as when `server` is not its owner's key.
    pub fn make(client: &Client, server: &PrivateKey, shape: Shape, executors: usize) -> Result<LoadColony, LoadError> {
        let colony = LoadColony::plan(shape, executors);
        let (owner, name) = (PrivateKey::generate(), &colony.name);
        client.send(server, &json!({"msgtype": "addcolonymsg", "colony": {"colonyid": owner.id(), "name": name}}))?;
        let user = json!({"colonyname": name, "userid": colony.user.id(), "name": NAME, "email": "", "phone": ""});
        client.send(&owner, &json!({"msgtype": "addusermsg", "user": user}))?;
        for (number, Executor { key, .. }) in colony.executors.iter().enumerate() {
            let called = format!("{NAME}-{number}");
            let executor =
                json!({"executorid": key.id(), "executorname": called, "executortype": NAME, "colonyname": name});
            client.send(&owner, &json!({"msgtype": "addexecutormsg", "executor": executor}))?;
            let approve = json!({"msgtype": "approveexecutormsg", "colonyname": name, "executorname": called});
            client.send(&owner, &approve)?;
        }
        Ok(colony)
    }

    /// Removes it with everything in it.
    ///
    /// # Errors
    /// Where the server refuses.
    pub fn remove(&self, client: &Client, server: &PrivateKey) -> Result<(), LoadError> {
        client.send(server, &json!({"msgtype": "removecolonymsg", "colonyname": self.name}))?;
        Ok(())
    }

    /// How many processes the server counts in it, and how many of them were successful.
    ///
    /// # Errors
    /// Where the server refuses.
    pub fn counted(&self, client: &Client) -> Result<(u64, u64), LoadError> {
        let counted = client.colony_statistics(&self.user, &self.name)?;
        let closed = counted.successfulprocesses as u64;
        Ok(((counted.waitingprocesses + counted.runningprocesses) as u64 + closed, closed))
    }

    /// How many executors it has.
    pub fn executors(&self) -> usize {
        self.executors.len()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key of its user.
    pub fn user(&self) -> &PrivateKey {
        &self.user
    }

    /// Submits a process.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn submit(&self, lane: &mut Lane) -> Result<(), LoadError> {
        match self.distinct_submit(lane) {
            Some(body) => lane.tell(&body)?,
            None => lane.tell(&self.submit)?,
        }
        lane.tally.submitted += 1;
        Ok(())
    }

    /// Submits a process and gives the bytes of the answer.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn submit_and_read<'a>(&self, lane: &'a mut Lane) -> Result<&'a [u8], LoadError> {
        let body = self.distinct_submit(lane);
        lane.tally.submitted += 1;
        lane.ask(body.as_deref().unwrap_or(&self.submit))
    }

    fn distinct_submit(&self, lane: &mut Lane) -> Option<Vec<u8>> {
        let message = self.shape.distinct.then(|| submit_message(&self.name, self.shape, Some(unlike_all())))?;
        Some(lane.sign(&self.user, &message))
    }

    /// Gets a process for an executor, waiting for it where none is there.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn assign(&self, lane: &mut Lane, executor: usize) -> Result<String, LoadError> {
        process_id(self.poll(lane, executor)?)
    }

    /// The bytes of what an executor's long poll is answered.
    ///
    /// # Errors
    /// Where the connection breaks.
    pub fn poll<'a>(&self, lane: &'a mut Lane, executor: usize) -> Result<&'a [u8], LoadError> {
        lane.ask(&self.executor(executor).poll)
    }

    /// The request of a poll that ends after a second, to be repeated.
    pub fn short_poll(&self, executor: usize) -> Vec<u8> {
        sign(&self.executor(executor).key, &poll(&self.name, 1))
    }

    /// Closes a process as successful.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn close(&self, lane: &mut Lane, executor: usize, id: &str) -> Result<(), LoadError> {
        let body = self.sign_close(lane, executor, id);
        lane.tell(&body)?;
        lane.tally.closed += 1;
        Ok(())
    }

    /// Closes a process as successful and gives the bytes of the answer.
    ///
    /// # Errors
    /// Where the connection breaks.
    pub fn close_and_read<'a>(&self, lane: &'a mut Lane, executor: usize, id: &str) -> Result<&'a [u8], LoadError> {
        let body = self.sign_close(lane, executor, id);
        lane.ask(&body)
    }

    fn sign_close(&self, lane: &mut Lane, executor: usize, id: &str) -> Vec<u8> {
        let message = json!({"msgtype": "closesuccessfulmsg", "processid": id, "out": ["done"]});
        lane.sign(&self.executor(executor).key, &message)
    }

    /// Submits a process, gets one assigned and closes it.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn cycle(&self, lane: &mut Lane, executor: usize) -> Result<(), LoadError> {
        self.submit(lane)?;
        let id = self.assign(lane, executor)?;
        self.close(lane, executor, &id)
    }

    /// Sends the request of a workflow of so many nodes.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn submit_workflow(&self, lane: &mut Lane, body: &[u8], nodes: u64) -> Result<(), LoadError> {
        lane.tell(body)?;
        lane.tally.submitted += nodes;
        Ok(())
    }

    /// A spec of this colony, without a msgtype.
    pub fn spec(&self) -> Value {
        spec(&self.name, self.shape, None)
    }

    /// The key of an executor, whose number is taken modulo their count.
    pub fn key_of(&self, executor: usize) -> &PrivateKey {
        &self.executor(executor).key
    }

    fn executor(&self, number: usize) -> &Executor {
        &self.executors[number % self.executors.len()]
    }
}

fn poll(colony: &str, seconds: u64) -> Value {
    json!({"msgtype": "assignprocessmsg", "colonyname": colony, "timeout": seconds})
}

fn submit_message(colony: &str, shape: Shape, number: Option<u64>) -> Value {
    json!({"msgtype": "submitfuncspecmsg", "spec": spec(colony, shape, number)})
}

fn spec(colony: &str, shape: Shape, number: Option<u64>) -> Value {
    let mut argument = number.map(|number| number.to_string()).unwrap_or_default();
    argument.extend(std::iter::repeat_n('x', shape.payload.saturating_sub(argument.len())));
    json!({"funcname": NAME, "args": [argument], "maxexectime": 600,
        "conditions": {"colonyname": colony, "executortype": NAME}})
}

/// A number that no other submit of this process has.
fn unlike_all() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// That an answer to a poll says that there is nothing to do.
pub fn is_nothing_to_do(error: &LoadError) -> bool {
    matches!(error, LoadError::Client(ClientError::Refused { status: 404 | 408, .. }))
}
