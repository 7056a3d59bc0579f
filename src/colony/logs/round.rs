//! The log lines as they are at one moment, taken out in slices while lines come and go: what a checkpoint writes.
//!
//! Lines never change, and leave in the order of their time stamps. So only those that leave before their turn are saved.

use super::{LogLine, Logs};
use crate::time::Nanos;
use std::collections::VecDeque;
use std::sync::Arc;

/// A round through the lines.
#[derive(Debug)]
pub(super) struct Round {
    /// The newest line that was taken.
    taken: Nanos,
    /// The newest line that is to be taken.
    end: Nanos,
    /// Lines that left before their turn.
    saved: VecDeque<Arc<LogLine>>,
}

impl Round {
    /// This line leaves.
    pub(super) fn save(&mut self, line: &Arc<LogLine>) {
        if line.timestamp > self.taken && line.timestamp <= self.end {
            self.saved.push_back(line.clone());
        }
    }
}

impl Logs {
    /// Begins to take out the lines that are there now. Says how many bytes of memory all lines took that have left.
    pub(in crate::colony) fn begin_round(&mut self) -> usize {
        let end = self.by_time.back().map_or(Nanos::MIN, |entry| entry.timestamp);
        self.round = Some(Round { taken: Nanos::MIN, end, saved: VecDeque::new() });
        self.removed
    }

    /// Ends a round before all was taken.
    pub(in crate::colony) fn end_round(&mut self) {
        self.round = None;
    }

    /// The next lines of the round, of about so many bytes; none when all were taken, or no round is under way.
    pub(in crate::colony) fn next_slice(&mut self, bytes: usize) -> Vec<Arc<LogLine>> {
        let Some(mut round) = self.round.take() else {
            return Vec::new();
        };
        let mut slice = Vec::new();
        let mut taken = 0;
        let fits = |line: &Arc<LogLine>, taken: &mut usize| {
            let fits = *taken < bytes;
            *taken += super::LINE_BYTES + line.said.message.len();
            fits
        };
        // What has left is older than what is there.
        while let Some(line) = round.saved.pop_front_if(|line| fits(line, &mut taken)) {
            slice.push(line);
        }
        if round.saved.is_empty() {
            let after = slice.last().map_or(round.taken, |line| line.timestamp);
            let next = self.by_time.partition_point(|entry| entry.timestamp <= after);
            let there = self.by_time.range(next..).take_while(|entry| entry.timestamp <= round.end);
            slice.extend(there.map(|entry| &entry.line).take_while(|line| fits(line, &mut taken)).cloned());
        }
        if let Some(last) = slice.last() {
            round.taken = last.timestamp;
            self.round = Some(round);
        }
        slice
    }

    /// Begins with so many bytes of lines that have left.
    pub(in crate::colony) fn begin_after(&mut self, removed: usize) {
        (self.removed, self.end) = (removed, removed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::LogEvent;
    use super::*;

    #[test]
    fn a_round_is_one_moment() {
        for (slice, expired) in [(1, 0), (300, 3), (1_000, 5), (250, 9), (usize::MAX, 2)] {
            let mut logs = Logs::default();
            let say = |logs: &mut Logs, at: Nanos| {
                logs.apply(LogEvent { process: None, executor: "e".into(), message: "said".into() }, at);
            };
            (1..=9).for_each(|at| say(&mut logs, at));
            logs.begin_round();
            let mut taken = logs.next_slice(slice);
            logs.expire(expired);
            say(&mut logs, 10);
            loop {
                let more = logs.next_slice(slice);
                if more.is_empty() {
                    break;
                }
                taken.extend(more);
                logs.expire(7);
            }
            let times: Vec<Nanos> = taken.iter().map(|line| line.timestamp).collect();
            assert_eq!(times, (1..=9).collect::<Vec<_>>(), "slices of {slice}, expired to {expired}");
            assert!(logs.round.is_none());
        }
    }
}
