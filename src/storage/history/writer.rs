//! Writing to the history store: batches of one or more colonies, one transaction, one sync.

use super::rows::{number, remove_process, remove_workflow};
use super::segments::{self, Amount};
use super::{body, schema};
use crate::colony::history::{Batch, Holdings, ProcessRecord, Removal, WorkflowRecord};
use crate::colony::processes::ProcessState;
use crate::ids::Incarnation;
use crate::time::Nanos;
use rusqlite::{Connection, Transaction, params};

/// Rows that one transaction deletes where all of a state go: others' batches come between.
const DELETED_AT_ONCE: usize = 5_000;

/// What a batch added to its colony's lines that are not indexed yet; `None` where that is not known.
pub type Added = Option<Amount>;

/// Writes batches, all or none; they are synced when this returns. Says what each has added.
///
/// # Errors
/// What SQLite says. Nothing of the batches is there then, but for removals.
pub fn write<'a>(
    connection: &mut Connection,
    batches: impl Iterator<Item = &'a Batch> + Clone,
) -> rusqlite::Result<Vec<Added>> {
    for batch in batches.clone() {
        for removal in &batch.removals {
            remove_many(connection, batch.of, removal)?;
        }
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let added = batches.map(|batch| add(&transaction, batch)).collect::<rusqlite::Result<_>>()?;
    transaction.commit()?;
    Ok(added)
}

fn add(transaction: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<Added> {
    for removal in &batch.removals {
        remove_one(transaction, batch.of, removal)?;
    }
    for record in &batch.processes {
        add_process(transaction, batch, record, None)?;
    }
    for (workflow, nodes) in &batch.workflows {
        add_workflow(transaction, batch, workflow)?;
        for node in nodes {
            add_process(transaction, batch, node, Some(workflow))?;
        }
    }
    let added = add_lines(transaction, batch)?;
    note_batches(transaction, batch.of, batch.number)?;
    Ok(added)
}

fn add_process(
    transaction: &Transaction<'_>,
    batch: &Batch,
    record: &ProcessRecord,
    workflow: Option<&WorkflowRecord>,
) -> rusqlite::Result<()> {
    let of = batch.of;
    let process = &record.process;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO processes
             (incarnation, number, batch, id, state, ended, submitted, executor_type, initiator, label, graph,
              graph_state, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            of,
            number(record.number),
            number(batch.number),
            process.id.0,
            process.state as i64,
            process.ended.micros(),
            process.submitted.micros(),
            &*process.spec.conditions.executor_type,
            &*process.initiator_name,
            &*process.spec.label,
            workflow.map(|workflow| number(workflow.number)),
            workflow.map(|workflow| workflow.state as i64),
            body::write(record),
        ])?;
    for attribute in process.attributes.iter() {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO attributes (id, incarnation, process) VALUES (?1, ?2, ?3)")?
            .execute(params![attribute.id(&process.id).0, of, number(record.number)])?;
    }
    Ok(())
}

fn add_workflow(transaction: &Transaction<'_>, batch: &Batch, workflow: &WorkflowRecord) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO workflows (incarnation, number, batch, id, state, ended, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            batch.of,
            number(workflow.number),
            number(batch.number),
            workflow.id.0,
            workflow.state as i64,
            workflow.ended.micros(),
            body::write(workflow),
        ])?;
    Ok(())
}

