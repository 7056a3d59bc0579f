//! Bringing a store of an earlier layout to the present one, once, when it is opened.
//!
//! Up to layout 2 each colony had tables of its own, with its incarnation in their names (`processes_7`); up to layout 1 an
//! FTS5 table, `words_7`, was the index of its lines. Records and lines are moved, some rows a transaction, so that what
//! was freed is used again and what was interrupted goes on where it was; lines are indexed anew by the writer.

use crate::ids::Incarnation;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Rows that are moved in one transaction.
const AT_ONCE: usize = 2_000;

/// The tables that are moved, with the columns that they keep; the first one is their key.
const MOVED: [(&str, &str); 3] = [
    (
        "processes",
        "number, batch, id, state, ended, submitted, executor_type, initiator, label, graph, graph_state, body",
    ),
    ("workflows", "number, batch, id, state, ended, body"),
    ("lines", "timestamp, process, executor, message"),
];

/// Tables that are made anew from others.
const DROPPED: [&str; 4] = ["words", "segments", "timestamps", "postings"];

/// Moves what is in tables of colonies to those of all.
///
/// # Errors
/// What SQLite says. What was moved until then stays so.
pub fn bring_up(connection: &mut Connection) -> rusqlite::Result<()> {
    for (table, columns) in MOVED {
        for of in colonies_with(connection, table)? {
            if table == MOVED[0].0 {
                tracing::info!(
                    stream = of,
                    "the history of a colony is brought to a new layout, once: until all its log lines are indexed, \
                     searches may find fewer of them"
                );
            }
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            drop_indexes(&transaction, table, of)?;
            transaction.commit()?;
            while move_some(connection, (table, columns), of, AT_ONCE)? {}
        }
    }
    Ok(())
}

