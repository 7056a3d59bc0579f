//! Streams and the positions in them.

use std::fmt;

/// The name of one stream. The log gives it no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The place of a record in its stream. It only grows.
///
/// The number alone counts the records of the stream, without gaps. The epoch grows whenever the end of the log was cut
/// off, since what was cut may have been seen: so no position ever names two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The epoch of the log in which the record was appended.
    pub epoch: u32,
    /// One for the first record of the stream, and one more for each.
    pub number: u64,
}

impl Position {
    /// Before the first record of any stream.
    pub const ZERO: Position = Position { epoch: 0, number: 0 };

    /// The position of the next record, if the epoch stays the same.
    ///
    /// It is also where a replay of everything after `self` starts: what follows in a later epoch is greater still.
    #[must_use]
    pub fn next(self) -> Position {
        self.next_in(self.epoch)
    }

    /// The position of the next record, appended in `epoch`.
    #[must_use]
    pub fn next_in(self, epoch: u32) -> Position {
        Position { epoch, number: self.number + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_ordered_by_epoch_then_number() {
        let last = Position { epoch: 1, number: 7 };
        assert!(Position::ZERO < last);
        assert!(last < last.next());
        assert!(last.next() < last.next_in(2));
        assert_eq!(last.next().to_string(), "1:8");
    }
}
