//! The envelope around every message (chapter 1, 2 and 3).

use crate::base64::{BASE64, Engine};
use crate::json;
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A request's envelope. It can't be printed: with payload and signature, whoever reads a log could send it again.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Envelope<'a> {
    /// The message's name.
    #[serde(borrow)]
    pub payloadtype: Cow<'a, str>,
    /// The message, base64: the text that is signed.
    #[serde(borrow)]
    pub payload: Cow<'a, str>,
    /// 130 hex characters.
    #[serde(borrow)]
    pub signature: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OwnedEnvelope {
    payloadtype: String,
    payload: String,
    signature: String,
}

impl<'a> Envelope<'a> {
    /// Reads an envelope.
    ///
    /// # Errors
    /// 400 (chapter 1, 3.3); the parser's texts are our own.
    pub fn read(body: &'a [u8]) -> Result<Envelope<'a>, Refusal> {
        let plain = std::str::from_utf8(body).ok().filter(|text| !is_null(text));
        if let Some(envelope) = plain.and_then(json::decode_borrowed) {
            return Ok(envelope);
        }
        let refusal = |reason: &str| Refusal::bad_request(format!("the request's envelope can't be read: {reason}"));
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(Refusal::bad_request("unexpected end of JSON input"));
        }
        if std::str::from_utf8(body).is_ok_and(is_null) {
            return Err(refusal("it is null"));
        }
        let owned: OwnedEnvelope = json::decode(body).map_err(|error| {
            if error.is_eof() {
                Refusal::bad_request("unexpected end of JSON input")
            } else {
                refusal(&without_values(&error))
            }
        })?;
        Ok(Envelope {
            payloadtype: owned.payloadtype.into(),
            payload: owned.payload.into(),
            signature: owned.signature.into(),
        })
    }

    /// The message's bytes. `None` where the base64 is malformed, which handlers report as invalid JSON (chapter 1, 2).
    pub fn message(&self) -> Option<Vec<u8>> {
        let text = self.payload.as_bytes();
        BASE64.decode(text).ok().or_else(|| {
            // Line breaks inside are skipped, although they are signed.
            let joined: Vec<u8> = text.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
            if joined.len() == text.len() { None } else { BASE64.decode(joined).ok() }
        })
    }
}

/// Where a text is no envelope, and no word of what it holds instead: it may be a key that was sent by mistake.
fn without_values(error: &serde_json::Error) -> String {
    let what = if error.is_data() { "not an object with texts" } else { "not JSON" };
    format!("{what} at line {}, column {}", error.line(), error.column())
}

fn is_null(text: &str) -> bool {
    text.trim_matches([' ', '\t', '\r', '\n']) == "null"
}

/// A reply's body: the payload in its envelope.
pub fn write_reply(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    write(payload_type, payload, "false")
}

/// A refusal's body.
pub fn write_refusal(refusal: &Refusal) -> Vec<u8> {
    #[derive(Serialize)]
    struct Failure<'a> {
        status: u16,
        message: &'a str,
    }
    let failure = Failure { status: refusal.status, message: &refusal.message };
    let payload = serde_json::to_vec(&failure).unwrap_or_else(|_| b"{}".to_vec());
    write("error", &payload, "true")
}

fn write(payload_type: &str, payload: &[u8], error: &str) -> Vec<u8> {
    debug_assert!(!payload_type.contains(['"', '\\']), "names of messages need no escaping");
    let letters = payload.len().div_ceil(3) * 4;
    let mut body = Vec::with_capacity(letters + payload_type.len() + 48);
    body.extend_from_slice(b"{\"payloadtype\":\"");
    body.extend_from_slice(payload_type.as_bytes());
    body.extend_from_slice(b"\",\"payload\":\"");
    // In one go into place: encoding to a string goes through a small buffer and looks at every letter twice.
    let from = body.len();
    body.resize(from + letters, 0);
    let written = BASE64.encode_slice(payload, &mut body[from..]);
    debug_assert_eq!(written.ok(), Some(letters), "there is room for all letters");
    body.extend_from_slice(b"\",\"error\":");
    body.extend_from_slice(error.as_bytes());
    body.push(b'}');
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn envelopes_are_read_as_go_reads_them() {
        let envelope = Envelope::read(br#" {"Payload":"e30=","PAYLOADTYPE":"x","more":[1],"payload":"e31="} "#);
        let envelope = envelope.expect("an envelope");
        assert_eq!((&*envelope.payloadtype, &*envelope.payload, &*envelope.signature), ("x", "e31=", ""));
        for (body, message) in [("", "unexpected end"), ("{\"payload", "unexpected end"), (" ", "unexpected end")] {
            let refusal = Envelope::read(body.as_bytes()).map(|_| ()).expect_err(body);
            assert!(refusal.status == 400 && refusal.message.starts_with(message), "{refusal:?}");
        }
        for body in ["[]", "\"a\"", "1", "null", " null\n", "{\"payloadtype\":1}", "{}x", "{bad}", "\u{FEFF}{}"] {
            assert_eq!(Envelope::read(body.as_bytes()).map(|_| ()).map_err(|r| r.status), Err(400), "{body}");
        }
    }

    #[test]
    fn line_breaks_in_base64_are_skipped_and_all_else_is_malformed() {
        let message = |payload: &'static str| Envelope { payload: payload.into(), ..Envelope::default() }.message();
        assert_eq!(message("e3\r\n0=").as_deref(), Some(&b"{}"[..]));
        assert_eq!(message("").as_deref(), Some(&b""[..]));
        for bad in ["e30", "e30=!!!!", "e3 0=", "_w==", "e30=e30="] {
            assert_eq!(message(bad), None, "{bad}");
        }
    }

    #[test]
    fn replies_are_enveloped() {
        assert_eq!(write_reply("m", b"{}"), br#"{"payloadtype":"m","payload":"e30=","error":false}"#);
        let body = write_refusal(&Refusal::new(403, "no"));
        assert!(body.ends_with(br#","error":true}"#));
    }

    proptest! {
        #[test]
        fn any_body_is_read_without_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(envelope) = Envelope::read(&body) {
                let _ = envelope.message();
            }
        }
    }
}
