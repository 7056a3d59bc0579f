//! JSON as the protocol reads it: Go's decoding rules over serde ([`decode`]), and values that are carried unread
//! ([`raw`]).

mod decode;
mod mend;
mod numbers;
mod octets;
mod raw;
mod write;

pub(crate) use decode::decode_borrowed;
pub use decode::{decode, decode_message, decode_message_within, decode_within};
pub use octets::Octets;
pub use raw::{RawJson, RawList, RawObject};
pub use write::write;

use serde::Serializer;

/// The name under which serde_json passes its unread values through.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

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

/// Whether lists and objects are nested more deeply than this in a valid JSON text.
pub fn is_deeper(text: &str, limit: usize) -> bool {
    // Most texts do not even have as many; that is counted many bytes at a time.
    let opening = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count();
    opening > limit && depth(text) > limit
}

/// How deeply lists and objects are nested in a valid JSON text.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    for (_, byte) in outside_strings(text) {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The bytes of a JSON text that are in no string, with their places.
fn outside_strings(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let (mut in_string, mut escaped) = (false, false);
    text.bytes().enumerate().filter(move |&(_, byte)| {
        let is_outside = !in_string && byte != b'"';
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            _ => {}
        }
        is_outside
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn whole_numbers_have_no_fraction() {
        #[derive(serde::Serialize)]
        struct Number(#[serde(serialize_with = "super::plain_number")] f64);
        for (number, text) in
            [(0.0, "0"), (-0.0, "0"), (-1000.0, "-1000"), (22.5, "22.5"), (1e-9, "1e-9"), (1e300, "1e+300")]
        {
            assert_eq!(serde_json::to_string(&Number(number)).expect("a number"), text);
        }
    }

    #[test]
    fn a_negative_zero_is_an_integer() {
        let read = |text: &str| super::decode::<Vec<i64>>(text.as_bytes()).ok();
        for text in ["[-0]", "[ -0 , 0]", "[1,-0]"] {
            assert!(read(text).is_some(), "{text}");
        }
        for text in ["[-0.0]", "[-0e1]", "[1e-0]", "[-00]", "[--0]"] {
            assert_eq!(read(text), None, "{text}");
        }
        let texts = super::decode::<(i64, String)>(br#"[-0,"\\\"-0"]"#).expect("a number and a text");
        assert_eq!(texts, (0, "\\\"-0".to_owned()));
    }

    #[test]
    fn depth_looks_past_strings() {
        assert_eq!(super::depth(r#"{"a":["[[[[",{"\"[":1}]}"#), 3);
        assert_eq!(super::depth("1"), 0);
        assert!(super::is_deeper("[[[]]]", 2) && !super::is_deeper("[[[]]]", 3));
        assert!(!super::is_deeper(r#"["[[[",{}]"#, 2));
    }
}
