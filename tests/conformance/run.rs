//! Carrying out the steps of a scenario.

use crate::support::http::once;
use crate::support::{PrivateKey, Server, server_owner};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use regex::{Captures, Regex};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

static HEX: LazyLock<Regex> = LazyLock::new(|| Regex::new("[0-9a-f]{64}").unwrap());
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\{([^}]+)\}").unwrap());
static TIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d(:\d\d)?)").unwrap());

/// One run of one scenario against one server.
pub struct Run {
    address: SocketAddr,
    /// A text that no other run has.
    run: String,
    colony: String,
    variables: HashMap<String, Value>,
    /// Names and their keys in order of appearance.
    keys: Vec<(String, PrivateKey)>,
    /// The numbers of ids, while recording.
    numbered: Option<HashMap<String, usize>>,
}

impl Run {
    /// `records` names ids by numbers, as they stand in files.
    pub fn new(server: &Server, records: bool) -> Run {
        let run = format!("{:x}", Timestamp::now().as_nanosecond());
        Run {
            address: server.address(),
            colony: format!("golden-{run}"),
            run,
            variables: HashMap::new(),
            keys: vec![("server".to_owned(), server_owner())],
            numbered: records.then(HashMap::new),
        }
    }

    /// The key of a name; each has its own, made from the run.
    fn key(&mut self, who: &str) -> PrivateKey {
        if let Some((_, key)) = self.keys.iter().find(|(name, _)| name == who) {
            return key.clone();
        }
        let seed = colonies::crypto::sha3_256(format!("{}{who}", self.run).as_bytes());
        let key = PrivateKey::from_text(&hex::encode(seed)).unwrap();
        self.keys.push((who.to_owned(), key.clone()));
        key
    }

    /// Replaces variables.
    fn fill(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                members.iter().map(|(key, value)| (self.fill_text(key), self.fill(value))).collect()
            }
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::String(text) => {
                let whole = VARIABLE.captures(text).filter(|found| found.get(0).unwrap().len() == text.len());
                let saved = whole.and_then(|found| self.variables.get(&found[1]).cloned());
                saved.unwrap_or_else(|| self.fill_text(text).into())
            }
            other => other.clone(),
        }
    }

    fn fill_text(&mut self, text: &str) -> String {
        VARIABLE.replace_all(text, |found: &Captures<'_>| self.variable(&found[1])).into_owned()
    }

    fn variable(&mut self, name: &str) -> String {
        if name == "colony" {
            return self.colony.clone();
        }
        if name == "run" {
            return self.run.clone();
        }
        if let Some(count) = name.strip_prefix("A*") {
            return "A".repeat(count.parse().unwrap());
        }
        if let Some(who) = name.strip_suffix(".id") {
            return self.key(who).id().to_string();
        }
        if let Some(who) = name.strip_suffix(".prv") {
            return self.key(who).reveal().to_string();
        }
        match self.variables.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => panic!("unknown variable ${{{name}}}"),
        }
    }

    /// A text with what differs from run to run kept as what it is.
    fn text(&mut self, text: &str) -> String {
        let mut text = text.replace(&self.colony, "<name:colony>").replace(&self.run, "<run>");
        for (name, key) in &self.keys {
            text = text.replace(&key.id().to_string(), &format!("<id:{name}>"));
        }
        if let Some(numbered) = &mut self.numbered {
            let named = HEX.replace_all(&text, |found: &Captures<'_>| {
                let next = numbered.len() + 1;
                format!("<id:{}>", numbered.entry(found[0].to_owned()).or_insert(next))
            });
            text = named.into_owned();
        }
        let shown = |found: &Captures<'_>| if is_zero(&found[0]) { "<zero time>" } else { "<time>" };
        TIME.replace_all(&text, shown).into_owned()
    }

    fn normal(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(members) => members.iter().map(|(key, value)| (self.text(key), self.normal(value))).collect(),
            Value::Array(items) => items.iter().map(|item| self.normal(item)).collect(),
            Value::String(text) => self.text(text).into(),
            Value::Number(number) if number.as_f64().is_some_and(|number| number > 1e17) => "<ns>".into(),
            other => other.clone(),
        }
    }

    /// Carries out a step; `None` where it sends nothing.
    pub fn step(&mut self, step: &Value) -> Option<Value> {
        if let Some(seconds) = step["sleep"].as_f64() {
            std::thread::sleep(Duration::from_secs_f64(seconds));
        }
        if step.get("send").is_none() && step.get("envelope").is_none() {
            return None;
        }
        let envelope = self.envelope(step);
        let response = once(self.address, "POST", "/api", &["Content-Type: text/plain"], envelope.as_bytes());
        let body = String::from_utf8_lossy(&response.body).into_owned();
        let Ok(reply) = serde_json::from_str::<Value>(&body) else {
            return Some(json!({ "status": response.status, "payloadtype": null, "payload": self.text(&body) }));
        };
        let payload = BASE64_STANDARD.decode(reply["payload"].as_str().unwrap_or_default()).unwrap();
        let payload = String::from_utf8(payload).unwrap();
        let mut payload: Value = serde_json::from_str(&payload).unwrap_or(payload.into());
        for (name, path) in pairs(step, "save") {
            let found = at(&payload, path).cloned().unwrap_or_else(|| format!("no {path} in the reply").into());
            self.variables.insert(name.to_owned(), found);
        }
        for (path, form) in pairs(step, "times") {
            change(&mut payload, path, &|value| clock(value, form));
        }
        for (path, part) in pairs(step, "contains") {
            change(&mut payload, path, &|value| match value.as_str() {
                Some(text) if text.contains(part) => format!("…{part}…").into(),
                _ => value.clone(),
            });
        }
        let payload = if step["raw"] == true { Value::Null } else { self.normal(&payload) };
        Some(json!({
            "status": response.status, "payloadtype": reply["payloadtype"], "error": reply["error"], "payload": payload,
        }))
    }

    fn envelope(&mut self, step: &Value) -> String {
        let send = step.get("send").map_or(json!({}), |send| self.fill(send));
        let overrides = step.get("envelope").map_or(json!({}), |envelope| self.fill(envelope));
        let mut envelope = json!({
            "payloadtype": send.get("msgtype").unwrap_or(&json!("")),
            "payload": BASE64_STANDARD.encode(send.to_string()),
            "signature": "",
        });
        let members: &mut Map<String, Value> = envelope.as_object_mut().unwrap();
        members.extend(overrides.as_object().unwrap().clone());
        if overrides.get("signature").is_none()
            && let Some(payload) = envelope["payload"].as_str().map(str::to_owned)
        {
            let who = step["as"].as_str().unwrap_or("colony");
            envelope["signature"] = self.key(who).sign(&payload).into();
        }
        envelope.to_string()
    }
}

