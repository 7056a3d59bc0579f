//! JSON that is carried, not read.

use bincode::de::{BorrowDecoder, Decoder};
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::sync::{Arc, LazyLock};

/// A user's JSON value as it was sent: key order, number text and all. Cheap to clone.
#[derive(Clone)]
pub struct RawJson(Arc<RawValue>);

static EMPTY_LIST: LazyLock<RawJson> = LazyLock::new(|| RawJson::constant("[]"));
static EMPTY_OBJECT: LazyLock<RawJson> = LazyLock::new(|| RawJson::constant("{}"));

impl RawJson {
    fn constant(text: &str) -> RawJson {
        RawJson(RawValue::from_string(text.to_owned()).expect("a constant of this program is JSON").into())
    }

    /// `[]`, shared.
    pub fn empty_list() -> RawJson {
        EMPTY_LIST.clone()
    }

    /// `{}`, shared.
    pub fn empty_object() -> RawJson {
        EMPTY_OBJECT.clone()
    }

    /// Checks and takes a text; `None` where it is not one JSON value.
    pub fn from_text(text: String) -> Option<RawJson> {
        RawJson::shared(&text).or_else(|| RawValue::from_string(text).ok().map(|raw| RawJson(raw.into())))
    }

    /// What most processes have is there once for all of them.
    fn shared(text: &str) -> Option<RawJson> {
        match text {
            "[]" => Some(RawJson::empty_list()),
            "{}" => Some(RawJson::empty_object()),
            _ => None,
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Whether this is a list or object without members, however it is written.
    pub fn is_empty(&self) -> bool {
        let inner = self.text().as_bytes();
        inner.len() < 2 || inner[1..inner.len() - 1].iter().all(u8::is_ascii_whitespace)
    }

    /// The elements of all these lists in one list; `null` where there is none, as the reference has it for the input of
    /// a node whose parents put nothing out.
    pub fn concatenated<'a>(lists: impl Iterator<Item = &'a RawJson>) -> RawJson {
        let mut lists = lists.filter(|list| !list.is_empty()).peekable();
        let first = lists.next();
        if let (Some(first), None) = (first, lists.peek()) {
            // One list alone is shared, not copied: a large output may go to many children.
            return first.clone();
        }
        let mut joined = String::from("[");
        for list in first.into_iter().chain(lists) {
            if joined.len() > 1 {
                joined.push(',');
            }
            joined.push_str(&list.text()[1..list.text().len() - 1]);
        }
        joined.push(']');
        if joined.len() == 2 {
            joined.replace_range(.., "null");
        }
        RawJson::from_text(joined).unwrap_or_else(RawJson::empty_list)
    }

    /// Whether the value begins with `first`: `[` for a list, `{` for an object.
    fn begins(&self, first: u8) -> bool {
        self.text().as_bytes().first() == Some(&first)
    }
}

impl From<Box<RawValue>> for RawJson {
    fn from(raw: Box<RawValue>) -> Self {
        RawJson::shared(raw.get()).unwrap_or_else(|| RawJson(raw.into()))
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl std::fmt::Debug for RawJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Encode for RawJson {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.text().encode(encoder)
    }
}

impl<Context> Decode<Context> for RawJson {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let text = String::decode(decoder)?;
        RawJson::from_text(text).ok_or(DecodeError::Other("a record holds text that is not JSON"))
    }
}

impl<'de, Context> BorrowDecode<'de, Context> for RawJson {
    fn borrow_decode<D: BorrowDecoder<'de, Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        RawJson::decode(decoder)
    }
}

/// A list of any JSON values in a request; missing or `null` is the empty list.
#[derive(Clone, Debug, PartialEq)]
pub struct RawList(pub RawJson);

/// An object of any JSON values in a request; missing or `null` is the empty object.
#[derive(Clone, Debug, PartialEq)]
pub struct RawObject(pub RawJson);

impl Default for RawList {
    fn default() -> Self {
        RawList(RawJson::empty_list())
    }
}

impl Default for RawObject {
    fn default() -> Self {
        RawObject(RawJson::empty_object())
    }
}

impl<'de> Deserialize<'de> for RawList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        of_kind(deserializer, b'[', "a list").map(|raw| raw.map_or_else(RawList::default, RawList))
    }
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        of_kind(deserializer, b'{', "an object").map(|raw| raw.map_or_else(RawObject::default, RawObject))
    }
}

fn of_kind<'de, D: Deserializer<'de>>(deserializer: D, first: u8, kind: &str) -> Result<Option<RawJson>, D::Error> {
    let raw = RawJson::from(Box::<RawValue>::deserialize(deserializer)?);
    if raw.text() == "null" {
        return Ok(None);
    }
    if !raw.begins(first) {
        return Err(serde::de::Error::custom(format_args!("{kind} is wanted here")));
    }
    if super::is_deeper(raw.text(), crate::limits::JSON_DEPTH) {
        return Err(serde::de::Error::custom("the value is nested too deeply"));
    }
    if super::numbers::any_out_of_range(raw.text()) {
        return Err(serde::de::Error::custom("a number is out of range"));
    }
    Ok(Some(raw))
}
