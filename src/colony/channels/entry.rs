//! One entry of a channel (chapter 4, 5.2).

use super::room::Taken;
use crate::base64::{BASE64, Engine};
use crate::crypto::Identity;
use crate::limits;
use crate::time::Time;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// About how many bytes of memory an entry takes beside its payload and kind.
const ENTRY_BYTES: usize = 256;

/// What a sender says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The sender's own number for it.
    pub sequence: i64,
    /// Which number of the other side it answers; 0 is none.
    pub in_reply_to: i64,
    /// What is said; `None` is nothing, which is not the empty payload.
    pub payload: Option<Vec<u8>>,
    /// Its kind; empty is `data`.
    pub kind: String,
}

impl Draft {
    /// About how many bytes of memory it takes as an entry.
    pub fn bytes(&self) -> usize {
        ENTRY_BYTES + self.payload.as_ref().map_or(0, Vec::len) + self.kind.len()
    }
}

/// An entry as it is kept and shown.
#[derive(Debug, Serialize)]
pub struct Entry {
    sequence: i64,
    #[serde(rename = "inreplyto", skip_serializing_if = "is_zero")]
    in_reply_to: i64,
    timestamp: Time,
    #[serde(rename = "senderid")]
    sender: Identity,
    #[serde(serialize_with = "as_base64")]
    payload: Option<Vec<u8>>,
    #[serde(rename = "type", skip_serializing_if = "str::is_empty")]
    kind: Box<str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    error: &'static str,
    /// Given back when nobody has the entry any more, a slow subscriber included.
    #[serde(skip)]
    room: Option<Taken>,
}

impl Entry {
    /// What this sender said at this time.
    pub fn new(draft: Draft, sender: Identity, timestamp: Time, room: Taken) -> Entry {
        let Draft { sequence, in_reply_to, payload, kind } = draft;
        let kind = if kind.is_empty() { "data".into() } else { kind.into() };
        Entry { sequence, in_reply_to, timestamp, sender, payload, kind, error: "", room: Some(room) }
    }

    /// The last thing that a subscriber hears who was too slow (chapter 4, 6.6).
    pub fn too_slow() -> Entry {
        Entry {
            sequence: 0,
            in_reply_to: 0,
            timestamp: Time::UNSET,
            sender: Identity::default(),
            payload: None,
            kind: "".into(),
            error: "subscriber disconnected: buffer full",
            room: None,
        }
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        self.room.as_ref().map_or(0, |room| room.bytes)
    }

    /// The sender's number for it.
    pub fn sequence(&self) -> i64 {
        self.sequence
    }

    /// Whether this entry, appended after `earlier`, has its place before it: a sender's own entries are in the order
    /// of their numbers, all others in the order of arrival.
    pub fn overtakes(&self, earlier: &Entry) -> bool {
        self.sender == earlier.sender && self.sequence < earlier.sequence
    }
}

/// As many of the first entries as one reply or frame of about this size may hold, at least one.
pub fn page(entries: &[Arc<Entry>], bytes: usize) -> &[Arc<Entry>] {
    let mut sum = 0_usize;
    let fits = entries.iter().take_while(|entry| {
        let fits = sum == 0 || sum.saturating_add(entry.bytes()) <= bytes;
        sum = sum.saturating_add(entry.bytes());
        fits
    });
    &entries[..fits.count()]
}

/// As [`page`], for a reply.
pub fn reply_page(entries: &[Arc<Entry>]) -> &[Arc<Entry>] {
    page(entries, limits::LIST_BYTES)
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn as_base64<S: Serializer>(payload: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    match payload {
        Some(bytes) => serializer.serialize_str(&BASE64.encode(bytes)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::channels::room::Room;

    fn entry(draft: Draft) -> Entry {
        let room = Room::new(1 << 20).take(draft.bytes()).expect("room");
        Entry::new(draft, Identity::from_text("u"), Time::EPOCH, room)
    }

    #[test]
    fn it_is_shown_as_the_recordings_have_it() {
        let shown = |draft| serde_json::to_string(&entry(draft)).expect("an entry");
        let full =
            Draft { sequence: 2, in_reply_to: -7, payload: Some(vec![104, 105, 255, 0]), kind: "end".to_owned() };
        assert_eq!(
            shown(full),
            r#"{"sequence":2,"inreplyto":-7,"timestamp":"1970-01-01T00:00:00Z","senderid":"u","payload":"aGn/AA==","type":"end"}"#
        );
        assert_eq!(
            shown(Draft::default()),
            r#"{"sequence":0,"timestamp":"1970-01-01T00:00:00Z","senderid":"u","payload":null,"type":"data"}"#
        );
        let empty = Draft { payload: Some(Vec::new()), ..Draft::default() };
        assert!(shown(empty).contains(r#""payload":"","type":"data"}"#));
        assert_eq!(
            serde_json::to_string(&Entry::too_slow()).expect("an entry"),
            r#"{"sequence":0,"timestamp":"0001-01-01T00:00:00Z","senderid":"","payload":null,"error":"subscriber disconnected: buffer full"}"#
        );
    }

    #[test]
    fn a_page_holds_at_least_one() {
        let draft = || Draft { payload: Some(vec![0; 1_000]), ..Draft::default() };
        let entries: Vec<_> = (0..5).map(|_| Arc::new(entry(draft()))).collect();
        assert_eq!(page(&entries, 0).len(), 1);
        assert_eq!(page(&entries, 2 * draft().bytes()).len(), 2);
        assert_eq!(page(&entries, usize::MAX).len(), 5);
        assert_eq!(page(&[], 10).len(), 0);
    }
}
