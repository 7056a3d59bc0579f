//! How far a stream is durable, readable without a lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::position::{Position, StreamId};

/// A handle to the durable position of one stream; cheap to clone and to read.
#[derive(Clone, Debug)]
pub struct DurableMark(Arc<Cell>);

/// The epoch of an open log never changes, so a stream's position is either the one found at opening or lies in that
/// epoch. One atomic number tells which.
#[derive(Debug)]
struct Cell {
    found: Position,
    epoch: u32,
    number: AtomicU64,
}

impl DurableMark {
    fn new(found: Position, epoch: u32) -> Self {
        DurableMark(Arc::new(Cell { found, epoch, number: AtomicU64::new(found.number) }))
    }

    /// The position of the last record that is durable: [`Position::ZERO`] before the first.
    #[must_use]
    pub fn position(&self) -> Position {
        let number = self.0.number.load(Ordering::Acquire);
        if number == self.0.found.number { self.0.found } else { Position { epoch: self.0.epoch, number } }
    }

    pub(crate) fn publish(&self, number: u64) {
        self.0.number.store(number, Ordering::Release);
    }
}

/// The marks of all streams of one log.
#[derive(Debug)]
pub(crate) struct Marks {
    epoch: u32,
    streams: Mutex<HashMap<StreamId, DurableMark>>,
}

impl Marks {
    pub(crate) fn new(epoch: u32, found: impl IntoIterator<Item = (StreamId, Position)>) -> Self {
        let streams = found.into_iter().map(|(stream, last)| (stream, DurableMark::new(last, epoch))).collect();
        Marks { epoch, streams: Mutex::new(streams) }
    }

    pub(crate) fn of(&self, stream: StreamId) -> DurableMark {
        let mut streams = self.streams.lock();
        streams.entry(stream).or_insert_with(|| DurableMark::new(Position::ZERO, self.epoch)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_keeps_the_epoch_found_until_something_is_appended() {
        let found = Position { epoch: 2, number: 9 };
        let marks = Marks::new(5, [(StreamId(1), found)]);
        let mark = marks.of(StreamId(1));
        assert_eq!(mark.position(), found);
        mark.publish(10);
        assert_eq!(marks.of(StreamId(1)).position(), Position { epoch: 5, number: 10 });
        assert_eq!(marks.of(StreamId(2)).position(), Position::ZERO);
    }
}
