//! Who sent a message: keys, ids, signatures and the recovery of the signer.
//!
//! A request carries no name. The server recovers the public key from the signature over the payload text, and the hash
//! of that key is the sender's [`Identity`]. Nothing here decides what an identity may do.

mod hash;
mod identity;
mod key;
mod memo;
mod random;
mod recover;
mod signature;

pub use hash::sha3_256;
pub use identity::Identity;
pub use key::{KeyError, PrivateKey};
pub use memo::{DEFAULT_CAPACITY, Memo, signer};
pub use random::{random_bytes, random_id};
#[cfg(feature = "libsecp256k1")]
pub use recover::recover_with_libsecp256k1;
pub use recover::{recover, recover_with_k256};
pub use signature::{Signature, SignatureError};

#[cfg(test)]
mod proptests;
