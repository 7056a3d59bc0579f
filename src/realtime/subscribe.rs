//! `subscribeprocessmsg`, `subscribeprocessesmsg` and `subscribechannelmsg` (chapter 4, 6.3 to 6.5).

use crate::json;
use crate::refusal::Refusal;
use serde::Deserialize;

/// A subscription as a client asks for it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SubscribeRequest {
    /// The process; not for `subscribeprocessesmsg`.
    pub processid: String,
    /// The executor type, for `subscribeprocessesmsg`.
    pub executortype: String,
    /// Which state.
    pub state: i64,
    /// Seconds until the connection is dropped, or until a channel's subscription ends.
    pub timeout: i64,
    /// The colony; where it is missing, the caller's own.
    pub colonyname: String,
    /// The channel.
    pub name: String,
    /// How many of its entries to leave out, despite the name.
    pub afterseq: i64,
}

/// What a subscription is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One process.
    Process,
    /// The processes of an executor type.
    Processes,
    /// A channel.
    Channel,
}

impl Kind {
    /// The kind of this `payloadtype`; other messages are passed over on a websocket.
    pub fn of(payload_type: &str) -> Option<Kind> {
        match payload_type {
            "subscribeprocessmsg" => Some(Kind::Process),
            "subscribeprocessesmsg" => Some(Kind::Processes),
            "subscribechannelmsg" => Some(Kind::Channel),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Process => "subscribeprocessmsg",
            Kind::Processes => "subscribeprocessesmsg",
            Kind::Channel => "subscribechannelmsg",
        }
    }

    /// What a client is told whose subscription can't be read.
    pub fn unreadable(self, reason: Unreadable) -> Refusal {
        match (self, reason) {
            (Kind::Process, Unreadable::Mismatch) => {
                Refusal::forbidden("Failed to subscribe to process, msg.msgType does not match rpcMsg.PayloadType")
            }
            (Kind::Processes, Unreadable::Mismatch) => {
                Refusal::forbidden("Failed to subscribe to processes, msg.msgType does not match rpcMsg.PayloadType")
            }
            (Kind::Channel, Unreadable::Mismatch) => {
                Refusal::bad_request("Failed to subscribe to channel, msg.MsgType does not match rpcMsg.PayloadType")
            }
            (Kind::Process, _) => Refusal::bad_request("Failed to subscribe to process, invalid JSON"),
            (Kind::Processes, _) => Refusal::forbidden("Failed to subscribe to processes, invalid JSON"),
            (Kind::Channel, _) => Refusal::bad_request("Failed to subscribe to channel, invalid JSON"),
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
