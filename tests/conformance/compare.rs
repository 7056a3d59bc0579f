//! Comparing a reply with the recorded one.

use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Recorded id → id of the run, one to one.
#[derive(Clone, Debug, Default)]
pub struct Bound(BTreeMap<String, String>);

impl Bound {
    /// Whether `got` is `want` with its ids replaced; binds those that are seen for the first time.
    pub fn text(&mut self, want: &str, got: &str) -> bool {
        if !want.contains("<id:") {
            return want == got;
        }
        let Some(pairs) = ids(want, got) else {
            return false;
        };
        let mut bound = self.0.clone();
        for (recorded, id) in pairs {
            if bound.entry(recorded).or_insert_with(|| id.clone()) != &id {
                return false;
            }
        }
        if bound.values().collect::<BTreeSet<_>>().len() != bound.len() {
            return false;
        }
        self.0 = bound;
        true
    }

    fn known_in(&self, want: &Value) -> usize {
        let text = want.to_string();
        recorded_id().captures_iter(&text).filter(|found| self.0.contains_key(&found[1])).count()
    }
}

fn recorded_id() -> Regex {
    Regex::new(r"<id:(\d+)>").unwrap()
}

/// The ids of `got` where `want` has recorded ones; `None` when the text around them differs.
fn ids(want: &str, got: &str) -> Option<Vec<(String, String)>> {
    let (mut pairs, mut rest, mut end) = (Vec::new(), got, 0);
    for found in recorded_id().captures_iter(want) {
        let whole = found.get(0)?;
        rest = rest.strip_prefix(&want[end..whole.start()])?;
        let id = rest.get(..64).filter(|id| id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))?;
        pairs.push((found[1].to_owned(), id.to_owned()));
        rest = &rest[64..];
        end = whole.end();
    }
    (rest == &want[end..]).then_some(pairs)
}

/// Paths at which a comparison is milder; a `*` stands for every index of a list.
#[derive(Clone, Debug, Default)]
pub struct Mild {
    /// Lists without a defined order.
    pub unordered: Vec<String>,
    /// Members of which only the type counts.
    pub vary: Vec<String>,
}

fn is_at(path: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| {
        let (parts, names) = (pattern.split('.'), path.split('.'));
        parts.clone().count() == names.clone().count()
            && parts.zip(names).all(|(part, name)| {
                part == name || part == "*" && !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit())
            })
    })
}

/// All differences, each with its path; ids are bound on the way.
pub fn differences(want: &Value, got: &Value, bound: &mut Bound, path: &str, mild: &Mild) -> Vec<String> {
    if is_at(path, &mild.vary) && kind(want) == kind(got) {
        return Vec::new();
    }
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => members(want, got, bound, path, mild),
        (Value::Array(want), Value::Array(got)) => {
            if want.len() != got.len() {
                return vec![format!("{path}: {} items wanted, got {}", want.len(), got.len())];
            }
            let pairs: Vec<(&Value, &Value)> = if is_at(path, &mild.unordered) {
                pair(want, got, bound, path, mild)
            } else {
                want.iter().zip(got).collect()
            };
            let numbered = pairs.into_iter().enumerate();
            numbered
                .flat_map(|(n, (want, got))| differences(want, got, bound, &join(path, &n.to_string()), mild))
                .collect()
        }
        (Value::String(want), Value::String(got)) if bound.text(want, got) => Vec::new(),
        (Value::Number(a), Value::Number(b)) if same_number(a, b) => Vec::new(),
        (Value::Number(_) | Value::String(_), _) => vec![wanted(path, want, got)],
        _ if want == got => Vec::new(),
        _ => vec![wanted(path, want, got)],
    }
}

type Members = serde_json::Map<String, Value>;

fn members(want: &Members, got: &Members, bound: &mut Bound, path: &str, mild: &Mild) -> Vec<String> {
    let mut left: BTreeMap<&String, &Value> = got.iter().collect();
    let mut found = Vec::new();
    for (key, value) in want {
        let path = join(path, key);
        let name =
            if left.contains_key(key) { Some(key) } else { left.keys().copied().find(|other| bound.text(key, other)) };
        match name.and_then(|name| left.remove(name)) {
            Some(other) => found.extend(differences(value, other, bound, &path, mild)),
            None => found.push(format!("{path}: missing, wanted {}", shown(value))),
        }
    }
    found.extend(left.iter().map(|(key, value)| format!("{}: not expected, got {}", join(path, key), shown(value))));
    found
}

/// The items of two lists in an order in which they agree as far as they can; items with the most known ids first.
fn pair<'a>(
    want: &'a [Value],
    got: &'a [Value],
    bound: &mut Bound,
    path: &str,
    mild: &Mild,
) -> Vec<(&'a Value, &'a Value)> {
    let mut wanted: Vec<&Value> = want.iter().collect();
    wanted.sort_by_key(|item| std::cmp::Reverse(bound.known_in(item)));
    let mut left: Vec<&Value> = got.iter().collect();
    let mut pairs = Vec::new();
    for item in wanted {
        let agrees = left.iter().position(|other| {
            let mut trial = bound.clone();
            let same = differences(item, other, &mut trial, &join(path, "0"), mild).is_empty();
            if same {
                *bound = trial;
            }
            same
        });
        pairs.push((item, left.remove(agrees.unwrap_or(0))));
    }
    pairs
}

/// Integers are compared exactly; where one of the two is none, their values are.
fn same_number(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn wanted(path: &str, want: &Value, got: &Value) -> String {
    format!("{path}: wanted {}, got {}", shown(want), shown(got))
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(200).collect()
}
