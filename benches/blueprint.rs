//! What a change of one blueprint costs among others of its kind: the turn that decides, encodes and applies it, with the
//! process that asks the reconciler, and writes the answer. No HTTP, no signatures, no disk.
//!
//! Each blueprint has a location of its own, so that there are as many reconciliation crons as blueprints.

mod encoded;

use colonies::colony::blueprints::add::AddBlueprint;
use colonies::colony::blueprints::add_definition::AddBlueprintDefinition;
use colonies::colony::blueprints::reconcile::ReconcileBlueprint;
use colonies::colony::blueprints::remove::RemoveBlueprint;
use colonies::colony::blueprints::update::UpdateBlueprint;
use colonies::colony::blueprints::update_status::UpdateBlueprintStatus;
use colonies::colony::event::Event;
use colonies::colony::matching::{Moment, Record};
use colonies::colony::message::{ColonyMessage, Decision, Turn};
use colonies::colony::processes::ProcessEvent;
use colonies::colony::state::State;
use colonies::colony::{Colony, Options};
use colonies::crypto::Identity;
use colonies::ids::IdSource;
use colonies::storage::codec::RecordWriter;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use encoded::Encoded;
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Ids(u64);

impl IdSource for Ids {
    fn random(&mut self) -> [u8; 32] {
        self.0 += 1;
        let mut random = [0; 32];
        random[8..16].copy_from_slice(&self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
        random[24..].copy_from_slice(&self.0.to_le_bytes());
        random
    }
}

struct Bench {
    colony: Colony,
    clock: i64,
    ids: Ids,
    blueprints: u64,
    /// How many changes there were: which blueprint is next, and what its specification says.
    changes: u64,
}

impl Bench {
    fn new(blueprints: u64) -> Bench {
        let colony = Colony::new(State::default(), Arc::new(Options::default()));
        let mut bench = Bench { colony, clock: 1, ids: Ids(0), blueprints, changes: 0 };
        let owner = Identity::from_text("owner");
        bench.event(Event::Founded { name: "bench".to_owned(), owner, incarnation: 1 });
        let definition = json!({"metadata": {"name": "site", "colonyname": "bench"}, "spec": {
            "names": {"kind": "Site"},
            "handler": {"executorType": "reconciler", "functionName": "reconcile"},
            "schema": {"properties": {"replicas": {"type": "number"}, "image": {"type": "string"}}, "required": ["image"]},
        }});
        bench.turn::<AddBlueprintDefinition>(&json!({"blueprintdefinition": definition}));
        for number in 0..blueprints {
            bench.turn::<AddBlueprint>(&added(number));
        }
        bench
    }

    fn at(&mut self) -> Moment {
        self.clock += 1_000;
        Moment { now: self.clock, monotonic: 0, number: self.clock as u64 }
    }

    fn event(&mut self, event: Event) {
        let at = self.at();
        self.colony.apply(event, at.now, at.number);
        self.colony.settle(at, &mut Encoded(RecordWriter::new(at.now)));
    }

    /// The next blueprint's number, far from the one before.
    fn next(&mut self) -> u64 {
        self.changes += 1;
        self.changes.wrapping_mul(7_919) % self.blueprints
    }

    /// One message's turn; the time it took. The process that it made is removed afterwards.
    fn turn<M: ColonyMessage>(&mut self, message: &Value) -> Duration {
        let message: M = colonies::json::decode(message.to_string().as_bytes()).expect("a message of this bench");
        let at = self.at();
        let caller = self.colony.state.owner.clone();
        let begin = Instant::now();
        let mut turn = Turn { colony: &self.colony, caller: &caller, now: at.now, ids: &mut self.ids };
        let Ok(Decision::Reply(reply)) = message.decide(&mut turn) else {
            panic!("{} was not accepted", M::NAME);
        };
        let mut record = Encoded(RecordWriter::new(at.now));
        let mut process = None;
        for event in reply.events {
            if let Event::Process(ProcessEvent::Submitted(submission)) = &event {
                process = Some(submission.id);
            }
            record.add(&event);
            self.colony.apply(event, at.now, at.number);
        }
        let settled = self.colony.settle(at, &mut record);
        let answer = (reply.answer)(&self.colony).json().expect("an answer");
        black_box((settled.answers.len(), record.0.len(), answer.len()));
        let took = begin.elapsed();
        self.colony.state.changes = Default::default();
        if let Some(process) = process {
            self.event(Event::Process(ProcessEvent::Removed(process)));
        }
        took
    }

    fn update(&mut self) -> Duration {
        let mut blueprint = blueprint(self.next());
        blueprint["spec"]["replicas"] = json!(self.changes);
        self.turn::<UpdateBlueprint>(&json!({"blueprint": blueprint}))
    }

    fn status(&mut self) -> Duration {
        let name = name(self.next());
        let status = json!({"runningInstances": self.changes});
        self.turn::<UpdateBlueprintStatus>(&json!({"colonyname": "bench", "blueprintname": name, "status": status}))
    }

    fn reconcile(&mut self) -> Duration {
        let name = name(self.next());
        self.turn::<ReconcileBlueprint>(&json!({"namespace": "bench", "name": name, "force": true}))
    }

    /// Removes a blueprint, its cron with it, and adds it again.
    fn replace(&mut self) -> Duration {
        let number = self.next();
        let removed = self.turn::<RemoveBlueprint>(&json!({"namespace": "bench", "name": name(number)}));
        removed + self.turn::<AddBlueprint>(&added(number))
    }
}

fn name(number: u64) -> String {
    format!("site-{number}")
}

fn blueprint(number: u64) -> Value {
    let metadata = json!({"name": name(number), "colonyname": "bench", "locationname": format!("edge-{number}")});
    json!({"kind": "Site", "metadata": metadata, "spec": {"image": "nginx:1.27", "replicas": 0}})
}

fn added(number: u64) -> Value {
    json!({"blueprint": blueprint(number)})
}

fn change(c: &mut Criterion) {
    let mut group = c.benchmark_group("blueprint");
    group.sample_size(20);
    for blueprints in [10u64, 1_000, 10_000] {
        let mut bench = Bench::new(blueprints);
        let mut measure = |what: &str, one: fn(&mut Bench) -> Duration| {
            group.bench_function(BenchmarkId::new(what, blueprints), |b| {
                b.iter_custom(|iterations| (0..iterations).map(|_| one(&mut bench)).sum());
            });
        };
        measure("update", Bench::update);
        measure("status", Bench::status);
        measure("reconcile", Bench::reconcile);
        measure("remove and add", Bench::replace);
    }
    group.finish();
}

criterion_group!(benches, change);
criterion_main!(benches);
