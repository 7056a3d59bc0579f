//! Search in the log lines of the past: the index of trigrams selects the lines that may have the text, and the pattern
//! decides. Texts without a trigram are looked for in the newest lines of the window only.

use super::rows::{LINE_COLUMNS, MESSAGE, TIMESTAMP, read_line};
use super::segments;
use super::trigrams::{Term, terms};
use crate::colony::history::PastError;
use crate::colony::logs::{LogLine, pattern::Pattern};
use crate::ids::Incarnation;
use crate::limits;
use crate::time::Nanos;
use rusqlite::{Connection, Row, params};

/// One colony's (`?1`) lines, later than a time (`?2`) and not later than another (`?3`).
const WITHIN: &str = "incarnation = ?1 AND timestamp > ?2 AND timestamp <= ?3";

/// Terms that are looked up for one search: each narrows it down, and costs a look into each segment.
const TERMS: usize = 12;

/// One in so many lines of a segment, and reading all costs less than finding each.
const DENSE: usize = 8;

/// Lines of this time (later than the first, not later than the second) with the text in them, the oldest first.
pub fn search(
    connection: &Connection,
    of: Incarnation,
    text: &Pattern,
    window: (Nanos, Nanos),
    count: usize,
) -> Result<Vec<LogLine>, PastError> {
    let literals = text.literals();
    // No line holds one, and SQLite's texts end there.
    if literals.iter().any(|literal| literal.contains('\0')) {
        return Ok(Vec::new());
    }
    let terms = telling(&literals);
    let mut sought = Sought { text, budget: Budget::default(), count, found: Vec::new() };
    if count == 0 {
        return Ok(sought.found);
    }
    // Segments and tail as they were at one time.
    let snapshot = connection.unchecked_transaction()?;
    if terms.is_empty() {
        sought.in_newest(&snapshot, of, window)?;
    } else {
        sought.by_index(&snapshot, of, window, terms)?;
    }
    Ok(sought.found)
}

/// The terms of the texts' trigrams, spread over all of them where there are many: neighbours say nearly the same.
fn telling(literals: &[String]) -> Vec<Term> {
    let mut all: Vec<Term> = literals.iter().flat_map(|literal| terms(literal)).collect();
    all.dedup();
    let step = all.len().div_ceil(TERMS).max(1);
    all.into_iter().step_by(step).collect()
}

/// What one search may still look at.
struct Budget {
    lines: usize,
    bytes: usize,
    steps: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { lines: limits::SEARCHED_LINES, bytes: limits::SEARCHED_BYTES, steps: limits::SEARCH_STEPS }
    }
}

impl Budget {
    /// Takes a line of so many bytes; whether there was room for it. There is for the first one.
    fn take(&mut self, bytes: usize) -> bool {
        let is_first = self.bytes == limits::SEARCHED_BYTES;
        if self.lines == 0 || (self.bytes < bytes && !is_first) {
            return false;
        }
        self.lines -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}

/// A search under way.
struct Sought<'a> {
    text: &'a Pattern,
    budget: Budget,
    count: usize,
    found: Vec<LogLine>,
}

