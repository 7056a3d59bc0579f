//! One connection, and what its work costs the client.

use super::{LoadError, cpu};
use crate::client::connection::{Connection, HangUp};
use crate::client::{ClientError, read_reply, sign};
use crate::crypto::PrivateKey;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// What was acknowledged, and what signing has cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Processes submitted.
    pub submitted: u64,
    /// Processes closed.
    pub closed: u64,
    /// Messages signed.
    pub signed: u64,
    /// Processor time of signing.
    pub signing: Duration,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Tally) -> Tally {
        Tally {
            submitted: self.submitted + other.submitted,
            closed: self.closed + other.closed,
            signed: self.signed + other.signed,
            signing: self.signing + other.signing,
        }
    }

    /// What came since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Tally) -> Tally {
        Tally {
            submitted: self.submitted - earlier.submitted,
            closed: self.closed - earlier.closed,
            signed: self.signed - earlier.signed,
            signing: self.signing.saturating_sub(earlier.signing),
        }
    }
}

/// A connection on which one request follows the other, with its tally.
pub struct Lane {
    connection: Connection,
    /// What was done on it.
    pub tally: Tally,
}

impl Lane {
    /// Connects.
    ///
    /// # Errors
    /// Where nobody listens.
    pub fn open(address: SocketAddr) -> Result<Lane, LoadError> {
        Ok(Lane { connection: Connection::open(address)?, tally: Tally::default() })
    }

    /// What ends its connection from another thread.
    ///
    /// # Errors
    /// Where the operating system has no room for one more handle.
    pub fn hang_up(&self) -> Result<HangUp, LoadError> {
        Ok(self.connection.hang_up()?)
    }

    /// Signs a message; the time that it takes is counted.
    pub fn sign(&mut self, key: &PrivateKey, message: &Value) -> Vec<u8> {
        let begin = cpu::of_thread();
        let body = sign(key, message);
        self.tally.signing += cpu::of_thread().saturating_sub(begin);
        self.tally.signed += 1;
        body
    }

    /// Sends a request whose answer is not looked at unless it is a refusal: the client's own cost must not hide the
    /// server's.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn tell(&mut self, body: &[u8]) -> Result<(), LoadError> {
        let (status, body) = self.connection.post(body)?;
        if status == 200 {
            return Ok(());
        }
        read_reply(body)?;
        Err(ClientError::Strange(format!("the status is {status}")).into())
    }

    /// Sends a request and gives the bytes of its answer.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn ask(&mut self, body: &[u8]) -> Result<&[u8], LoadError> {
        let (_, body) = self.connection.post(body)?;
        Ok(body)
    }
}

/// The id of the process that an answer shows.
///
/// # Errors
/// The server's refusal, or that there is none in it.
pub fn process_id(body: &[u8]) -> Result<String, LoadError> {
    let process = read_reply(body)?;
    match process["processid"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => Err(ClientError::Strange("a reply without processid".to_owned()).into()),
    }
}
