//! Puts the parts of records together, and checks that a stream's numbers have no gap.

use std::collections::HashMap;

use super::batch::Frame;
use crate::position::{Position, StreamId};

/// A record put together.
pub(crate) type Whole<'a> = (StreamId, Position, &'a [u8]);

/// Follows the frames of a log from its first batch on.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    epoch: u32,
    tails: HashMap<StreamId, Position>,
    partial: HashMap<StreamId, Partial>,
    /// The record put together last; kept for its memory.
    whole: Vec<u8>,
    keep_bytes: bool,
    /// The log's first batches were removed: a stream may begin anywhere, also within a record.
    begins_later: bool,
    /// The records that the log begins within, by stream.
    beheaded: HashMap<StreamId, u64>,
}

#[derive(Debug)]
struct Partial {
    number: u64,
    bytes: Vec<u8>,
}

impl Assembler {
    /// Without `keep_bytes`, records of more than one part come out empty: for who wants only the positions.
    pub(crate) fn new(keep_bytes: bool) -> Self {
        Assembler { keep_bytes, ..Assembler::default() }
    }

    /// For a log whose first batch is this one: where that is not the very first, streams do not begin with their first
    /// records.
    pub(crate) fn beginning_with(self, first_batch: u64) -> Self {
        Assembler { begins_later: first_batch > 1, ..self }
    }

    /// The epoch of the frames that follow. The parts of a record that was never finished stay in the log, but they
    /// always end an epoch: so they are dropped when the next one begins.
    pub(crate) fn enter(&mut self, epoch: u32) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.partial.clear();
        }
    }

    /// Takes the next frame; returns the record that it completes. The error says what is inconsistent.
    pub(crate) fn feed<'a>(&'a mut self, frame: &Frame<'a>) -> Result<Option<Whole<'a>>, String> {
        let Frame { stream, number, first, last, bytes } = *frame;
        let open = self.partial.get(&stream).map(|partial| partial.number);
        let tail = match self.tails.get(&stream).map(|tail| tail.number) {
            Some(tail) => tail,
            None if !self.begins_later => 0,
            None if open.is_none() && self.is_beheaded(frame) => return Ok(None),
            // It may begin with any record. Nothing is noted until that is whole: it may never be.
            None => number.saturating_sub(1),
        };
        if number != tail + 1 || open.is_some_and(|open| open != number) || first == open.is_some() {
            return Err(format!(
                "there is {} part of record {number} of stream {stream}, after record {}",
                if first { "the first" } else { "a later" },
                tail,
            ));
        }
        if !last {
            let partial = self.partial.entry(stream).or_insert(Partial { number, bytes: Vec::new() });
            if self.keep_bytes {
                partial.bytes.extend_from_slice(bytes);
            }
            return Ok(None);
        }
        let position = Position { epoch: self.epoch, number };
        self.tails.insert(stream, position);
        let Some(mut partial) = self.partial.remove(&stream) else {
            return Ok(Some((stream, position, bytes)));
        };
        if self.keep_bytes {
            partial.bytes.extend_from_slice(bytes);
        }
        self.whole = partial.bytes;
        Ok(Some((stream, position, &self.whole)))
    }

    /// Whether this is a later part of a record whose first part was removed: it is the first of its stream here. What
    /// follows it must be the rest of it, then the record after it.
    fn is_beheaded(&mut self, frame: &Frame<'_>) -> bool {
        let Frame { stream, number, first, last, .. } = *frame;
        let begun = self.beheaded.get(&stream).copied();
        if first || begun.is_some_and(|begun| begun != number) {
            return false;
        }
        if last {
            self.beheaded.remove(&stream);
            self.tails.insert(stream, Position { epoch: self.epoch, number });
        } else {
            self.beheaded.insert(stream, number);
        }
        true
    }

    /// The streams whose last record is not finished.
    pub(crate) fn unfinished(&self) -> Vec<StreamId> {
        let mut streams: Vec<_> = self.partial.keys().copied().collect();
        streams.sort_unstable();
        streams
    }

    /// The last position of each stream.
    pub(crate) fn tails(&self) -> &HashMap<StreamId, Position> {
        &self.tails
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u64, first: bool, last: bool) -> Frame<'static> {
        Frame { stream: StreamId(1), number, first, last, bytes: b"ab" }
    }

    #[test]
    fn parts_come_out_as_one_record() {
        let mut assembler = Assembler::new(true);
        assembler.enter(1);
        assert_eq!(assembler.feed(&frame(1, true, false)), Ok(None));
        assert_eq!(assembler.feed(&frame(1, false, false)), Ok(None));
        let (_, position, bytes) = assembler.feed(&frame(1, false, true)).expect("consistent").expect("whole");
        assert_eq!((position, bytes), (Position { epoch: 1, number: 1 }, &b"ababab"[..]));
        assert!(assembler.unfinished().is_empty());
    }

    #[test]
    fn an_unfinished_record_is_dropped_by_the_next_epoch_only() {
        let mut assembler = Assembler::new(true);
        assembler.enter(1);
        assert_eq!(assembler.feed(&frame(1, true, false)), Ok(None));
        assert_eq!(assembler.unfinished(), [StreamId(1)]);
        assert!(assembler.feed(&frame(1, true, true)).is_err());
        assembler.enter(2);
        assert!(assembler.unfinished().is_empty());
        assert!(assembler.feed(&frame(1, true, true)).expect("consistent").is_some());
    }

    #[test]
    fn a_stream_may_begin_anywhere_in_a_log_that_begins_later() {
        let mut assembler = Assembler::new(true).beginning_with(9);
        assembler.enter(1);
        assert!(assembler.feed(&frame(7, true, true)).expect("consistent").is_some());
        assert!(assembler.feed(&frame(9, true, true)).is_err());
        let mut assembler = Assembler::new(true).beginning_with(9);
        assembler.enter(1);
        assert_eq!(assembler.feed(&frame(7, false, false)), Ok(None));
        assert_eq!(assembler.feed(&frame(7, false, true)), Ok(None));
        assert_eq!(assembler.tails().get(&StreamId(1)), Some(&Position { epoch: 1, number: 7 }));
        assert!(assembler.feed(&frame(7, true, true)).is_err());
        assert!(assembler.feed(&frame(8, true, true)).expect("consistent").is_some());
    }

    #[test]
    fn a_first_record_that_was_never_finished_leaves_no_trace_in_a_log_that_begins_later() {
        let mut assembler = Assembler::new(true).beginning_with(9);
        assembler.enter(1);
        assert_eq!(assembler.feed(&frame(7, true, false)), Ok(None));
        assert_eq!(assembler.feed(&frame(7, false, false)), Ok(None));
        assert!(assembler.tails().is_empty());
        assert_eq!(assembler.unfinished(), [StreamId(1)]);
        assembler.enter(2);
        assert!(assembler.feed(&frame(7, true, true)).expect("consistent").is_some());
    }

    #[test]
    fn gaps_repeats_and_orphans_are_inconsistent() {
        let mut assembler = Assembler::new(false);
        assert!(assembler.feed(&frame(2, true, true)).is_err());
        assert!(assembler.feed(&frame(1, false, true)).is_err());
        assert!(assembler.feed(&frame(1, true, true)).is_ok());
        assert!(assembler.feed(&frame(1, true, true)).is_err());
        assert!(assembler.feed(&frame(3, true, true)).is_err());
    }
}
