//! Log lines of processes and executors (chapter 4, 2).

pub mod add;
pub mod add_of_executor;
pub mod get;
pub mod pattern;
mod round;
pub mod search;

use crate::ids::ProcessId;
use crate::limits;
use crate::map::HashMap;
use crate::time::Nanos;
use bincode::{Decode, Encode};
use pattern::Pattern;
use round::Round;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::collections::VecDeque;
use std::hash::Hash;
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
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct LogLine {
    /// What was said, by whom, about what.
    pub said: LogEvent,
    /// Nanoseconds since the Unix epoch.
    pub timestamp: Nanos,
}

/// About how many bytes of memory a line takes beside its text.
const LINE_BYTES: usize = 216;

/// The log lines of one colony.
#[derive(Debug, Default)]
pub struct Logs {
    by_process: HashMap<ProcessId, Lines>,
    by_executor: HashMap<String, Lines>,
    /// All lines in the order of their time stamps.
    by_time: VecDeque<Entry>,
    /// About how many bytes of memory all lines took that were ever said.
    end: usize,
    /// About how many bytes of memory those of them took that were removed.
    removed: usize,
    /// What is being written to a checkpoint.
    round: Option<Round>,
}

/// The indexes follow from the lines in the order of time.
impl PartialEq for Logs {
    fn eq(&self, other: &Self) -> bool {
        self.by_time == other.by_time && (self.end, self.removed) == (other.end, other.removed)
    }
}

/// Lines in the order of their time stamps.
type Lines = VecDeque<Arc<LogLine>>;

/// A line in the order of time, so that what a search looks at is found without looking at lines.
#[derive(Debug, PartialEq)]
struct Entry {
    timestamp: Nanos,
    /// Bytes of memory of all lines ever said up to the end of this one, about.
    end: usize,
    line: Arc<LogLine>,
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
        self.restore(Arc::new(LogLine { said, timestamp }));
    }

    /// Takes over a line that is newer than all others.
    pub(in crate::colony) fn restore(&mut self, line: Arc<LogLine>) {
        self.end += LINE_BYTES + line.said.message.len();
        let timestamp = line.timestamp;
        self.by_time.push_back(Entry { timestamp, end: self.end, line: line.clone() });
        if let Some(process) = line.said.process {
            self.by_process.entry(process).or_default().push_back(line.clone());
        }
        match self.by_executor.get_mut(&line.said.executor) {
            Some(lines) => lines.push_back(line),
            None => {
                self.by_executor.insert(line.said.executor.clone(), [line].into());
            }
        }
    }

    /// Lines up to this time stamp leave memory: the history store has them.
    pub fn expire(&mut self, until: Nanos) {
        while let Some(Entry { end, line, .. }) = self.by_time.pop_front_if(|entry| entry.timestamp <= until) {
            self.removed = end;
            if let Some(round) = &mut self.round {
                round.save(&line);
            }
            // A line that is the oldest of all is the oldest of its process and of its executor.
            if let Some(process) = line.said.process {
                pop_oldest(&mut self.by_process, &process);
            }
            pop_oldest(&mut self.by_executor, &line.said.executor);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_time.is_empty()
    }

    /// The oldest lines, none later than `until`: at most `count`, and no more bytes than this but for the first.
    pub fn first(&self, until: Nanos, count: usize, bytes: usize) -> Vec<Arc<LogLine>> {
        let begin = self.removed;
        let old = self.by_time.iter().take_while(|entry| entry.timestamp <= until).take(count).enumerate();
        let fits = old.take_while(|(n, entry)| *n == 0 || entry.end - begin <= bytes);
        fits.map(|(_, entry)| entry.line.clone()).collect()
    }

    /// Whether there is a line later than `after` and not later than `until`.
    pub fn has_between(&self, after: Nanos, until: Nanos) -> bool {
        let next = self.by_time.partition_point(|entry| entry.timestamp <= after);
        self.by_time.get(next).is_some_and(|entry| entry.timestamp <= until)
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        self.end.saturating_sub(self.removed)
    }

    /// At most `count` lines of a process, in the order of their time stamps.
    pub fn of_process(&self, process: &ProcessId, range: LogRange, count: usize) -> Page {
        select(self.by_process.get(process), range, count)
    }

    /// At most `count` lines of an executor, in the order of their time stamps.
    pub fn of_executor(&self, executor: &str, range: LogRange, count: usize) -> Page {
        select(self.by_executor.get(executor), range, count)
    }

    /// At most `count` lines later than `after` with this text in them, the oldest first. Looks at the newest lines
    /// only, where there are more than one turn can take, and at some of those only where looking is a lot of work.
    pub fn search(&self, text: &Pattern, after: Nanos, count: usize) -> Vec<Arc<LogLine>> {
        let in_time = self.by_time.partition_point(|entry| entry.timestamp <= after);
        let too_many = self.by_time.len().saturating_sub(limits::SEARCHED_LINES);
        let too_long = self.by_time.partition_point(|entry| entry.end + limits::SEARCHED_BYTES < self.end);
        let mut steps = limits::SEARCH_STEPS;
        self.by_time
            .range(in_time.max(too_many).max(too_long)..)
            .map_while(|entry| Some((entry, text.is_in(&entry.line.said.message, &mut steps)?)))
            .filter(|(_, is_in)| *is_in)
            .take(count)
            .map(|(entry, _)| entry.line.clone())
            .collect()
    }
}

