//! The tables of the history store: one SQLite file, with tables of its own for each colony, so that nothing of one
//! colony is looked at for another and a removed one is dropped whole.

use super::segments;
use crate::ids::Incarnation;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::path::Path;

/// Which layout of the tables this server knows (`PRAGMA user_version`).
pub const LAYOUT: i32 = 2;

/// The layout before: an FTS5 table, `words_N`, was the index of a colony's lines.
const INDEXED_BY_FTS: i32 = 1;

/// Kibibytes of pages that a connection keeps.
const WRITER_CACHE: i32 = 32 << 10;
const READER_CACHE: i32 = 8 << 10;

/// Pages in SQLite's own log before they go to the file: fewer, larger moves; read back in some 35 ms after a crash.
const CHECKPOINT_PAGES: i32 = 4_000;

/// Opens the file for its one writer, and makes what belongs to all colonies.
///
/// # Errors
/// What SQLite says; a file of a newer layout is named as such.
pub fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit counts only when it is synced: memory is freed after it.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let found: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > LAYOUT {
        let reason = format!("the history store has layout {found}, this server knows up to {LAYOUT}");
        return Err(rusqlite::Error::ToSqlConversionFailure(reason.into()));
    }
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS colonies (
             incarnation INTEGER PRIMARY KEY,
             batches INTEGER NOT NULL,
             expired_processes INTEGER NOT NULL DEFAULT 0,
             expired_workflows INTEGER NOT NULL DEFAULT 0,
             expired_nodes INTEGER NOT NULL DEFAULT 0
         );
         CREATE TABLE IF NOT EXISTS attributes (
             id BLOB PRIMARY KEY,
             incarnation INTEGER NOT NULL,
             process INTEGER NOT NULL
         ) WITHOUT ROWID;
         CREATE INDEX IF NOT EXISTS attributes_of ON attributes (incarnation, process);",
    )?;
    if found == INDEXED_BY_FTS {
        index_anew(&mut connection)?;
    }
    connection.pragma_update(None, "user_version", LAYOUT)?;
    Ok(connection)
}

/// Brings a store of the layout before to this one: its lines are not indexed then, until the writer has come to them.
fn index_anew(connection: &mut Connection) -> rusqlite::Result<()> {
    tracing::info!("the past log lines are indexed anew, once: until that is done, searches may find fewer of them");
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let old: Vec<String> = transaction
        .prepare("SELECT name FROM sqlite_schema WHERE name GLOB 'words_*' AND sql LIKE 'CREATE VIRTUAL TABLE%'")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for table in old {
        transaction.execute_batch(&format!("DROP TABLE {table}"))?;
    }
    for of in colonies(&transaction)? {
        segments::make_tables(&transaction, of)?;
    }
    transaction.pragma_update(None, "user_version", LAYOUT)?;
    transaction.commit()
}

/// The colonies that have tables.
///
/// # Errors
/// What SQLite says.
pub fn colonies(connection: &Connection) -> rusqlite::Result<Vec<Incarnation>> {
    connection.prepare("SELECT incarnation FROM colonies")?.query_map([], |row| row.get(0))?.collect()
}

/// Opens the file to read from it.
///
/// # Errors
/// What SQLite says.
pub fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

const STATEMENTS: usize = 256;

/// Makes the tables of a colony where they are not there yet.
///
/// # Errors
/// What SQLite says.
pub fn make_tables(connection: &Connection, of: Incarnation) -> rusqlite::Result<()> {
    // A process's number grows with its submission, so that rows are added at the end. `graph` is its workflow's number.
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS processes_{of} (
             number INTEGER PRIMARY KEY,
             batch INTEGER NOT NULL,
             id BLOB NOT NULL,
             state INTEGER NOT NULL,
             ended INTEGER NOT NULL,
             submitted INTEGER NOT NULL,
             executor_type TEXT NOT NULL,
             initiator TEXT NOT NULL,
             label TEXT NOT NULL,
             graph INTEGER,
             graph_state INTEGER,
             body BLOB NOT NULL
         );
         CREATE UNIQUE INDEX IF NOT EXISTS processes_{of}_id ON processes_{of} (id);
         CREATE INDEX IF NOT EXISTS processes_{of}_batch ON processes_{of} (batch);
         CREATE INDEX IF NOT EXISTS processes_{of}_state ON processes_{of} (state);
         CREATE INDEX IF NOT EXISTS processes_{of}_ended ON processes_{of} (state, ended DESC);
         CREATE INDEX IF NOT EXISTS processes_{of}_type ON processes_{of} (executor_type, state, ended DESC);
         CREATE INDEX IF NOT EXISTS processes_{of}_initiator ON processes_{of} (initiator, state, ended DESC);
         CREATE INDEX IF NOT EXISTS processes_{of}_label ON processes_{of} (label, state, ended DESC)
             WHERE label <> '';
         CREATE INDEX IF NOT EXISTS processes_{of}_graph ON processes_{of} (graph) WHERE graph IS NOT NULL;
         CREATE TABLE IF NOT EXISTS workflows_{of} (
             number INTEGER PRIMARY KEY,
             batch INTEGER NOT NULL,
             id BLOB NOT NULL,
             state INTEGER NOT NULL,
             ended INTEGER NOT NULL,
             body BLOB NOT NULL
         );
         CREATE UNIQUE INDEX IF NOT EXISTS workflows_{of}_id ON workflows_{of} (id);
         CREATE INDEX IF NOT EXISTS workflows_{of}_batch ON workflows_{of} (batch);
         CREATE INDEX IF NOT EXISTS workflows_{of}_state ON workflows_{of} (state);
         CREATE INDEX IF NOT EXISTS workflows_{of}_ended ON workflows_{of} (state, ended);
         CREATE TABLE IF NOT EXISTS lines_{of} (
             timestamp INTEGER PRIMARY KEY,
             process BLOB,
             executor TEXT NOT NULL,
             message TEXT NOT NULL
         );
         CREATE INDEX IF NOT EXISTS lines_{of}_process ON lines_{of} (process) WHERE process IS NOT NULL;
         CREATE INDEX IF NOT EXISTS lines_{of}_executor ON lines_{of} (executor);"
    ))?;
    segments::make_tables(connection, of)
}

