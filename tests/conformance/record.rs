//! Writing replies into a scenario file, leaving everything else in it as it stands.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;

/// An object whose members keep their order and their text.
struct Ordered(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Ordered;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Ordered(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The text of a scenario with these replies in its steps; `None` for a step that has none.
pub fn with_replies(text: &str, replies: &[Option<Value>]) -> String {
    let Ordered(members) = serde_json::from_str(text).unwrap();
    let mut out = Vec::new();
    for (name, value) in members {
        let value = if name == "steps" { steps(value.get(), replies) } else { value.get().to_owned() };
        out.push(format!(" {}: {value}", Value::from(name)));
    }
    format!("{{\n{}\n}}\n", out.join(",\n"))
}

fn steps(text: &str, replies: &[Option<Value>]) -> String {
    let steps: Vec<Ordered> = serde_json::from_str(text).unwrap();
    assert_eq!(steps.len(), replies.len());
    let shown = steps.into_iter().zip(replies).map(|(Ordered(members), reply)| {
        let kept = members.into_iter().filter(|(name, _)| reply.is_none() || name != "reply");
        let mut lines: Vec<_> =
            kept.map(|(name, value)| format!("   {}: {}", Value::from(name), value.get())).collect();
        lines.extend(reply.as_ref().map(|reply| format!("   \"reply\": {}", pretty(reply))));
        format!("  {{\n{}\n  }}", lines.join(",\n"))
    });
    format!("[\n{}\n ]", shown.collect::<Vec<_>>().join(",\n"))
}

/// Indented by one blank a level, from the level of a step's members on.
fn pretty(reply: &Value) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    serde::Serialize::serialize(reply, &mut serializer).unwrap();
    String::from_utf8(bytes).unwrap().replace('\n', "\n   ")
}
