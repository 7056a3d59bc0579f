//! Removing what is too old. How much was ever removed is counted in the same transaction, so that a colony that did not
//! hear of it learns it later.

use super::rows::{self, number, remove_process};
use super::{schema, segments};
use crate::colony::history::{Expired, Hidden};
use crate::colony::processes::ProcessState;
use crate::ids::Incarnation;
use crate::time::{Nanos, Time};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// Rows of each kind that go in one transaction: others' batches come between.
const AT_ONCE: i64 = 1_000;

/// Segments of the index of lines that go in one transaction.
const SEGMENTS_AT_ONCE: usize = 2;

/// What was ever removed of a colony.
///
/// # Errors
/// What SQLite says.
pub fn totals(connection: &Connection, of: Incarnation) -> rusqlite::Result<Expired> {
    let sql = "SELECT expired_processes, expired_workflows, expired_nodes FROM colonies WHERE incarnation = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([of], read_totals).optional()?.unwrap_or_default())
}

fn read_totals(row: &Row<'_>) -> rusqlite::Result<Expired> {
    let count = |column: usize| row.get(column).map(|count: i64| u64::try_from(count).unwrap_or(0));
    Ok(Expired { processes: count(0)?, workflows: count(1)?, nodes: count(2)? })
}

/// Removes successful work that ended before this time, and lines that were said before it; some of it, where it is
/// much. Says what was ever removed, and whether there is more.
///
/// # Errors
/// What SQLite says. Nothing was removed then.
pub fn expire(
    connection: &mut Connection,
    of: Incarnation,
    before: Nanos,
    known: u64,
    hidden: &Hidden,
) -> rusqlite::Result<(Expired, bool)> {
    if schema::batches(connection, of)?.is_none() {
        return Ok((Expired::default(), false));
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut expired = totals(&transaction, of)?;
    let ended = Time::from_nanos(before).micros();
    let state = ProcessState::Successful;
    // The index on state and end is walked from its old end.
    let rows = old(&transaction, "processes WHERE graph IS NULL AND", of, ended, known)?;
    let is_full = |rows: usize| rows as i64 >= AT_ONCE;
    let mut has_more = is_full(rows.len());
    for row in rows.into_iter().filter(|row| !hidden.has_process(*row, state, None)) {
        remove_process(&transaction, of, row)?;
        expired.processes += 1;
    }
    let rows = old(&transaction, "workflows WHERE", of, ended, known)?;
    has_more |= is_full(rows.len());
    let nodes_before = expired.nodes;
    for row in rows.into_iter().filter(|row| !hidden.has_workflow(*row, state)) {
        // A workflow goes whole, but not many large ones at once.
        if (expired.nodes - nodes_before) as i64 >= AT_ONCE {
            has_more = true;
            break;
        }
        expired.nodes += remove_with_nodes(&transaction, of, row)?;
        expired.workflows += 1;
    }
    let (lines, has_more_lines) = remove_lines(&transaction, of, before)?;
    has_more |= has_more_lines;
    // Where all that was found is hidden, looking again at once finds the same.
    has_more &= lines > 0 || expired != totals(&transaction, of)?;
    transaction.execute(
        "UPDATE colonies SET expired_processes = ?2, expired_workflows = ?3, expired_nodes = ?4
         WHERE incarnation = ?1",
        params![of, number(expired.processes), number(expired.workflows), number(expired.nodes)],
    )?;
    transaction.commit()?;
    Ok((expired, has_more))
}

fn old(
    transaction: &Transaction<'_>,
    from: &str,
    of: Incarnation,
    ended: i64,
    known: u64,
) -> rusqlite::Result<Vec<u64>> {
    let sql = format!(
        "SELECT number FROM {from} incarnation = ?1 AND state = ?2 AND ended < ?3 AND batch <= ?5
         ORDER BY ended LIMIT ?4"
    );
    let mut select = transaction.prepare_cached(&sql)?;
    let values = params![of, ProcessState::Successful as i64, ended, AT_ONCE, number(known)];
    let rows = select.query_map(values, |row| row.get::<_, i64>(0))?;
    rows.map(|row| Ok(u64::try_from(row?).unwrap_or(0))).collect()
}

fn remove_with_nodes(transaction: &Transaction<'_>, of: Incarnation, workflow: u64) -> rusqlite::Result<u64> {
    let nodes: Vec<i64> = transaction
        .prepare_cached("SELECT number FROM processes WHERE incarnation = ?1 AND graph = ?2")?
        .query_map(params![of, number(workflow)], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for node in &nodes {
        remove_process(transaction, of, u64::try_from(*node).unwrap_or(0))?;
    }
    rows::remove_workflow(transaction, of, workflow)?;
    Ok(nodes.len() as u64)
}

/// Removes old lines; says how many, and whether there may be more.
fn remove_lines(transaction: &Transaction<'_>, of: Incarnation, before: Nanos) -> rusqlite::Result<(usize, bool)> {
    let sql = "SELECT max(timestamp) FROM (SELECT timestamp FROM lines
         WHERE incarnation = ?1 AND timestamp < ?2 ORDER BY timestamp LIMIT ?3)";
    let newest: Option<Nanos> =
        transaction.prepare_cached(sql)?.query_row(params![of, before, AT_ONCE], |row| row.get(0))?;
    let Some(newest) = newest else {
        return Ok((0, false));
    };
    // Where lines are large, segments have few, and many lists.
    let cut = segments::end_of_oldest(transaction, of, SEGMENTS_AT_ONCE)?.filter(|end| *end < newest);
    let newest = cut.unwrap_or(newest);
    segments::drop_until(transaction, of, newest)?;
    let lines = rows::remove_lines_until(transaction, of, newest)?;
    Ok((lines, cut.is_some() || lines as i64 >= AT_ONCE))
}
