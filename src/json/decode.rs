//! Go's decoding rules over serde (chapter 1, 2.1).
//!
//! Clients rely on how the reference's decoder reads a message: members match without regard to case, `null` and a
//! missing member give the zero value, of repeated members the last one wins, invalid UTF-8 and lone surrogates become
//! U+FFFD. One adapter around serde_json does this for every type with a derived `Deserialize` and `#[serde(default)]`.
//! Maps keep their keys as they are: only the members of structures are matched.
//!
//! The common case is one pass. What serde refuses there (a repeated member, a lone surrogate) is tried again in a
//! second, slower pass that first puts those right; its verdict stands.

use super::RAW_VALUE;
use super::mend::{mend_surrogates, mend_zeros};
use crate::limits;
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Error;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Decodes one JSON text.
///
/// # Errors
/// What serde_json says, where the text is not JSON or does not fit the type.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    decode_within(bytes, limits::LIST_ELEMENTS)
}

/// [`decode`] with another bound on the elements of one list.
///
/// # Errors
/// As [`decode`]; also where a list is longer.
pub fn decode_within<T: DeserializeOwned>(bytes: &[u8], elements: usize) -> Result<T, Error> {
    let text = mended(bytes);
    let first = Pass { elements, ..FAST };
    once(&text, None, first).or_else(|_| once(&mend_zeros(&mend_surrogates(&text)), None, first.mending()))
}

/// Decodes a message and, beside it, its member `msgtype` (empty where it is missing).
///
/// # Errors
/// As [`decode`]; also where `msgtype` is not a string.
pub fn decode_message<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, String), Error> {
    decode_message_within(bytes, limits::LIST_ELEMENTS)
}

/// [`decode_message`] with another bound on the elements of one list.
///
/// # Errors
/// As [`decode_message`]; also where a list is longer.
pub fn decode_message_within<T: DeserializeOwned>(bytes: &[u8], elements: usize) -> Result<(T, String), Error> {
    let text = mended(bytes);
    let mut tag = String::new();
    let first = Pass { elements, ..FAST };
    if let Ok(message) = once(&text, Some(&mut tag), first) {
        return Ok((message, tag));
    }
    tag.clear();
    let message = once(&mend_zeros(&mend_surrogates(&text)), Some(&mut tag), first.mending())?;
    Ok((message, tag))
}

/// Text with U+FFFD in place of what is not UTF-8.
fn mended(bytes: &[u8]) -> Cow<'_, str> {
    // Nearly all of it is plain text, and that is found out faster than the library's mending looks at it.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Decodes a text without copying the strings that need no unescaping; `None` where the slow pass is needed.
pub(crate) fn decode_borrowed<'de, T: Deserialize<'de>>(text: &'de str) -> Option<T> {
    once(text, None, FAST).ok()
}

/// How a text is read.
#[derive(Clone, Copy)]
struct Pass {
    /// The slow pass, in which repeated members are put right.
    mend: bool,
    /// Elements of one list: an element of three bytes takes many times that in memory.
    elements: usize,
}

/// The first pass, with the usual bound.
const FAST: Pass = Pass { mend: false, elements: limits::LIST_ELEMENTS };

impl Pass {
    fn mending(self) -> Pass {
        Pass { mend: true, ..self }
    }
}

fn once<'de, T: Deserialize<'de>>(text: &'de str, tag: Option<&mut String>, pass: Pass) -> Result<T, Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(Lenient { inner: &mut json, tag, pass })?;
    json.end()?;
    Ok(value)
}

/// A member's name as it is matched: Go folds case over all of Unicode, which for the protocol's ASCII names comes to
/// this.
fn fold(key: &str) -> Cow<'_, str> {
    if key.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(
        key.chars()
            .map(|c| match c {
                'ſ' => 's',
                '\u{212A}' => 'k',
                c => c.to_ascii_lowercase(),
            })
            .collect(),
    )
}

/// The adapter around serde_json's deserializer.
struct Lenient<'t, D> {
    inner: D,
    /// Where `msgtype` of the outermost structure goes.
    tag: Option<&'t mut String>,
    pass: Pass,
}

impl<D> Lenient<'_, D> {
    fn plain(inner: D, pass: Pass) -> Self {
        Lenient { inner, tag: None, pass }
    }
}

/// What `null` stands for where a certain kind of value is wanted.
#[derive(Clone, Copy)]
enum Zero {
    Bool,
    Number,
    Text,
    List,
    Map,
    Unit,
}