/// Takes the oldest line out of one of the lists of an index, and the list with its last line.
fn pop_oldest<K: Eq + Hash>(index: &mut HashMap<K, Lines>, key: &K) {
    if let Some(lines) = index.get_mut(key) {
        lines.pop_front();
        if lines.is_empty() {
            index.remove(key);
        }
    }
}

/// Lines of one range, in the order of their time stamps.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    /// The lines.
    pub lines: Vec<Arc<LogLine>>,
    /// Whether there were more than fit into one reply.
    pub is_cut: bool,
}

impl Page {
    /// As many of these as fit into one reply, which come in the order in which the range is read.
    pub fn of(lines: impl Iterator<Item = Arc<LogLine>>, range: LogRange) -> Page {
        let mut lines = lines.peekable();
        let mut fits = Vec::new();
        let mut bytes = 0;
        while let Some(line) = lines.next_if(|line| {
            bytes += LINE_BYTES + line.said.message.len();
            fits.is_empty() || bytes <= limits::LIST_BYTES
        }) {
            fits.push(line);
        }
        if range == LogRange::Latest {
            fits.reverse();
        }
        Page { lines: fits, is_cut: lines.peek().is_some() }
    }

    /// This page of what is past, which is older, and that of what is present, as one of at most `count` lines.
    #[must_use]
    pub fn then(self, present: Page, range: LogRange, count: usize) -> Page {
        // What was cut must not be passed over: whoever pages by time would never see it.
        match range {
            LogRange::Latest if present.is_cut => present,
            LogRange::Latest => {
                let newest = present.lines.into_iter().rev().chain(self.lines.into_iter().rev());
                Page::of(newest.take(count), range)
            }
            LogRange::Oldest | LogRange::Since(_) if self.is_cut => self,
            LogRange::Oldest | LogRange::Since(_) => {
                Page::of(self.lines.into_iter().chain(present.lines).take(count), range)
            }
        }
    }
}

