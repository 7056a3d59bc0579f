//! Hexadecimal digits into and out of fixed buffers: ids and signatures are read and written for every request, and this
//! way without an allocation.

/// The value of a digit in either case.
pub(super) fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Writes `bytes` as lower-case digits, as many as fit into `text`, which callers make twice as long as `bytes`.
pub(super) fn write(bytes: &[u8], text: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// Text that [`write()`] has written.
pub(super) fn as_text(digits: &[u8]) -> &str {
    // Only ASCII digits are ever written: the empty text is never seen.
    std::str::from_utf8(digits).unwrap_or_default()
}