macro_rules! zero_for_null {
    ($($method:ident => $zero:ident),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            let pass = self.pass;
            self.inner.deserialize_any(Filled { visitor, zero: Zero::$zero, pass })
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Lenient<'_, D> {
    type Error = D::Error;

    zero_for_null! {
        deserialize_bool => Bool,
        deserialize_i8 => Number, deserialize_i16 => Number, deserialize_i32 => Number, deserialize_i64 => Number,
        deserialize_u8 => Number, deserialize_u16 => Number, deserialize_u32 => Number, deserialize_u64 => Number,
        deserialize_f32 => Number, deserialize_f64 => Number,
        deserialize_char => Text, deserialize_str => Text, deserialize_string => Text,
        deserialize_bytes => Text, deserialize_byte_buf => Text, deserialize_identifier => Text,
        deserialize_seq => List, deserialize_map => Map,
        deserialize_unit => Unit, deserialize_any => Unit,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let pass = self.pass;
        self.inner.deserialize_option(Present { visitor, pass })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        if name == RAW_VALUE {
            self.inner.deserialize_newtype_struct(name, visitor)
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(Structure { visitor, tag: self.tag, pass: self.pass })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_ignored_any(visitor)
    }
}

/// Passes a value on, `null` as the zero value, with the adapter around whatever is nested in it.
struct Filled<V> {
    visitor: V,
    zero: Zero,
    pass: Pass,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Filled<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }
    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<V::Value, E> {
        self.visitor.visit_bool(value)
    }
    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<V::Value, E> {
        self.visitor.visit_i64(value)
    }
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<V::Value, E> {
        self.visitor.visit_u64(value)
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<V::Value, E> {
        self.visitor.visit_f64(value)
    }
    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<V::Value, E> {
        self.visitor.visit_str(value)
    }
    fn visit_borrowed_str<E: serde::de::Error>(self, value: &'de str) -> Result<V::Value, E> {
        self.visitor.visit_borrowed_str(value)
    }
    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<V::Value, E> {
        self.visitor.visit_string(value)
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        match self.zero {
            Zero::Bool => self.visitor.visit_bool(false),
            Zero::Number => self.visitor.visit_u64(0),
            Zero::Text => self.visitor.visit_str(""),
            Zero::List => {
                self.visitor.visit_seq(serde::de::value::SeqDeserializer::<_, E>::new(std::iter::empty::<()>()))
            }
            Zero::Map => {
                self.visitor.visit_map(serde::de::value::MapDeserializer::<_, E>::new(std::iter::empty::<((), ())>()))
            }
            Zero::Unit => self.visitor.visit_unit(),
        }
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(Elements { list, pass: self.pass, left: self.pass.elements })
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Entries { map, pass: self.pass })
    }
}

/// An optional value: absent when `null`, otherwise read with the adapter.
struct Present<V> {
    visitor: V,
    pass: Pass,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Present<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }
    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }
    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Lenient::plain(inner, self.pass))
    }
}

/// The elements of a list, each read with the adapter.
struct Elements<A> {
    list: A,
    pass: Pass,
    /// How many more there may be.
    left: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let element = self.list.next_element_seed(Nested { seed, pass: self.pass })?;
        if element.is_some() {
            let left = self.left.checked_sub(1);
            self.left = left.ok_or_else(|| serde::de::Error::custom("a list is too long"))?;
        }
        Ok(element)
    }
}

/// The entries of a map: keys as they are, values read with the adapter.
struct Entries<A> {
    map: A,
    pass: Pass,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.map.next_key_seed(seed)
    }
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(Nested { seed, pass: self.pass })
    }
}

/// Carries the adapter into a nested value.
struct Nested<S> {
    seed: S,
    pass: Pass,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Nested<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.seed.deserialize(Lenient::plain(inner, self.pass))
    }
}

/// A structure: its members are matched without regard to case.
struct Structure<'t, V> {
    visitor: V,
    tag: Option<&'t mut String>,
    pass: Pass,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Structure<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        // A whole message must not be `null`: the reference crashes there (chapter 1, W11).
        if self.tag.is_some() {
            return Err(E::custom("the message is null"));
        }
        self.visitor.visit_map(serde::de::value::MapDeserializer::<_, E>::new(std::iter::empty::<((), ())>()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        if self.pass.mend {
            return self.visitor.visit_map(Mended::collect(map, self.tag, self.pass)?);
        }
        self.visitor.visit_map(Members { map, tag: self.tag, pass: self.pass })
    }
}