fn select(lines: Option<&Lines>, range: LogRange, count: usize) -> Page {
    let Some(lines) = lines else {
        return Page::default();
    };
    match range {
        LogRange::Oldest => Page::of(lines.iter().take(count).cloned(), range),
        LogRange::Since(since) => {
            let from = lines.partition_point(|line| line.timestamp <= since);
            Page::of(lines.range(from..).take(count).cloned(), range)
        }
        LogRange::Latest => Page::of(lines.iter().rev().take(count).cloned(), range),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(messages: impl IntoIterator<Item = String>) -> Logs {
        let mut logs = Logs::default();
        for (timestamp, message) in (1..).zip(messages) {
            logs.apply(LogEvent { process: None, executor: "e".into(), message }, timestamp);
        }
        logs
    }

    fn found(logs: &Logs, text: &str, after: Nanos, count: usize) -> Vec<Nanos> {
        let text = Pattern::read(text).expect("a pattern");
        logs.search(&text, after, count).iter().map(|line| line.timestamp).collect()
    }

    #[test]
    fn old_lines_go_and_leave_nothing_behind() {
        let (process, other) = (Some(ProcessId([1; 32])), Some(ProcessId([2; 32])));
        let mut logs = Logs::default();
        for (timestamp, about) in [(1, process), (2, other), (3, None), (4, process), (5, process)] {
            logs.apply(LogEvent { process: about, executor: "e".into(), message: "said".into() }, timestamp);
        }
        let line = logs.bytes() / 5;
        let times = |lines: Vec<Arc<LogLine>>| lines.iter().map(|line| line.timestamp).collect::<Vec<_>>();
        assert_eq!(
            [(0, 9), (3, 9), (9, 2)].map(|(until, count)| times(logs.first(until, count, 1_000))),
            [vec![], vec![1, 2, 3], vec![1, 2]]
        );
        logs.expire(3);
        assert_eq!(logs.bytes(), 2 * line);
        assert_eq!(found(&logs, "", 0, 9), [4, 5]);
        assert_eq!(times(logs.of_process(&ProcessId([1; 32]), LogRange::Since(4), 9).lines), [5]);
        assert_eq!(times(logs.of_executor("e", LogRange::Latest, 9).lines), [4, 5]);
        assert_eq!(logs.by_process.len(), 1);
        logs.expire(9);
        assert_eq!((logs.bytes(), logs.by_process.len(), logs.by_executor.len()), (0, 0, 0));
    }

    #[test]
    fn what_does_not_fit_is_not_passed_over() {
        let line = |timestamp: Nanos, bytes: usize| {
            let said = LogEvent { process: None, executor: "e".into(), message: "x".repeat(bytes) };
            Arc::new(LogLine { said, timestamp })
        };
        let half = limits::LIST_BYTES / 2;
        let page = |lines: &[Arc<LogLine>], range| Page::of(lines.iter().cloned(), range);
        let times = |page: &Page| page.lines.iter().map(|line| line.timestamp).collect::<Vec<_>>();
        let (old, new) = ([line(1, half), line(2, half), line(3, 1)], [line(4, 1)]);
        let joined = page(&old, LogRange::Oldest).then(page(&new, LogRange::Oldest), LogRange::Oldest, 9);
        assert_eq!((times(&joined), joined.is_cut), (vec![1], true));
        let joined = page(&old[2..], LogRange::Oldest).then(page(&new, LogRange::Oldest), LogRange::Oldest, 9);
        assert_eq!((times(&joined), joined.is_cut), (vec![3, 4], false));
        let newest: Vec<_> = old.iter().rev().cloned().collect();
        let present = page(&newest, LogRange::Latest);
        assert_eq!((times(&present), present.is_cut), (vec![2, 3], true));
        let joined = page(&[line(0, 1)], LogRange::Latest).then(present, LogRange::Latest, 9);
        assert_eq!(times(&joined), [2, 3]);
    }

    #[test]
    fn a_search_looks_at_its_window_only() {
        let logs = logs((1..=20).map(|number| format!("line {number}")));
        assert_eq!(found(&logs, "1", 0, 3), [1, 10, 11]);
        assert_eq!(found(&logs, "1", 10, 3), [11, 12, 13]);
        assert_eq!(found(&logs, "", 18, 10), [19, 20]);
        assert_eq!(found(&logs, "", 20, 10), [0; 0]);
        assert_eq!(found(&logs, "", 0, 0), [0; 0]);
    }

    #[test]
    fn a_search_leaves_out_what_is_too_much_for_a_turn() {
        let many = logs((0..=limits::SEARCHED_LINES).map(|number| number.to_string()));
        assert_eq!(found(&many, "", 0, 1), [2]);
        let long = "x".repeat(limits::SEARCHED_BYTES - 2 * LINE_BYTES);
        let mut messages = vec![String::new(), long];
        assert_eq!(found(&logs(messages.clone()), "", 0, 9), [1, 2]);
        messages.extend([String::new(), String::new()]);
        assert_eq!(found(&logs(messages), "", 0, 9), [2, 3, 4]);
        let hard = logs(std::iter::repeat_n("a".repeat(1_000), 100));
        assert_eq!(found(&hard, &format!("{}b", "_a".repeat(500)), 0, 9), [0; 0]);
    }
}
