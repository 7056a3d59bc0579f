//! Ids of owners, users and executors.

use crate::hexadecimal;
use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The id of a server owner, colony owner, user or executor.
///
/// An id that signs is the SHA3-256 of a public key, as 64 lower-case hex digits. Clients may register any text as an id
/// though, and ids are compared as plain texts, so every text is an `Identity`: one that cannot sign matches no signer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity(Form);

/// A text has exactly one form, so that the derived equality and hash are those of the text: [`Identity::from_text`] is
/// the only way to a `Text`.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Form {
    /// 64 lower-case hex digits.
    Digits([u8; 32]),
    /// Any other text.
    Text(Arc<str>),
}

/// Room for the text of the usual form.
type Digits = [u8; 64];

impl Identity {
    /// The id with this text.
    pub fn from_text(text: &str) -> Self {
        match lower_case_digits(text) {
            Some(bytes) => Identity(Form::Digits(bytes)),
            None => Identity(Form::Text(text.into())),
        }
    }

    /// The id with these bytes, the hash of a public key.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Identity(Form::Digits(bytes))
    }

    /// The bytes of an id that can sign; `None` for any other text.
    pub fn as_bytes(&self) -> Option<&[u8; 32]> {
        match &self.0 {
            Form::Digits(bytes) => Some(bytes),
            Form::Text(_) => None,
        }
    }

    /// Whether the text is empty: many messages carry no id.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The length of the text in bytes.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Digits(bytes) => 2 * bytes.len(),
            Form::Text(text) => text.len(),
        }
    }

    /// The text, written into `room` if it is not in memory.
    fn text<'a>(&'a self, room: &'a mut Digits) -> &'a str {
        match &self.0 {
            Form::Digits(bytes) => {
                hexadecimal::write(bytes, room);
                hexadecimal::as_text(room)
            }
            Form::Text(text) => text,
        }
    }
}

/// Upper-case digits are another text and thus another id.
fn lower_case_digits(text: &str) -> Option<[u8; 32]> {
    let digits: &Digits = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        if pair.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        *byte = hexadecimal::digit(pair[0])? << 4 | hexadecimal::digit(pair[1])?;
    }
    Some(bytes)
}

/// The empty id.
impl Default for Identity {
    fn default() -> Self {
        Identity(Form::Text(Arc::default()))
    }
}

impl From<&str> for Identity {
    fn from(text: &str) -> Self {
        Identity::from_text(text)
    }
}

/// By text.
impl Ord for Identity {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            // Lower-case digits sort as the bytes that they stand for.
            (Form::Digits(a), Form::Digits(b)) => a.cmp(b),
            _ => self.text(&mut [0; 64]).cmp(other.text(&mut [0; 64])),
        }
    }
}

impl PartialOrd for Identity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; 64]))
    }
}

/// The text as it is: an id is public.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text(&mut [0; 64]))
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Identity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id, a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Identity, E> {
                Ok(Identity::from_text(text))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// How many bytes a record spends on the kind of an id.
type Kind = u8;
const DIGITS: Kind = 0;
const TEXT: Kind = 1;

impl Encode for Identity {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        match &self.0 {
            Form::Digits(bytes) => {
                DIGITS.encode(encoder)?;
                bytes.encode(encoder)
            }
            Form::Text(text) => {
                TEXT.encode(encoder)?;
                text.encode(encoder)
            }
        }
    }
}

impl<Context> Decode<Context> for Identity {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match Kind::decode(decoder)? {
            DIGITS => Ok(Identity::from_bytes(Decode::decode(decoder)?)),
            // Through `from_text`, so that not even a foreign record makes a second form of an id.
            TEXT => Ok(Identity::from_text(&String::decode(decoder)?)),
            _ => Err(DecodeError::Other("unknown kind of identity")),
        }
    }
}

bincode::impl_borrow_decode!(Identity);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::hash_map::DefaultHasher;
    use std::hash::{Hash, Hasher};

    const OWNER: &str = "039231c7644e04b6895471dd5335cf332681c54e27f81fac54f9067b3f2c0103";

    fn hash(id: &Identity) -> u64 {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        hasher.finish()
    }

    /// Ids near and far from the usual form.
    fn texts() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9a-f]{64}", "[0-9a-fA-F]{64}", "[0-9a-g]{63,65}", "[0-9a-f]{0,4}", "\\PC{0,40}", "é{32}",]
    }

    #[test]
    fn only_64_lower_case_digits_can_sign() {
        assert!(Identity::from_text(OWNER).as_bytes().is_some());
        for text in ["", "alice", &OWNER[1..], &OWNER.to_uppercase(), &OWNER.replace('0', "g")] {
            assert_eq!(Identity::from_text(text).as_bytes(), None, "{text}");
        }
    }

    #[test]
    fn upper_case_is_another_id() {
        assert_ne!(Identity::from_text(OWNER), Identity::from_text(&OWNER.to_uppercase()));
    }

    #[test]
    fn the_default_is_empty() {
        assert!(Identity::default().is_empty());
        assert_eq!(Identity::default(), Identity::from_text(""));
        assert!(!Identity::from_text(OWNER).is_empty());
    }

    #[test]
    fn debug_prints_the_text() {
        assert_eq!(format!("{:?}", Identity::from_text(OWNER)), OWNER);
    }

    #[test]
    fn a_record_of_the_usual_form_takes_33_bytes() -> Result<(), EncodeError> {
        let config = bincode::config::standard();
        assert_eq!(bincode::encode_to_vec(Identity::from_text(OWNER), config)?.len(), 33);
        Ok(())
    }

    #[test]
    fn a_record_cannot_make_a_second_form() -> Result<(), Box<dyn std::error::Error>> {
        let config = bincode::config::standard();
        let record = bincode::encode_to_vec((TEXT, OWNER), config)?;
        let (id, _): (Identity, _) = bincode::decode_from_slice(&record, config)?;
        assert_eq!(id, Identity::from_text(OWNER));
        assert!(bincode::decode_from_slice::<Identity, _>(&[2], config).is_err());
        Ok(())
    }

    proptest! {
        #[test]
        fn an_id_is_its_text(text in texts()) {
            let id = Identity::from_text(&text);
            prop_assert_eq!(id.to_string(), text.as_str());
            prop_assert_eq!(id.len(), text.len());
            prop_assert_eq!(id.is_empty(), text.is_empty());
            let json = serde_json::to_string(&id)?;
            prop_assert_eq!(&json, &serde_json::to_string(&text)?);
            prop_assert_eq!(&serde_json::from_str::<Identity>(&json)?, &id);
            let config = bincode::config::standard();
            let record = bincode::encode_to_vec(&id, config)?;
            let (back, used): (Identity, _) = bincode::decode_from_slice(&record, config)?;
            prop_assert_eq!((back, used), (id, record.len()));
        }

        #[test]
        fn order_equality_and_hash_are_those_of_the_text(a in texts(), b in texts()) {
            let (x, y) = (Identity::from_text(&a), Identity::from_text(&b));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x == y, a == b);
            prop_assert_eq!(hash(&x), hash(&Identity::from_text(&a)));
        }
    }
}
