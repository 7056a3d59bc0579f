//! Recovery in Rust: always there, and the measure for the other library.

use super::PublicKey;
use crate::crypto::signature::Signature;
use k256::ecdsa::{RecoveryId, Signature as Numbers, VerifyingKey};

/// The public key of the signer of `hash`; `None` if there is none.
///
/// For a signature whose numbers are in their ranges.
pub(super) fn public_key(hash: &[u8; 32], signature: &Signature) -> Option<PublicKey> {
    let (numbers, v) = read(signature)?;
    let key = VerifyingKey::recover_from_prehash(hash, &numbers, v).ok()?;
    Some(uncompressed(&key))
}

/// Whether the curve has a point for R and V.
pub(super) fn has_point(signature: &Signature) -> bool {
    // For the hash 0 the recovered key is S / R times that point, and thus the point at infinity never.
    public_key(&[0; 32], signature).is_some()
}

/// The bytes of a key.
pub(in crate::crypto) fn uncompressed(key: &VerifyingKey) -> PublicKey {
    let mut bytes = [0; 65];
    // Not compressed, a point always has 65 bytes.
    bytes.copy_from_slice(key.to_sec1_point(false).as_bytes());
    bytes
}

fn read(signature: &Signature) -> Option<(Numbers, RecoveryId)> {
    let numbers = Numbers::from_slice(signature.r_and_s()).ok()?;
    Some((numbers, RecoveryId::from_byte(signature.v())?))
}
