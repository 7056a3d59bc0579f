//! Bytes as the protocol carries them in JSON.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// Base64 as Go reads it: padded, and whatever the bits beyond the last byte are.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Bytes in a request: padded base64, in which line breaks are skipped, or a list of numbers from 0 to 255.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Octets(pub Vec<u8>);

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherForm)
    }
}

struct EitherForm;

impl<'de> Visitor<'de> for EitherForm {
    type Value = Octets;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64 or a list of bytes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Octets, E> {
        let decoded = if text.bytes().any(is_line_break) {
            let joined: Vec<u8> = text.bytes().filter(|&byte| !is_line_break(byte)).collect();
            BASE64.decode(joined)
        } else {
            BASE64.decode(text)
        };
        decoded.map(Octets).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Octets, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element::<u8>()? {
            bytes.push(byte);
        }
        Ok(Octets(bytes))
    }
}

fn is_line_break(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::Octets;

    fn read(json: &str) -> Option<Option<Vec<u8>>> {
        crate::json::decode::<Option<Octets>>(json.as_bytes()).ok().map(|read| read.map(|octets| octets.0))
    }

    #[test]
    fn both_forms_are_read() {
        for json in [r#""aGn/AA==""#, r#""aG\nn/\r\nAA==""#, r#""aGn/AB==""#, "[104,105,255,0]", "[ 104, 105,255,-0 ]"]
        {
            assert_eq!(read(json), Some(Some(vec![104, 105, 255, 0])), "{json}");
        }
        assert_eq!(read("null"), Some(None));
        for json in [r#""""#, "[]"] {
            assert_eq!(read(json), Some(Some(Vec::new())), "{json}");
        }
    }

    #[test]
    fn all_else_is_refused() {
        for json in [
            r#""aGk""#,
            r#""a!""#,
            r#""aGk==""#,
            r#""aGk=x""#,
            r#""aG k=""#,
            r#""aG_-""#,
            "[1,256]",
            "[-1]",
            "[1.5]",
            r#"["a"]"#,
            "[[1]]",
            "5",
            "true",
            r#"{"a":1}"#,
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