impl Sought<'_> {
    /// Compares a line. Whether to look further: not where enough was found, or comparing has cost too much.
    fn compare(&mut self, message: &str, line: impl FnOnce() -> rusqlite::Result<LogLine>) -> rusqlite::Result<bool> {
        match self.text.is_in(message, &mut self.budget.steps) {
            Some(true) => self.found.push(line()?),
            Some(false) => {}
            None => return Ok(false),
        }
        Ok(self.found.len() < self.count)
    }

    /// Looks into a row of [`LINE_COLUMNS`]. Whether to look further.
    fn look(&mut self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let message = row.get_ref(MESSAGE)?.as_str()?;
        Ok(self.budget.take(message.len()) && self.compare(message, || read_line(row))?)
    }

    /// Looks into the newest lines of the window.
    fn in_newest(&mut self, connection: &Connection, of: Incarnation, window: (Nanos, Nanos)) -> rusqlite::Result<()> {
        let sql = format!("SELECT {LINE_COLUMNS} FROM lines WHERE {WITHIN} ORDER BY timestamp DESC");
        let mut select = connection.prepare_cached(&sql)?;
        let mut newest = Vec::new();
        let mut rows = select.query(params![of, window.0, window.1])?;
        while let Some(row) = rows.next()? {
            if !self.budget.take(row.get_ref(MESSAGE)?.as_str()?.len()) {
                break;
            }
            newest.push(read_line(row)?);
        }
        for line in newest.iter().rev() {
            if !self.compare(&line.said.message, || Ok(line.clone()))? {
                break;
            }
        }
        Ok(())
    }

    /// Looks into the lines of the window that have all the terms, and into the tail, which has no index.
    fn by_index(
        &mut self,
        connection: &Connection,
        of: Incarnation,
        (after, until): (Nanos, Nanos),
        mut terms: Vec<Term>,
    ) -> rusqlite::Result<()> {
        for segment in segments::within(connection, of, (after, until))? {
            let mut times = segments::select(connection, &segment, &mut terms)?;
            times.retain(|time| *time > after && *time <= until);
            if !self.at(connection, of, &times, segment.lines)? {
                return Ok(());
            }
        }
        let tail = after.max(segments::end(connection, of)?);
        self.in_range(connection, of, (tail, until), |_| true)?;
        Ok(())
    }

    /// Looks into the lines of these times, in order: one by one, or, where they are many of the segment's, into all
    /// from the first to the last, which costs less. Whether to look further.
    fn at(
        &mut self,
        connection: &Connection,
        of: Incarnation,
        times: &[Nanos],
        of_segment: usize,
    ) -> rusqlite::Result<bool> {
        let (Some(first), Some(last)) = (times.first(), times.last()) else {
            return Ok(true);
        };
        if times.len() * DENSE >= of_segment {
            let mut wanted = times.iter().peekable();
            return self.in_range(connection, of, (first - 1, *last), |time| {
                // Lines that were removed since are passed over.
                while wanted.next_if(|wanted| **wanted < time).is_some() {}
                wanted.next_if_eq(&&time).is_some()
            });
        }
        let sql = format!("SELECT {LINE_COLUMNS} FROM lines WHERE incarnation = ?1 AND timestamp = ?2");
        let mut select = connection.prepare_cached(&sql)?;
        for time in times {
            let mut rows = select.query(params![of, time])?;
            if let Some(row) = rows.next()?
                && !self.look(row)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks into the lines of this time that are wanted, the oldest first. Whether to look further.
    fn in_range(
        &mut self,
        connection: &Connection,
        of: Incarnation,
        (after, until): (Nanos, Nanos),
        mut is_wanted: impl FnMut(Nanos) -> bool,
    ) -> rusqlite::Result<bool> {
        let sql = format!("SELECT {LINE_COLUMNS} FROM lines WHERE {WITHIN} ORDER BY timestamp");
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(params![of, after, until])?;
        while let Some(row) = rows.next()? {
            if is_wanted(row.get(TIMESTAMP)?) && !self.look(row)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::storage::history::schema::make_tables;
    use crate::storage::history::segments::{IndexBounds, add, drop_since, drop_until, tail};
    use proptest::prelude::*;
    use rusqlite::{Transaction, TransactionBehavior};

    const OF: Incarnation = 1;
    const SMALL: IndexBounds = IndexBounds { lines: 30, bytes: 300, large: 15 };

    #[test]
    fn terms_are_spread_over_all_of_the_text() {
        let of = |texts: &[&str]| telling(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let all = |text: &str| terms(text).collect::<Vec<_>>();
        assert!(of(&["ab", ""]).is_empty());
        assert_eq!(of(&["abcd", "xyz"]), [all("abcd"), all("xyz")].concat());
        let long = "abcdefghijklmnopqrstuvwxyz";
        assert_eq!(of(&[long]), all(long).into_iter().step_by(2).collect::<Vec<_>>());
        assert_eq!(of(&["xxxxxxxx"]).len(), 1);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Add(Vec<String>),
        Index,
        /// Removes lines until, or since, this part of all, in hundredths.
        RemoveUntil(usize),
        RemoveSince(usize),
        Search(String, usize, usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let search = ("[ab%_]{1,2}[abc]{2,6}", 0..=100usize, 1..20usize);
        let step = prop_oneof![
            4 => prop::collection::vec("[abc]{0,20}", 1..40).prop_map(Step::Add),
            4 => Just(Step::Index),
            1 => (0..60usize).prop_map(Step::RemoveUntil),
            1 => (60..100usize).prop_map(Step::RemoveSince),
            6 => search.prop_map(|(text, after, count)| Step::Search(text, after, count)),
        ];
        prop::collection::vec(step, 1..40)
    }

    /// A store beside a plain list of what should be in it.
    struct Model {
        connection: Connection,
        lines: Vec<(Nanos, String)>,
        clock: Nanos,
    }

    impl Model {
        fn new() -> Model {
            let connection = Connection::open_in_memory().unwrap();
            make_tables(&connection).unwrap();
            Model { connection, lines: Vec::new(), clock: 0 }
        }

        fn at(&self, hundredths: usize) -> Nanos {
            self.lines.get(self.lines.len() * hundredths / 100).map_or(self.clock, |line| line.0)
        }

        fn remove(
            &mut self,
            compared: &str,
            time: Nanos,
            drop: fn(&Transaction<'_>, Incarnation, Nanos) -> rusqlite::Result<()>,
        ) {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
            drop(&transaction, OF, time).unwrap();
            let sql = format!("DELETE FROM lines WHERE incarnation = {OF} AND timestamp {compared} ?1");
            transaction.execute(&sql, [time]).unwrap();
            transaction.commit().unwrap();
        }

        fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
            match step {
                Step::Add(lines) => {
                    for line in lines {
                        self.clock += 10;
                        let sql =
                            "INSERT INTO lines (incarnation, timestamp, executor, message) VALUES (?1, ?2, 'e', ?3)";
                        self.connection.execute(sql, params![OF, self.clock, line]).unwrap();
                        self.lines.push((self.clock, line));
                    }
                }
                Step::Index => {
                    if tail(&self.connection, OF, &SMALL).unwrap().is_full(&SMALL) {
                        add(&mut self.connection, OF, &SMALL).unwrap();
                    }
                }
                Step::RemoveUntil(hundredths) => {
                    let time = self.at(hundredths);
                    self.remove("<=", time, drop_until);
                    self.lines.retain(|line| line.0 > time);
                }
                Step::RemoveSince(hundredths) => {
                    let time = self.at(hundredths);
                    self.remove(">=", time, drop_since);
                    self.lines.retain(|line| line.0 < time);
                }
                Step::Search(text, after, count) => {
                    let pattern = Pattern::read(&text).unwrap();
                    let window = (self.at(after), self.clock - 15);
                    let found = search(&self.connection, OF, &pattern, window, count).unwrap();
                    let found: Vec<(Nanos, String)> =
                        found.into_iter().map(|line| (line.timestamp, line.said.message)).collect();
                    let is_wanted = |line: &&(Nanos, String)| {
                        line.0 > window.0
                            && line.0 <= window.1
                            && pattern.is_in(&line.1, &mut usize::MAX.clone()).unwrap()
                    };
                    let wanted: Vec<(Nanos, String)> =
                        self.lines.iter().filter(is_wanted).take(count).cloned().collect();
                    prop_assert_eq!(found, wanted, "{} after {}", text, window.0);
                }
            }
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn a_search_finds_what_is_there_whatever_part_has_an_index(steps in steps()) {
            let mut model = Model::new();
            for step in steps {
                model.step(step)?;
            }
        }
    }
}
