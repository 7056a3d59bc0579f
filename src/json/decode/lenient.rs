//! The adapter: whatever is read through it gets `null` as its zero value, and so does what is nested in it.

use super::Pass;
use super::members::Structure;
use crate::json::RAW_VALUE;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The adapter around serde_json's deserializer.
pub(super) struct Lenient<'t, D> {
    pub(super) inner: D,
    /// Where `msgtype` of the outermost structure goes.
    pub(super) tag: Option<&'t mut String>,
    pub(super) pass: Pass,
}

impl<D> Lenient<'_, D> {
    pub(super) fn plain(inner: D, pass: Pass) -> Self {
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
pub(super) struct Nested<S> {
    pub(super) seed: S,
    pub(super) pass: Pass,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Nested<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.seed.deserialize(Lenient::plain(inner, self.pass))
    }
}
