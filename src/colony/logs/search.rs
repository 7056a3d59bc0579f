//! `searchlogsmsg`: the lines of a colony that contain a text (chapter 4, 2.5).

use super::ShownLine;
use super::pattern::Pattern;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use std::sync::Arc;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SearchLogs {
    colonyname: String,
    text: String,
    days: i64,
    count: i64,
}

/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

impl ColonyMessage for SearchLogs {
    const NAME: &'static str = "searchlogsmsg";
    // The second text is the reference's.
    const TEXTS: Texts = texts!("Failed to search logs", "Failed to get logs");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        if self.count > limits::SEARCH_ROWS {
            return Err(Refusal::bad_request("Count exceeds max log count (100)"));
        }
        if self.days > limits::SEARCH_DAYS {
            return Err(Refusal::bad_request("Count exceeds max day count (30)"));
        }
        let Ok(count) = usize::try_from(self.count) else {
            return Err(Refusal::bad_request("Failed to search logs, count must not be negative"));
        };
        if self.text.len() > limits::SEARCH_TEXT_BYTES {
            return Err(Refusal::bad_request("Failed to search logs, text is too long"));
        }
        // No line is later than now, so that a window of no days is empty.
        let after = turn.now.saturating_sub(self.days.max(0) * DAY);
        let state = &turn.colony.state;
        let colony = state.name.clone();
        let Some(text) = Pattern::read(&self.text) else {
            return Ok(Decision::answer(NullIfEmpty::<ShownLine>(Vec::new())));
        };
        let present = state.logs.search(&text, after, count);
        let shown = move |line| ShownLine { line, colony: colony.clone() };
        if state.history.is_empty() {
            return Ok(Decision::answer(NullIfEmpty(present.into_iter().map(shown).collect())));
        }
        let (of, until) = (state.incarnation, state.history.lines_until());
        Ok(Decision::from_past(move |past| {
            let old = past.search(of, &text, after, until, count)?.into_iter().map(Arc::new);
            Ok(NullIfEmpty(old.chain(present).take(count).map(shown).collect()))
        }))
    }
}
