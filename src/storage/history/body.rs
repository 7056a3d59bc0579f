//! Records of the past as bytes: a schema number (`u16`), then bincode as in the log's records.

use crate::storage::codec::{self, CodecError};
use bincode::{Decode, Encode};

/// A record's bytes.
pub fn write<E: Encode>(record: &E) -> Vec<u8> {
    codec::encode_versioned(record)
}

/// A record from its bytes.
///
/// # Errors
/// Where they are of a newer server or damaged.
pub fn read<E: Decode<()>>(bytes: &[u8]) -> Result<E, CodecError> {
    codec::decode_one(codec::after_schema(bytes)?)
}
