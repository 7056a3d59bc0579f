//! Private keys: what a client signs with.

use super::signature::Signature;
use super::{Identity, recover, sha3_256};
use crate::hexadecimal;
use k256::ecdsa::SigningKey;
use k256::elliptic_curve::Generate;
use k256::elliptic_curve::zeroize::{Zeroize, Zeroizing};
use std::fmt;

/// Why a text is no private key. It never repeats any of the text, which is a secret even when it is mistyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 64 bytes long.
    #[error("a private key has 64 hex digits, not {0}")]
    Length(usize),
    /// Something else than hex digits.
    #[error("a private key has hex digits only")]
    Digits,
    /// Zero, or not below the order of the group.
    #[error("the number is no private key of secp256k1")]
    Range,
}

/// A private key with its identity. The key is overwritten in memory when it is dropped.
#[derive(Clone)]
pub struct PrivateKey {
    key: SigningKey,
    id: Identity,
}

impl PrivateKey {
    /// A new key from the random numbers of the operating system.
    ///
    /// # Panics
    ///
    /// If the operating system has none.
    pub fn generate() -> Self {
        PrivateKey::of(SigningKey::generate())
    }

    /// Reads 64 hex digits.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        if text.len() != 64 {
            return Err(KeyError::Length(text.len()));
        }
        let mut bytes = Zeroizing::new([0; 32]);
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |byte| hexadecimal::digit(byte).ok_or(KeyError::Digits);
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        let key = SigningKey::from_slice(&*bytes).map_err(|_| KeyError::Range)?;
        Ok(PrivateKey::of(key))
    }

    fn of(key: SigningKey) -> Self {
        let id = recover::identity(&recover::with_k256::uncompressed(key.verifying_key()));
        PrivateKey { key, id }
    }

    /// The id of whoever signs with this key.
    pub fn id(&self) -> Identity {
        self.id.clone()
    }

    /// The 64 hex digits of the key: the only way to see them, for whoever must store them.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut bytes = self.key.to_bytes();
        let mut text = Zeroizing::new([0; 64]);
        hexadecimal::write(&bytes, &mut *text);
        bytes.zeroize();
        Zeroizing::new(hexadecimal::as_text(&*text).to_owned())
    }

    /// The signature of a payload text, 130 hex digits. The nonce is that of RFC 6979: one text, one signature.
    pub fn sign(&self, payload_text: &str) -> String {
        let (numbers, v) = self.key.sign_prehash_recoverable(&sha3_256(payload_text.as_bytes()));
        let mut bytes = [v.to_byte(); 65];
        // `zip` ends with the 64 bytes of R and S.
        bytes.iter_mut().zip(numbers.to_bytes()).for_each(|(byte, number)| *byte = number);
        Signature(bytes).to_string()
    }
}

/// Names the key by its identity.
impl fmt::Display for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "private key of {}", self.id)
    }
}

/// As [`fmt::Display`], so that a key in a printed structure stays a secret.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text() -> Result<(), KeyError> {
        let key = PrivateKey::generate();
        let text = key.reveal();
        assert_eq!(text.len(), 64);
        assert_eq!(PrivateKey::from_text(&text)?.id(), key.id());
        assert_eq!(PrivateKey::from_text(&text.to_uppercase())?.id(), key.id());
        assert_ne!(PrivateKey::generate().id(), key.id());
        Ok(())
    }

    #[test]
    fn other_texts_are_no_keys() {
        let error = |text: &str| PrivateKey::from_text(text).err();
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        assert_eq!(error(""), Some(KeyError::Length(0)));
        assert_eq!(error(&order[1..]), Some(KeyError::Length(63)));
        assert_eq!(error(&order.replace('b', "x")), Some(KeyError::Digits));
        assert_eq!(error(&"é".repeat(32)), Some(KeyError::Digits));
        assert_eq!(error(&"0".repeat(64)), Some(KeyError::Range));
        assert_eq!(error(order), Some(KeyError::Range));
    }

    #[test]
    fn a_printed_key_names_its_owner_only() {
        let key = PrivateKey::generate();
        for printed in [format!("{key}"), format!("{key:?}"), format!("{key:#?}")] {
            assert_eq!(printed, format!("private key of {}", key.id()));
            assert!(!printed.contains(key.reveal().as_str()));
        }
    }
}