/// Drops all that belongs to a colony.
///
/// # Errors
/// What SQLite says.
pub fn drop_tables(connection: &Connection, of: Incarnation) -> rusqlite::Result<()> {
    // Rolled back where it fails: what comes after needs a transaction of its own.
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(&format!(
        "DROP TABLE IF EXISTS processes_{of};
         DROP TABLE IF EXISTS workflows_{of};
         DROP TABLE IF EXISTS segments_{of};
         DROP TABLE IF EXISTS timestamps_{of};
         DROP TABLE IF EXISTS postings_{of};
         DROP TABLE IF EXISTS lines_{of};
         DELETE FROM attributes WHERE incarnation = {of};
         DELETE FROM colonies WHERE incarnation = {of};"
    ))?;
    transaction.commit()
}

/// Whether a colony has tables, and how many batches they hold.
///
/// # Errors
/// What SQLite says.
pub fn batches(connection: &Connection, of: Incarnation) -> rusqlite::Result<Option<u64>> {
    let mut select = connection.prepare_cached("SELECT batches FROM colonies WHERE incarnation = ?1")?;
    let batches = select.query_row([of], |row| row.get::<_, i64>(0)).optional()?;
    // Written from a number that fits.
    Ok(batches.map(|batches| u64::try_from(batches).unwrap_or(0)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::colony::logs::pattern::Pattern;
    use crate::storage::history::indexer::Indexer;
    use crate::storage::history::search::search;
    use crate::storage::history::segments::IndexBounds;
    use rusqlite::params;

    #[test]
    fn a_store_of_the_layout_before_is_indexed_anew() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("history.db");
        let bounds = IndexBounds { lines: 100, ..IndexBounds::default() };
        {
            let connection = open_writer(&path).unwrap();
            make_tables(&connection, 7).unwrap();
            let old = "INSERT INTO colonies (incarnation, batches) VALUES (7, 1);
                DROP TABLE segments_7; DROP TABLE postings_7; DROP TABLE timestamps_7; PRAGMA user_version = 1;
                CREATE VIRTUAL TABLE words_7 USING fts5 (
                    message, content='lines_7', content_rowid='timestamp', detail='none', columnsize=0,
                    tokenize='trigram case_sensitive 1');";
            connection.execute_batch(old).unwrap();
            for number in 0..250 {
                let sql = "INSERT INTO lines_7 (timestamp, executor, message) VALUES (?1, 'e', ?2)";
                connection.execute(sql, params![number, format!("line {number} of many")]).unwrap();
            }
        }
        for (segments, to_index) in [(0, true), (2, false)] {
            let mut connection = open_writer(&path).unwrap();
            let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!(count("SELECT count(*) FROM segments_7"), segments);
            assert_eq!(count("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'words%'"), 0);
            assert_eq!(count("PRAGMA user_version"), i64::from(LAYOUT));
            for number in [0, 123, 249] {
                let text = Pattern::read(&format!("line {number} of")).unwrap();
                let found = search(&connection, 7, &text, (-1, 250), 10).unwrap();
                assert_eq!(found.iter().map(|line| line.timestamp).collect::<Vec<_>>(), [number]);
            }
            let mut indexer = Indexer::new(bounds, colonies(&connection).unwrap());
            while to_index && indexer.is_due() {
                indexer.step(&mut connection).unwrap();
            }
        }
    }
}
