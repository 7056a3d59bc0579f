//! Files, snapshots and log lines by their messages: against plain lists, and against what a replay of the records
//! makes of them.

use super::event::Event;
use super::executors::{Executor, ExecutorEvent};
use super::files::File;
use super::files::add::AddFile;
use super::files::labels::GetFileLabels;
use super::files::list::GetFiles;
use super::files::remove::RemoveFile;
use super::logs::add_of_executor::AddExecutorLog;
use super::logs::search::SearchLogs;
use super::message::{ColonyMessage, Decision, Turn};
use super::snapshots::create::CreateSnapshot;
use super::snapshots::remove::RemoveSnapshot;
use super::snapshots::remove_all::RemoveAllSnapshots;
use super::state::State;
use super::{Colony, Options};
use crate::crypto::Identity;
use crate::ids::IdSource;
use crate::json;
use crate::refusal::Refusal;
use crate::storage::codec::{self, RecordWriter};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const LABELS: [&str; 7] = ["/a", "/a/", "/a/b", "/a/b/c", "/a-b", "/ab", ""];
const NAMES: [&str; 3] = ["x", "y", "z"];

struct Counter(u8);

impl IdSource for Counter {
    fn random(&mut self) -> [u8; 32] {
        self.0 += 1;
        [self.0; 32]
    }
}

/// A colony, and the one that its records make.
struct Twins {
    live: Colony,
    replayed: State,
    ids: Counter,
}

impl Twins {
    fn new() -> Twins {
        let live = Colony::new(State::default(), Arc::new(Options::default()));
        let mut twins = Twins { live, replayed: State::default(), ids: Counter(0) };
        let executor = Executor { executorid: worker(), executorname: "w".into(), ..Executor::default() };
        twins.record(vec![
            Event::Founded { name: "c".into(), owner: Identity::from_text("o"), incarnation: 7 },
            Event::Executor(ExecutorEvent::Added(Box::new(executor))),
            Event::Executor(ExecutorEvent::Approved("w".into())),
        ]);
        twins
    }

    fn record(&mut self, events: Vec<Event>) {
        let (now, number) = (self.live.next_turn(1_000), self.live.state.number + 1);
        let mut record = RecordWriter::new(now);
        for event in events {
            record.add(&event);
            self.live.apply(event, now, number);
        }
        let (now, events) = codec::decode::<Event>(&record.into_bytes()).expect("a record just written");
        events.into_iter().for_each(|event| self.replayed.apply(event, now, number));
    }

    /// Sends a message and gives its answer.
    fn send<M: ColonyMessage>(&mut self, message: Value) -> Result<Value, Refusal> {
        let (message, _) = json::decode_message::<M>(message.to_string().as_bytes()).expect("a message that fits");
        let (caller, now) = (worker(), self.live.next_turn(1_000));
        let mut turn = Turn { colony: &self.live, caller: &caller, now, ids: &mut self.ids };
        let Decision::Reply(reply) = message.decide(&mut turn)? else {
            panic!("all of these are answered at once");
        };
        self.record(reply.events);
        let answer = (reply.answer)(&self.live).json().expect("an answer");
        Ok(serde_json::from_slice(&answer).expect("JSON"))
    }
}

fn worker() -> Identity {
    Identity::from_text("w")
}

/// The plain lists.
#[derive(Default)]
struct Model {
    /// Label, name and id of each revision in the order in which they were added.
    files: Vec<(&'static str, &'static str, String)>,
    /// Files by the snapshots' names.
    snapshots: BTreeMap<&'static str, Vec<String>>,
    lines: Vec<String>,
}

impl Model {
    fn labels(&self, wanted: impl Fn(&str) -> bool) -> Value {
        let labels: BTreeSet<&str> = self.files.iter().map(|file| file.0).filter(|label| wanted(label)).collect();
        let count = |label: &str| self.files.iter().filter(|file| file.0 == label).count();
        let rows: Vec<Value> = labels.into_iter().map(|label| json!({"name": label, "files": count(label)})).collect();
        if rows.is_empty() { Value::Null } else { rows.into() }
    }

    fn is_in_tree(&self, root: &str, label: &str) -> bool {
        self.files.iter().any(|file| file.0 == root) && (label == root || label.starts_with(&format!("{root}/")))
    }

    fn newest(&self, wanted: impl Fn(&str) -> bool) -> BTreeMap<(&str, &str), &String> {
        self.files.iter().filter(|file| wanted(file.0)).map(|(label, name, id)| ((*label, *name), id)).collect()
    }
}

