//! A long poll on a connection of its own, which the test can hang up.

use super::http::Connection;
use super::{PrivateKey, Reply, envelope};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// A long poll whose answer has not been read yet.
#[derive(Debug)]
pub struct Poll {
    pub connection: Connection,
}

/// The message of a long poll.
pub fn message(colony: &str, seconds: i64) -> Value {
    json!({ "msgtype": "assignprocessmsg", "colonyname": colony, "timeout": seconds })
}

impl Poll {
    /// Sends the request and does not wait.
    pub fn begin(address: SocketAddr, key: &PrivateKey, message: &Value) -> Poll {
        let mut connection = Connection::open(address).unwrap();
        connection.request("POST", "/api", &[], envelope(key, message).as_bytes()).unwrap();
        Poll { connection }
    }

    /// Waits for the answer.
    pub fn answer(mut self) -> Reply {
        Reply::read(&self.connection.read().unwrap())
    }

    /// Whether there is an answer by now, which is left where it is. A look of a few milliseconds; for what must be
    /// there, use [`Poll::answer`].
    pub fn is_answered(&self) -> bool {
        self.connection.stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let seen = self.connection.stream.peek(&mut [0]);
        self.connection.stream.set_read_timeout(Some(super::http::READ_TIMEOUT)).unwrap();
        matches!(seen, Ok(1))
    }

    /// The client closes its socket in order.
    pub fn hang_up(self) {
        drop(self);
    }

    /// The client's socket is reset.
    pub fn reset(self) {
        self.connection.reset();
    }
}
