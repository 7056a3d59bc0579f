//! Search in the log lines of the past: an index of all runs of three characters finds the lines that may have the
//! text, and the pattern decides. Texts without such a run are looked for in the newest lines of the window only.

use super::rows::{LINE_COLUMNS, limit, read_line};
use super::runs;
use crate::colony::history::PastError;
use crate::colony::logs::{LogLine, pattern::Pattern};
use crate::ids::Incarnation;
use crate::limits;
use crate::time::Nanos;
use rusqlite::{Connection, params};

/// Lines and bytes of a sample, at most.
const SAMPLE_LINES: usize = 1_000;
const SAMPLE_BYTES: usize = 1 << 20;

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
    let lines = Lines { connection, of, text, after, until, count, most: limits::SEARCHED_LINES };
    let runs = runs::of(&literals);
    if runs.is_empty() { lines.newest() } else { lines.by_index(runs) }
}

/// What is looked for, and where.
struct Lines<'a> {
    connection: &'a Connection,
    of: Incarnation,
    text: &'a Pattern,
    after: Nanos,
    until: Nanos,
    count: usize,
    /// Lines that are looked at.
    most: usize,
}

impl Lines<'_> {
    /// Looks at the newest lines, whatever is in them.
    fn newest(&self) -> Result<Vec<LogLine>, PastError> {
        let sql = format!(
            "SELECT {LINE_COLUMNS} FROM lines_{} WHERE timestamp > ?1 AND timestamp <= ?2
             ORDER BY timestamp DESC LIMIT ?3",
            self.of
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let (mut newest, mut bytes) = (Vec::new(), 0);
        for line in select.query_map(params![self.after, self.until, limit(self.most)], read_line)? {
            let line = line?;
            bytes += line.said.message.len();
            if bytes > limits::SEARCHED_BYTES && !newest.is_empty() {
                break;
            }
            newest.push(Ok(line));
        }
        Ok(self.filtered(newest.into_iter().rev())?.found)
    }

    /// Looks at the lines that have the runs that tell most; at those that have all of them, where that was too many.
    fn by_index(&self, runs: Vec<String>) -> Result<Vec<LogLine>, PastError> {
        let few = runs::telling(&runs, &self.sample()?);
        let Filtered { found, is_cut } = self.with_all(&few)?;
        if is_cut && few.len() < runs.len() { Ok(self.with_all(&runs)?.found) } else { Ok(found) }
    }

    /// The newest lines, as an example of all.
    fn sample(&self) -> Result<Vec<String>, PastError> {
        let sql = format!(
            "SELECT message FROM lines_{} WHERE timestamp > ?1 AND timestamp <= ?2 ORDER BY timestamp DESC LIMIT ?3",
            self.of
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut sample: Vec<String> = Vec::new();
        let mut bytes = 0;
        for line in select.query_map(params![self.after, self.until, limit(SAMPLE_LINES)], |row| row.get(0))? {
            let line: String = line?;
            bytes += line.len();
            sample.push(line);
            if bytes > SAMPLE_BYTES {
                break;
            }
        }
        Ok(sample)
    }

    /// The lines with all of these runs that have the text, the oldest first.
    fn with_all(&self, runs: &[String]) -> Result<Filtered, PastError> {
        let of = self.of;
        let sql = format!(
            "SELECT l.timestamp, l.process, l.executor, l.message
             FROM words_{of} AS w CROSS JOIN lines_{of} AS l ON l.timestamp = w.rowid
             WHERE words_{of} MATCH ?1 AND w.rowid > ?2 AND w.rowid <= ?3 ORDER BY w.rowid LIMIT ?4"
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let asked = params![runs::expression(runs), self.after, self.until, limit(self.most)];
        self.filtered(select.query_map(asked, read_line)?)
    }

    fn filtered(&self, lines: impl Iterator<Item = rusqlite::Result<LogLine>>) -> Result<Filtered, PastError> {
        let mut steps = limits::SEARCH_STEPS;
        let mut found = Vec::new();
        let mut looked_at = 0;
        for line in lines {
            if found.len() >= self.count {
                return Ok(Filtered { found, is_cut: false });
            }
            let line = line?;
            looked_at += 1;
            match self.text.is_in(&line.said.message, &mut steps) {
                Some(true) => found.push(line),
                Some(false) => {}
                // Looking further is too much work.
                None => return Ok(Filtered { found, is_cut: true }),
            }
        }
        let is_cut = looked_at >= self.most && found.len() < self.count;
        Ok(Filtered { found, is_cut })
    }
}

struct Filtered {
    found: Vec<LogLine>,
    /// Whether there may be more, which would have been too much work.
    is_cut: bool,
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    const OF: Incarnation = 1;

    fn store(lines: &[&str]) -> rusqlite::Result<Connection> {
        let connection = Connection::open_in_memory()?;
        schema::make_tables(&connection, OF)?;
        for (timestamp, line) in (1_i64..).zip(lines) {
            let row = params![timestamp, line];
            connection.execute(&format!("INSERT INTO lines_{OF} VALUES (?1, NULL, 'e', ?2)"), row)?;
            connection.execute(&format!("INSERT INTO words_{OF} (rowid, message) VALUES (?1, ?2)"), row)?;
        }
        Ok(connection)
    }

    #[test]
    fn what_the_telling_runs_do_not_find_all_of_them_do() -> Result<(), Box<dyn std::error::Error>> {
        // By the newest line all runs tell the same, and the first ones are in many older lines that do not have the text.
        let mut lines = vec!["abcdef"; 40];
        lines.extend(["abcdefghijklmnop", "abcdefghijklmnop"]);
        let connection = store(&lines)?;
        let text = Pattern::read("abcdefghijklmnop").ok_or("a pattern")?;
        let search =
            |most| Lines { connection: &connection, of: OF, text: &text, after: 0, until: 100, count: 10, most };
        let runs = runs::of(&text.literals());
        assert_eq!(search(10).by_index(runs.clone())?.len(), 2);
        // A window has only what is in it.
        assert_eq!(Lines { until: 41, ..search(10) }.by_index(runs)?.len(), 1);
        Ok(())
    }
}
