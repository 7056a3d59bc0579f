//! Lists of what is in memory and what is past, as one.

use super::ProcessRecord;
use crate::colony::listing::fitting;
use crate::colony::processes::{Process, ProcessAnswer};
use std::collections::HashSet;
use std::sync::Arc;

/// A row of a list, with its number in the order of submission.
pub struct Row {
    number: u64,
    answer: ProcessAnswer,
}

impl Row {
    /// A row from memory.
    pub fn new(number: u64, answer: ProcessAnswer) -> Row {
        Row { number, answer }
    }

    fn past(record: ProcessRecord, colony: &Arc<str>) -> Row {
        let ProcessRecord { number, process, links } = record;
        Row { number, answer: ProcessAnswer { process, colony: colony.clone(), links } }
    }
}

/// The first `count` rows of both in the order that `key` gives; a process that is in memory is shown as it is there.
pub fn first<K: Ord>(
    present: Vec<Row>,
    past: Vec<ProcessRecord>,
    colony: &Arc<str>,
    count: usize,
    key: impl Fn(&Process, u64) -> K,
) -> Vec<ProcessAnswer> {
    let known: HashSet<u64> = present.iter().map(|row| row.number).collect();
    let mut rows = present;
    rows.extend(past.into_iter().filter(|record| !known.contains(&record.number)).map(|r| Row::past(r, colony)));
    rows.sort_by_cached_key(|row| key(&row.answer.process, row.number));
    let answers = rows.into_iter().take(count).map(|row| row.answer);
    fitting(answers, |answer| answer.process.bytes()).collect()
}
