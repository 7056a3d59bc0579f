//! Go's decoding rules over serde (chapter 1, 2.1).
//!
//! Clients rely on how the reference's decoder reads a message: members match without regard to case, `null` and a
//! missing member give the zero value, of repeated members the last one wins, invalid UTF-8 and lone surrogates become
//! U+FFFD. One adapter around serde_json does this for every type with a derived `Deserialize` and `#[serde(default)]`.
//! Maps keep their keys as they are: only the members of structures are matched.
//!
//! The common case is one pass. What serde refuses there (a repeated member, a lone surrogate) is tried again in a
//! second, slower pass that first puts those right; its verdict stands.

mod lenient;
mod members;

use super::mend::{mend_surrogates, mend_zeros};
use crate::limits;
use lenient::Lenient;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Error;
use std::borrow::Cow;

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
