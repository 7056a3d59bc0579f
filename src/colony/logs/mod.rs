//! Log lines of processes and executors (chapter 4, 2).

pub mod add;
pub mod get;

use crate::ids::ProcessId;
use crate::map::HashMap;
use crate::time::Nanos;
use bincode::{Decode, Encode};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Something that was said. The turn's time is its time stamp: strictly increasing, so that no line is lost to a client
/// that pages by it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct LogEvent {
    /// The process it is about; `None` for what an executor says of itself.
    pub process: Option<ProcessId>,
    /// The executor that said it.
    pub executor: String,
    /// What was said.
    pub message: String,
}

/// A line as it is kept and shown.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// What was said, by whom, about what.
    pub said: LogEvent,
    /// Nanoseconds since the Unix epoch.
    pub timestamp: Nanos,
}

/// About how many bytes of memory a line takes beside its text.
const LINE_BYTES: usize = 192;

/// The log lines of one colony.
#[derive(Debug, Default, PartialEq)]
pub struct Logs {
    by_process: HashMap<ProcessId, Vec<Arc<LogLine>>>,
    by_executor: HashMap<String, Vec<Arc<LogLine>>>,
    /// About how many bytes of memory all of them take.
    bytes: usize,
}

/// Which lines are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRange {
    /// The oldest.
    Oldest,
    /// The oldest after this time stamp.
    Since(Nanos),
    /// The newest.
    Latest,
}

impl Logs {
    /// Carries out what happened at this time.
    pub fn apply(&mut self, said: LogEvent, timestamp: Nanos) {
        self.bytes += LINE_BYTES + said.message.len();
        let line = Arc::new(LogLine { said, timestamp });
        if let Some(process) = line.said.process {
            self.by_process.entry(process).or_default().push(line.clone());
        }
        match self.by_executor.get_mut(&line.said.executor) {
            Some(lines) => lines.push(line),
            None => {
                self.by_executor.insert(line.said.executor.clone(), vec![line]);
            }
        }
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// At most `count` lines of a process, in the order of their time stamps.
    pub fn of_process(&self, process: &ProcessId, range: LogRange, count: usize) -> Vec<Arc<LogLine>> {
        select(self.by_process.get(process), range, count)
    }

    /// At most `count` lines of an executor, in the order of their time stamps.
    pub fn of_executor(&self, executor: &str, range: LogRange, count: usize) -> Vec<Arc<LogLine>> {
        select(self.by_executor.get(executor), range, count)
    }
}

fn select(lines: Option<&Vec<Arc<LogLine>>>, range: LogRange, count: usize) -> Vec<Arc<LogLine>> {
    let lines = lines.map_or(&[][..], Vec::as_slice);
    match range {
        LogRange::Oldest => lines.iter().take(count).cloned().collect(),
        LogRange::Since(since) => {
            let from = lines.partition_point(|line| line.timestamp <= since);
            lines[from..].iter().take(count).cloned().collect()
        }
        LogRange::Latest => lines[lines.len().saturating_sub(count)..].to_vec(),
    }
}

/// A line on its way to the client.
pub struct ShownLine {
    /// The line.
    pub line: Arc<LogLine>,
    /// The colony's name.
    pub colony: Arc<str>,
}

impl Serialize for ShownLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let said = &self.line.said;
        let mut shown = serializer.serialize_struct("log", 5)?;
        match &said.process {
            Some(process) => shown.serialize_field("processid", process)?,
            None => shown.serialize_field("processid", "")?,
        }
        shown.serialize_field("colonyname", &self.colony)?;
        shown.serialize_field("executorname", &said.executor)?;
        shown.serialize_field("message", &said.message)?;
        shown.serialize_field("timestamp", &self.line.timestamp)?;
        shown.end()
    }
}
