//! JSON as the protocol reads it: Go's decoding rules over serde ([`decode`]), and values that are carried unread
//! ([`raw`]).

mod decode;
mod raw;

pub(crate) use decode::decode_borrowed;
pub use decode::{decode, decode_message};
pub use raw::{RawJson, RawList, RawObject};

use serde::Serializer;

/// Writes a number as the reference does: without a fraction where it has none.
///
/// # Errors
/// The serializer's.
pub fn plain_number<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    // Below 2^53 every whole number is exact.
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        serializer.serialize_i64(*number as i64)
    } else {
        serializer.serialize_f64(*number)
    }
}

/// How deeply lists and objects are nested in a valid JSON text.
pub fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in text.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => in_string = true,
                b'[' | b'{' => {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    #[test]
    fn depth_looks_past_strings() {
        assert_eq!(super::depth(r#"{"a":["[[[[",{"\"[":1}]}"#), 3);
        assert_eq!(super::depth("1"), 0);
    }
}
