//! From a hash and its signature to the id of the signer.
//!
//! Two libraries can do the curve's part of it. Everything that decides between a refusal and its text is here, once, so
//! that a server answers the same whichever of them it is built with.
//!
//! There is no verification after a recovery: with R and S in range, the recovered key is by construction one for which
//! the signature is good.

#[cfg(feature = "libsecp256k1")]
mod with_libsecp256k1;

pub(super) mod with_k256;

use super::signature::{Signature, SignatureError};
use super::{Identity, sha3_256};
use crate::hexadecimal;

/// An uncompressed public key: 4, X, Y.
type PublicKey = [u8; 65];

/// The id of whoever signed `hash`, the SHA3-256 of the payload text, by the fastest library of this build.
pub fn recover(hash: &[u8; 32], signature: &Signature) -> Result<Identity, SignatureError> {
    #[cfg(feature = "libsecp256k1")]
    return recover_with_libsecp256k1(hash, signature);
    #[cfg(not(feature = "libsecp256k1"))]
    recover_with_k256(hash, signature)
}

/// [`recover()`] by k256, in Rust only.
pub fn recover_with_k256(hash: &[u8; 32], signature: &Signature) -> Result<Identity, SignatureError> {
    recover_by(with_k256::public_key, hash, signature)
}

/// [`recover()`] by libsecp256k1, in C.
#[cfg(feature = "libsecp256k1")]
pub fn recover_with_libsecp256k1(hash: &[u8; 32], signature: &Signature) -> Result<Identity, SignatureError> {
    recover_by(with_libsecp256k1::public_key, hash, signature)
}

fn recover_by(
    public_key: impl FnOnce(&[u8; 32], &Signature) -> Option<PublicKey>,
    hash: &[u8; 32],
    signature: &Signature,
) -> Result<Identity, SignatureError> {
    signature.check_ranges()?;
    // The reference recovers first and looks at S then. All that shows of this is which of two complaints it makes.
    if signature.has_high_s() {
        return Err(refusal(signature, SignatureError::HighS));
    }
    match public_key(hash, signature) {
        Some(key) => Ok(identity(&key)),
        None => Err(refusal(signature, SignatureError::NoKey)),
    }
}

/// `error`, unless the signature does not even have a point on the curve.
#[cold]
fn refusal(signature: &Signature, error: SignatureError) -> SignatureError {
    if with_k256::has_point(signature) { error } else { SignatureError::NotOnCurve }
}

/// The id of a public key: the hash of its text, not of its bytes.
pub(super) fn identity(key: &PublicKey) -> Identity {
    let mut text = [0; 2 * size_of::<PublicKey>()];
    hexadecimal::write(key, &mut text);
    Identity::from_bytes(sha3_256(&text))
}
