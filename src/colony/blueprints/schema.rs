//! Schemas of definitions, and how a blueprint's `spec` is validated (chapter 5, 3). Little of JSON Schema: unknown
//! keywords are dropped when a schema is read, `$ref` among them, and nothing is fetched.
//!
//! Depth is bounded by that of the schema, which is at most [`limits::JSON_DEPTH`], and time by
//! [`limits::VALIDATION_STEPS`].

use super::value::Known;
use crate::limits;
use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// A schema.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Schema {
    /// Stored only.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    kind: String,
    /// What is known about members of the specification.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<String, Property>,
    /// Members that must be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    required: Vec<String>,
}

/// What is known about a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Property {
    /// Its type; five of them are checked.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    kind: String,
    /// Stored only.
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    /// What it may be; empty is anything.
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    choices: Vec<Known>,
    /// Stored only.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Known>,
    /// What is known about its members, where its type is `object`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<String, Property>,
    /// What is known about its elements, where its type is `array`.
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Box<Property>>,
}

impl Schema {
    /// Validates a specification: the first problem in a fixed order, as the protocol words it, or none.
    ///
    /// # Errors
    /// The text that follows `blueprint validation failed: `.
    pub fn validate(&self, spec: &Map<String, Value>) -> Result<(), String> {
        if let Some(missing) = self.required.iter().find(|name| !spec.contains_key(*name)) {
            return Err(format!("required field '{missing}' is missing"));
        }
        let mut check = Check { path: String::new(), steps: limits::VALIDATION_STEPS };
        check.members(&self.properties, spec)
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        self.required.iter().map(|name| name.len() + 24).sum::<usize>() + properties_bytes(&self.properties)
    }
}

impl Property {
    fn bytes(&self) -> usize {
        let choices = self.choices.iter().chain(&self.default).map(|known| 2 * known.bytes() + 64);
        256 + self.description.len()
            + choices.sum::<usize>()
            + properties_bytes(&self.properties)
            + self.items.as_ref().map_or(0, |items| items.bytes())
    }
}

fn properties_bytes(properties: &BTreeMap<String, Property>) -> usize {
    properties.iter().map(|(name, property)| name.len() + property.bytes()).sum()
}

/// A validation under way.
struct Check {
    /// Where it is.
    path: String,
    /// How much more may be looked at.
    steps: usize,
}

impl Check {
    fn members(&mut self, properties: &BTreeMap<String, Property>, members: &Map<String, Value>) -> Result<(), String> {
        // In the order of the names, whatever order the members have.
        for (name, property) in properties {
            self.spend(1)?;
            let Some(value) = members.get(name) else {
                continue;
            };
            let length = self.path.len();
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(name);
            self.value(property, value)?;
            self.path.truncate(length);
        }
        Ok(())
    }

    fn value(&mut self, property: &Property, value: &Value) -> Result<(), String> {
        self.spend(1)?;
        let (fits, wanted) = match property.kind.as_str() {
            "string" => (value.is_string(), "a string"),
            "number" => (value.is_number(), "a number"),
            "boolean" => (value.is_boolean(), "a boolean"),
            "object" => (value.is_object(), "an object"),
            "array" => (value.is_array(), "an array"),
            // `integer` too: clients rely on it that nothing is checked.
            _ => (true, ""),
        };
        if !fits {
            return Err(format!("field '{}' must be {wanted}, got {}", self.path, type_of(value)));
        }
        if let ("array", Some(items), Value::Array(elements)) = (property.kind.as_str(), &property.items, value) {
            let length = self.path.len();
            for (place, element) in elements.iter().enumerate() {
                self.path.push_str(&format!("[{place}]"));
                self.value(items, element)?;
                self.path.truncate(length);
            }
        }
        if !property.choices.is_empty() {
            self.choice(&property.choices, value)?;
        }
        match (property.kind.as_str(), value) {
            ("object", Value::Object(members)) => self.members(&property.properties, members),
            _ => Ok(()),
        }
    }

    fn choice(&mut self, choices: &[Known], value: &Value) -> Result<(), String> {
        for choice in choices {
            if equal(choice.value(), value, &mut self.steps) {
                return Ok(());
            }
            self.spend(1)?;
        }
        let shown: Vec<String> = choices.iter().map(|choice| plain(choice.value())).collect();
        Err(format!("field '{}' must be one of [{}], got {}", self.path, shown.join(" "), plain(value)))
    }

    fn spend(&mut self, steps: usize) -> Result<(), String> {
        match self.steps.checked_sub(steps) {
            Some(rest) if rest > 0 => {
                self.steps = rest;
                Ok(())
            }
            _ => Err("the specification is too large for its schema".to_owned()),
        }
    }
}

/// The reference's name of a value's type.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// Whether two values are the same: of numbers, which number it is and not how it is written.
pub fn same(a: &Value, b: &Value) -> bool {
    equal(a, b, &mut usize::MAX.clone())
}

/// Whether two values are the same; never when that takes more than so many steps.
fn equal(a: &Value, b: &Value, steps: &mut usize) -> bool {
    let cost = match (a, b) {
        (Value::String(a), Value::String(b)) if a.len() == b.len() => 1 + a.len() / 64,
        _ => 1,
    };
    *steps = steps.saturating_sub(cost);
    if *steps == 0 {
        return false;
    }
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b, steps)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, a)| match b.get(name) {
                    Some(b) => equal(a, b, steps),
                    None => false,
                })
        }
        (a, b) => a == b,
    }
}

fn same_number(a: &Number, b: &Number) -> bool {
    // Integers exactly, beyond what a double holds too.
    match ((a.as_i64(), b.as_i64()), (a.as_u64(), b.as_u64())) {
        ((Some(a), Some(b)), _) => a == b,
        (_, (Some(a), Some(b))) => a == b,
        _ => a.as_f64() == b.as_f64(),
    }
}

/// A value in a message.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => plain_number(number.as_f64().unwrap_or_default()),
        Value::String(text) => text.clone(),
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(plain).collect();
            format!("[{}]", elements.join(" "))
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            let members: Vec<String> =
                members.into_iter().map(|(name, value)| format!("{name}:{}", plain(value))).collect();
            format!("map[{}]", members.join(" "))
        }
    }
}

/// A number in a message: the shortest digits that mean it, with an exponent below -4 and from 6 on.
fn plain_number(number: f64) -> String {
    let scientific = format!("{number:e}");
    let parts = scientific.split_once('e');
    let parts = parts.and_then(|(digits, exponent)| Some((digits, exponent.parse::<i32>().ok()?)));
    match parts {
        Some((digits, exponent @ (..-4 | 6..))) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        Some((_, -4..6)) => format!("{number}"),
        None => scientific,
    }
}

#[cfg(test)]
mod tests;
