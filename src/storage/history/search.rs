//! Search in the log lines of the past: an index of all runs of three characters finds the lines that may have the
//! text, and the pattern decides. Texts without such a run are looked for in the newest lines of the window only.

use super::rows::{LINE_COLUMNS, limit, read_line};
use crate::colony::history::PastError;
use crate::colony::logs::{LogLine, pattern::Pattern};
use crate::ids::Incarnation;
use crate::limits;
use crate::time::Nanos;
use rusqlite::{Connection, params};

/// Runs of three that are looked up for one search: each narrows it down, and costs a walk of its own.
const RUNS: usize = 12;

/// Lines of this time (later than the first, not later than the second) with the text in them, the oldest first.
pub fn search(
    connection: &Connection,
    of: Incarnation,
    text: &Pattern,
    (after, until): (Nanos, Nanos),
    count: usize,
) -> Result<Vec<LogLine>, PastError> {
    let literals = text.literals();
    // No line holds one, and SQLite's texts end there.
    if literals.iter().any(|literal| literal.contains('\0')) {
        return Ok(Vec::new());
    }
    let most = limit(limits::SEARCHED_LINES);
    match expression(&literals) {
        Some(expression) => {
            let sql = format!(
                "SELECT l.timestamp, l.process, l.executor, l.message
                 FROM words_{of} AS w CROSS JOIN lines_{of} AS l ON l.timestamp = w.rowid
                 WHERE words_{of} MATCH ?1 AND w.rowid > ?2 AND w.rowid <= ?3 ORDER BY w.rowid LIMIT ?4"
            );
            let mut select = connection.prepare_cached(&sql)?;
            filtered(select.query_map(params![expression, after, until, most], read_line)?, text, count)
        }
        None => {
            let sql = format!(
                "SELECT {LINE_COLUMNS} FROM lines_{of} WHERE timestamp > ?1 AND timestamp <= ?2
                 ORDER BY timestamp DESC LIMIT ?3"
            );
            let mut select = connection.prepare_cached(&sql)?;
            let (mut newest, mut bytes) = (Vec::new(), 0);
            for line in select.query_map(params![after, until, most], read_line)? {
                let line = line?;
                bytes += line.said.message.len();
                if bytes > limits::SEARCHED_BYTES && !newest.is_empty() {
                    break;
                }
                newest.push(Ok(line));
            }
            filtered(newest.into_iter().rev(), text, count)
        }
    }
}

fn filtered(
    lines: impl Iterator<Item = rusqlite::Result<LogLine>>,
    text: &Pattern,
    count: usize,
) -> Result<Vec<LogLine>, PastError> {
    let mut steps = limits::SEARCH_STEPS;
    let mut found = Vec::new();
    for line in lines {
        if found.len() >= count {
            break;
        }
        let line = line?;
        match text.is_in(&line.said.message, &mut steps) {
            Some(true) => found.push(line),
            Some(false) => {}
            // Looking further is too much work.
            None => break,
        }
    }
    Ok(found)
}

/// What the index is asked for: the runs of three of the longest texts. `None` where there is none.
fn expression(literals: &[String]) -> Option<String> {
    let mut runs: Vec<String> = Vec::new();
    for literal in literals {
        let characters: Vec<char> = literal.chars().collect();
        runs.extend(characters.windows(3).map(|run| run.iter().collect::<String>()));
    }
    runs.dedup();
    // Spread over the whole text: neighbours say nearly the same.
    let step = runs.len().div_ceil(RUNS).max(1);
    let terms: Vec<String> = runs.iter().step_by(step).map(|run| format!("\"{}\"", run.replace('"', "\"\""))).collect();
    (!terms.is_empty()).then(|| terms.join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_has_runs_of_three() {
        let of = |text: &str| expression(&[text.to_owned()]);
        assert_eq!(of("ab"), None);
        assert_eq!(of("abcd").as_deref(), Some("\"abc\" AND \"bcd\""));
        assert_eq!(of("a\"b").as_deref(), Some("\"a\"\"b\""));
        assert!(of(&"abcdefghij".repeat(10)).is_some_and(|text| text.matches(" AND ").count() < RUNS));
    }
}
