//! Channels between the submitter of a process and the executor that runs it (chapter 4, 5).

use super::{Client, ClientError};
use crate::base64::{BASE64, Engine};
use crate::crypto::PrivateKey;
use crate::json::Octets;
use crate::time::Time;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;

/// What was said on a channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelEntry {
    /// The sender's own count.
    pub sequence: i64,
    /// What it answers; 0 is nothing.
    pub inreplyto: i64,
    /// When it came.
    pub timestamp: Time,
    /// Who sent it.
    pub senderid: String,
    /// What was said.
    #[serde(serialize_with = "as_base64")]
    pub payload: Octets,
    /// `data`, or what the sender chose: `end` and `error` by convention.
    #[serde(rename = "type")]
    pub kind: String,
    /// Why the stream ended, where the server ended it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
}

fn as_base64<S: Serializer>(payload: &Octets, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(&payload.0))
}

/// What to say on a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelMessage<'a> {
    /// The sender's own count.
    pub sequence: i64,
    /// What it answers; 0 is nothing.
    pub in_reply_to: i64,
    /// What to say.
    pub payload: &'a [u8],
    /// Of what type; empty is `data`.
    pub kind: &'a str,
}

impl Client {
    /// Says something on a channel; for the process's submitter and its executor.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn append_to_channel(
        &self,
        party: &PrivateKey,
        process: &str,
        channel: &str,
        message: &ChannelMessage<'_>,
    ) -> Result<(), ClientError> {
        let members = json!({ "processid": process, "name": channel, "sequence": message.sequence,
            "inreplyto": message.in_reply_to, "payload": BASE64.encode(message.payload),
            "payloadtype": message.kind });
        self.tell(party, "channelappendmsg", members)
    }

    /// What was said on a channel, the first `skipped` entries left out; for the process's submitter and its executor.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn read_channel(
        &self,
        party: &PrivateKey,
        process: &str,
        channel: &str,
        skipped: usize,
        limit: Option<usize>,
    ) -> Result<Vec<ChannelEntry>, ClientError> {
        let members = json!({ "processid": process, "name": channel, "afterseq": skipped,
            "limit": limit.unwrap_or_default() });
        self.ask(party, "channelreadmsg", members)
    }
}
