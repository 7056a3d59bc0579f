//! A client: signed requests to any compatible server.

pub mod connection;

use crate::crypto::PrivateKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Why a request did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server can't be reached, or broke off.
    #[error("cannot reach the server at {url}: {reason}")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The server refused.
    #[error("{message} ({status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The server's text.
        message: String,
    },
    /// What came back is no reply of a Colonies server.
    #[error("what came back is no reply of a Colonies server: {0}")]
    Strange(String),
}

/// A client of one server. Connections are kept and used again.
pub struct Client {
    url: String,
    agent: ureq::Agent,
}

#[derive(Deserialize)]
struct ReplyEnvelope {
    payload: String,
    error: bool,
}

#[derive(Deserialize)]
struct Failure {
    status: u16,
    message: String,
}

impl Client {
    /// A client of the server at this URL, as in `http://localhost:50080`.
    pub fn new(url: &str) -> Client {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // Long polls last as long as they were asked to; this is for a server that does not answer at all.
            .timeout_connect(Some(Duration::from_secs(10)))
            .build();
        Client { url: url.trim_end_matches('/').to_owned(), agent: config.into() }
    }

    /// Sends a message, signed with `key`, and gives the reply's payload. The message must have its `msgtype`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn send(&self, key: &PrivateKey, message: &Value) -> Result<Value, ClientError> {
        let body = sign(key, message);
        let unreachable = |reason: String| ClientError::Unreachable { url: self.url.clone(), reason };
        let sent = self.agent.post(format!("{}/api", self.url)).content_type("text/plain").send(&body[..]);
        let mut response = sent.map_err(|error| unreachable(error.to_string()))?;
        let body = response
            .body_mut()
            .with_config()
            .limit(256 << 20)
            .read_to_vec()
            .map_err(|error| unreachable(error.to_string()))?;
        read_reply(&body)
    }
}

/// The body of a request: the message in its envelope, signed.
pub fn sign(key: &PrivateKey, message: &Value) -> Vec<u8> {
    let name = message.get("msgtype").and_then(Value::as_str).unwrap_or_default();
    let payload = BASE64.encode(message.to_string());
    let signature = key.sign(&payload);
    format!(r#"{{"payloadtype":"{name}","payload":"{payload}","signature":"{signature}"}}"#).into_bytes()
}

/// Reads a reply's body.
///
/// # Errors
/// The server's refusal, or [`ClientError::Strange`].
pub fn read_reply(body: &[u8]) -> Result<Value, ClientError> {
    let strange = |what: String| ClientError::Strange(what);
    let reply: ReplyEnvelope = serde_json::from_slice(body).map_err(|error| strange(error.to_string()))?;
    let payload = BASE64.decode(&reply.payload).map_err(|error| strange(error.to_string()))?;
    if reply.error {
        let Failure { status, message } =
            serde_json::from_slice(&payload).map_err(|error| strange(error.to_string()))?;
        return Err(ClientError::Refused { status, message });
    }
    serde_json::from_slice(&payload).map_err(|error| strange(error.to_string()))
}