fn pairs<'a>(step: &'a Value, member: &str) -> Vec<(&'a str, &'a str)> {
    let members = step[member].as_object().into_iter().flatten();
    members.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => value.get(part),
    })
}

/// Changes what is at a path; a `*` stands for every index of a list.
fn change(value: &mut Value, path: &str, how: &dyn Fn(&Value) -> Value) {
    let (part, rest) = match path.split_once('.') {
        Some((part, rest)) => (part, Some(rest)),
        None => (path, None),
    };
    let go_on = |inner: &mut Value| match rest {
        Some(rest) => change(inner, rest, how),
        None => *inner = how(inner),
    };
    match value {
        Value::Array(items) => {
            let chosen = items.iter_mut().enumerate().filter(|(n, _)| part == "*" || part == n.to_string());
            chosen.for_each(|(_, item)| go_on(item));
        }
        Value::Object(members) => {
            if let Some(member) = members.get_mut(part) {
                go_on(member);
            }
        }
        _ => {}
    }
}

fn is_zero(time: &str) -> bool {
    time.starts_with("0000") || time.starts_with("0001")
}

/// Shows a time in the form that a step asks for; what is no time stays.
fn clock(value: &Value, form: &str) -> Value {
    let whole = |text: &&str| TIME.find(text).is_some_and(|found| found.len() == text.len());
    let Some(text) = value.as_str().filter(whole) else {
        return value.clone();
    };
    if form == "=" {
        return format!("<{}>", text.replace('T', " ")).into();
    }
    if is_zero(text) {
        return value.clone();
    }
    let time: Timestamp = text.parse().unwrap();
    if let Some(step) = form.strip_prefix('+') {
        let step: f64 = step.parse().unwrap();
        let ahead = (time.as_second() - Timestamp::now().as_second()) as f64;
        return format!("<now+{}>", ((ahead / step).round() * step) as i64).into();
    }
    time.strftime(&format!("<{form}>")).to_string().into()
}
