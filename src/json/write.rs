//! JSON as answers are written: the same bytes as serde_json writes, in about half the time.
//!
//! An answer is mostly members' names, ids and times. Names are constants of this program, so they are not searched for
//! what must be escaped; texts are searched many bytes at a time. What is rare is left to serde_json.

use super::RAW_VALUE;
use serde::ser::{self, Serialize, Serializer};
use serde_json::Error;

/// Writes a value after what is in `out`.
///
/// # Errors
/// The value's own, and for keys of maps that are not texts or numbers.
pub fn write(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
    value.serialize(Writer { out })
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// As the library writes it.
    fn plain(self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        serde_json::to_writer(self.out, value)
    }

    fn begin(self, opening: &[u8], closing: &'static [u8]) -> Members<'a> {
        self.out.extend_from_slice(opening);
        Members { out: self.out, closing, is_first: true, is_raw: false }
    }

    /// The beginning of an object with one member, a variant's name.
    fn variant(self, variant: &'static str) -> Self {
        self.out.push(b'{');
        text(self.out, variant);
        self.out.push(b':');
        self
    }
}

/// A text in quotes.
fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_bytes(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { break };
        escape(out, byte);
        rest = after;
    }
    out.push(b'"');
}

fn must_be_escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// How many bytes can be copied as they are.
fn plain_bytes(bytes: &[u8]) -> usize {
    /// As many as are looked at without a branch.
    const AT_ONCE: usize = 32;
    let chunks = bytes.chunks_exact(AT_ONCE);
    let plain = chunks.take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | must_be_escaped(*byte)));
    let at = plain.count() * AT_ONCE;
    at + bytes[at..].iter().position(|byte| must_be_escaped(*byte)).unwrap_or(bytes.len() - at)
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    let letter = match byte {
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0C => b'f',
        b'\r' => b'r',
        b'"' | b'\\' => byte,
        _ => {
            out.extend_from_slice(b"\\u00");
            let mut digits = [0; 2];
            crate::hexadecimal::write(&[byte], &mut digits);
            return out.extend_from_slice(&digits);
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}

macro_rules! left_to_the_library {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<(), Error> {
            self.plain(&value)
        })*
    };
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'a>;
    type SerializeTuple = Members<'a>;
    type SerializeTupleStruct = Members<'a>;
    type SerializeTupleVariant = Members<'a>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Members<'a>;

    left_to_the_library! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64, serialize_bytes: &[u8],
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }
    fn serialize_char(self, value: char) -> Result<(), Error> {
        text(self.out, value.encode_utf8(&mut [0; 4]));
        Ok(())
    }
    fn serialize_str(self, value: &str) -> Result<(), Error> {
        text(self.out, value);
        Ok(())
    }
    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), Error> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let Writer { out } = self.variant(variant);
        value.serialize(Writer { out: &mut *out })?;
        out.push(b'}');
        Ok(())
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(self.begin(b"[", b"]"))
    }
    fn serialize_tuple(self, _: usize) -> Result<Members<'a>, Error> {
        Ok(self.begin(b"[", b"]"))
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Members<'a>, Error> {
        Ok(self.begin(b"[", b"]"))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members<'a>, Error> {
        Ok(self.variant(variant).begin(b"[", b"]}"))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(self.begin(b"{", b"}"))
    }
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Members<'a>, Error> {
        if name == RAW_VALUE {
            return Ok(Members { is_raw: true, ..self.begin(b"", b"") });
        }
        Ok(self.begin(b"{", b"}"))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members<'a>, Error> {
        Ok(self.variant(variant).begin(b"{", b"}}"))
    }
}

/// A list or an object that is being written.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    closing: &'static [u8],
    is_first: bool,
    /// Whether this is not an object, although it looks like one, but a value that is JSON already.
    is_raw: bool,
}

impl Members<'_> {
    fn next(&mut self) {
        if !self.is_first {
            self.out.push(b',');
        }
        self.is_first = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.next();
        write(self.out, value)
    }

    fn member<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        if self.is_raw {
            return serde_json::to_writer(&mut *self.out, &Raw(value));
        }
        self.next();
        self.out.push(b'"');
        debug_assert!(!key.bytes().any(must_be_escaped), "names of members need no escaping");
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        write(self.out, value)
    }

    fn close(self) -> Result<(), Error> {
        self.out.extend_from_slice(self.closing);
        Ok(())
    }
}

