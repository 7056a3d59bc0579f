//! What lists, the history and the statistics cost in the core, beside few and beside many stored processes: a turn's
//! decision and its answer, before it is written as JSON. Every list here returns 100 rows.

use colonies::colony::event::Event;
use colonies::colony::message::{Command, Decision, Turn};
use colonies::colony::processes::ProcessEvent;
use colonies::colony::state::{Changes, State};
use colonies::colony::users::{User, UserEvent};
use colonies::colony::{Colony, Options};
use colonies::crypto::Identity;
use colonies::ids::{IdSource, ProcessId};
use colonies::limits;
use colonies::rpc::dispatch::{self, Decoded};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Nanoseconds between two submits: 100 in a second.
const PACE: i64 = 10_000_000;

/// Ids that follow no order, as real ones.
struct Scattered(u64);

impl IdSource for Scattered {
    fn random(&mut self) -> [u8; 32] {
        self.0 += 1;
        let mut id = [0; 32];
        id[8..16].copy_from_slice(&self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
        id[24..].copy_from_slice(&self.0.to_le_bytes());
        id
    }
}

struct Bench {
    colony: Colony,
    user: Identity,
    executor: Identity,
    ids: Scattered,
    now: i64,
}

impl Bench {
    /// A colony with so many processes: a tenth waits, the others have succeeded.
    fn with(processes: usize) -> Bench {
        let mut bytes = [7; 32];
        let executor = Identity::from_bytes(bytes);
        bytes[0] = 8;
        let user = Identity::from_bytes(bytes);
        let colony = Colony::new(State::default(), Arc::new(Options::default()));
        let mut bench = Bench { colony, user: user.clone(), executor, ids: Scattered(0), now: PACE };
        bench.event(Event::Founded { name: "bench".to_owned(), owner: Identity::from_text("owner"), incarnation: 1 });
        let user = User { name: "user".to_owned(), userid: user, ..User::default() };
        bench.event(Event::User(UserEvent::Added(user)));
        for number in 0..processes {
            bench.submit(number % 10 > 0);
        }
        bench
    }

    fn event(&mut self, event: Event) {
        self.colony.apply(event, self.now, 1);
        self.colony.state.changes = Changes::default();
    }

    fn submit(&mut self, succeeds: bool) {
        self.now += PACE;
        let submit = command(&json!({"msgtype": "submitfuncspecmsg", "spec": {"funcname": "helloworld",
            "label": "label", "conditions": {"colonyname": "bench", "executortype": "bench"}}}));
        let Decision::Reply(reply) = self.decide(submit) else { panic!("a submit is answered at once") };
        reply.events.into_iter().for_each(|event| self.event(event));
        if succeeds {
            let id = self.colony.state.processes.iter().next_back().map(|process| process.id);
            let id: ProcessId = id.expect("a process was submitted");
            self.event(Event::Process(ProcessEvent::Assigned { id, executor: self.executor.clone() }));
            self.event(Event::Process(ProcessEvent::ClosedSuccessful { id, out: None }));
        }
    }

    fn decide(&mut self, command: Box<dyn Command>) -> Decision {
        let mut turn = Turn { colony: &self.colony, caller: &self.user, now: self.now, ids: &mut self.ids };
        command.decide(&mut turn).expect("it is let through")
    }
}

fn command(message: &Value) -> Box<dyn Command> {
    let entry = dispatch::find(message["msgtype"].as_str().expect("a name")).expect("a message");
    match entry.decode(Some(message.to_string().as_bytes()), limits::LIST_ELEMENTS) {
        Ok(Decoded::Colony(command)) => command,
        _ => panic!("{message} is not for a colony"),
    }
}

fn lists(c: &mut Criterion) {
    for processes in [10_000usize, 1_000_000] {
        let mut bench = Bench::with(processes);
        let list = |state: i64, filter: &str, value: &str| json!({"msgtype": "getprocessesmsg", "colonyname": "bench", "count": 100, "state": state, filter: value});
        let history = |executor: &str, seconds: i64| {
            json!({"msgtype": "getprocesshistmsg", "colonyname": "bench", "state": 2, "seconds": seconds,
                "executorid": executor})
        };
        let executor = bench.executor.to_string();
        let asked = [
            ("list/waiting", list(0, "label", "")),
            ("list/successful", list(2, "label", "")),
            ("list/of-type", list(2, "executortype", "bench")),
            ("list/of-initiator", list(2, "initiator", "user")),
            ("list/of-label", list(2, "label", "label")),
            ("history/of-a-second", history("", 1)),
            ("history/of-an-executor", history(&executor, 1)),
            ("statistics", json!({"msgtype": "getcolonystatsmsg", "colonyname": "bench"})),
        ];
        for (name, message) in asked {
            c.bench_function(&format!("{name}/{processes}"), |b| {
                b.iter_custom(|iterations| {
                    let mut took = Duration::ZERO;
                    for _ in 0..iterations {
                        let command = command(&message);
                        let begin = Instant::now();
                        let Decision::Reply(reply) = bench.decide(command) else { panic!("answered at once") };
                        let answer = black_box((reply.answer)(&bench.colony));
                        took += begin.elapsed();
                        drop(answer);
                    }
                    took
                });
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    targets = lists
}
criterion_main!(benches);
