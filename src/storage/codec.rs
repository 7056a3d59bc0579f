//! Events ⇄ log records.
//!
//! A record is a schema number (`u16`), the turn's time (`i64`, nanoseconds since the Unix epoch) and the turn's events
//! one after the other, in bincode's legacy configuration (fixed-width integers, little-endian): bincode's development
//! has ended, and other crates write the same bytes for it. A newer server reads every older schema; one that is too
//! new is refused with its number.

use crate::limits;
use crate::time::Nanos;
use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::{Decode, Encode};

/// The schema that this server writes.
pub const SCHEMA: u16 = 1;

const CONFIG: Configuration<LittleEndian, Fixint> = bincode::config::legacy();

/// Bytes of memory that what is read may ask for at once: a length that is wrong must not end the process. A record is at
/// most what may be queued for the log (`limits::LOG_QUEUE_BYTES`), and takes a few times as much once it is read.
const MEMORY_LIMIT: usize = 2 << 30;
const _: () = assert!(MEMORY_LIMIT as u64 / 8 >= limits::LOG_QUEUE_BYTES, "what could be written can be read again");
const READING: Configuration<LittleEndian, Fixint, Limit<MEMORY_LIMIT>> = CONFIG.with_limit::<MEMORY_LIMIT>();

/// Schema and time.
const HEAD_BYTES: usize = 2 + 8;

/// Why a record can't be read, or an event not be written.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Written by a newer server.
    #[error("the record has schema {found}, this server reads up to {SCHEMA}: start the newer server that wrote it")]
    TooNew {
        /// The schema found.
        found: u16,
    },
    /// Too short for a record's head.
    #[error("the record has {0} bytes, too few for its head")]
    TooShort(usize),
    /// The events can't be read.
    #[error("an event of the record can't be read: {0}")]
    Event(#[from] bincode::error::DecodeError),
}

/// A record while its turn makes it.
#[derive(Debug)]
pub struct RecordWriter {
    bytes: Vec<u8>,
}

impl RecordWriter {
    /// A record of this time, without events yet.
    pub fn new(now: Nanos) -> RecordWriter {
        let mut bytes = Vec::with_capacity(1_024);
        bytes.extend_from_slice(&SCHEMA.to_le_bytes());
        bytes.extend_from_slice(&now.to_le_bytes());
        RecordWriter { bytes }
    }

    /// Adds an event.
    pub fn add<E: Encode>(&mut self, event: &E) {
        encode_into(event, &mut self.bytes);
    }

    /// Whether there is no event in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEAD_BYTES
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The record.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Adds a value's bytes, without a head.
pub fn encode_into<E: Encode>(value: &E, bytes: &mut Vec<u8>) {
    bincode::encode_into_std_write(value, bytes, CONFIG)
        .expect("an event of plain values can always be encoded, and memory takes every byte");
}

/// What most values fit into, so that they need not grow.
const USUAL_BYTES: usize = 1 << 10;

/// A value with the schema number before it, as checkpoints and the history store hold it.
pub fn encode_versioned<E: Encode>(value: &E) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    bytes.extend_from_slice(&SCHEMA.to_le_bytes());
    encode_into(value, &mut bytes);
    bytes
}

/// Reads what [`encode_versioned`] made.
///
/// # Errors
/// See [`CodecError`].
pub fn decode_versioned<E: Decode<()>>(bytes: &[u8]) -> Result<E, CodecError> {
    // No limit: a piece of a checkpoint has what it has, and its checksum was right.
    Ok(bincode::decode_from_slice(after_schema(bytes)?, CONFIG)?.0)
}

/// What follows the schema number.
///
/// # Errors
/// Where that is not one that can be read.
pub fn after_schema(bytes: &[u8]) -> Result<&[u8], CodecError> {
    let (schema, rest) = bytes.split_first_chunk::<2>().ok_or(CodecError::TooShort(bytes.len()))?;
    match u16::from_le_bytes(*schema) {
        found if found > SCHEMA => Err(CodecError::TooNew { found }),
        _ => Ok(rest),
    }
}

/// Reads one value that is all of these bytes but for a rest that nobody needs.
///
/// # Errors
/// Where it can't be read.
pub fn decode_one<E: Decode<()>>(bytes: &[u8]) -> Result<E, CodecError> {
    Ok(bincode::decode_from_slice(bytes, READING)?.0)
}

/// Reads a record: its time and events.
///
/// # Errors
/// See [`CodecError`]. The log's checksum was right, so the record is one of another program or of a newer one.
pub fn decode<E: Decode<()>>(record: &[u8]) -> Result<(Nanos, Vec<E>), CodecError> {
    let Some((now, mut rest)) = after_schema(record)?.split_first_chunk::<8>() else {
        return Err(CodecError::TooShort(record.len()));
    };
    let mut events = Vec::new();
    while !rest.is_empty() {
        let (event, used) = bincode::decode_from_slice(rest, READING)?;
        events.push(event);
        rest = &rest[used..];
    }
    Ok((Nanos::from_le_bytes(*now), events))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::event::Event;
    use crate::colony::processes::ProcessEvent;
    use crate::crypto::Identity;
    use crate::ids::ProcessId;
    use proptest::prelude::*;

    #[test]
    fn a_record_reads_back() {
        let events = [
            Event::Paused(true),
            Event::Process(ProcessEvent::Assigned { id: ProcessId([7; 32]), executor: Identity::from_text("é") }),
        ];
        let mut record = RecordWriter::new(-5);
        assert!(record.is_empty());
        events.iter().for_each(|event| record.add(event));
        let bytes = record.into_bytes();
        let (now, read) = decode::<Event>(&bytes).expect("a record just written");
        assert_eq!((now, read.as_slice()), (-5, events.as_slice()));
    }

    #[test]
    fn a_newer_record_is_named() {
        let error = decode::<Event>(&[9, 0, 0, 0, 0, 0, 0, 0, 0, 0]).expect_err("schema 9");
        assert!(error.to_string().contains("schema 9"), "{error}");
    }

    #[test]
    fn a_length_that_is_wrong_asks_for_no_memory() {
        for length in [1 << 40, 1 << 50, i64::MAX as u64, u64::MAX] {
            // The head, then a colony that began: its name has so many bytes.
            let record = [&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &length.to_le_bytes(), b"name"].concat();
            assert!(matches!(decode::<Event>(&record), Err(CodecError::Event(_))), "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode::<Event>(&bytes);
            let mut versioned = vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            versioned.extend(bytes);
            let _ = decode::<Event>(&versioned);
        }
    }
}
