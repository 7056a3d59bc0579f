//! Recovery in C, about twice as fast: for the hot path.

use super::PublicKey;
use crate::crypto::signature::Signature;
use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};

/// The public key of the signer of `hash`; `None` if there is none.
///
/// For a signature whose numbers are in their ranges. The library keeps one context a thread: none is made here.
pub(super) fn public_key(hash: &[u8; 32], signature: &Signature) -> Option<PublicKey> {
    let v = RecoveryId::try_from(i32::from(signature.v())).ok()?;
    let numbers = RecoverableSignature::from_compact(signature.r_and_s(), v).ok()?;
    let key = numbers.recover_ecdsa(Message::from_digest(*hash)).ok()?;
    Some(key.serialize_uncompressed())
}
