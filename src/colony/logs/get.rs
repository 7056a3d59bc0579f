//! `getlogsmsg`: the log of a process or of an executor (chapter 4, 2.4).

use super::{LogRange, Page, ShownLine};
use crate::colony::access::Access;
use crate::colony::history::Recall;
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::ids::ProcessId;
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use std::sync::Arc;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetLogs {
    colonyname: String,
    processid: String,
    executorname: String,
    count: i64,
    since: i64,
    latest: bool,
}

impl GetLogs {
    fn of_executor(&self) -> bool {
        !self.executorname.is_empty()
    }
}

impl ColonyMessage for GetLogs {
    const NAME: &'static str = "getlogsmsg";
    const TEXTS: Texts = texts!("Failed to get logs");
    const ACCESS: Access = Access::Member;
    const RECALL: Recall = Recall::Itself;

    fn address(&self) -> Address<'_> {
        if self.of_executor() { Address::Colony(&self.colonyname) } else { Address::Process(&self.processid) }
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd(if self.of_executor() {
            "Failed to get logs, executor does not exist"
        } else {
            "Failed to get logs, process does not exist"
        })
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        let process = turn.process(&self.processid).map(|process| process.id);
        let lookup = turn.colony.lookup(ColonyMessage::address(&self));
        let known = if self.of_executor() {
            state.executors.get(&self.executorname).is_some()
        } else {
            process.is_some() || lookup.is_some()
        };
        if !known {
            return Err(ColonyMessage::unknown(&self));
        }
        if self.count > limits::LOG_ROWS {
            return Err(Refusal::forbidden("Count exceeds max log count (500)"));
        }
        let Ok(count) = usize::try_from(self.count) else {
            return Err(Refusal::bad_request("Failed to get logs, count must not be negative"));
        };
        let range = match (self.latest, self.since) {
            (true, _) => LogRange::Latest,
            (false, since) if since > 0 => LogRange::Since(since),
            _ => LogRange::Oldest,
        };
        let colony = state.name.clone();
        let process = process.or_else(|| ProcessId::from_text(&self.processid)).filter(|_| !self.of_executor());
        let present = match &process {
            Some(process) => state.logs.of_process(process, range, count),
            None => state.logs.of_executor(&self.executorname, range, count),
        };
        if state.history.is_empty() {
            return Ok(Decision::answer(shown(present, &colony)));
        }
        let (of, until) = (state.incarnation, state.history.lines_until());
        Ok(Decision::FromPast(Box::new(move |past| {
            if let Some((lookup, process)) = lookup.zip(process.as_ref())
                && past.process(of, process, &lookup.hidden)?.is_none()
            {
                return Err(ColonyMessage::unknown(&self));
            }
            let old = match &process {
                Some(process) => past.lines_of_process(of, process, range, count, until)?,
                None => past.lines_of_executor(of, &self.executorname, range, count, until)?,
            };
            Ok(Box::new(shown(old.then(present, range, count), &colony)))
        })))
    }
}

fn shown(page: Page, colony: &Arc<str>) -> NullIfEmpty<ShownLine> {
    NullIfEmpty(page.lines.into_iter().map(|line| ShownLine { line, colony: colony.clone() }).collect())
}
