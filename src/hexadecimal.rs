//! Hexadecimal digits, into and out of fixed buffers where that matters: ids and signatures are read and written for
//! every request, and this way without an allocation.

/// The value of a digit in either case.
pub fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Reads twice as many digits as there are bytes, in either case; `None` where it is not that.
pub fn read<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Writes `bytes` as lower-case digits, as many as fit into `text`, which callers make twice as long as `bytes`.
pub fn write(bytes: &[u8], text: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// Text that [`write()`] has written.
pub fn as_text(digits: &[u8]) -> &str {
    // Only ASCII digits are ever written: the empty text is never seen.
    std::str::from_utf8(digits).unwrap_or_default()
}

/// Bytes as a text of lower-case digits.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let mut text = vec![0; 2 * bytes.len()];
    write(bytes, &mut text);
    as_text(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_what_others_write_and_read(bytes: [u8; 32], text in "[0-9a-fA-F]{62,66}|.{0,70}") {
            prop_assert_eq!(encode(bytes), hex::encode(bytes));
            prop_assert_eq!(read(&encode(bytes)), Some(bytes));
            let mut others = [0; 32];
            prop_assert_eq!(read(&text), hex::decode_to_slice(&text, &mut others).ok().map(|()| others));
        }
    }
}
