//! The server itself (chapter 1).

use super::{Client, ClientError, Statistics};
use crate::crypto::PrivateKey;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What a server says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerInfo {
    /// Its version.
    pub buildversion: String,
    /// When it was built.
    pub buildtime: String,
    /// How it can be reached.
    pub backends: Vec<Backend>,
}

/// A way to reach a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Backend {
    /// `http`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The port.
    pub port: i64,
    /// The address it listens on.
    pub host: String,
    /// Whether it speaks TLS.
    pub tls: bool,
}

/// The nodes of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cluster {
    /// All of them.
    pub nodes: Vec<Node>,
    /// The leader.
    pub leader: Node,
}

/// A node of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its address.
    pub host: String,
    /// The port of etcd's clients; 0 without etcd.
    pub port: i64,
    /// The port of etcd's peers; 0 without etcd.
    pub peerport: i64,
    /// The port of the relay; 0 without one.
    pub relayport: i64,
    /// The port of the API.
    pub apiport: i64,
}

impl Client {
    /// What the server says about itself, to anybody.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn server_info(&self) -> Result<ServerInfo, ClientError> {
        self.ask_unsigned("getserverinfomsg", json!({}))
    }

    /// What is on the server, counted; for the server's owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn statistics(&self, server: &PrivateKey) -> Result<Statistics, ClientError> {
        self.ask(server, "getstatisticsmsg", json!({}))
    }

    /// The nodes of the server; for its owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn cluster(&self, server: &PrivateKey) -> Result<Cluster, ClientError> {
        self.ask(server, "getclustermsg", json!({}))
    }

    /// Gives the server another owner; for its present owner.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn change_server_id(&self, server: &PrivateKey, id: &str) -> Result<(), ClientError> {
        self.tell(server, "changeserveridmsg", json!({ "serverid": id }))
    }
}
