//! A signed client.

use super::PrivateKey;
use super::http::{Connection, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;

/// Every signature of this process, once a test wants them.
static SIGNATURES: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// Keeps the signatures that are made from now on.
pub fn remember_signatures() {
    *SIGNATURES.lock().unwrap() = Some(Vec::new());
}

/// Those that were kept.
pub fn signatures() -> Vec<String> {
    SIGNATURES.lock().unwrap().clone().unwrap_or_default()
}

/// A message in its signed envelope.
pub fn envelope(key: &PrivateKey, message: &Value) -> String {
    let payload = BASE64_STANDARD.encode(message.to_string());
    let signature = key.sign(&payload);
    if let Some(kept) = &mut *SIGNATURES.lock().unwrap() {
        kept.push(signature.clone());
    }
    json!({ "payloadtype": message["msgtype"], "payload": payload, "signature": signature }).to_string()
}

/// A reply with its payload read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub payload_type: String,
    pub error: bool,
    pub payload: Value,
}

impl Reply {
    /// Reads the reply's envelope.
    pub fn read(response: &Response) -> Reply {
        Reply::of(response.status, response.text())
    }

    pub fn of(status: u16, body: &str) -> Reply {
        let envelope: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("no envelope ({status}): {body:?}"));
        let payload = BASE64_STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        Reply {
            status,
            payload_type: envelope["payloadtype"].as_str().unwrap().to_owned(),
            error: envelope["error"].as_bool().unwrap(),
            payload: serde_json::from_slice(&payload).unwrap(),
        }
    }

    /// The payload of a reply that must be a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!((self.status, self.error), (200, false), "refused: {}", self.payload);
        self.payload
    }

    /// The text of a refusal that must have this status.
    #[track_caller]
    pub fn refused(&self, status: u16) -> &str {
        assert_eq!((self.status, self.error), (status, true), "not the refusal: {self:?}");
        assert_eq!(self.payload_type, "error");
        assert_eq!(self.payload["status"], status);
        self.message()
    }

    /// The text of a refusal.
    pub fn message(&self) -> &str {
        self.payload["message"].as_str().unwrap_or_default()
    }

    /// The id of the process that it shows.
    pub fn process_id(&self) -> &str {
        self.payload["processid"].as_str().unwrap_or_default()
    }
}

/// A client whose connections are kept alive, for use by any number of threads.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    idle: Mutex<Vec<Connection>>,
}

impl Clone for Client {
    fn clone(&self) -> Self {
        Client::new(self.address)
    }
}

impl Client {
    pub fn new(address: SocketAddr) -> Client {
        Client { address, idle: Mutex::default() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a message and waits for its reply.
    pub fn call(&self, key: &PrivateKey, message: &Value) -> Reply {
        self.try_call(key, message).unwrap()
    }

    /// As [`Client::call`], for a server that may die meanwhile. An error means that the outcome is not known.
    pub fn try_call(&self, key: &PrivateKey, message: &Value) -> io::Result<Reply> {
        self.post(envelope(key, message).as_bytes()).map(|response| Reply::read(&response))
    }

    /// Posts bytes to the API.
    pub fn post(&self, body: &[u8]) -> io::Result<Response> {
        let idle = self.idle.lock().unwrap().pop();
        let mut connection = idle.map_or_else(|| Connection::open(self.address), Ok)?;
        let response = connection.round("POST", "/api", &[], body)?;
        if response.header("connection") != Some("close") {
            self.idle.lock().unwrap().push(connection);
        }
        Ok(response)
    }
}
