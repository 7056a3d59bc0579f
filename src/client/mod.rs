//! A client of any compatible server: signed, typed, blocking. One file a capability.
//!
//! Every message is a method of [`Client`]; its first argument is the key that signs, since who may do something
//! depends on the message: the server's owner, the colony's owner, or a member (a user or an executor).
//!
//! ```no_run
//! use colonies::client::{Client, FunctionSpec};
//! use colonies::crypto::PrivateKey;
//!
//! let client = Client::new("http://localhost:50080");
//! let user = PrivateKey::from_text(&std::env::var("COLONIES_PRVKEY")?)?;
//! let spec = FunctionSpec::new("dev", "helloworld-executor", "helloworld");
//! let process = client.submit(&user, &spec)?;
//! let ended = client.wait_for_end(&user, &process.processid, None)?;
//! println!("{:?}", ended.map(|process| process.out));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod connection;

mod attributes;
mod blueprints;
mod channels;
mod colonies;
mod crons;
mod envelope;
mod error;
mod executors;
mod files;
mod functions;
mod generators;
mod locations;
mod logs;
mod metrics;
mod persistence;
mod processes;
mod server;
mod snapshots;
mod tls;
mod users;
mod wait;
mod workflows;

pub use attributes::{Attribute, AttributeType};
pub use blueprints::{Blueprint, BlueprintDefinition, BlueprintMetadata, Change};
pub use channels::{ChannelEntry, ChannelMessage};
pub use colonies::{Colony, Statistics};
pub use crons::Cron;
pub use envelope::{read_reply, read_reply_as, sign, sign_once};
pub use error::ClientError;
pub use executors::{Allocations, Capabilities, Executor, ExecutorState, Hardware, Software};
pub use files::{File, FileSelector, Label, ListedFile, Reference, S3Object};
pub use functions::{Argument, Function};
pub use generators::Generator;
pub use locations::Location;
pub use logs::{Log, LogSource, LogWindow};
pub use metrics::Samples;
pub use persistence::Contact;
pub use processes::{
    Conditions, FileSystem, FunctionSpec, Gpu, Process, ProcessFilter, ProcessState, SnapshotMount, state_name,
};
pub use server::{Backend, Cluster, Node, ServerInfo};
pub use snapshots::{Snapshot, SnapshotSelector};
pub use tls::Trust;
pub use users::User;
pub use workflows::{ProcessGraph, WorkflowSpec};

use crate::crypto::PrivateKey;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// How long a server may take to be reached.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a server may think about an answer, beyond what a long poll asks for.
const ANSWER: Duration = Duration::from_secs(60);

/// What a proxy answers for a server that it can't reach; no server of this protocol says either.
const BAD_GATEWAY: u16 = 502;
const GATEWAY_TIMEOUT: u16 = 504;

/// Bytes of a reply: log pages, process lists and outputs may be large.
const REPLY_BYTES: u64 = 256 << 20;

/// A client of one server. Connections are kept and used again; any number of threads may use it.
pub struct Client {
    url: String,
    agent: ureq::Agent,
    /// Told about absences of the server, where waits outlive them.
    tell: Option<persistence::Tell>,
}

impl Client {
    /// A client of the server at this URL, as in `http://localhost:50080`.
    pub fn new(url: &str) -> Client {
        Client::trusting(url, Trust::Certificates)
    }

    /// The same with a choice of whom to trust.
    pub fn trusting(url: &str, trust: Trust) -> Client {
        let url = url.trim_end_matches('/').to_owned();
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .user_agent("")
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER));
        if url.starts_with("https:") {
            config = config.tls_config(trust.config());
        }
        Client { url, agent: config.build().into(), tell: None }
    }

    /// Where the server is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a message, signed with `key`, and gives the reply's payload. The message must have its `msgtype`. The server
    /// has a minute to answer: for longer polls there is [`Client::assign`].
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn send(&self, key: &PrivateKey, message: &Value) -> Result<Value, ClientError> {
        read_reply(&self.post(&sign_once(key, message), ANSWER)?)
    }

    /// Sends the message of this name and reads the answer.
    fn ask<T: DeserializeOwned>(&self, key: &PrivateKey, name: &str, members: Value) -> Result<T, ClientError> {
        read_reply_as(&self.post(&sign_once(key, &named(name, members)), ANSWER)?)
    }

    /// The same for a long poll, which the server may answer late.
    fn ask_patiently<T: DeserializeOwned>(
        &self,
        key: &PrivateKey,
        name: &str,
        members: Value,
        patience: Duration,
    ) -> Result<T, ClientError> {
        read_reply_as(&self.post(&sign_once(key, &named(name, members)), patience.saturating_add(ANSWER))?)
    }

    /// Sends the message of this name, whose answer says nothing.
    fn tell(&self, key: &PrivateKey, name: &str, members: Value) -> Result<(), ClientError> {
        envelope::read_success(&self.post(&sign_once(key, &named(name, members)), ANSWER)?)
    }

    /// Sends the message of this name without a signature.
    fn ask_unsigned<T: DeserializeOwned>(&self, name: &str, members: Value) -> Result<T, ClientError> {
        read_reply_as(&self.post(&envelope::unsigned(&named(name, members)), ANSWER)?)
    }

    fn post(&self, body: &[u8], patience: Duration) -> Result<Vec<u8>, ClientError> {
        let unreachable =
            |error: ureq::Error| ClientError::Unreachable { url: self.url.clone(), reason: reason(&error) };
        let request = self.agent.post(format!("{}/api", self.url)).content_type("text/plain");
        let request = request.config().timeout_recv_response(Some(patience)).build();
        let mut response = request.send(body).map_err(unreachable)?;
        if [BAD_GATEWAY, GATEWAY_TIMEOUT].contains(&response.status().as_u16()) {
            // Said by what stands before the server, and about the server.
            let reason = format!("what is in front of it answered {}", response.status());
            return Err(ClientError::Unreachable { url: self.url.clone(), reason });
        }
        response.body_mut().with_config().limit(REPLY_BYTES).read_to_vec().map_err(unreachable)
    }
}

/// The message: its members and its name.
fn named(name: &str, mut members: Value) -> Value {
    members["msgtype"] = name.into();
    members
}

/// The system's words for what went wrong, without the library's own around them.
pub(crate) fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}
