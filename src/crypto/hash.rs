//! The one hash of the protocol.

use sha3::{Digest, Sha3_256};

/// SHA3-256 of FIPS 202 (not Keccak-256).
pub fn sha3_256(bytes: &[u8]) -> [u8; 32] {
    Sha3_256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sha3_and_not_keccak() {
        let empty = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a";
        assert_eq!(hex::encode(sha3_256(b"")), empty);
    }
}
