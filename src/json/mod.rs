//! JSON as the protocol reads it: Go's decoding rules over serde ([`decode`]), and values that are carried unread
//! ([`raw`]).

mod decode;
mod raw;

pub(crate) use decode::decode_borrowed;
pub use decode::{decode, decode_message};
pub use raw::{RawJson, RawList, RawObject};

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
