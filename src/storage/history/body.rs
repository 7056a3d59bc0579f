//! Records of the past as bytes: a schema number (`u16`), then bincode as in the log's records.

use crate::storage::codec::{self, CodecError};
use bincode::{Decode, Encode};

/// What most records fit into.
const USUAL_BYTES: usize = 1 << 10;

/// A record's bytes.
pub fn write<E: Encode>(record: &E) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    bytes.extend_from_slice(&codec::SCHEMA.to_le_bytes());
    codec::encode_into(record, &mut bytes);
    bytes
}

/// A record from its bytes.
///
/// # Errors
/// Where they are of a newer server or damaged.
pub fn read<E: Decode<()>>(bytes: &[u8]) -> Result<E, CodecError> {
    let Some((schema, rest)) = bytes.split_first_chunk::<2>() else {
        return Err(CodecError::TooShort(bytes.len()));
    };
    let found = u16::from_le_bytes(*schema);
    if found > codec::SCHEMA {
        return Err(CodecError::TooNew { found });
    }
    codec::decode_one(rest)
}
