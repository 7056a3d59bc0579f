//! The index of a colony's log lines in the store: segments of some thousand lines each, one after the other in time,
//! with a list of lines for each trigram. Lines after the newest segment, the tail, have no index yet.

use super::rows::limit;
use super::trigrams::{Damaged, Occurrences, Selection, Term};
use crate::ids::Incarnation;
use crate::limits;
use crate::time::Nanos;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

/// How much a segment of the index takes: it ends with the line that reaches either.
#[derive(Clone, Copy, Debug)]
pub struct IndexBounds {
    /// Lines.
    pub lines: u16,
    /// Bytes of their text.
    pub bytes: usize,
    /// Lines with more bytes than this are in no list: every search looks into them.
    pub large: usize,
}

impl Default for IndexBounds {
    fn default() -> Self {
        IndexBounds { lines: limits::INDEXED_LINES, bytes: limits::INDEXED_BYTES, large: limits::INDEXED_LINE_BYTES }
    }
}

/// Some log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub lines: usize,
    /// Bytes of their text.
    pub bytes: usize,
}

impl Amount {
    /// One line more.
    #[must_use]
    pub fn and_line(self, bytes: usize) -> Amount {
        Amount { lines: self.lines + 1, bytes: self.bytes + bytes }
    }

    /// Whether it is enough for a segment.
    pub fn is_full(&self, bounds: &IndexBounds) -> bool {
        self.lines >= usize::from(bounds.lines) || self.bytes >= bounds.bytes
    }
}

/// A segment, without what it says about its lines.
#[derive(Clone, Debug)]
pub struct Segment {
    number: i64,
    /// How many lines it was made of.
    pub lines: usize,
    /// The list of those that are in no other list.
    large: Vec<u8>,
}

/// Makes the tables where they are not there yet.
///
/// # Errors
/// What SQLite says.
pub fn make_tables(connection: &Connection, of: Incarnation) -> rusqlite::Result<()> {
    // `large` and the lists are lists of lines (`trigrams.rs`). The id of a list has the segment's number in its upper
    // half and the trigram's term in its lower one. `timestamps_N` has the time of each line, by its place.
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS segments_{of} (
             number INTEGER PRIMARY KEY,
             first INTEGER NOT NULL,
             last INTEGER NOT NULL,
             lines INTEGER NOT NULL,
             large BLOB NOT NULL
         );
         CREATE TABLE IF NOT EXISTS timestamps_{of} (
             segment INTEGER PRIMARY KEY,
             timestamps BLOB NOT NULL
         );
         CREATE TABLE IF NOT EXISTS postings_{of} (
             id INTEGER PRIMARY KEY,
             list BLOB NOT NULL
         );"
    ))
}

/// When the last line of the newest segment was said; the least time where there is no segment.
///
/// # Errors
/// What SQLite says.
pub fn end(connection: &Connection, of: Incarnation) -> rusqlite::Result<Nanos> {
    let newest = newest(connection, of)?;
    Ok(newest.map_or(Nanos::MIN, |(_, last)| last))
}

