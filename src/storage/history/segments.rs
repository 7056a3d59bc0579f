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
    id: i64,
    /// How many lines it was made of.
    pub lines: usize,
    /// The list of those that are in no other list.
    large: Vec<u8>,
}

/// When the last line of the newest segment was said; the least time where there is no segment.
///
/// # Errors
/// What SQLite says.
pub fn end(connection: &Connection, of: Incarnation) -> rusqlite::Result<Nanos> {
    let mut select =
        connection.prepare_cached("SELECT last FROM segments WHERE incarnation = ?1 ORDER BY last DESC LIMIT 1")?;
    Ok(select.query_row([of], |row| row.get(0)).optional()?.unwrap_or(Nanos::MIN))
}

/// The tail, counted as far as one segment goes.
///
/// # Errors
/// What SQLite says.
pub fn tail(connection: &Connection, of: Incarnation, bounds: &IndexBounds) -> rusqlite::Result<Amount> {
    // Of a large line no more is read than how large it is.
    let mut select = connection.prepare_cached(
        "SELECT octet_length(message) FROM lines WHERE incarnation = ?1 AND timestamp > ?2 ORDER BY timestamp LIMIT ?3",
    )?;
    let mut rows = select.query(params![of, end(connection, of)?, bounds.lines])?;
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
    let (mut occurrences, mut timestamps) = (Occurrences::default(), Vec::new());
    let mut taken = Amount::default();
    {
        let mut select = transaction.prepare_cached(
            "SELECT timestamp, message FROM lines WHERE incarnation = ?1 AND timestamp > ?2 ORDER BY timestamp LIMIT ?3",
        )?;
        let mut rows = select.query(params![of, end(&transaction, of)?, bounds.lines])?;
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
        .prepare_cached("INSERT INTO segments (incarnation, first, last, lines, large) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![of, first, last, limit(taken.lines), occurrences.large()])?;
    let segment = transaction.last_insert_rowid();
    let bytes: Vec<u8> = timestamps.iter().flat_map(|timestamp: &Nanos| timestamp.to_le_bytes()).collect();
    transaction
        .prepare_cached("INSERT INTO timestamps (segment, timestamps) VALUES (?1, ?2)")?
        .execute(params![segment, bytes])?;
    {
        let mut insert = transaction.prepare_cached("INSERT INTO postings (id, list) VALUES (?1, ?2)")?;
        for (term, list) in occurrences.into_postings() {
            insert.execute(params![list_id(segment, term), list])?;
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
    drop_selected(transaction, of, "AND last <= ?2", until).map(|_| ())
}

/// Drops the segments that go to that time or beyond: their other lines belong to the tail again.
///
/// # Errors
/// What SQLite says.
pub fn drop_since(transaction: &Transaction<'_>, of: Incarnation, since: Nanos) -> rusqlite::Result<()> {
    drop_selected(transaction, of, "AND last >= ?2", since).map(|_| ())
}

/// Drops a colony's oldest segments, so many; says how many there were.
///
/// # Errors
/// What SQLite says.
pub fn drop_oldest(transaction: &Transaction<'_>, of: Incarnation, count: usize) -> rusqlite::Result<usize> {
    drop_selected(transaction, of, "ORDER BY last LIMIT ?2", limit(count))
}

/// Drops those of a colony's segments that the rest of a query selects by a value (`?2`); says how many.
fn drop_selected(transaction: &Transaction<'_>, of: Incarnation, which: &str, value: i64) -> rusqlite::Result<usize> {
    let segments: Vec<i64> = transaction
        .prepare_cached(&format!("SELECT id FROM segments WHERE incarnation = ?1 {which}"))?
        .query_map(params![of, value], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for &segment in &segments {
        transaction
            .prepare_cached("DELETE FROM postings WHERE id >= ?1 AND id < ?2")?
            .execute([list_id(segment, 0), list_id(segment + 1, 0)])?;
        transaction.prepare_cached("DELETE FROM timestamps WHERE segment = ?1")?.execute([segment])?;
        transaction.prepare_cached("DELETE FROM segments WHERE id = ?1")?.execute([segment])?;
    }
    Ok(segments.len())
}

/// The last time of the oldest segments, so many; `None` where there are no more than that.
///
/// # Errors
/// What SQLite says.
pub fn end_of_oldest(connection: &Connection, of: Incarnation, segments: usize) -> rusqlite::Result<Option<Nanos>> {
    let sql = "SELECT last FROM segments WHERE incarnation = ?1 ORDER BY last LIMIT 1 OFFSET ?2";
    let mut select = connection.prepare_cached(sql)?;
    select.query_row(params![of, limit(segments.saturating_sub(1))], |row| row.get(0)).optional()
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
    let sql = "SELECT id, lines, large FROM segments
         WHERE incarnation = ?1 AND last > ?2 AND first <= ?3 ORDER BY last";
    let read = |row: &Row<'_>| {
        let lines: u16 = row.get(1)?;
        Ok(Segment { id: row.get(0)?, lines: lines.into(), large: row.get(2)? })
    };
    connection.prepare_cached(sql)?.query_map(params![of, after, until], read)?.collect()
}

/// When the lines of a segment were said that may have all these terms, the oldest first. The term that ruled out the
/// last line is moved to the front: it is likely to do so soon in the next segment, too.
///
/// # Errors
/// What SQLite says.
pub fn select(connection: &Connection, segment: &Segment, terms: &mut [Term]) -> rusqlite::Result<Vec<Nanos>> {
    let mut selection = having(connection, segment, terms)?;
    selection.add(&Selection::read(&segment.large, segment.lines).map_err(damaged)?);
    if selection.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare_cached("SELECT timestamps FROM timestamps WHERE segment = ?1")?;
    let bytes: Vec<u8> = select.query_row([segment.id], |row| row.get(0))?;
    let (timestamps, _) = bytes.as_chunks::<8>();
    selection
        .places()
        .map(|place| timestamps.get(place).map(|bytes| Nanos::from_le_bytes(*bytes)).ok_or_else(|| damaged(Damaged)))
        .collect()
}

/// The lines of a segment that are in the lists of all these terms.
fn having(connection: &Connection, segment: &Segment, terms: &mut [Term]) -> rusqlite::Result<Selection> {
    let mut lists = connection.prepare_cached("SELECT list FROM postings WHERE id = ?1")?;
    let mut selection = Selection::all(segment.lines);
    for at in 0..terms.len() {
        let mut rows = lists.query([list_id(segment.id, terms[at])])?;
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
