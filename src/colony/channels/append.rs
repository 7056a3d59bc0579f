//! `channelappendmsg`: a party of a process says something (chapter 4, 5.4).

use super::Draft;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Empty, Texts, Turn};
use crate::json::Octets;
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AppendToChannel {
    processid: String,
    name: String,
    sequence: i64,
    inreplyto: i64,
    payload: Option<Octets>,
    payloadtype: String,
    /// What the Julia client sends for `payload`: a text. The reference passes it over, so nothing is wrong with any
    /// other value.
    data: Option<Box<RawValue>>,
    /// What it sends for `payloadtype`.
    r#type: Option<Box<RawValue>>,
}

impl AppendToChannel {
    fn draft(self) -> Draft {
        let (sequence, in_reply_to) = (self.sequence, self.inreplyto);
        match (self.payload, text(self.data)) {
            (None, Some(data)) => {
                let kind =
                    if self.payloadtype.is_empty() { text(self.r#type).unwrap_or_default() } else { self.payloadtype };
                Draft { sequence, in_reply_to, payload: Some(data.into_bytes()), kind }
            }
            (payload, _) => {
                Draft { sequence, in_reply_to, payload: payload.map(|octets| octets.0), kind: self.payloadtype }
            }
        }
    }
}

/// The text in a JSON string; `None` for any other value.
fn text(raw: Option<Box<RawValue>>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

impl ColonyMessage for AppendToChannel {
    const NAME: &'static str = "channelappendmsg";
    const TEXTS: Texts = texts!("Failed to append to channel");
    const ACCESS: Access = Access::Party;

    fn address(&self) -> Address<'_> {
        Address::Process(&self.processid)
    }

    fn unknown(&self) -> Refusal {
        super::unknown_process()
    }

    fn decide(mut self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let process = turn.process(&self.processid).ok_or_else(super::unknown_process)?;
        let (id, changed, sender) = (process.id, process.changed, turn.caller.clone());
        super::find(process, &self.name)?;
        let name = std::mem::take(&mut self.name);
        let draft = self.draft();
        if draft.payload.as_ref().is_some_and(|payload| payload.len() > limits::CHANNEL_PAYLOAD_BYTES) {
            return Err(Refusal::odd("message payload exceeds maximum size"));
        }
        if !super::is_party(process, &sender) {
            return Err(Refusal::forbidden("Not authorized to write to channel"));
        }
        Ok(Decision::volatile(move |colony, at| {
            let room = &colony.options.channel_room;
            let entry = colony.channels.append((id, &name), draft, sender, room, at)?;
            colony.tell_channel(&id, &name, &entry);
            Ok(Box::new(Empty {}))
        })
        .revealing(changed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(json: &str) -> Option<Draft> {
        crate::json::decode::<AppendToChannel>(json.as_bytes()).ok().map(AppendToChannel::draft)
    }

    #[test]
    fn all_forms_of_a_payload_are_taken() {
        let hi = |kind: &str| {
            Some(Draft { sequence: 1, in_reply_to: 0, payload: Some(b"hi".to_vec()), kind: kind.to_owned() })
        };
        assert_eq!(draft(r#"{"sequence":1,"payload":"aGk="}"#), hi(""));
        assert_eq!(draft(r#"{"sequence":1,"payload":[104,105],"payloadtype":"end"}"#), hi("end"));
        assert_eq!(draft(r#"{"sequence":1,"data":"hi","type":"end"}"#), hi("end"));
        assert_eq!(draft(r#"{"sequence":1,"data":"hi","type":7}"#), hi(""));
        // The usual members go first, and what the reference does not know is no error.
        assert_eq!(draft(r#"{"sequence":1,"payload":"aGk=","data":"no","type":"no"}"#), hi(""));
        assert_eq!(draft(r#"{"data":{"a":[1]},"type":"x"}"#), Some(Draft::default()));
        assert_eq!(draft(r#"{"payload":null,"inreplyto":-0}"#), Some(Draft::default()));
        for json in [r#"{"payload":[256]}"#, r#"{"payload":5}"#, r#"{"sequence":1.5}"#, r#"{"inreplyto":"1"}"#] {
            assert_eq!(draft(json), None, "{json}");
        }
    }
}