fn newest(connection: &Connection, of: Incarnation) -> rusqlite::Result<Option<(i64, Nanos)>> {
    let sql = format!("SELECT number, last FROM segments_{of} ORDER BY number DESC LIMIT 1");
    connection.prepare_cached(&sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// The tail, counted as far as one segment goes.
///
/// # Errors
/// What SQLite says.
pub fn tail(connection: &Connection, of: Incarnation, bounds: &IndexBounds) -> rusqlite::Result<Amount> {
    // Of a large line no more is read than how large it is.
    let sql = format!("SELECT octet_length(message) FROM lines_{of} WHERE timestamp > ?1 ORDER BY timestamp LIMIT ?2");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(params![end(connection, of)?, bounds.lines])?;
    let mut tail = Amount::default();
    while let Some(row) = rows.next()? {
        let bytes: i64 = row.get(0)?;
        tail = tail.and_line(usize::try_from(bytes).unwrap_or(0));
        if tail.is_full(bounds) {
            break;
        }
    }
    Ok(tail)
}

/// Makes a segment of the oldest lines of the tail, as many as it takes.
///
/// # Errors
/// What SQLite says. Nothing was made then.
pub fn add(connection: &mut Connection, of: Incarnation, bounds: &IndexBounds) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (number, end) = newest(&transaction, of)?.map_or((0, Nanos::MIN), |(number, last)| (number + 1, last));
    let (mut occurrences, mut timestamps) = (Occurrences::default(), Vec::new());
    let mut taken = Amount::default();
    {
        let sql = format!("SELECT timestamp, message FROM lines_{of} WHERE timestamp > ?1 ORDER BY timestamp LIMIT ?2");
        let mut select = transaction.prepare_cached(&sql)?;
        let mut rows = select.query(params![end, bounds.lines])?;
        while let Some(row) = rows.next()? {
            let message = row.get_ref(1)?.as_str()?;
            timestamps.push(row.get(0)?);
            occurrences.add(message, bounds.large);
            taken = taken.and_line(message.len());
            if taken.is_full(bounds) {
                break;
            }
        }
    }
    let (Some(first), Some(last)) = (timestamps.first(), timestamps.last()) else {
        return Ok(());
    };
    transaction
        .prepare_cached(&format!(
            "INSERT INTO segments_{of} (number, first, last, lines, large) VALUES (?1, ?2, ?3, ?4, ?5)"
        ))?
        .execute(params![number, first, last, limit(taken.lines), occurrences.large()])?;
    let bytes: Vec<u8> = timestamps.iter().flat_map(|timestamp: &Nanos| timestamp.to_le_bytes()).collect();
    transaction
        .prepare_cached(&format!("INSERT INTO timestamps_{of} (segment, timestamps) VALUES (?1, ?2)"))?
        .execute(params![number, bytes])?;
    {
        let sql = format!("INSERT INTO postings_{of} (id, list) VALUES (?1, ?2)");
        let mut insert = transaction.prepare_cached(&sql)?;
        for (term, list) in occurrences.into_postings() {
            insert.execute(params![list_id(number, term), list])?;
        }
    }
    transaction.commit()
}

fn list_id(segment: i64, term: Term) -> i64 {
    segment << 32 | i64::from(term)
}

/// Drops the segments all of whose lines were said until then.
///
/// # Errors
/// What SQLite says.
pub fn drop_until(transaction: &Transaction<'_>, of: Incarnation, until: Nanos) -> rusqlite::Result<()> {
    drop_where(transaction, of, "last <= ?1", until)
}

/// Drops the segments that go to that time or beyond: their other lines belong to the tail again.
///
/// # Errors
/// What SQLite says.
pub fn drop_since(transaction: &Transaction<'_>, of: Incarnation, since: Nanos) -> rusqlite::Result<()> {
    drop_where(transaction, of, "last >= ?1", since)
}

fn drop_where(transaction: &Transaction<'_>, of: Incarnation, which: &str, time: Nanos) -> rusqlite::Result<()> {
    let numbers: Vec<i64> = transaction
        .prepare_cached(&format!("SELECT number FROM segments_{of} WHERE {which}"))?
        .query_map([time], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for number in numbers {
        transaction
            .prepare_cached(&format!("DELETE FROM postings_{of} WHERE id >= ?1 AND id < ?2"))?
            .execute([list_id(number, 0), list_id(number + 1, 0)])?;
        transaction.prepare_cached(&format!("DELETE FROM timestamps_{of} WHERE segment = ?1"))?.execute([number])?;
        transaction.prepare_cached(&format!("DELETE FROM segments_{of} WHERE number = ?1"))?.execute([number])?;
    }
    Ok(())
}

/// The last time of the oldest segments, so many; `None` where there are no more than that.
///
/// # Errors
/// What SQLite says.
pub fn end_of_oldest(connection: &Connection, of: Incarnation, segments: usize) -> rusqlite::Result<Option<Nanos>> {
    let sql = format!("SELECT last FROM segments_{of} ORDER BY number LIMIT 1 OFFSET ?1");
    connection.prepare_cached(&sql)?.query_row([limit(segments.saturating_sub(1))], |row| row.get(0)).optional()
}

/// The segments with lines of this time (later than the first, not later than the second), the oldest first.
///
/// # Errors
/// What SQLite says.
pub fn within(
    connection: &Connection,
    of: Incarnation,
    (after, until): (Nanos, Nanos),
) -> rusqlite::Result<Vec<Segment>> {
    let sql = format!("SELECT number, lines, large FROM segments_{of} WHERE last > ?1 AND first <= ?2 ORDER BY number");
    let read = |row: &Row<'_>| {
        let lines: u16 = row.get(1)?;
        Ok(Segment { number: row.get(0)?, lines: lines.into(), large: row.get(2)? })
    };
    connection.prepare_cached(&sql)?.query_map([after, until], read)?.collect()
}

/// When the lines of a segment were said that may have all these terms, the oldest first. The term that ruled out the
/// last line is moved to the front: it is likely to do so soon in the next segment, too.
///
/// # Errors
/// What SQLite says.
pub fn select(
    connection: &Connection,
    of: Incarnation,
    segment: &Segment,
    terms: &mut [Term],
) -> rusqlite::Result<Vec<Nanos>> {
    let mut selection = having(connection, of, segment, terms)?;
    selection.add(&Selection::read(&segment.large, segment.lines).map_err(damaged)?);
    if selection.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT timestamps FROM timestamps_{of} WHERE segment = ?1");
    let bytes: Vec<u8> = connection.prepare_cached(&sql)?.query_row([segment.number], |row| row.get(0))?;
    let (timestamps, _) = bytes.as_chunks::<8>();
    selection
        .places()
        .map(|place| timestamps.get(place).map(|bytes| Nanos::from_le_bytes(*bytes)).ok_or_else(|| damaged(Damaged)))
        .collect()
}

/// The lines of a segment that are in the lists of all these terms.
fn having(
    connection: &Connection,
    of: Incarnation,
    segment: &Segment,
    terms: &mut [Term],
) -> rusqlite::Result<Selection> {
    let mut lists = connection.prepare_cached(&format!("SELECT list FROM postings_{of} WHERE id = ?1"))?;
    let mut selection = Selection::all(segment.lines);
    for at in 0..terms.len() {
        let mut rows = lists.query([list_id(segment.number, terms[at])])?;
        let list = rows.next()?.map(|row| Ok::<_, rusqlite::Error>(row.get_ref(0)?.as_blob()?)).transpose()?;
        selection.keep(&Selection::read(list.unwrap_or_default(), segment.lines).map_err(damaged)?);
        if selection.is_empty() {
            terms[..=at].rotate_right(1);
            break;
        }
    }
    Ok(selection)
}

fn damaged(damaged: Damaged) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(damaged))
}
