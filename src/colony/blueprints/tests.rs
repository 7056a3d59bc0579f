//! Random messages: what is replayed from the records is what was live, and the indexes say what a search would.

use super::*;
use crate::colony::message::{ColonyMessage, Decision, Turn};
use crate::colony::state::State;
use crate::colony::{Colony, event::Event};
use crate::ids::IdSource;
use crate::storage::codec::{self, RecordWriter};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

struct Counter(u64);

impl IdSource for Counter {
    fn random(&mut self) -> [u8; 32] {
        self.0 += 1;
        let mut id = [0; 32];
        id[24..].copy_from_slice(&self.0.to_be_bytes());
        id[..8].copy_from_slice(&self.0.to_be_bytes());
        id
    }
}

struct Bench {
    colony: Colony,
    ids: Counter,
    records: Vec<Vec<u8>>,
    caller: Identity,
}

impl Bench {
    fn new() -> Bench {
        let owner = Identity::from_text("owner");
        let mut bench = Bench {
            colony: Colony::new(State::default(), Arc::default()),
            ids: Counter(0),
            records: Vec::new(),
            caller: owner.clone(),
        };
        bench.record(vec![Event::Founded { name: "c".into(), owner, incarnation: 7 }]);
        bench
    }

    fn record(&mut self, events: Vec<Event>) {
        let number = self.records.len() as u64 + 1;
        let now = number as i64 * 1_000;
        let mut writer = RecordWriter::new(now);
        for event in events {
            writer.add(&event);
            self.colony.apply(event, now, number);
        }
        self.records.push(writer.into_bytes());
    }

    /// Sends a message: its answer, or status and text of its refusal.
    fn send<M: ColonyMessage>(&mut self, message: Value) -> Result<Value, (u16, String)> {
        let message: M = crate::json::decode(message.to_string().as_bytes()).expect("a message of this test");
        let mut turn = Turn { colony: &self.colony, caller: &self.caller, now: 0, ids: &mut self.ids };
        let decision = message.decide(&mut turn).map_err(|refusal| (refusal.status, refusal.message.into_owned()))?;
        let Decision::Reply(reply) = decision else {
            panic!("an answer at once");
        };
        self.record(reply.events);
        let answer = (reply.answer)(&self.colony).json().expect("JSON");
        Ok(serde_json::from_slice(&answer).expect("JSON"))
    }

    fn replayed(&self) -> State {
        let mut state = State::default();
        for (place, record) in self.records.iter().enumerate() {
            let (now, events) = codec::decode::<Event>(record).expect("a record just written");
            for event in events {
                state.apply(event, now, place as u64 + 1);
            }
        }
        state
    }

    fn define(&mut self, kind: &str) {
        let definition = json!({"metadata": {"name": kind, "colonyname": "c"},
            "spec": {"names": {"kind": kind}, "handler": {"executorType": "rec", "functionName": "go"},
                     "schema": {"properties": {"n": {"type": "number"}}}}});
        let sent = self.send::<add_definition::AddBlueprintDefinition>(json!({"blueprintdefinition": definition}));
        sent.expect("a definition");
    }

    fn waiting(&self) -> usize {
        self.colony.state.processes.count(crate::colony::processes::ProcessState::Waiting)
    }
}

fn blueprint(name: &str, kind: &str, location: &str, n: i64) -> Value {
    json!({"kind": kind, "metadata": {"name": name, "colonyname": "c", "locationname": location}, "spec": {"n": n}})
}

#[test]
fn one_add_is_one_record_with_all_that_comes_with_it() {
    let mut bench = Bench::new();
    bench.define("K");
    let records = bench.records.len();
    let added = bench.send::<add::AddBlueprint>(json!({"blueprint": blueprint("b", "K", "edge", 1)}));
    let id = added.expect("a blueprint")["blueprintid"].as_str().map(str::to_owned).expect("an id");
    assert_eq!((bench.records.len(), bench.waiting()), (records + 1, 1));
    // The colony's incarnation.
    assert_eq!(&id[..8], "00000007");
    let location = bench.colony.state.locations.get("edge").expect("the location");
    assert_eq!(location.description, "Auto-created from blueprint b");
    let again = bench.send::<add::AddBlueprint>(json!({"blueprint": blueprint("b", "K", "edge", 1)}));
    assert_eq!(again, Err((409, "blueprint with name 'b' already exists in colony 'c'".into())));
    let history = bench.send::<history::GetBlueprintHistory>(json!({"blueprintid": id})).expect("a history");
    assert_eq!(history[0]["changetype"], "create");
}

