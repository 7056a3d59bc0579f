//! Reading from the history store.

use super::rows::{LINE_COLUMNS, NUMBERED, limit, read_line};
use super::{body, search};
use crate::colony::history::{Hidden, Missing, Past, PastError, ProcessRecord, Recalled, WorkflowRecord};
use crate::colony::logs::{LogLine, LogRange, Page, pattern::Pattern};
use crate::colony::processes::{ListFilter, ProcessState};
use crate::ids::{AttributeId, GraphId, Incarnation, ProcessId};
use crate::limits;
use crate::storage::codec::CodecError;
use crate::time::{Nanos, Time};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value};
use std::sync::Arc;

/// A connection that reads.
pub struct Reader {
    pub(super) connection: Connection,
}

impl From<rusqlite::Error> for PastError {
    fn from(error: rusqlite::Error) -> PastError {
        PastError(error.to_string())
    }
}

impl From<CodecError> for PastError {
    fn from(error: CodecError) -> PastError {
        PastError(error.to_string())
    }
}

/// A process's row as far as it decides whether the process is shown.
struct ProcessRow {
    number: u64,
    state: ProcessState,
    graph: Option<(i64, ProcessState)>,
    submitted: Time,
    body: Vec<u8>,
}

/// A colony's (`?1`) record of an id (`?2`).
const IDENTIFIED: &str = "incarnation = ?1 AND id = ?2";

const PROCESS_COLUMNS: &str = "number, state, graph, graph_state, submitted, body";

impl ProcessRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<ProcessRow> {
        let graph: Option<i64> = row.get(2)?;
        let graph_state: Option<i64> = row.get(3)?;
        Ok(ProcessRow {
            number: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
            state: state(row.get(1)?)?,
            graph: graph.zip(graph_state.map(state).transpose()?),
            submitted: Time::from_micros(row.get(4)?),
            body: row.get(5)?,
        })
    }

    fn is_hidden(&self, hidden: &Hidden) -> bool {
        hidden.has_process(self.number, self.state, self.graph.map(|(_, state)| state))
    }
}

fn state(number: i64) -> rusqlite::Result<ProcessState> {
    ProcessState::from_number(number).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, number))
}

