//! `channelreadmsg`: a party of a process reads what was said (chapter 4, 5.5).

use super::Entry;
use super::entry::reply_page;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use std::sync::Arc;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ReadChannel {
    processid: String,
    name: String,
    /// How many entries to leave out, despite its name.
    afterseq: i64,
    limit: i64,
}

impl ColonyMessage for ReadChannel {
    const NAME: &'static str = "channelreadmsg";
    const TEXTS: Texts = texts!("Failed to read from channel");
    const ACCESS: Access = Access::Party;

    fn address(&self) -> Address<'_> {
        Address::Process(&self.processid)
    }

    fn unknown(&self) -> Refusal {
        super::unknown_process()
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let process = turn.process(&self.processid).ok_or_else(super::unknown_process)?;
        super::find(process, &self.name)?;
        if !super::is_party(process, turn.caller) {
            return Err(Refusal::forbidden("Not authorized to read from channel"));
        }
        let entries = range(turn.colony.channels.log(&process.id, &self.name), self.afterseq, self.limit);
        // A client that reads on from where this ends gets the rest.
        Ok(Decision::answer(reply_page(entries).to_vec()).revealing(process.changed))
    }
}

/// The entries but for the first `after`, at most `limit` of them; 0 or less is no limit.
pub(super) fn range(log: &[Arc<Entry>], after: i64, limit: i64) -> &[Arc<Entry>] {
    let rest = usize::try_from(after.max(0)).ok().and_then(|after| log.get(after..)).unwrap_or(&[]);
    let limit = usize::try_from(limit).unwrap_or(0);
    if limit == 0 { rest } else { &rest[..limit.min(rest.len())] }
}