#[test]
fn only_another_specification_raises_the_generation() {
    let mut bench = Bench::new();
    bench.define("K");
    bench.send::<add::AddBlueprint>(json!({"blueprint": blueprint("b", "K", "", 1)})).expect("a blueprint");
    let mut update = |blueprint: Value, force: bool| {
        let message = json!({"blueprint": blueprint, "forcegeneration": force});
        let updated = bench.send::<update::UpdateBlueprint>(message).expect("an update");
        (updated["metadata"]["generation"].as_i64().unwrap_or_default(), bench.waiting())
    };
    let same = json!({"kind": "K", "metadata": {"name": "b", "colonyname": "c", "generation": 99}, "spec": {"n": 1.0}});
    assert_eq!(update(same.clone(), false), (0, 1));
    assert_eq!(update(same, true), (1, 2));
    assert_eq!(update(blueprint("b", "K", "", 2), false), (2, 3));
}

#[test]
fn a_removed_blueprint_takes_its_history_along() {
    let mut bench = Bench::new();
    bench.define("K");
    let mut chosen = blueprint("b", "K", "", 1);
    chosen["blueprintid"] = json!("chosen");
    bench.send::<add::AddBlueprint>(json!({"blueprint": chosen})).expect("a blueprint");
    bench.send::<remove::RemoveBlueprint>(json!({"namespace": "c", "name": "b"})).expect("a removal");
    let gone = bench.send::<history::GetBlueprintHistory>(json!({"blueprintid": "chosen"}));
    assert_eq!(gone, Err((404, "Blueprint not found".into())));
    bench.send::<add::AddBlueprint>(json!({"blueprint": chosen})).expect("the same again");
    let history = bench.send::<history::GetBlueprintHistory>(json!({"blueprintid": "chosen"})).expect("a history");
    assert_eq!(history.as_array().map(Vec::len), Some(1));
}

const NAMES: [&str; 4] = ["a", "b", "c", ""];
const KINDS: [&str; 3] = ["K", "L", "K-x"];
const LOCATIONS: [&str; 4] = ["", "x", "X", "é"];

proptest! {
    #[test]
    fn what_is_replayed_is_what_was_live(
        steps in proptest::collection::vec((0u8..8, 0usize..4, 0usize..3, 0usize..4, 0i64..3), 0..60),
    ) {
        let mut bench = Bench::new();
        KINDS.iter().for_each(|kind| bench.define(kind));
        for (what, name, kind, location, n) in steps {
            let (name, kind, location) = (NAMES[name], KINDS[kind], LOCATIONS[location]);
            let one = blueprint(name, kind, location, n);
            let named = json!({"namespace": "c", "name": name, "force": n > 0});
            let _ = match what {
                0 | 1 => bench.send::<add::AddBlueprint>(json!({"blueprint": one})),
                2 => bench.send::<update::UpdateBlueprint>(json!({"blueprint": one, "forcegeneration": n == 2})),
                3 => bench.send::<update_status::UpdateBlueprintStatus>(
                    json!({"colonyname": "c", "blueprintname": name, "status": {"n": n}}),
                ),
                4 => bench.send::<reconcile::ReconcileBlueprint>(named),
                5 => bench.send::<remove::RemoveBlueprint>(named),
                6 => bench.send::<remove_definition::RemoveBlueprintDefinition>(json!({"namespace": "c", "name": kind})),
                _ => bench.send::<add_definition::AddBlueprintDefinition>(
                    json!({"blueprintdefinition": {"metadata": {"name": name}, "spec": {"names": {"kind": kind}}}}),
                ),
            };
        }
        let live = &bench.colony.state;
        let replayed = bench.replayed();
        prop_assert!(replayed == *live);
        for blueprints in [&live.blueprints, &replayed.blueprints] {
            prop_assert_eq!(blueprints.bytes(), live.blueprints.bytes());
            let all = blueprints.list("", "");
            for kind in KINDS {
                let of_kind: Vec<_> = all.iter().filter(|blueprint| blueprint.kind == kind).cloned().collect();
                prop_assert_eq!(blueprints.count_of(kind), of_kind.len());
                prop_assert_eq!(blueprints.list(kind, ""), of_kind.clone());
                let declaring = blueprints.definitions().find(|definition| definition.declares() == kind);
                prop_assert_eq!(blueprints.definition_of(kind), declaring);
                for location in LOCATIONS.into_iter().filter(|location| !location.is_empty()) {
                    let there = |blueprint: &&Arc<Blueprint>| {
                        blueprint.metadata.locationname.to_lowercase() == location.to_lowercase()
                    };
                    let there: Vec<_> = of_kind.iter().filter(there).cloned().collect();
                    prop_assert_eq!(blueprints.list(kind, location), there);
                }
            }
            for cron in ["reconcile-K", "reconcile-K-x", "reconcile-L-é"] {
                let name = |one: &Arc<Blueprint>| reconcile_cron::name(&one.kind, &one.metadata.locationname);
                prop_assert_eq!(blueprints.sharing_cron(cron), all.iter().filter(|one| name(one) == cron).count());
            }
            for one in &all {
                prop_assert_eq!(blueprints.by_id(&one.blueprintid), Some(one));
            }
        }
    }
}
