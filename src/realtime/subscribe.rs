//! `subscribeprocessmsg` and `subscribeprocessesmsg` (chapter 4, 6.3 and 6.4).

use crate::json;
use serde::Deserialize;

/// A subscription as a client asks for it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SubscribeRequest {
    /// The process, for `subscribeprocessmsg`.
    pub processid: String,
    /// The executor type, for `subscribeprocessesmsg`.
    pub executortype: String,
    /// Which state.
    pub state: i64,
    /// Seconds until the connection is dropped.
    pub timeout: i64,
    /// The colony; where it is missing, the caller's own.
    pub colonyname: String,
}

/// What a subscription is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One process.
    Process,
    /// The processes of an executor type.
    Processes,
}

impl Kind {
    /// The kind of this `payloadtype`; other messages are passed over on a websocket.
    pub fn of(payload_type: &str) -> Option<Kind> {
        match payload_type {
            "subscribeprocessmsg" => Some(Kind::Process),
            "subscribeprocessesmsg" => Some(Kind::Processes),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Process => "subscribeprocessmsg",
            Kind::Processes => "subscribeprocessesmsg",
        }
    }
}

/// Why a subscription can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The payload is `null`: the connection is dropped.
    Null,
    /// It is not JSON or does not fit.
    InvalidJson,
    /// Its `msgtype` is another.
    Mismatch,
}

/// Reads a subscription.
///
/// # Errors
/// Says why it can't be read.
pub fn read(kind: Kind, payload: Option<&[u8]>) -> Result<SubscribeRequest, Unreadable> {
    let payload = payload.ok_or(Unreadable::InvalidJson)?;
    if payload.trim_ascii() == b"null" {
        return Err(Unreadable::Null);
    }
    let (request, tag) = json::decode_message::<SubscribeRequest>(payload).map_err(|_| Unreadable::InvalidJson)?;
    if tag != kind.name() {
        return Err(Unreadable::Mismatch);
    }
    Ok(request)
}
