//! Requests and replies as bytes: the message in its envelope (chapter 1, 2 and 3).

use super::ClientError;
use crate::base64::{BASE64, Engine};
use crate::clock::Clock;
use crate::crypto::{PrivateKey, random_bytes};
use crate::hexadecimal;
use crate::json;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

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

/// The body of a request: the message in its envelope, signed.
pub fn sign(key: &PrivateKey, message: &Value) -> Vec<u8> {
    let payload = BASE64.encode(message.to_string());
    let signature = key.sign(&payload);
    enveloped(message, &payload, &signature)
}

/// The same with a stamp, so that a server in strict mode takes the message, and no server takes it twice there: `sentat`
/// and `nonce` beside the message's own members. Other servers pass over them.
pub fn sign_once(key: &PrivateKey, message: &Value) -> Vec<u8> {
    let mut stamped = message.clone();
    if let Some(members) = stamped.as_object_mut() {
        members.insert("sentat".to_owned(), (Clock::default().wall() / 1_000_000).into());
        members.insert("nonce".to_owned(), hexadecimal::encode(random_bytes::<16>()).into());
    }
    sign(key, &stamped)
}

/// The body of a request that needs no signature.
pub(super) fn unsigned(message: &Value) -> Vec<u8> {
    enveloped(message, &BASE64.encode(message.to_string()), "")
}

fn enveloped(message: &Value, payload: &str, signature: &str) -> Vec<u8> {
    let name = message.get("msgtype").and_then(Value::as_str).unwrap_or_default();
    format!(r#"{{"payloadtype":"{name}","payload":"{payload}","signature":"{signature}"}}"#).into_bytes()
}

/// Reads a reply's body.
///
/// # Errors
/// The server's refusal, or [`ClientError::Strange`].
pub fn read_reply(body: &[u8]) -> Result<Value, ClientError> {
    read_reply_as(body)
}

/// Reads a reply's body as what it should be: a missing member or `null` is the zero value, and `null` an empty list.
///
/// # Errors
/// The server's refusal, or [`ClientError::Strange`].
pub fn read_reply_as<T: DeserializeOwned>(body: &[u8]) -> Result<T, ClientError> {
    json::decode(&payload(body)?).map_err(strange)
}

/// That a reply is no refusal.
pub(super) fn read_success(body: &[u8]) -> Result<(), ClientError> {
    payload(body).map(|_| ())
}

fn payload(body: &[u8]) -> Result<Vec<u8>, ClientError> {
    let reply: ReplyEnvelope = serde_json::from_slice(body).map_err(strange)?;
    let payload = BASE64.decode(&reply.payload).map_err(strange)?;
    if reply.error {
        let Failure { status, message } = serde_json::from_slice(&payload).map_err(strange)?;
        return Err(ClientError::Refused { status, message });
    }
    Ok(payload)
}

fn strange(error: impl std::fmt::Display) -> ClientError {
    ClientError::Strange(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Memo, signer};
    use crate::refusal::Refusal;
    use crate::rpc::envelope::{Envelope, write_refusal, write_reply};
    use serde_json::json;

    #[test]
    fn a_request_carries_its_message_and_its_sender() {
        let key = PrivateKey::generate();
        let message = json!({ "msgtype": "getusersmsg", "colonyname": "ö" });
        let body = sign(&key, &message);
        let envelope = Envelope::read(&body).expect("an envelope");
        assert_eq!(envelope.payloadtype, "getusersmsg");
        let read: Value = serde_json::from_slice(&envelope.message().expect("base64")).expect("JSON");
        assert_eq!(read, message);
        let sender = signer(&Memo::disabled(), envelope.payload.as_bytes(), &envelope.signature);
        assert_eq!(sender.ok(), Some(key.id()));
    }

    #[test]
    fn a_stamp_is_new_each_time_and_signed() {
        let key = PrivateKey::generate();
        let read = || {
            let body = sign_once(&key, &json!({ "msgtype": "getusersmsg" }));
            let envelope = Envelope::read(&body).expect("an envelope");
            let sender = signer(&Memo::disabled(), envelope.payload.as_bytes(), &envelope.signature);
            assert_eq!(sender.ok(), Some(key.id()));
            serde_json::from_slice::<Value>(&envelope.message().expect("base64")).expect("JSON")
        };
        let (first, second) = (read(), read());
        assert_ne!(first["nonce"], second["nonce"]);
        assert_eq!(first["nonce"].as_str().map(str::len), Some(32));
        assert!(first["sentat"].as_i64() <= second["sentat"].as_i64() && first["sentat"].as_i64() > Some(0));
    }

    #[test]
    fn replies_are_read_as_what_they_should_be() {
        let reply = |payload: &str| read_reply_as::<Vec<i64>>(&write_reply("m", payload.as_bytes()));
        assert_eq!(reply("null").ok(), Some(vec![]));
        assert_eq!(reply("[1,null]").ok(), Some(vec![1, 0]));
        assert!(matches!(reply("{}"), Err(ClientError::Strange(_))));
        let refused = read_reply(&write_refusal(&Refusal::new(403, "no")));
        assert!(refused.is_err_and(|error| error.is_refused_with(403) && error.to_string() == "no (403)"));
        for body in ["", "<html>", "{}", r#"{"payload":"?","error":false}"#, r#"{"payload":"e30=","error":true}"#] {
            assert!(matches!(read_reply(body.as_bytes()), Err(ClientError::Strange(_))), "{body}");
        }
    }
}
