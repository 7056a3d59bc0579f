//! Dashboard and alerts name nothing that the server does not have.

use super::read;
use crate::support::{Colony, Server, Value, http, json};
use regex::Regex;
use std::collections::BTreeSet;

/// The names of all series that a server has, once it has done something.
fn names_of_the_page() -> BTreeSet<String> {
    let server = Server::start_with(&["--archive-after", "0"]);
    let colony = Colony::new(&server);
    let executor = colony.executor("worker");
    colony.submit_any();
    let assigned = colony.assign(&executor, 10);
    colony.close(&executor, assigned.process_id()).ok();
    let response = http::once(server.address(), "GET", "/metrics", &[], b"");
    let lines = response.text().lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(['{', ' ']).next().unwrap().to_owned()).collect()
}

fn names_in(expression: &str) -> Vec<String> {
    let without_texts = Regex::new(r#""[^"]*""#).unwrap().replace_all(expression, "").into_owned();
    let name = Regex::new(r"\b(colonies|process)_[a-z0-9_]+").unwrap();
    name.find_iter(&without_texts).map(|found| found.as_str().to_owned()).collect()
}

/// Brackets close in the order in which they were opened.
fn is_balanced(expression: &str) -> bool {
    let mut open = Vec::new();
    for c in expression.chars() {
        match c {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(c) => return false,
            _ => {}
        }
    }
    open.is_empty()
}

#[test]
fn every_metric_of_dashboard_and_alerts_exists() {
    let dashboard: Value = serde_json::from_str(&read("packaging/grafana/colonies.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut expressions: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    assert!(panels.len() > 20 && expressions.len() > 30);

    let rules: Value = serde_yaml_ng::from_str(&read("packaging/prometheus/colonies.rules.yml")).unwrap();
    let rules = rules["groups"][0]["rules"].as_array().unwrap().clone();
    assert!(rules.len() >= 9);
    let operations = read("docs/operations.md");
    for rule in &rules {
        expressions.push(rule["expr"].as_str().unwrap().to_owned());
        let name = rule["alert"].as_str().unwrap();
        assert!(operations.contains(&format!("`{name}`")), "docs/operations.md says nothing about {name}");
        assert!(rule["annotations"]["summary"].is_string(), "{name}");
    }

    let known = names_of_the_page();
    let mut named = BTreeSet::new();
    for expression in &expressions {
        assert!(is_balanced(expression), "{expression}");
        let names = names_in(expression);
        assert!(!names.is_empty(), "{expression}");
        named.extend(names);
    }
    let unknown: Vec<_> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "not on the page: {unknown:?}");

    // Whoever adds a metric shows it, or says here why not.
    let shown = |name: &String| named.iter().any(|shown| family(shown) == family(name));
    let hidden: Vec<_> = known.iter().filter(|name| !shown(name) && *name != "colonies_stopping").collect();
    assert!(hidden.is_empty(), "in no panel and no alert: {hidden:?}");
    let sample: Value = serde_yaml_ng::from_str(&read("packaging/prometheus/prometheus.yml")).unwrap();
    assert_eq!(sample["rule_files"], json!(["colonies.rules.yml"]));
}

/// The family that a series belongs to.
fn family(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
