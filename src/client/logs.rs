//! Logs (chapter 4, 2).

use super::{Client, ClientError};
use crate::crypto::PrivateKey;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A line, or as much as an executor wrote at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// The process; empty for what an executor wrote about itself.
    pub processid: String,
    /// The colony's name.
    pub colonyname: String,
    /// Who wrote it.
    pub executorname: String,
    /// What was written; ends with a newline where the executor wrote one.
    pub message: String,
    /// Nanoseconds since the Unix epoch.
    pub timestamp: i64,
}

/// Whose log to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSource<'a> {
    /// A process's.
    Process(&'a str),
    /// An executor's, in a colony.
    Executor {
        /// The colony's name.
        colony: &'a str,
        /// The executor's name.
        name: &'a str,
    },
}

/// Which lines of a log to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogWindow {
    /// The oldest of all.
    First,
    /// The newest of all, oldest first.
    Latest,
    /// The oldest after this time, in nanoseconds since the Unix epoch.
    Since(i64),
}

impl Client {
    /// Adds a line to the log of a running process; for the executor that runs it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_log(&self, executor: &PrivateKey, process: &str, message: &str) -> Result<(), ClientError> {
        self.tell(executor, "addlogmsg", json!({ "processid": process, "message": message }))
    }

    /// Adds a line to an executor's own log; for that executor.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_executor_log(
        &self,
        executor: &PrivateKey,
        colony: &str,
        name: &str,
        message: &str,
    ) -> Result<(), ClientError> {
        let members = json!({ "colonyname": colony, "executorname": name, "message": message });
        self.tell(executor, "addexecutorlogmsg", members)
    }

    /// Up to `count` lines of a log, oldest first; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn logs(
        &self,
        member: &PrivateKey,
        source: LogSource<'_>,
        window: LogWindow,
        count: i64,
    ) -> Result<Vec<Log>, ClientError> {
        let mut members = json!({ "count": count });
        match source {
            LogSource::Process(id) => members["processid"] = id.into(),
            LogSource::Executor { colony, name } => {
                members["colonyname"] = colony.into();
                members["executorname"] = name.into();
            }
        }
        match window {
            LogWindow::First => {}
            LogWindow::Latest => members["latest"] = true.into(),
            LogWindow::Since(nanos) => members["since"] = nanos.into(),
        }
        self.ask(member, "getlogsmsg", members)
    }

    /// Up to `count` lines of the last `days` that contain `text`, of all logs of a colony; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn search_logs(
        &self,
        member: &PrivateKey,
        colony: &str,
        text: &str,
        days: i64,
        count: i64,
    ) -> Result<Vec<Log>, ClientError> {
        let members = json!({ "colonyname": colony, "text": text, "days": days, "count": count });
        self.ask(member, "searchlogsmsg", members)
    }
}
