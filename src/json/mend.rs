//! What serde_json refuses and Go takes: put right in the text, for the second pass of [`super::decode`].

use super::outside_strings;
use std::borrow::Cow;

/// Replaces escapes of lone surrogates by that of U+FFFD; a pair is left alone.
pub(super) fn mend_surrogates(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut mended: Option<String> = None;
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        let Some(first) = escaped_unit(bytes, at) else {
            at += 2;
            continue;
        };
        let pair = (0xD800..0xDC00).contains(&first)
            && escaped_unit(bytes, at + 6).is_some_and(|second| (0xDC00..0xE000).contains(&second));
        if pair {
            at += 12;
            continue;
        }
        if (0xD800..0xE000).contains(&first) {
            let mended = mended.get_or_insert_default();
            mended.push_str(&text[copied..at]);
            mended.push_str("\\ufffd");
            copied = at + 6;
        }
        at += 6;
    }
    match mended {
        None => Cow::Borrowed(text),
        Some(mut mended) => {
            mended.push_str(&text[copied..]);
            Cow::Owned(mended)
        }
    }
}

/// Writes the integer `-0` as `0`: serde_json takes it for a number with a fraction, Go for an integer.
pub(super) fn mend_zeros(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_minus_zero = |&(at, byte): &(usize, u8)| {
        let ends = || bytes.get(at + 2).is_none_or(|next| !matches!(next, b'.' | b'e' | b'E' | b'0'..=b'9'));
        // The exponent of another number has a digit and an `e` before it.
        let begins = || at == 0 || !matches!(bytes[at - 1], b'e' | b'E');
        byte == b'-' && bytes.get(at + 1) == Some(&b'0') && begins() && ends()
    };
    let minuses: Vec<usize> = outside_strings(text).filter(is_minus_zero).map(|(at, _)| at).collect();
    if minuses.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut mended = String::with_capacity(text.len());
    let mut copied = 0;
    for at in minuses {
        mended.push_str(&text[copied..at]);
        copied = at + 1;
    }
    mended.push_str(&text[copied..]);
    Cow::Owned(mended)
}

/// The UTF-16 unit of a `\uXXXX` escape at this place.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u32> {
    let escape = bytes.get(at..at + 6)?;
    if &escape[..2] != b"\\u" {
        return None;
    }
    let digits = std::str::from_utf8(&escape[2..]).ok()?;
    u32::from_str_radix(digits, 16).ok()
}