fn add_lines(transaction: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<Added> {
    let mut added = Amount::default();
    if batch.lines.is_empty() {
        return Ok(Some(added));
    }
    let of = batch.of;
    let mut insert = transaction.prepare_cached(
        "INSERT OR IGNORE INTO lines (incarnation, timestamp, process, executor, message) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut oldest = Nanos::MAX;
    for line in &batch.lines {
        let process = line.said.process.map(|id| id.0);
        // One that is there already, from a batch that was written twice, is counted already.
        if insert.execute(params![of, line.timestamp, process, line.said.executor, line.said.message])? > 0 {
            oldest = oldest.min(line.timestamp);
            added = added.and_line(line.said.message.len());
        }
    }
    // Segments know only the lines that they were made of.
    if oldest <= segments::end(transaction, of)? {
        segments::drop_since(transaction, of, oldest)?;
        return Ok(None);
    }
    Ok(Some(added))
}

fn remove_one(transaction: &Transaction<'_>, of: Incarnation, removal: &Removal) -> rusqlite::Result<()> {
    match removal {
        Removal::Process(of_process) => remove_process(transaction, of, *of_process),
        Removal::Workflow { number: of_workflow, nodes } => {
            remove_workflow(transaction, of, *of_workflow)?;
            nodes.iter().try_for_each(|node| remove_process(transaction, of, *node))
        }
        Removal::Processes(_) | Removal::Workflows(_) => Ok(()),
    }
}

/// Removes all of a state, in transactions of some rows each.
fn remove_many(connection: &mut Connection, of: Incarnation, removal: &Removal) -> rusqlite::Result<()> {
    let (states, column, alone) = match removal {
        Removal::Processes(state) => (state, "state", "graph IS NULL"),
        Removal::Workflows(state) => (state, "graph_state", "graph IS NOT NULL"),
        Removal::Process(_) | Removal::Workflow { .. } => return Ok(()),
    };
    for state in ProcessState::ALL.into_iter().filter(|state| states.is_none_or(|wanted| wanted == *state)) {
        let select =
            format!("SELECT number FROM processes WHERE incarnation = ?1 AND {column} = ?2 AND {alone} LIMIT ?3");
        delete_selected(connection, &select, of, state, remove_process)?;
        if matches!(removal, Removal::Workflows(_)) {
            let select = "SELECT number FROM workflows WHERE incarnation = ?1 AND state = ?2 LIMIT ?3";
            delete_selected(connection, select, of, state, remove_workflow)?;
        }
    }
    Ok(())
}

fn delete_selected(
    connection: &mut Connection,
    select: &str,
    of: Incarnation,
    state: ProcessState,
    delete: fn(&Transaction<'_>, Incarnation, u64) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    loop {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let numbers: Vec<i64> = transaction
            .prepare_cached(select)?
            .query_map(params![of, state as i64, DELETED_AT_ONCE as i64], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for &number in &numbers {
            delete(&transaction, of, u64::try_from(number).unwrap_or(0))?;
        }
        transaction.commit()?;
        if numbers.len() < DELETED_AT_ONCE {
            return Ok(());
        }
    }
}

/// Notes that what is missing of a colony up to this batch is known to be missing.
///
/// # Errors
/// What SQLite says.
pub fn adopt(connection: &Connection, of: Incarnation, batches: u64) -> rusqlite::Result<()> {
    note_batches(connection, of, batches)
}

fn note_batches(connection: &Connection, of: Incarnation, batches: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO colonies (incarnation, batches) VALUES (?1, ?2)
             ON CONFLICT (incarnation) DO UPDATE SET batches = excluded.batches",
        )?
        .execute(params![of, number(batches)])?;
    Ok(())
}

/// Brings what is here of a colony to where its state is: what was written after that is removed, since the state does not
/// know it. Says what is here where something is missing.
///
/// # Errors
/// What SQLite says.
pub fn settle(
    connection: &mut Connection,
    of: Incarnation,
    known: u64,
    lines_until: Nanos,
) -> rusqlite::Result<Holdings> {
    let Some(batches) = schema::batches(connection, of)? else {
        return Ok(Holdings::default());
    };
    if batches > known {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let unknown: Vec<i64> = transaction
            .prepare("SELECT number FROM processes WHERE incarnation = ?1 AND batch > ?2")?
            .query_map(params![of, number(known)], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for row in unknown {
            remove_process(&transaction, of, u64::try_from(row).unwrap_or(0))?;
        }
        let sql = "DELETE FROM workflows WHERE incarnation = ?1 AND batch > ?2";
        transaction.execute(sql, params![of, number(known)])?;
        segments::drop_since(&transaction, of, lines_until.saturating_add(1))?;
        let sql = "DELETE FROM lines WHERE incarnation = ?1 AND timestamp > ?2";
        transaction.execute(sql, params![of, lines_until])?;
        transaction.execute("UPDATE colonies SET batches = ?2 WHERE incarnation = ?1", params![of, number(known)])?;
        transaction.commit()?;
    }
    if batches >= known {
        Ok(Holdings { batches: known, ..Holdings::default() })
    } else {
        count(connection, of, batches)
    }
}

fn count(connection: &Connection, of: Incarnation, batches: u64) -> rusqlite::Result<Holdings> {
    let mut holdings = Holdings { batches, ..Holdings::default() };
    let tally = |sql: &str, add: &mut dyn FnMut(Option<usize>, usize, u64)| -> rusqlite::Result<()> {
        let mut select = connection.prepare(sql)?;
        let mut rows = select.query([of])?;
        while let Some(row) = rows.next()? {
            let graph_state: Option<i64> = row.get(0)?;
            let (state, count): (i64, i64) = (row.get(1)?, row.get(2)?);
            let place = |state: i64| usize::try_from(state).unwrap_or(0).min(4);
            add(graph_state.map(place), place(state), u64::try_from(count).unwrap_or(0));
        }
        Ok(())
    };
    tally(
        "SELECT graph_state, state, count(*) FROM processes WHERE incarnation = ?1 GROUP BY graph_state, state",
        &mut |graph, state, count| match graph {
            Some(graph) => holdings.nodes[graph][state] += count,
            None => holdings.processes[state] += count,
        },
    )?;
    let mut workflows = [0; 5];
    tally(
        "SELECT NULL, state, count(*) FROM workflows WHERE incarnation = ?1 GROUP BY state",
        &mut |_, state, count| workflows[state] += count,
    )?;
    holdings.workflows = workflows;
    let newest: Option<i64> =
        connection.query_row("SELECT max(timestamp) FROM lines WHERE incarnation = ?1", [of], |row| row.get(0))?;
    holdings.lines_until = newest.unwrap_or(0);
    Ok(holdings)
}
