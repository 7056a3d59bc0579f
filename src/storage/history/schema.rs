//! The tables of the history store: one SQLite file, with tables of its own for each colony, so that nothing of one
//! colony is looked at for another and a removed one is dropped whole.

use crate::ids::Incarnation;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// Which layout of the tables this server knows (`PRAGMA user_version`).
pub const LAYOUT: i32 = 1;

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
    let connection = Connection::open(path)?;
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
    connection.pragma_update(None, "user_version", LAYOUT)?;
    Ok(connection)
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
         CREATE INDEX IF NOT EXISTS lines_{of}_executor ON lines_{of} (executor);
         CREATE VIRTUAL TABLE IF NOT EXISTS words_{of} USING fts5 (
             message, content='lines_{of}', content_rowid='timestamp', detail='none', columnsize=0,
             tokenize='trigram case_sensitive 1'
         );"
    ))
}

/// Drops all that belongs to a colony.
///
/// # Errors
/// What SQLite says.
pub fn drop_tables(connection: &Connection, of: Incarnation) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         DROP TABLE IF EXISTS processes_{of};
         DROP TABLE IF EXISTS workflows_{of};
         DROP TABLE IF EXISTS words_{of};
         DROP TABLE IF EXISTS lines_{of};
         DELETE FROM attributes WHERE incarnation = {of};
         DELETE FROM colonies WHERE incarnation = {of};
         COMMIT;"
    ))
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
