//! Messages, counted by their type and by how they ended, and how long each took.

use super::histogram::{Histogram, Snapshot};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Answered.
    Answered,
    /// Refused for what the client sent or may not.
    Refused,
    /// Refused for the state of the server.
    Failed,
    /// Its client went away before the answer.
    HungUp,
}

impl End {
    /// All of them.
    pub const ALL: [End; 4] = [End::Answered, End::Refused, End::Failed, End::HungUp];

    /// Its name as a label.
    pub fn label(self) -> &'static str {
        match self {
            End::Answered => "2xx",
            End::Refused => "4xx",
            End::Failed => "5xx",
            End::HungUp => "hangup",
        }
    }

    fn of_status(status: u16) -> End {
        match status {
            ..400 => End::Answered,
            400..500 => End::Refused,
            _ => End::Failed,
        }
    }
}

/// One type of message.
#[derive(Debug)]
pub struct MessageMetrics {
    ends: [AtomicU64; End::ALL.len()],
    duration: Histogram,
}

impl MessageMetrics {
    fn new() -> MessageMetrics {
        MessageMetrics { ends: Default::default(), duration: Histogram::of_durations() }
    }

    /// How many ended like this.
    pub fn ended(&self, end: End) -> u64 {
        self.ends[end as usize].load(Ordering::Relaxed)
    }

    /// How long they took, in nanoseconds.
    pub fn duration(&self) -> Snapshot {
        self.duration.snapshot()
    }

    fn count(&self, end: End, began: Instant) {
        self.ends[end as usize].fetch_add(1, Ordering::Relaxed);
        self.duration.record_duration(began.elapsed());
    }
}

/// All types of messages, by their place in a table, and one for what is not in it: what clients invent makes no series.
#[derive(Debug)]
pub struct Messages {
    types: Box<[MessageMetrics]>,
    unknown: MessageMetrics,
}

impl Messages {
    /// Nothing counted yet, for a table of so many types.
    pub fn new(types: usize) -> Messages {
        Messages { types: (0..types).map(|_| MessageMetrics::new()).collect(), unknown: MessageMetrics::new() }
    }

    /// The type at this place; `None` stands for all that are not in the table.
    pub fn of(&self, place: Option<usize>) -> &MessageMetrics {
        place.and_then(|place| self.types.get(place)).unwrap_or(&self.unknown)
    }

    /// Counts a request that was refused before it was on its way.
    pub fn refused(&self, place: Option<usize>, status: u16, began: Instant) {
        self.of(place).count(End::of_status(status), began);
    }

    /// A request that is on its way; it counts as hung up when this is dropped before it was answered.
    pub fn under_way(&self, place: usize, began: Instant) -> UnderWay<'_> {
        UnderWay { of: self.of(Some(place)), began, end: End::HungUp }
    }
}

/// A request on its way.
#[derive(Debug)]
pub struct UnderWay<'a> {
    of: &'a MessageMetrics,
    began: Instant,
    end: End,
}

impl UnderWay<'_> {
    /// Counts it as answered with this HTTP status.
    pub fn answered(mut self, status: u16) {
        self.end = End::of_status(status);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.of.count(self.end, self.began);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_once_however_it_ends() {
        let messages = Messages::new(2);
        messages.under_way(1, Instant::now()).answered(200);
        messages.under_way(1, Instant::now()).answered(404);
        messages.under_way(1, Instant::now()).answered(503);
        drop(messages.under_way(1, Instant::now()));
        messages.refused(None, 403, Instant::now());
        let ends = |place| End::ALL.map(|end| messages.of(place).ended(end));
        assert_eq!((ends(Some(0)), ends(Some(1)), ends(None)), ([0; 4], [1; 4], [0, 1, 0, 0]));
        assert_eq!(messages.of(Some(1)).duration().count, 4);
    }
}
