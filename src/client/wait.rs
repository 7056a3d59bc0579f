//! Waiting for the end of a process, and following its log meanwhile.

use super::{Client, ClientError, Log, LogSource, LogWindow, Process, ProcessGraph, ProcessState};
use crate::crypto::PrivateKey;
use std::convert::Infallible;
use std::thread;
use std::time::{Duration, Instant};

/// Between the first two looks at a process; each later pause is half as long again, so that short work is seen at
/// once and long work costs the server little.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Lines that one look at a log brings.
const LINES: i64 = 100;

/// How long to pause, look after look.
struct Pauses(Duration);

impl Pauses {
    fn new() -> Pauses {
        Pauses(FIRST_PAUSE)
    }

    /// Pauses, at most for `left`.
    fn pause(&mut self, left: Option<Duration>) {
        thread::sleep(left.map_or(self.0, |left| self.0.min(left)));
        self.0 = (self.0 * 3 / 2).min(LONGEST_PAUSE);
    }
}

impl Client {
    /// Waits until a process is done, has failed or was cancelled, for `patience` or as long as it takes. `None` when
    /// that was not long enough.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn wait_for_end(
        &self,
        member: &PrivateKey,
        id: &str,
        patience: Option<Duration>,
    ) -> Result<Option<Process>, ClientError> {
        let begin = Instant::now();
        let mut pauses = Pauses::new();
        loop {
            let process = self.persist(|| self.process(member, id))?;
            if process.state().is_some_and(ProcessState::is_final) {
                return Ok(Some(process));
            }
            let left = patience.map(|patience| patience.saturating_sub(begin.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            pauses.pause(left);
        }
    }

    /// Waits until a workflow is done, has failed or was cancelled.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn wait_for_workflow(&self, member: &PrivateKey, id: &str) -> Result<ProcessGraph, ClientError> {
        let mut pauses = Pauses::new();
        loop {
            let graph = self.persist(|| self.workflow(member, id))?;
            if ProcessState::from_number(graph.state).is_none_or(ProcessState::is_final) {
                return Ok(graph);
            }
            pauses.pause(None);
        }
    }

    /// Hands the log of a process on, what is there and what comes, until the process has ended: that process.
    ///
    /// # Errors
    /// See [`ClientError`]; or what `line` says, which ends it.
    pub fn follow_process<E: From<ClientError>>(
        &self,
        member: &PrivateKey,
        id: &str,
        mut line: impl FnMut(&Log) -> Result<(), E>,
    ) -> Result<Process, E> {
        let mut pauses = Pauses::new();
        let mut window = LogWindow::First;
        loop {
            // Looked at before the log, so that nothing is missed that was written before the end.
            let process = self.persist(|| self.process(member, id))?;
            loop {
                let page = self.next_page(member, LogSource::Process(id), &mut window)?;
                if page.is_empty() {
                    break;
                }
                page.iter().try_for_each(&mut line)?;
                pauses = Pauses::new();
            }
            if process.state().is_some_and(ProcessState::is_final) {
                return Ok(process);
            }
            pauses.pause(None);
        }
    }

    /// Hands a log on, from `window` on, and what comes: without end.
    ///
    /// # Errors
    /// See [`ClientError`]; or what `line` says, which ends it.
    pub fn follow_log<E: From<ClientError>>(
        &self,
        member: &PrivateKey,
        source: LogSource<'_>,
        mut window: LogWindow,
        mut line: impl FnMut(&Log) -> Result<(), E>,
    ) -> Result<Infallible, E> {
        let mut pauses = Pauses::new();
        loop {
            let page = self.next_page(member, source, &mut window)?;
            if page.is_empty() {
                pauses.pause(None);
            } else {
                page.iter().try_for_each(&mut line)?;
                pauses = Pauses::new();
            }
        }
    }

    /// One page of a log; the window moves behind it.
    fn next_page(
        &self,
        member: &PrivateKey,
        source: LogSource<'_>,
        window: &mut LogWindow,
    ) -> Result<Vec<Log>, ClientError> {
        let page = self.persist(|| self.logs(member, source, *window, LINES))?;
        if let Some(last) = page.last() {
            *window = LogWindow::Since(last.timestamp);
        }
        Ok(page)
    }
}