impl Reader {
    /// The colony of an attribute whose process is past.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn colony_of_attribute(&self, id: &AttributeId) -> Result<Option<Incarnation>, PastError> {
        let mut select = self.connection.prepare_cached("SELECT incarnation FROM attributes WHERE id = ?1")?;
        Ok(select.query_row([id.0], |row| row.get(0)).optional()?)
    }

    /// The process that a condition selects, of a colony (`?1`) and a value (`?2`).
    fn process_row(&self, of: Incarnation, condition: &str, value: Value) -> rusqlite::Result<Option<ProcessRow>> {
        let sql = format!("SELECT {PROCESS_COLUMNS} FROM processes WHERE {condition}");
        self.connection.prepare_cached(&sql)?.query_row(params![of, value], ProcessRow::read).optional()
    }

    fn workflow_by_number(
        &self,
        of: Incarnation,
        number: i64,
        hidden: &Hidden,
    ) -> Result<Option<(WorkflowRecord, Vec<ProcessRecord>)>, PastError> {
        let mut select =
            self.connection.prepare_cached("SELECT body FROM workflows WHERE incarnation = ?1 AND number = ?2")?;
        let bytes: Option<Vec<u8>> = select.query_row(params![of, number], |row| row.get(0)).optional()?;
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        let workflow: WorkflowRecord = body::read(&bytes)?;
        if hidden.has_workflow(workflow.number, workflow.state) {
            return Ok(None);
        }
        let mut select = self
            .connection
            .prepare_cached("SELECT body FROM processes WHERE incarnation = ?1 AND graph = ?2 ORDER BY number")?;
        let mut rows = select.query(params![of, number])?;
        let mut nodes = Vec::new();
        while let Some(row) = rows.next()? {
            nodes.push(body::read(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?)?);
        }
        Ok(Some((workflow, nodes)))
    }

    fn workflow(
        &self,
        of: Incarnation,
        id: &GraphId,
        hidden: &Hidden,
    ) -> Result<Option<(WorkflowRecord, Vec<ProcessRecord>)>, PastError> {
        let sql = format!("SELECT number FROM workflows WHERE {IDENTIFIED}");
        let number: Option<i64> =
            self.connection.prepare_cached(&sql)?.query_row(params![of, id.0], |row| row.get(0)).optional()?;
        number.map_or(Ok(None), |number| self.workflow_by_number(of, number, hidden))
    }

    fn lines(
        &self,
        of: Incarnation,
        key: (&str, Value),
        range: LogRange,
        count: usize,
        until: Nanos,
    ) -> Result<Page, PastError> {
        let (after, order) = match range {
            LogRange::Oldest => (Nanos::MIN, "ASC"),
            LogRange::Since(since) => (since, "ASC"),
            LogRange::Latest => (Nanos::MIN, "DESC"),
        };
        let (column, value) = key;
        // By itself SQLite would walk all of the colony's lines, since these are in order, too.
        let sql = format!(
            "SELECT {LINE_COLUMNS} FROM lines INDEXED BY lines_{column}
             WHERE incarnation = ?1 AND {column} = ?2 AND timestamp > ?3 AND timestamp <= ?4
             ORDER BY timestamp {order} LIMIT ?5"
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let rows = select.query_map(params![of, value, after, until, limit(count)], read_line)?;
        let mut failure = None;
        let read = rows.map_while(|line| line.map_err(|error| failure = Some(error)).ok());
        let page = Page::of(read.map(Arc::new), range);
        failure.map_or(Ok(page), |error| Err(error.into()))
    }
}

impl Past for Reader {
    fn process(&self, of: Incarnation, id: &ProcessId, hidden: &Hidden) -> Result<Option<ProcessRecord>, PastError> {
        let row = self.process_row(of, IDENTIFIED, Value::Blob(id.0.to_vec()))?;
        row.filter(|row| !row.is_hidden(hidden)).map(|row| Ok(body::read(&row.body)?)).transpose()
    }

    fn find(&self, of: Incarnation, missing: &Missing, hidden: &Hidden) -> Result<Option<Recalled>, PastError> {
        let row = match missing {
            Missing::Process(id) => self.process_row(of, IDENTIFIED, Value::Blob(id.0.to_vec()))?,
            Missing::Workflow(id) => {
                return Ok(self.workflow(of, id, hidden)?.map(|(workflow, nodes)| Recalled::Workflow(workflow, nodes)));
            }
            Missing::Attribute(id) => {
                let sql = "SELECT process FROM attributes WHERE id = ?1 AND incarnation = ?2";
                let mut select = self.connection.prepare_cached(sql)?;
                let number: Option<i64> = select.query_row(params![id.0, of], |row| row.get(0)).optional()?;
                match number {
                    Some(number) => self.process_row(of, NUMBERED, Value::Integer(number))?,
                    None => None,
                }
            }
        };
        let row = row.filter(|row| !row.is_hidden(hidden));
        row.map(|row| Ok(Recalled::Process(body::read(&row.body)?))).transpose()
    }

