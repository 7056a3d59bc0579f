//! What a file's contents are known by.

use crate::hexadecimal;
use ring::digest::{Context, SHA256};
use std::io::{self, Read};

/// The SHA-256 of nothing.
pub(super) const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Size and SHA-256 of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Bytes.
    pub size: u64,
    /// 64 lower-case hex digits.
    pub sha256: String,
}

/// What has been read of contents so far.
pub struct Hasher {
    context: Context,
    size: u64,
}

impl Default for Hasher {
    fn default() -> Hasher {
        Hasher { context: Context::new(&SHA256), size: 0 }
    }
}

impl Hasher {
    /// Reads to the end, handing all of it on.
    ///
    /// # Errors
    /// The reader's, and those of `hand_on`.
    pub fn read(&mut self, mut reader: impl Read, mut hand_on: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(()),
                length => {
                    self.context.update(&buffer[..length]);
                    self.size += length as u64;
                    hand_on(&buffer[..length])?;
                }
            }
        }
    }

    /// Bytes read.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What it was.
    pub fn finish(self) -> Digest {
        Digest { size: self.size, sha256: hexadecimal::encode(self.context.finish()) }
    }
}

/// Reads to the end, handing all of it on, and says what it was.
///
/// # Errors
/// The reader's, and those of `hand_on`.
pub fn digest_of(reader: impl Read, hand_on: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    hasher.read(reader, hand_on)?;
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_known_by_size_and_hash() -> io::Result<()> {
        let nothing = Digest { size: 0, sha256: EMPTY.to_owned() };
        assert_eq!(digest_of(&[][..], |_| Ok(()))?, nothing);
        let mut copied = Vec::new();
        let digest = digest_of(&b"abc"[..], |bytes| {
            copied.extend_from_slice(bytes);
            Ok(())
        })?;
        assert_eq!(copied, b"abc");
        // FIPS 180-2, appendix B.1.
        assert_eq!(digest.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        Ok(())
    }
}