/// The colonies that have such a table of their own.
fn colonies_with(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Incarnation>> {
    let mut select = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB ?1")?;
    let names = select.query_map([format!("{table}_[0-9]*")], |row| row.get::<_, String>(0))?;
    let of = |name: String| name.strip_prefix(table)?.strip_prefix('_')?.parse().ok();
    names.filter_map(|name| name.map(of).transpose()).collect()
}

/// Drops what is not moved: rows are removed faster then, and there is room for them.
fn drop_indexes(transaction: &Transaction<'_>, table: &str, of: Incarnation) -> rusqlite::Result<()> {
    for dropped in DROPPED {
        transaction.execute_batch(&format!("DROP TABLE IF EXISTS {dropped}_{of}"))?;
    }
    let indexes: Vec<String> = transaction
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL")?
        .query_map([format!("{table}_{of}")], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    indexes.iter().try_for_each(|index| transaction.execute_batch(&format!("DROP INDEX {index}")))
}

/// Moves the first rows of a colony's table, or drops it where it has none. Says whether it is still there.
fn move_some(
    connection: &mut Connection,
    (table, columns): (&str, &str),
    of: Incarnation,
    count: usize,
) -> rusqlite::Result<bool> {
    let key = columns.split(',').next().unwrap_or(columns);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let until: Option<i64> = transaction.query_row(
        &format!("SELECT max({key}) FROM (SELECT {key} FROM {table}_{of} ORDER BY {key} LIMIT {count})"),
        [],
        |row| row.get(0),
    )?;
    match until {
        Some(until) => transaction.execute_batch(&format!(
            "INSERT INTO {table} (incarnation, {columns})
                 SELECT {of}, {columns} FROM {table}_{of} WHERE {key} <= {until} ORDER BY {key};
             DELETE FROM {table}_{of} WHERE {key} <= {until};"
        ))?,
        None => transaction.execute_batch(&format!("DROP TABLE {table}_{of}"))?,
    }
    transaction.commit()?;
    Ok(until.is_some())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::colony::logs::pattern::Pattern;
    use crate::storage::history::indexer::Indexer;
    use crate::storage::history::schema;
    use crate::storage::history::search::search;
    use crate::storage::history::segments::IndexBounds;
    use rusqlite::params;
    use std::path::Path;

    /// What a server of an earlier layout has left of two colonies, 7 and 8.
    fn leave(path: &Path, layout: i32) {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE colonies (incarnation INTEGER PRIMARY KEY, batches INTEGER NOT NULL,
                     expired_processes INTEGER NOT NULL DEFAULT 0, expired_workflows INTEGER NOT NULL DEFAULT 0,
                     expired_nodes INTEGER NOT NULL DEFAULT 0);",
            )
            .unwrap();
        for of in [7, 8] {
            let tables = format!(
                "INSERT INTO colonies (incarnation, batches) VALUES ({of}, 3);
                 CREATE TABLE processes_{of} (number INTEGER PRIMARY KEY, batch INTEGER NOT NULL, id BLOB NOT NULL,
                     state INTEGER NOT NULL, ended INTEGER NOT NULL, submitted INTEGER NOT NULL,
                     executor_type TEXT NOT NULL, initiator TEXT NOT NULL, label TEXT NOT NULL, graph INTEGER,
                     graph_state INTEGER, body BLOB NOT NULL);
                 CREATE UNIQUE INDEX processes_{of}_id ON processes_{of} (id);
                 CREATE TABLE workflows_{of} (number INTEGER PRIMARY KEY, batch INTEGER NOT NULL, id BLOB NOT NULL,
                     state INTEGER NOT NULL, ended INTEGER NOT NULL, body BLOB NOT NULL);
                 CREATE TABLE lines_{of} (timestamp INTEGER PRIMARY KEY, process BLOB, executor TEXT NOT NULL,
                     message TEXT NOT NULL);
                 INSERT INTO processes_{of} VALUES (5, 2, x'0{of}', 2, 50, 40, 't', 'u', 'l', 4, 2, x'0102');
                 INSERT INTO workflows_{of} VALUES (4, 2, x'1{of}', 2, 50, x'0304');
                 PRAGMA user_version = {layout};"
            );
            connection.execute_batch(&tables).unwrap();
            let index = if layout == 1 {
                format!(
                    "CREATE VIRTUAL TABLE words_{of} USING fts5 (
                         message, content='lines_{of}', content_rowid='timestamp', detail='none', columnsize=0,
                         tokenize='trigram case_sensitive 1')"
                )
            } else {
                format!(
                    "CREATE TABLE segments_{of} (number INTEGER PRIMARY KEY); INSERT INTO segments_{of} VALUES (1);
                     CREATE TABLE timestamps_{of} (segment INTEGER PRIMARY KEY);
                     CREATE TABLE postings_{of} (id INTEGER PRIMARY KEY)"
                )
            };
            connection.execute_batch(&index).unwrap();
            for number in 0..250 {
                let sql = format!("INSERT INTO lines_{of} VALUES (?1, zeroblob(32), 'e', ?2)");
                connection.execute(&sql, params![number, format!("line {number} of {of}")]).unwrap();
            }
        }
    }

    #[test]
    fn a_store_of_an_earlier_layout_is_brought_up_and_indexed_anew() {
        let bounds = IndexBounds { lines: 100, ..IndexBounds::default() };
        for layout in [1, 2] {
            let dir = tempfile::TempDir::new().unwrap();
            let path = dir.path().join("history.db");
            leave(&path, layout);
            // It was interrupted before.
            let mut connection = schema::open_without_moving(&path).unwrap();
            assert!(move_some(&mut connection, MOVED[2], 8, 100).unwrap());
            drop(connection);
            for (segments, to_index) in [(0, true), (4, false)] {
                let mut connection = schema::open_writer(&path).unwrap();
                let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
                assert_eq!(count("PRAGMA user_version"), i64::from(schema::LAYOUT));
                assert_eq!(count("SELECT count(*) FROM sqlite_schema WHERE name GLOB '*_[0-9]*'"), 0);
                assert_eq!(count("SELECT count(*) FROM segments"), segments);
                for of in [7, 8] {
                    let of_it = |table: &str, columns: &str| {
                        count(&format!("SELECT count(*) FROM {table} WHERE incarnation = {of} AND {columns}"))
                    };
                    let columns = format!(
                        "number = 5 AND batch = 2 AND id = x'0{of}' AND state = 2 AND ended = 50 AND submitted = 40
                         AND executor_type = 't' AND initiator = 'u' AND label = 'l' AND graph = 4 AND graph_state = 2
                         AND body = x'0102'"
                    );
                    assert_eq!((of_it("processes", &columns), of_it("processes", "1")), (1, 1));
                    let columns = format!(
                        "number = 4 AND batch = 2 AND id = x'1{of}' AND state = 2 AND ended = 50 AND body = x'0304'"
                    );
                    assert_eq!(of_it("workflows", &columns), 1);
                    assert_eq!(of_it("lines", "process = zeroblob(32) AND executor = 'e'"), 250);
                    assert_eq!(schema::batches(&connection, of).unwrap(), Some(3));
                    for number in [0, 123, 249] {
                        let text = Pattern::read(&format!("line {number} of")).unwrap();
                        let found = search(&connection, of, &text, (-1, 250), 10).unwrap();
                        let found: Vec<_> = found.iter().map(|line| &*line.said.message).collect();
                        assert_eq!(found, [format!("line {number} of {of}")]);
                    }
                }
                let mut indexer = Indexer::new(bounds, schema::colonies(&connection).unwrap());
                while to_index && indexer.is_due() {
                    indexer.step(&mut connection).unwrap();
                }
            }
        }
    }
}
