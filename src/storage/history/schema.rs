//! The tables of the history store: one SQLite file, one set of tables for all colonies.
//!
//! A colony's rows stand together in each index, behind its incarnation, so that a search in one passes no row of another
//! colony. Tables of its own for each would have to be made for it, and SQLite looks through its whole schema for each
//! statement of that; and many colonies that write a little would each write pages of their own.

use super::layouts;
use crate::ids::Incarnation;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// Which layout of the tables this server knows (`PRAGMA user_version`).
pub const LAYOUT: i32 = 3;

/// Kibibytes of pages that a connection keeps.
const WRITER_CACHE: i32 = 32 << 10;
const READER_CACHE: i32 = 8 << 10;

/// Pages in SQLite's own log before they go to the file: fewer, larger moves; read back in some 35 ms after a crash.
const CHECKPOINT_PAGES: i32 = 4_000;

/// Bytes that SQLite's own log keeps on disk. A large transaction takes more for a while.
const LOG_BYTES: i64 = 64 << 20;

/// Opens the file for its one writer, and makes the tables where it has none.
///
/// # Errors
/// What SQLite says; a file of a newer layout is named as such.
pub fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = open_without_moving(path)?;
    layouts::bring_up(&mut connection)?;
    Ok(connection)
}

/// The same, leaving what is in tables of an earlier layout where it is.
pub(super) fn open_without_moving(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit counts only when it is synced: memory is freed after it.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let found: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > LAYOUT {
        let reason = format!("the history store has layout {found}, this server knows up to {LAYOUT}");
        return Err(rusqlite::Error::ToSqlConversionFailure(reason.into()));
    }
    if found < LAYOUT {
        let transaction = connection.transaction()?;
        make_tables(&transaction)?;
        // At once: a server of before must not open what is half moved.
        transaction.pragma_update(None, "user_version", LAYOUT)?;
        transaction.commit()?;
    }
    Ok(connection)
}

/// The colonies that have something here.
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

/// Makes the tables where they are not there yet.
///
/// # Errors
/// What SQLite says.
pub fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    // Rows are added at the end of their table, in the order in which they come; a process's number tells when it was
    // submitted. `graph` is its workflow's number. Lines are no tree of their key: to compare with a large one there, all
    // of it would be read. `large` and the lists are lists of lines (`trigrams.rs`). The id of a list has its segment in
    // its upper half and the trigram's term in its lower one. `timestamps` has the time of each line of a segment, by its
    // place.
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
         CREATE INDEX IF NOT EXISTS attributes_of ON attributes (incarnation, process);
         CREATE TABLE IF NOT EXISTS processes (
             incarnation INTEGER NOT NULL,
             number INTEGER NOT NULL,
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
         CREATE UNIQUE INDEX IF NOT EXISTS processes_id ON processes (id);
         CREATE INDEX IF NOT EXISTS processes_batch ON processes (incarnation, batch);
         CREATE INDEX IF NOT EXISTS processes_state ON processes (incarnation, state, number);
         CREATE INDEX IF NOT EXISTS processes_ended ON processes (incarnation, state, ended DESC, number);
         CREATE INDEX IF NOT EXISTS processes_type
             ON processes (incarnation, executor_type, state, ended DESC, number);
         CREATE INDEX IF NOT EXISTS processes_initiator
             ON processes (incarnation, initiator, state, ended DESC, number);
         CREATE INDEX IF NOT EXISTS processes_label
             ON processes (incarnation, label, state, ended DESC, number) WHERE label <> '';
         CREATE INDEX IF NOT EXISTS processes_graph ON processes (incarnation, graph, number) WHERE graph IS NOT NULL;
         CREATE TABLE IF NOT EXISTS workflows (
             incarnation INTEGER NOT NULL,
             number INTEGER NOT NULL,
             batch INTEGER NOT NULL,
             id BLOB NOT NULL,
             state INTEGER NOT NULL,
             ended INTEGER NOT NULL,
             body BLOB NOT NULL
         );
         CREATE UNIQUE INDEX IF NOT EXISTS workflows_id ON workflows (id);
         CREATE UNIQUE INDEX IF NOT EXISTS workflows_number ON workflows (incarnation, number);
         CREATE INDEX IF NOT EXISTS workflows_batch ON workflows (incarnation, batch);
         CREATE INDEX IF NOT EXISTS workflows_state ON workflows (incarnation, state, number);
         CREATE INDEX IF NOT EXISTS workflows_ended ON workflows (incarnation, state, ended);
         CREATE TABLE IF NOT EXISTS lines (
             incarnation INTEGER NOT NULL,
             timestamp INTEGER NOT NULL,
             process BLOB,
             executor TEXT NOT NULL,
             message TEXT NOT NULL
         );
         CREATE UNIQUE INDEX IF NOT EXISTS lines_timestamp ON lines (incarnation, timestamp);
         CREATE INDEX IF NOT EXISTS lines_process ON lines (incarnation, process, timestamp) WHERE process IS NOT NULL;
         CREATE INDEX IF NOT EXISTS lines_executor ON lines (incarnation, executor, timestamp);
         CREATE TABLE IF NOT EXISTS segments (
             id INTEGER PRIMARY KEY,
             incarnation INTEGER NOT NULL,
             first INTEGER NOT NULL,
             last INTEGER NOT NULL,
             lines INTEGER NOT NULL,
             large BLOB NOT NULL
         );
         CREATE UNIQUE INDEX IF NOT EXISTS segments_last ON segments (incarnation, last);
         CREATE TABLE IF NOT EXISTS timestamps (
             segment INTEGER PRIMARY KEY,
             timestamps BLOB NOT NULL
         );
         CREATE TABLE IF NOT EXISTS postings (
             id INTEGER PRIMARY KEY,
             list BLOB NOT NULL
         );",
    )
}

/// How many batches of a colony are here; `None` where nothing of it ever was.
///
/// # Errors
/// What SQLite says.
pub fn batches(connection: &Connection, of: Incarnation) -> rusqlite::Result<Option<u64>> {
    let mut select = connection.prepare_cached("SELECT batches FROM colonies WHERE incarnation = ?1")?;
    let batches = select.query_row([of], |row| row.get::<_, i64>(0)).optional()?;
    // Written from a number that fits.
    Ok(batches.map(|batches| u64::try_from(batches).unwrap_or(0)))
}
