//! Values of blueprints that come back as they were sent: objects, single values, times.

use crate::json::{RawJson, RawObject};
use crate::time::Time;
use bincode::de::{BorrowDecoder, Decoder};
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Decode, Encode};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A JSON value of a schema: its text, and what it says.
#[derive(Clone, Debug)]
pub struct Known {
    text: RawJson,
    value: Value,
}

impl Known {
    /// What it says.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Bytes of its text.
    pub fn bytes(&self) -> usize {
        self.text.text().len()
    }

    fn new(text: RawJson) -> Result<Known, serde_json::Error> {
        // Nested too deeply, or with a number that no double holds: neither is taken.
        let value = serde_json::from_str(text.text())?;
        Ok(Known { text, value })
    }
}

/// Equal when the texts are: the values follow from them.
impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
        Known::new(raw.into()).map_err(D::Error::custom)
    }
}

impl Encode for Known {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.text.encode(encoder)
    }
}

impl<Context> Decode<Context> for Known {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Known::new(RawJson::decode(decoder)?).map_err(|_| DecodeError::Other("a schema holds a value out of range"))
    }
}

impl<'de, Context> BorrowDecode<'de, Context> for Known {
    fn borrow_decode<D: BorrowDecoder<'de, Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Known::decode(decoder)
    }
}

/// An object of a request (`spec`, `status`): its text where one was given, and what it says. Read where requests are
/// read, so that a turn reads no JSON that came with its own message.
#[derive(Debug, Default)]
pub struct Object {
    /// The text; `None` for a missing object and for `null`.
    pub text: Option<RawJson>,
    /// Its members.
    pub members: serde_json::Map<String, Value>,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(RawObject(text)) = Option::<RawObject>::deserialize(deserializer)? else {
            return Ok(Object::default());
        };
        let members = serde_json::from_str(text.text()).map_err(D::Error::custom)?;
        Ok(Object { text: Some(text), members })
    }
}

/// A time as it was sent: digits and zone are kept (chapter 5, 2.3).
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct SentTime(Box<str>);

impl Default for SentTime {
    fn default() -> Self {
        SentTime("0001-01-01T00:00:00Z".into())
    }
}

impl SentTime {
    fn from_text(text: &str) -> Option<SentTime> {
        Time::from_text(text)?;
        // Nineteen characters of date and time, a fraction perhaps, and the zone.
        let (seconds, rest) = (text.get(..19)?, text.get(19..)?);
        let zone_at = rest.find(['Z', '+', '-'])?;
        let (fraction, zone) = rest.split_at(zone_at);
        let digits = fraction.get(1..).unwrap_or_default();
        let digits = digits.get(..digits.len().min(9)).unwrap_or_default().trim_end_matches('0');
        let point = if digits.is_empty() { "" } else { "." };
        let zone = if matches!(zone, "+00:00" | "-00:00") { "Z" } else { zone };
        Some(SentTime(format!("{seconds}{point}{digits}{zone}").into()))
    }
}

impl Serialize for SentTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SentTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)? {
            None => Ok(SentTime::default()),
            Some(text) => SentTime::from_text(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 time")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_digits_and_zone() {
        for (sent, shown) in [
            ("2026-02-01T10:00:00Z", Some("2026-02-01T10:00:00Z")),
            ("2026-02-01T10:00:00.1234567890+02:00", Some("2026-02-01T10:00:00.123456789+02:00")),
            ("2026-02-01T10:00:00.500-03:30", Some("2026-02-01T10:00:00.5-03:30")),
            ("2026-02-01T10:00:00.000+00:00", Some("2026-02-01T10:00:00Z")),
            ("2026-02-01 10:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(SentTime::from_text(sent).map(|time| time.0).as_deref(), shown, "{sent}");
        }
    }

    #[test]
    fn objects_are_read_once_and_kept_as_sent() {
        let read = |text: &str| crate::json::decode::<Object>(text.as_bytes());
        let object = read(r#"{"B":9007199254740993,"a":1.0}"#).expect("an object");
        assert_eq!(object.text.as_ref().map(RawJson::text), Some(r#"{"B":9007199254740993,"a":1.0}"#));
        assert_eq!(object.members["B"], serde_json::json!(9_007_199_254_740_993_u64));
        assert!(read("null").expect("null").text.is_none());
        for bad in ["[]", "1", r#"{"a":1e400}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
