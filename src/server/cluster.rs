//! `getclustermsg`: the nodes of the cluster (chapter 1, 12.4): this one, which is its own leader.

use super::message::{ServerDecision, ServerMessage, ServerTurn};
use crate::colony::message::{Answer, Texts};
use crate::refusal::Refusal;
use crate::texts;
use serde::{Deserialize, Serialize};

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetCluster {}

/// A node as it is shown. The ports between nodes are 0: there are no other nodes.
#[derive(Clone, Serialize)]
struct Node {
    name: &'static str,
    host: String,
    port: u16,
    peerport: u16,
    relayport: u16,
    apiport: u16,
}

#[derive(Serialize)]
struct Cluster {
    nodes: [Node; 1],
    leader: Node,
}

/// The one reply of these chapters that is indented by four blanks.
struct Indented(Cluster);

impl Answer for Indented {
    fn json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        self.0.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter))?;
        Ok(text)
    }
}

impl ServerMessage for GetCluster {
    const NAME: &'static str = "getclustermsg";
    const TEXTS: Texts = texts!("Failed to get cluster info");

    fn decide(self, turn: &mut ServerTurn<'_>) -> Result<ServerDecision, Refusal> {
        let (host, apiport) = (turn.info.host.clone(), turn.info.port);
        let node = Node { name: "server1", host, port: 0, peerport: 0, relayport: 0, apiport };
        let cluster = Cluster { nodes: [node.clone()], leader: node };
        Ok(ServerDecision { events: Vec::new(), answer: Box::new(Indented(cluster)) })
    }
}