    fn list(
        &self,
        of: Incarnation,
        state: ProcessState,
        filter: ListFilter<'_>,
        count: usize,
        hidden: &Hidden,
    ) -> Result<Vec<ProcessRecord>, PastError> {
        let (column, key) = match filter {
            ListFilter::All => (None, ""),
            ListFilter::ExecutorType(key) => (Some("executor_type = ?3"), key),
            ListFilter::Initiator(key) => (Some("initiator = ?3"), key),
            ListFilter::Label(key) => (Some("label = ?3 AND label <> ''"), key),
        };
        let mut condition = column.map(|column| format!("AND {column}")).unwrap_or_default();
        // What was removed all at once may be very much: it is passed over without looking at each.
        condition.push_str(if hidden.has_all_processes(state) { " AND graph IS NOT NULL" } else { "" });
        let sql = format!(
            "SELECT {PROCESS_COLUMNS} FROM processes WHERE incarnation = ?1 AND state = ?2 {condition}
             ORDER BY ended DESC, number"
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let values = [Value::Integer(of.into()), Value::Integer(state as i64), Value::Text(key.to_owned())];
        let used = if column.is_some() { 3 } else { 2 };
        let rows = select.query_map(params_from_iter(values.into_iter().take(used)), ProcessRow::read)?;
        let mut listed = Vec::new();
        let mut bytes = 0;
        for row in rows {
            if listed.len() >= count || bytes > limits::LIST_BYTES {
                break;
            }
            let row = row?;
            if !row.is_hidden(hidden) {
                bytes += row.body.len();
                listed.push(body::read(&row.body)?);
            }
        }
        Ok(listed)
    }

    fn submitted_since(
        &self,
        of: Incarnation,
        state: ProcessState,
        since: Time,
        (scanned, count): (usize, usize),
        wanted: &dyn Fn(&ProcessRecord) -> bool,
        hidden: &Hidden,
    ) -> Result<Vec<ProcessRecord>, PastError> {
        // The order of submission is the order of numbers, so that the walk ends at the first that is too old.
        let sql = format!(
            "SELECT {PROCESS_COLUMNS} FROM processes WHERE incarnation = ?1 AND state = ?2
             ORDER BY number DESC LIMIT ?3"
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let rows = select.query_map(params![of, state as i64, limit(scanned)], ProcessRow::read)?;
        let mut listed = Vec::new();
        let mut bytes = 0;
        for row in rows {
            let row = row?;
            if row.submitted < since || listed.len() >= count || bytes > limits::LIST_BYTES {
                break;
            }
            let record: ProcessRecord = body::read(&row.body)?;
            if !row.is_hidden(hidden) && wanted(&record) {
                bytes += row.body.len();
                listed.push(record);
            }
        }
        Ok(listed)
    }

    fn workflows(
        &self,
        of: Incarnation,
        state: ProcessState,
        count: usize,
        hidden: &Hidden,
    ) -> Result<Vec<WorkflowRecord>, PastError> {
        let sql = "SELECT body FROM workflows WHERE incarnation = ?1 AND state = ?2 ORDER BY number DESC";
        let mut select = self.connection.prepare_cached(sql)?;
        let mut rows = select.query(params![of, state as i64])?;
        let mut listed: Vec<WorkflowRecord> = Vec::new();
        while listed.len() < count
            && let Some(row) = rows.next()?
        {
            let record: WorkflowRecord = body::read(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?)?;
            if !hidden.has_workflow(record.number, record.state) {
                listed.push(record);
            }
        }
        Ok(listed)
    }

    fn lines_of_process(
        &self,
        of: Incarnation,
        process: &ProcessId,
        range: LogRange,
        count: usize,
        until: Nanos,
    ) -> Result<Page, PastError> {
        self.lines(of, ("process", Value::Blob(process.0.to_vec())), range, count, until)
    }

    fn lines_of_executor(
        &self,
        of: Incarnation,
        executor: &str,
        range: LogRange,
        count: usize,
        until: Nanos,
    ) -> Result<Page, PastError> {
        self.lines(of, ("executor", Value::Text(executor.to_owned())), range, count, until)
    }

    fn search(
        &self,
        of: Incarnation,
        text: &Pattern,
        after: Nanos,
        until: Nanos,
        count: usize,
    ) -> Result<Vec<LogLine>, PastError> {
        search::search(&self.connection, of, text, (after, until), count)
    }
}