/// A raw value, put together again for the library.
struct Raw<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Raw<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use ser::SerializeStruct;
        let mut raw = serializer.serialize_struct(RAW_VALUE, 1)?;
        raw.serialize_field(RAW_VALUE, self.0)?;
        raw.end()
    }
}

macro_rules! list {
    ($($kind:ident: $method:ident),* $(,)?) => {
        $(impl ser::$kind for Members<'_> {
            type Ok = ();
            type Error = Error;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.element(value)
            }
            fn end(self) -> Result<(), Error> {
                self.close()
            }
        })*
    };
}

list! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

macro_rules! structure {
    ($($kind:ident),* $(,)?) => {
        $(impl ser::$kind for Members<'_> {
            type Ok = ();
            type Error = Error;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
                self.member(key, value)
            }
            fn end(self) -> Result<(), Error> {
                self.close()
            }
        })*
    };
}

structure!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.next();
        let from = self.out.len();
        write(self.out, key)?;
        match self.out.get(from) {
            Some(b'"') => Ok(()),
            // Numbers and truth values, but not `null`.
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => {
                self.out.insert(from, b'"');
                self.out.push(b'"');
                Ok(())
            }
            _ => Err(ser::Error::custom("a key of an object must be a text")),
        }
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.out.push(b':');
        write(self.out, value)
    }
    fn end(self) -> Result<(), Error> {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::RawJson;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    #[derive(Debug, Clone, serde::Serialize)]
    enum Variant {
        Unit,
        New(String),
        Tuple(u8, Option<char>),
        Struct { a: f64, b: () },
    }

    #[derive(serde::Serialize)]
    struct Unit;

    #[derive(serde::Serialize)]
    struct All<'a> {
        text: &'a str,
        values: Vec<Value>,
        variants: [Variant; 4],
        numbers: (i8, i16, i32, i64, u8, u16, u32, u64, f32, f64),
        by_number: BTreeMap<i32, Unit>,
        by_truth: BTreeMap<bool, &'a str>,
        by_character: BTreeMap<char, u128>,
        raw: (RawJson, RawJson),
        none: Option<()>,
    }

    fn written(value: &impl Serialize) -> String {
        let mut out = b"before ".to_vec();
        write(&mut out, value).expect("it can be written");
        String::from_utf8(out).expect("UTF-8").split_off("before ".len())
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            prop::collection::vec(0..0x100u32, 0..80).prop_map(|codes| codes
                .into_iter()
                .filter_map(char::from_u32)
                .collect::<String>()
                .into()),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_library(value in value(), text: String, number: i64, real: f64) {
            let raw = RawJson::from_text(json!({ "b": &value, "a": [1, "\n"] }).to_string()).expect("JSON");
            let all = All {
                text: &text,
                values: vec![value.clone()],
                variants: [
                    Variant::Unit,
                    Variant::New(text.clone()),
                    Variant::Tuple(1, text.chars().next()),
                    Variant::Struct { a: real, b: () },
                ],
                numbers: (-1, 2, -3, number, 5, 6, 7, number.unsigned_abs(), 0.1, real),
                by_number: [(number as i32, Unit)].into(),
                by_truth: [(true, "a"), (false, &*text)].into(),
                by_character: text.chars().map(|character| (character, 1)).collect(),
                raw: (raw, RawJson::empty_list()),
                none: None,
            };
            prop_assert_eq!(written(&all), serde_json::to_string(&all).expect("JSON"));
            prop_assert_eq!(written(&value), value.to_string());
        }
    }

    #[test]
    fn keys_are_texts() {
        let keys: BTreeMap<Option<u8>, u8> = [(None, 1)].into();
        assert!(write(&mut Vec::new(), &keys).is_err());
        let keys: BTreeMap<Vec<u8>, u8> = [(vec![1], 1)].into();
        assert!(write(&mut Vec::new(), &keys).is_err());
    }
}