fn step(twins: &mut Twins, model: &mut Model, (kind, label, name, number): (u8, usize, usize, usize)) {
    let (label, name) = (LABELS[label], NAMES[name]);
    match kind {
        0..5 => {
            let file = json!({"file": {"label": label, "name": name, "size": number, "sequencenr": 99}});
            let added = twins.send::<AddFile>(file).expect("room");
            let id = added["fileid"].as_str().expect("an id");
            assert!(id.starts_with("00000007"), "{id} names its colony");
            model.files.push((label, name, id.to_owned()));
        }
        5 if !model.files.is_empty() => {
            let (_, _, id) = model.files.remove(number % model.files.len());
            twins.send::<RemoveFile>(json!({"fileid": id, "label": label, "name": name})).expect("removed");
        }
        6 => {
            let removed = twins.send::<RemoveFile>(json!({"label": label, "name": name}));
            assert_eq!(removed.is_err(), label.is_empty());
            model.files.retain(|file| label.is_empty() || (file.0, file.1) != (label, name));
        }
        7 | 8 => {
            let created = twins.send::<CreateSnapshot>(json!({"label": label, "name": name}));
            assert_eq!(created.is_err(), model.snapshots.contains_key(name));
            let Ok(created) = created else { return };
            let root = label.strip_suffix('/').unwrap_or(label);
            assert_eq!(created["label"], root);
            let ids: Vec<String> = model.newest(|label| model.is_in_tree(root, label)).into_values().cloned().collect();
            assert_eq!(created["fileids"], if ids.is_empty() { Value::Null } else { json!(ids) });
            model.snapshots.insert(name, ids);
        }
        9 => {
            twins.send::<RemoveSnapshot>(json!({"name": name})).expect("removed");
            model.snapshots.remove(name);
        }
        10 if number % 4 == 0 => {
            twins.send::<RemoveAllSnapshots>(json!({})).expect("removed");
            model.snapshots.clear();
        }
        _ => {
            let line = format!("{label} {number}");
            twins.send::<AddExecutorLog>(json!({"executorname": "w", "message": line})).expect("added");
            model.lines.push(line);
        }
    }
}

fn agree(twins: &mut Twins, model: &Model) {
    for label in LABELS {
        let starts = twins.send::<GetFileLabels>(json!({"name": label})).expect("a list");
        assert_eq!(starts, model.labels(|other| other.starts_with(label)));
        if !label.is_empty() {
            let tree = twins.send::<GetFileLabels>(json!({"name": label, "exact": true})).expect("a list");
            assert_eq!(tree, model.labels(|other| model.is_in_tree(label, other)));
        }
        let listed = twins.send::<GetFiles>(json!({"label": label})).expect("a list");
        let names: Vec<&str> = model.newest(|other| other == label).into_keys().map(|(_, name)| name).collect();
        let listed: Vec<&str> =
            listed.as_array().into_iter().flatten().filter_map(|row| row["name"].as_str()).collect();
        assert_eq!(listed, names);
    }
    let state = &twins.live.state;
    assert_eq!(state.files.len(), model.files.len());
    let revisions = LABELS.iter().flat_map(|label| NAMES.map(|name| state.files.revisions(label, name)));
    let bytes: usize = revisions.flatten().map(|file: &Arc<File>| file.content.bytes()).sum();
    assert_eq!(state.files.bytes(), bytes);
    assert_eq!(state.snapshots.len(), model.snapshots.len());
    for (name, ids) in &model.snapshots {
        let snapshot = state.snapshots.by_name(name).expect("a snapshot");
        assert_eq!(&snapshot.files.iter().map(ToString::to_string).collect::<Vec<_>>(), ids, "it never changes");
    }
    let found = twins.send::<SearchLogs>(json!({"text": "/a_b", "days": 1, "count": 100})).expect("a list");
    let found: Vec<&str> = found.as_array().into_iter().flatten().filter_map(|row| row["message"].as_str()).collect();
    let lines: Vec<&String> =
        model.lines.iter().filter(|line| line.starts_with("/a/b") || line.starts_with("/a-b")).collect();
    assert_eq!(found, lines);
    assert_eq!(&twins.live.state, &twins.replayed);
}

proptest! {
    #[test]
    fn files_snapshots_and_lines_are_plain_lists_and_survive_a_replay(
        steps in proptest::collection::vec((0u8..12, 0..LABELS.len(), 0..NAMES.len(), 0usize..40), 0..60),
    ) {
        let (mut twins, mut model) = (Twins::new(), Model::default());
        for taken in steps {
            step(&mut twins, &mut model, taken);
        }
        agree(&mut twins, &model);
    }
}
