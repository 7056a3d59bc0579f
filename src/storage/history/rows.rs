//! What reading and writing share about rows.

use crate::colony::logs::{LogEvent, LogLine};
use crate::ids::{Incarnation, ProcessId};
use rusqlite::{Row, Transaction, params};

/// SQLite's integers have a sign; numbers of rows and batches never come near the end of them.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn remove_process(transaction: &Transaction<'_>, of: Incarnation, process: u64) -> rusqlite::Result<()> {
    transaction.prepare_cached(&format!("DELETE FROM processes_{of} WHERE number = ?1"))?.execute([number(process)])?;
    transaction
        .prepare_cached("DELETE FROM attributes WHERE incarnation = ?1 AND process = ?2")?
        .execute(params![of, number(process)])?;
    Ok(())
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
