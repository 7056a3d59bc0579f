//! What reading and writing share about rows.

use crate::colony::logs::{LogEvent, LogLine};
use crate::ids::{Incarnation, ProcessId};
use crate::time::Nanos;
use rusqlite::{Row, Transaction, params};

/// SQLite's integers have a sign; numbers of rows and batches never come near the end of them.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// One colony's (`?1`) process of a number (`?2`): the index on state finds it, with one look for each.
pub(super) const NUMBERED: &str = "incarnation = ?1 AND state IN (0, 1, 2, 3, 4) AND number = ?2";

pub(super) fn remove_process(transaction: &Transaction<'_>, of: Incarnation, process: u64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(&format!("DELETE FROM processes WHERE {NUMBERED}"))?
        .execute(params![of, number(process)])?;
    transaction
        .prepare_cached("DELETE FROM attributes WHERE incarnation = ?1 AND process = ?2")?
        .execute(params![of, number(process)])?;
    Ok(())
}

pub(super) fn remove_workflow(transaction: &Transaction<'_>, of: Incarnation, workflow: u64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM workflows WHERE incarnation = ?1 AND number = ?2")?
        .execute(params![of, number(workflow)])?;
    Ok(())
}

/// The time of the last of a colony's oldest lines: so many, or so many bytes of them, the first one whatever its size;
/// `None` where there is none.
pub(super) fn end_of_oldest_lines(
    transaction: &Transaction<'_>,
    of: Incarnation,
    count: i64,
    mut bytes: usize,
) -> rusqlite::Result<Option<Nanos>> {
    let mut select = transaction.prepare_cached(
        "SELECT timestamp, octet_length(message) FROM lines WHERE incarnation = ?1 ORDER BY timestamp LIMIT ?2",
    )?;
    let mut rows = select.query(params![of, count])?;
    let mut end = None;
    while let Some(row) = rows.next()? {
        let of_line = usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
        if end.is_some() && of_line > bytes {
            break;
        }
        bytes = bytes.saturating_sub(of_line);
        end = Some(row.get(0)?);
    }
    Ok(end)
}

/// Removes a colony's lines until then; says how many.
pub(super) fn remove_lines_until(
    transaction: &Transaction<'_>,
    of: Incarnation,
    until: Nanos,
) -> rusqlite::Result<usize> {
    transaction
        .prepare_cached("DELETE FROM lines WHERE incarnation = ?1 AND timestamp <= ?2")?
        .execute(params![of, until])
}

pub(super) const LINE_COLUMNS: &str = "timestamp, process, executor, message";

/// The places in them.
pub(super) const TIMESTAMP: usize = 0;
const PROCESS: usize = 1;
const EXECUTOR: usize = 2;
pub(super) const MESSAGE: usize = 3;

pub(super) fn read_line(row: &Row<'_>) -> rusqlite::Result<LogLine> {
    let process: Option<[u8; 32]> = row.get(PROCESS)?;
    let said = LogEvent { process: process.map(ProcessId), executor: row.get(EXECUTOR)?, message: row.get(MESSAGE)? };
    Ok(LogLine { said, timestamp: row.get(TIMESTAMP)? })
}

pub(super) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