/// The members of a structure in one pass.
struct Members<'t, A> {
    map: A,
    tag: Option<&'t mut String>,
    pass: Pass,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        loop {
            let Some(Key(key)) = self.map.next_key::<Key<'de>>()? else {
                return Ok(None);
            };
            let name = fold(&key);
            if let Some(tag) = self.tag.as_deref_mut().filter(|_| name == "msgtype") {
                if let Some(text) = self.map.next_value::<Option<String>>()? {
                    *tag = text;
                }
                continue;
            }
            return match name {
                Cow::Borrowed(name) => seed.deserialize(name.into_deserializer()).map(Some),
                Cow::Owned(name) => seed.deserialize(name.into_deserializer()).map(Some),
            };
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(Nested { seed, pass: self.pass })
    }
}

/// The members of a structure after repeated ones were put right: the last that is not `null` wins.
struct Mended<'de, E> {
    members: std::vec::IntoIter<(String, &'de RawValue)>,
    value: Option<&'de RawValue>,
    pass: Pass,
    error: std::marker::PhantomData<E>,
}

impl<'de, E: serde::de::Error> Mended<'de, E> {
    fn collect<A: MapAccess<'de, Error = E>>(mut map: A, tag: Option<&mut String>, pass: Pass) -> Result<Self, E> {
        let mut members: Vec<(String, &'de RawValue)> = Vec::new();
        // Where a name stands in `members`: a body of a million members must not cost a million searches.
        let mut places: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
        while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
            let name = fold(&key).into_owned();
            let value = map.next_value::<&'de RawValue>()?;
            match places.get(&name) {
                Some(_) if value.get() == "null" => {}
                Some(&place) => members[place].1 = value,
                None => {
                    places.insert(name.clone(), members.len());
                    members.push((name, value));
                }
            }
        }
        if let Some(tag) = tag
            && let Some(&place) = places.get("msgtype")
        {
            let text: Option<String> = serde_json::from_str(members[place].1.get()).map_err(E::custom)?;
            *tag = text.unwrap_or_default();
            members.remove(place);
        }
        Ok(Mended { members: members.into_iter(), value: None, pass, error: std::marker::PhantomData })
    }
}

impl<'de, E: serde::de::Error> MapAccess<'de> for Mended<'de, E> {
    type Error = E;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, E> {
        let Some((name, value)) = self.members.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, E> {
        let value = self.value.take().ok_or_else(|| E::custom("a value was asked for before its name"))?;
        let mut json = serde_json::Deserializer::from_str(value.get());
        seed.deserialize(Lenient::plain(&mut json, self.pass)).map_err(E::custom)
    }
}

