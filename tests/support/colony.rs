//! A colony with its owner and a user, and what tests do in it.

use super::{Client, Poll, PrivateKey, Reply, Server, poll, server_owner, wait};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A colony of its own for a test.
#[derive(Debug, Clone)]
pub struct Colony {
    pub name: String,
    pub owner: PrivateKey,
    /// A user called `user`.
    pub user: PrivateKey,
    pub client: Client,
}

/// The type of executors where a test does not care.
pub const TYPE: &str = "worker-type";

static COLONIES: AtomicUsize = AtomicUsize::new(0);

impl Colony {
    /// Adds a colony of a fresh name, and its user.
    pub fn new(server: &Server) -> Colony {
        let name = format!("colony-{}", COLONIES.fetch_add(1, Ordering::Relaxed));
        Colony::named(server, &name)
    }

    pub fn named(server: &Server, name: &str) -> Colony {
        let client = Client::new(server.address());
        let (owner, user) = (PrivateKey::generate(), PrivateKey::generate());
        let colony = json!({ "colonyid": owner.id().to_string(), "name": name });
        client.call(&server_owner(), &json!({ "msgtype": "addcolonymsg", "colony": colony })).ok();
        let colony = Colony { name: name.to_owned(), owner, user, client };
        colony.add_user("user", &colony.user);
        colony
    }

    /// The same colony after a restart on another port.
    pub fn at(&self, server: &Server) -> Colony {
        Colony { client: Client::new(server.address()), ..self.clone() }
    }

    pub fn add_user(&self, name: &str, key: &PrivateKey) {
        let user = json!({ "colonyname": self.name, "userid": key.id().to_string(), "name": name });
        self.client.call(&self.owner, &json!({ "msgtype": "addusermsg", "user": user })).ok();
    }

    /// Adds an executor that waits for its approval; `more` are further members of its record.
    pub fn add_executor(&self, name: &str, key: &PrivateKey, more: Value) {
        let mut executor = json!({
            "executorname": name, "executorid": key.id().to_string(), "executortype": TYPE, "colonyname": self.name,
        });
        merge(&mut executor, more);
        self.client.call(&self.owner, &json!({ "msgtype": "addexecutormsg", "executor": executor })).ok();
    }

    /// An approved executor of [`TYPE`].
    pub fn executor(&self, name: &str) -> PrivateKey {
        self.executor_with(name, json!({}))
    }

    /// An approved executor with further members in its record.
    pub fn executor_with(&self, name: &str, more: Value) -> PrivateKey {
        let key = PrivateKey::generate();
        self.add_executor(name, &key, more);
        self.owner_says("approveexecutormsg", name).ok();
        key
    }

    /// A message of the owner about an executor: approve, reject, remove.
    pub fn owner_says(&self, msgtype: &str, executor: &str) -> Reply {
        let message = json!({ "msgtype": msgtype, "colonyname": self.name, "executorname": executor });
        self.client.call(&self.owner, &message)
    }

    /// A message of the owner about the colony: pause, resume.
    pub fn owner_does(&self, msgtype: &str) -> Reply {
        self.client.call(&self.owner, &json!({ "msgtype": msgtype, "colonyname": self.name }))
    }

    /// The message that submits a process for [`TYPE`]; `spec` and `conditions` add to it.
    pub fn submission(&self, spec: Value, conditions: Value) -> Value {
        let mut all_conditions = json!({ "colonyname": self.name, "executortype": TYPE });
        merge(&mut all_conditions, conditions);
        let mut all = json!({ "funcname": "f", "maxwaittime": -1, "maxexectime": -1, "maxretries": 0 });
        merge(&mut all, spec);
        all["conditions"] = all_conditions;
        json!({ "msgtype": "submitfuncspecmsg", "spec": all })
    }

    /// Submits a process and gives its id.
    pub fn submit(&self, spec: Value, conditions: Value) -> String {
        let process = self.client.call(&self.user, &self.submission(spec, conditions)).ok();
        process["processid"].as_str().unwrap().to_owned()
    }

    /// Submits a process that anybody of [`TYPE`] may have.
    pub fn submit_any(&self) -> String {
        self.submit(json!({}), json!({}))
    }

    /// Asks for work and waits for the answer; `-1` asks once.
    pub fn assign(&self, executor: &PrivateKey, seconds: i64) -> Reply {
        self.client.call(executor, &poll::message(&self.name, seconds))
    }

    /// Begins a long poll.
    pub fn poll(&self, executor: &PrivateKey, seconds: i64) -> Poll {
        Poll::begin(self.client.address(), executor, &poll::message(&self.name, seconds))
    }

    /// Begins a long poll of the executor of this name and comes back when it has been taken in: it waits then, where
    /// there is nothing for it.
    pub fn parked(&self, name: &str, executor: &PrivateKey, seconds: i64) -> Poll {
        self.parked_with(name, executor, &poll::message(&self.name, seconds))
    }

    pub fn parked_with(&self, name: &str, executor: &PrivateKey, message: &Value) -> Poll {
        let before = self.last_heard(name);
        let poll = Poll::begin(self.client.address(), executor, message);
        wait::until_true("a poll to be taken in", || self.last_heard(name) != before);
        poll
    }

    /// When an executor last asked for work.
    pub fn last_heard(&self, name: &str) -> Value {
        let message = json!({ "msgtype": "getexecutormsg", "colonyname": self.name, "executorname": name });
        self.client.call(&self.user, &message).ok()["lastheardfromtime"].take()
    }

    pub fn process(&self, id: &str) -> Value {
        self.client.call(&self.user, &json!({ "msgtype": "getprocessmsg", "processid": id })).ok()
    }

    pub fn state(&self, id: &str) -> i64 {
        self.process(id)["state"].as_i64().unwrap()
    }

    pub fn close(&self, executor: &PrivateKey, id: &str) -> Reply {
        self.client.call(executor, &json!({ "msgtype": "closesuccessfulmsg", "processid": id, "out": ["done"] }))
    }

    pub fn statistics(&self) -> Value {
        self.client.call(&self.user, &json!({ "msgtype": "getcolonystatsmsg", "colonyname": self.name })).ok()
    }

    pub fn remove(&self) -> Reply {
        self.client.call(&server_owner(), &json!({ "msgtype": "removecolonymsg", "colonyname": self.name }))
    }
}

/// Puts the members of `more` into `object`.
fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
