//! Recorded conversations: each scenario's requests are sent to a server of its own, and its replies are compared with
//! what is recorded. `tests/conformance/README.md` says how to add and record scenarios.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

#[path = "conformance/compare.rs"]
mod compare;
#[path = "conformance/record.rs"]
mod record;
#[path = "conformance/run.rs"]
mod run;

use compare::{Bound, Mild, differences};
use jiff::Timestamp;
use run::Run;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use support::{Server, json};

/// Scenarios that run at the same time: they mostly wait.
const AT_ONCE: usize = 4;

/// Why a step of a file may differ, by `file.json#step`.
type Exceptions = BTreeMap<String, String>;

/// A server as the one that the recordings are from: executors may come back under a name in use.
fn server() -> Server {
    Server::start_with(&LIKE_THE_REFERENCE)
}

const LIKE_THE_REFERENCE: [&str; 1] = ["--allow-executor-reregister"];
/// The same with all that has ended in the history store at once.
const FORGETFUL: [&str; 3] = ["--allow-executor-reregister", "--archive-after", "0"];

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The scenarios of this repository.
fn own_scenarios() -> Vec<PathBuf> {
    let entries = fs::read_dir(here().join("conformance")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect();
    files.sort();
    files
}

/// Compares the replies of a scenario, step by step.
struct Check {
    file: String,
    bound: Bound,
    today: String,
    compared: usize,
    failures: Vec<String>,
}

impl Check {
    fn new(path: &Path) -> Check {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let today = Timestamp::now().strftime("%Y-%m-%d").to_string();
        Check { file, bound: Bound::default(), today, compared: 0, failures: Vec::new() }
    }

    fn step(&mut self, number: usize, step: &Value, got: &Value, exceptions: &Exceptions) {
        let is_over = step["until"].as_str().is_some_and(|until| *self.today >= *until);
        if step.get("skip").is_some() || is_over {
            return;
        }
        self.compared += 1;
        let mild = Mild { unordered: paths(step, "unordered"), vary: paths(step, "vary") };
        let mut trial = self.bound.clone();
        let mut found = differences(&step["reply"], got, &mut trial, "", &mild);
        if found.is_empty() {
            self.bound = trial;
        }
        let key = format!("{}#{number}", self.file);
        if exceptions.contains_key(&key) {
            if !found.is_empty() {
                return;
            }
            found.push("agrees now: the exception is not needed any more".to_owned());
        }
        if !found.is_empty() {
            let shown: String = step["send"].to_string().chars().take(300).collect();
            found.truncate(12);
            self.failures.push(format!("{key} as {} {shown}\n    {}", step["as"], found.join("\n    ")));
        }
    }
}

fn paths(step: &Value, member: &str) -> Vec<String> {
    let paths = step[member].as_array().into_iter().flatten().map(|path| path.as_str().unwrap());
    paths.map(|path| if path.is_empty() { "payload".to_owned() } else { format!("payload.{path}") }).collect()
}

/// Runs a scenario against a server of its own.
fn check(path: &Path, exceptions: &Exceptions, arguments: &[&str]) -> Check {
    let server = Server::start_with(arguments);
    let mut run = Run::new(&server, false);
    let mut check = Check::new(path);
    for (number, step) in read(path)["steps"].as_array().unwrap().iter().enumerate() {
        if let Some(got) = run.step(step) {
            check.step(number, step, &got, exceptions);
        }
    }
    check
}

fn check_all(files: Vec<PathBuf>, exceptions: &Exceptions, arguments: &[&str]) {
    let (files, checks) = (Mutex::new(files), Mutex::new(Vec::new()));
    std::thread::scope(|threads| {
        for _ in 0..AT_ONCE {
            threads.spawn(|| {
                while let Some(file) = { files.lock().unwrap().pop() } {
                    let done = check(&file, exceptions, arguments);
                    checks.lock().unwrap().push(done);
                }
            });
        }
    });
    let checks = checks.into_inner().unwrap();
    let failures: Vec<_> = checks.iter().flat_map(|check| check.failures.iter().map(String::as_str)).collect();
    let compared: usize = checks.iter().map(|check| check.compared).sum();
    assert!(failures.is_empty(), "{} of {compared} steps differ:\n{}", failures.len(), failures.join("\n"));
    eprintln!("{compared} steps of {} scenarios agree", checks.len());
}

#[test]
fn the_scenarios_of_this_repository_agree() {
    if std::env::var_os("COLONIES_CONFORMANCE_RECORD").is_some_and(|value| value == "1") {
        return own_scenarios().iter().for_each(|path| record_scenario(path));
    }
    let scenarios = own_scenarios();
    assert!(scenarios.iter().any(|path| path.ends_with("00-hello.json")), "the scenarios were not found");
    check_all(scenarios, &Exceptions::new(), &LIKE_THE_REFERENCE);
}

#[test]
fn the_scenarios_agree_where_all_that_has_ended_is_past() {
    check_all(own_scenarios(), &Exceptions::new(), &FORGETFUL);
}

fn record_scenario(path: &Path) {
    let server = server();
    let mut run = Run::new(&server, true);
    let replies: Vec<_> = read(path)["steps"].as_array().unwrap().iter().map(|step| run.step(step)).collect();
    fs::write(path, record::with_replies(&fs::read_to_string(path).unwrap(), &replies)).unwrap();
    eprintln!("recorded {}", path.display());
}

#[test]
fn the_scenarios_of_the_given_folder_agree() {
    let Some(folder) = std::env::var_os("COLONIES_CONFORMANCE_DIR").filter(|folder| !folder.is_empty()) else {
        eprintln!("COLONIES_CONFORMANCE_DIR is not set: there is nothing more to compare with");
        return;
    };
    let suite = std::env::var("COLONIES_CONFORMANCE_FILES").map(|files| files.replace(',', "\n"));
    let suite = suite.unwrap_or_else(|_| fs::read_to_string(here().join("conformance/suite.txt")).unwrap());
    let names = suite.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let files: Vec<_> = names.map(|name| Path::new(&folder).join(name)).collect();
    assert!(!files.is_empty(), "the suite names no scenario");
    let exceptions: Exceptions = serde_json::from_value(read(&here().join("golden-exceptions.json"))).unwrap();
    let used = |key: &&String| !files.iter().any(|file| key.starts_with(&*file.file_name().unwrap().to_string_lossy()));
    let whole = std::env::var_os("COLONIES_CONFORMANCE_FILES").is_none();
    let stray: Vec<_> = exceptions.keys().filter(used).collect();
    assert!(!whole || stray.is_empty(), "exceptions for scenarios that are not in the suite: {stray:?}");
    check_all(files, &exceptions, &LIKE_THE_REFERENCE);
}

/// The runner itself: it must fail when it should.
mod the_runner {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn count(want: Value, got: Value) -> usize {
        count_with(want, got, &Mild::default())
    }

    fn count_with(want: Value, got: Value, mild: &Mild) -> usize {
        differences(&want, &got, &mut Bound::default(), "", mild).len()
    }

    #[test]
    fn sees_what_differs() {
        let want = json!({ "status": 200, "payload": { "list": [1, 2], "text": "a", "none": null, "yes": true } });
        assert_eq!(count(want.clone(), want.clone()), 0);
        let changed = |path: &str, value: Value| {
            let mut got = want.clone();
            *got.pointer_mut(path).unwrap() = value;
            count(want.clone(), got)
        };
        assert_eq!(changed("/status", json!(403)), 1);
        assert_eq!(changed("/payload/list", json!([2, 1])), 2);
        assert_eq!(changed("/payload/list", json!([1])), 1);
        assert_eq!(changed("/payload/text", json!("b")), 1);
        assert_eq!(changed("/payload/text", json!(null)), 1);
        assert_eq!(changed("/payload/none", json!(0)), 1);
        assert_eq!(changed("/payload/none", json!([])), 1);
        assert_eq!(changed("/payload/yes", json!(1)), 1);
        assert_eq!(changed("/payload", json!({ "list": [1, 2], "text": "a", "none": null })), 1);
        let mut more = want.clone();
        more["payload"]["more"] = json!(null);
        assert_eq!(count(want.clone(), more), 1);
        assert_eq!(count(json!({ "n": 1 }), json!({ "n": 1.0 })), 0);
    }

    #[test]
    fn binds_ids_one_to_one() {
        let want = json!(["<id:1>", "<id:2>", "x <id:1>."]);
        assert_eq!(count(want.clone(), json!([A, B, format!("x {A}.")])), 0);
        // Swapped, merged, or no ids at all.
        assert_eq!(count(want.clone(), json!([A, B, format!("x {B}.")])), 1);
        assert_eq!(count(want.clone(), json!([A, A, format!("x {A}.")])), 1);
        assert_eq!(count(want.clone(), json!([A, B, format!("y {A}.")])), 1);
        assert_eq!(count(want, json!([&A[1..], B, "x"])), 2);
        // Ids as names of members.
        assert_eq!(count(json!({ "<id:1>": 5 }), json!({ A: 5 })), 0);
        assert_eq!(count(json!({ "<id:1>": 5 }), json!({ A: 6 })), 1);
    }

    #[test]
    fn is_mild_only_where_told() {
        let (want, got) = (json!({ "l": [{ "a": "<id:1>" }, { "a": "<id:2>", "b": 1 }] }), [A, B]);
        let got = json!({ "l": [{ "a": got[1], "b": 1 }, { "a": got[0] }] });
        assert!(count(want.clone(), got.clone()) > 0);
        let unordered = Mild { unordered: vec!["l".to_owned()], vary: Vec::new() };
        assert_eq!(count_with(want.clone(), got, &unordered), 0);
        let twice = json!({ "l": [{ "a": A, "b": 1 }, { "a": A }] });
        assert!(count_with(want, twice, &unordered) > 0);
        let vary = Mild { unordered: Vec::new(), vary: vec!["l.*.t".to_owned()] };
        assert_eq!(count_with(json!({ "l": [{ "t": 1 }] }), json!({ "l": [{ "t": 2.5 }] }), &vary), 0);
        assert_eq!(count_with(json!({ "l": [{ "t": 1 }] }), json!({ "l": [{ "t": "2" }] }), &vary), 1);
        assert_eq!(count_with(json!({ "t": 1 }), json!({ "t": 2 }), &vary), 1);
    }

    #[test]
    fn holds_exceptions_to_account() {
        let exceptions: Exceptions = [("x.json#0".to_owned(), "why".to_owned())].into();
        let step = json!({ "as": "a", "send": {}, "reply": { "status": 200 } });
        let failures = |got: u16, exceptions: &Exceptions| {
            let mut check = Check::new(Path::new("x.json"));
            check.step(0, &step, &json!({ "status": got }), exceptions);
            assert_eq!(check.compared, 1);
            check.failures.len()
        };
        assert_eq!(failures(200, &Exceptions::new()), 0);
        assert_eq!(failures(403, &Exceptions::new()), 1);
        assert_eq!(failures(403, &exceptions), 0);
        assert_eq!(failures(200, &exceptions), 1);
    }

    #[test]
    fn leaves_out_what_is_skipped_or_over() {
        let step = |member: Value| {
            let mut step = json!({ "send": {}, "reply": 1 });
            step.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
            let mut check = Check::new(Path::new("x.json"));
            check.step(0, &step, &json!(2), &Exceptions::new());
            check.failures.len()
        };
        assert_eq!(step(json!({})), 1);
        assert_eq!(step(json!({ "skip": "why" })), 0);
        assert_eq!(step(json!({ "until": "2001-01-01" })), 0);
        assert_eq!(step(json!({ "until": "9999-01-01" })), 1);
    }

    #[test]
    fn changes_only_replies_when_it_records() {
        let text = "{\n \"about\": \"x\",\n \"steps\": [\n  {\n   \"z\": 1.50,\n   \"a\": {\n    \"k\": []\n   }\n  },\n  {\n   \
                    \"sleep\": 1\n  }\n ]\n}\n";
        let recorded = record::with_replies(text, &[Some(json!({ "status": 200 })), None]);
        let expected = text.replace("   }\n  },", "   },\n   \"reply\": {\n    \"status\": 200\n   }\n  },");
        assert_eq!(recorded, expected);
        assert_eq!(record::with_replies(&recorded, &[Some(json!({ "status": 200 })), None]), expected);
    }

    #[test]
    fn finds_a_changed_recording_in_a_real_conversation() {
        let path = here().join("conformance/00-hello.json");
        let mut changed = read(&path);
        let steps = changed["steps"].as_array_mut().unwrap();
        let step = steps.iter().rposition(|step| step["reply"]["payload"].get("processid").is_some()).unwrap();
        steps[step]["reply"]["payload"]["state"] = json!(77);
        let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
        fs::write(file.path(), changed.to_string()).unwrap();
        let failures = check(file.path(), &Exceptions::new(), &LIKE_THE_REFERENCE).failures;
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].contains("payload.state: wanted 77"), "{failures:?}");
    }
}