/// A member's name, borrowed from the text where it holds no escape.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyText;
        impl<'de> Visitor<'de> for KeyText {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{RawList, RawObject};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Deserialize, Debug, PartialEq, Default, Clone)]
    #[serde(default)]
    struct Inner {
        count: i64,
        ratio: f64,
    }

    #[derive(Deserialize, Debug, PartialEq, Default, Clone)]
    #[serde(default)]
    struct Outer {
        name: String,
        on: bool,
        inner: Inner,
        maybe: Option<Inner>,
        names: Vec<String>,
        env: BTreeMap<String, String>,
        args: RawList,
        kwargs: RawObject,
    }

    #[test]
    fn a_list_has_as_many_elements_as_it_may() {
        for names in [r#"{"names":["a","b","c"]}"#, r#"{"names":[],"names":["a","b","\ud800"]}"#] {
            assert!(decode_within::<Outer>(names.as_bytes(), 3).is_ok(), "{names}");
            assert!(decode_within::<Outer>(names.as_bytes(), 2).is_err(), "{names}");
            assert!(decode_message_within::<Outer>(names.as_bytes(), 2).is_err(), "{names}");
        }
        // What is carried unread has the bound of its bytes alone.
        assert!(decode_within::<Outer>(br#"{"args":[1,2,3]}"#, 2).is_ok());
    }

    fn read(text: &str) -> Option<(Outer, String)> {
        decode_message(text.as_bytes()).ok()
    }

    fn outer(text: &str) -> Outer {
        read(text).expect(text).0
    }

    #[test]
    fn names_match_without_regard_to_case_and_unknown_ones_are_passed_over() {
        let text = r#"{"MsgType":"m","NAME":"n","INNER":{"Count":3,"x":[1,{"y":null}]},"more":1e400}"#;
        let (outer, tag) = read(text).expect(text);
        assert_eq!((outer.name.as_str(), outer.inner.count, tag.as_str()), ("n", 3, "m"));
        assert_eq!(super::decode::<Outer>(b"{\"nAme\":\"a\",\"on\":true}").map(|o| o.name).ok().as_deref(), Some("a"));
        assert_eq!(fold("msgtype"), "msgtype");
        assert_eq!(fold("M\u{17F}gType\u{212A}"), "msgtypek");
    }

    #[test]
    fn keys_of_maps_are_kept() {
        let outer = outer(r#"{"env":{"Path":"A","path":"b","N":null},"kwargs":{"B":1,"b":1.0}}"#);
        assert_eq!(outer.env.len(), 3);
        assert_eq!(outer.kwargs.0.text(), r#"{"B":1,"b":1.0}"#);
    }

    #[test]
    fn null_is_the_zero_value_everywhere() {
        let text = r#"{"name":null,"on":null,"inner":{"count":null,"ratio":null},"maybe":null,"names":["a",null],
                       "env":null,"args":null,"kwargs":null}"#;
        assert_eq!(outer(text), Outer { names: vec!["a".into(), String::new()], ..Outer::default() });
        assert_eq!(outer(r#"{"inner":null,"names":null}"#), Outer::default());
    }

    #[test]
    fn the_last_repeated_member_wins_and_null_leaves_the_earlier_one() {
        let text = r#"{"msgtype":"x","name":"a","NAME":"b","name":null,"msgtype":"y"}"#;
        let (outer, tag) = read(text).expect(text);
        assert_eq!((outer.name.as_str(), tag.as_str()), ("b", "y"));
        assert_eq!(super::tests::outer(r#"{"inner":{"count":1,"count":2}}"#).inner.count, 2);
    }

    #[test]
    fn broken_text_becomes_the_replacement_character() {
        assert_eq!(outer(r#"{"name":"a\udc00b"}"#).name, "a\u{FFFD}b");
        assert_eq!(outer(r#"{"name":"\ud83d\ude00\\ud800"}"#).name, "😀\\ud800");
        assert_eq!(outer(r#"{"name":"\ud800\ud83d\ude00"}"#).name, "\u{FFFD}😀");
        let broken: Outer = decode(b"{\"name\":\"a\xffb\"}").expect("text with a bad byte");
        assert_eq!(broken.name, "a\u{FFFD}b");
    }

    #[test]
    fn other_types_fail_the_whole_message() {
        for text in [
            r#"{"name":1}"#,
            r#"{"on":1}"#,
            r#"{"inner":[1,2]}"#,
            r#"{"inner":{"count":1.0}}"#,
            r#"{"names":"a"}"#,
            r#"{"inner":{"count":1e3}}"#,
            r#"{"inner":{"count":9223372036854775808}}"#,
            r#"{"inner":{"count":"1"}}"#,
            r#"{"args":{}}"#,
            r#"{"kwargs":[]}"#,
            r#"{"env":{"a":1}}"#,
            r#"{"msgtype":7}"#,
            "[]",
            "\"a\"",
            "1",
            "null",
            "",
            " ",
            "{",
            "{}x",
            "{'a':1}",
            "{\"name\":\"a\",}",
            "\u{FEFF}{}",
            "{\"name\":\"\t\"}",
            "{\"a\":NaN}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(outer(r#"{"inner":{"ratio":3,"count":-9223372036854775808}}"#).inner.ratio, 3.0);
    }

    #[test]
    fn nesting_is_bounded_also_where_it_is_carried_unread() {
        let deep = |n: usize| format!("{{\"args\":[{}{}]}}", "[".repeat(n), "]".repeat(n));
        assert!(read(&deep(100)).is_some());
        assert!(read(&deep(200)).is_none());
        assert!(read(&deep(1_000_000)).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_message::<Outer>(&bytes);
        }

        #[test]
        fn any_mix_of_tokens_is_read_without_panic(
            tokens in proptest::collection::vec(
                prop_oneof![Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just("\"name\""),
                    Just("\"NAME\""), Just("\"inner\""), Just("null"), Just("1"), Just("\"\\ud800\""), Just("\"msgtype\"")],
                0..24),
        ) {
            let _ = decode_message::<Outer>(tokens.concat().as_bytes());
        }

        #[test]
        fn both_passes_agree(
            name in "[a-z\"\\\\é😀]{0,8}", count in any::<i64>(), names in proptest::collection::vec(".{0,4}", 0..3),
        ) {
            let text = serde_json::json!({"Name": name, "inner": {"COUNT": count}, "names": names}).to_string();
            let fast: Outer = once(&text, None, FAST).expect("the fast pass");
            let slow: Outer = once(&text, None, FAST.mending()).expect("the slow pass");
            prop_assert_eq!(fast, slow);
        }
    }
}
