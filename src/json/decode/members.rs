//! The members of a structure: matched without regard to case, the last one of a name wins.

use super::Pass;
use super::lenient::{Lenient, Nested};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

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

/// A structure: its members are matched without regard to case.
pub(super) struct Structure<'t, V> {
    pub(super) visitor: V,
    pub(super) tag: Option<&'t mut String>,
    pub(super) pass: Pass,
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

    #[test]
    fn names_are_folded_as_unicode_folds_them() {
        assert_eq!(fold("msgtype"), "msgtype");
        assert_eq!(fold("M\u{17F}gType\u{212A}"), "msgtypek");
    }
}
