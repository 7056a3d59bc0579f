//! The answers of a real server, for a stand-in to send.

use super::LoadError;
use super::colony::LoadColony;
use super::lane::{Lane, process_id};
use crate::base64::{BASE64, Engine};
use crate::client::ClientError;
use std::net::SocketAddr;

/// Digits of a process id.
const ID: usize = 64;

/// Bytes that base64 makes whole letters of.
const GROUP: usize = 3;

/// An answer with a process in it, whose id can be changed: all the rest is base64 already.
pub struct Template {
    before: Vec<u8>,
    /// The bytes around the id that share a group of base64 with it.
    lead: Vec<u8>,
    trail: Vec<u8>,
    after: Vec<u8>,
}

impl Template {
    fn of(body: &[u8]) -> Option<Template> {
        let id = process_id(body).ok()?;
        let marker = b"\"payload\":\"";
        let from = body.windows(marker.len()).position(|window| window == marker)? + marker.len();
        let to = from + body[from..].iter().position(|&byte| byte == b'"')?;
        let payload = BASE64.decode(&body[from..to]).ok()?;
        let at = payload.windows(ID).position(|window| window == id.as_bytes())?;
        let begin = at / GROUP * GROUP;
        let end = ((at + ID).div_ceil(GROUP) * GROUP).min(payload.len());
        let letters = |bytes: usize| bytes / GROUP * (GROUP + 1);
        Some(Template {
            before: body[..from + letters(begin)].to_vec(),
            lead: payload[begin..at].to_vec(),
            trail: payload[at + ID..end].to_vec(),
            after: body[from + letters(end)..].to_vec(),
        })
    }

    /// The answer about the process of this number.
    pub fn fill(&self, number: u64) -> Vec<u8> {
        let mut middle = Vec::with_capacity(ID + 2 * GROUP);
        middle.extend_from_slice(&self.lead);
        middle.extend_from_slice(format!("{number:064x}").as_bytes());
        middle.extend_from_slice(&self.trail);
        let mut body = Vec::with_capacity(self.before.len() + 2 * middle.len() + self.after.len());
        body.extend_from_slice(&self.before);
        let from = body.len();
        body.resize(from + middle.len().div_ceil(GROUP) * (GROUP + 1), 0);
        // There is room for all of it.
        let _ = BASE64.encode_slice(&middle, &mut body[from..]);
        body.extend_from_slice(&self.after);
        body
    }
}

/// What a submit, a poll and a close were answered.
pub struct Sample {
    /// A process that waits.
    pub submitted: Template,
    /// A process that runs.
    pub assigned: Template,
    /// What a close is answered.
    pub closed: Vec<u8>,
}

impl Sample {
    /// Carries a process through a colony.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn take(address: SocketAddr, colony: &LoadColony) -> Result<Sample, LoadError> {
        let odd = || ClientError::Strange("an answer without a process in it".to_owned());
        let mut lane = Lane::open(address)?;
        let submitted = Template::of(colony.submit_and_read(&mut lane)?).ok_or_else(odd)?;
        let body = colony.poll(&mut lane, 0)?;
        let (id, assigned) = (process_id(body)?, Template::of(body).ok_or_else(odd)?);
        let closed = colony.close_and_read(&mut lane, 0, &id)?.to_vec();
        Ok(Sample { submitted, assigned, closed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::read_reply;
    use crate::rpc::envelope::write_reply;
    use serde_json::{Value, json};

    #[test]
    fn a_template_is_the_same_answer_with_another_id() {
        for before in 0..4 {
            for after in 0..4 {
                let process =
                    |id: &str| json!({"a": "x".repeat(before), "processid": id, "z": "y".repeat(after)}).to_string();
                let body = write_reply("m", process(&"ab".repeat(32)).as_bytes());
                let filled = Template::of(&body).map(|template| template.fill(0x2a)).unwrap_or_default();
                assert_eq!(filled.len(), body.len());
                let expected: Option<Value> = serde_json::from_str(&process(&format!("{:064x}", 0x2a))).ok();
                assert_eq!(read_reply(&filled).ok(), expected);
            }
        }
    }
}
