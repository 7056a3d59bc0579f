//! What each step of a request costs, one after the other, without socket and disk. Signatures are in `recover.rs`, the
//! log in `wal/benches/append.rs`, and how turns grow in `assign.rs`.

mod encoded;

use actix::prelude::*;
use colonies::client::sign;
use colonies::colony::event::Event;
use colonies::colony::matching::{Moment, Record};
use colonies::colony::message::{Answer, Command, Decision, Turn};
use colonies::colony::poll::PollSlot;
use colonies::colony::processes::ProcessEvent;
use colonies::colony::state::State;
use colonies::colony::{Colony, Options, access};
use colonies::crypto::{Identity, PrivateKey};
use colonies::ids::ProcessId;
use colonies::limits;
use colonies::rpc::dispatch::{self, Decoded};
use colonies::rpc::envelope::{Envelope, write_reply};
use colonies::server::actor::RandomIds;
use colonies::storage::codec::RecordWriter;
use criterion::{Criterion, criterion_group, criterion_main};
use encoded::Encoded;
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A colony with a user and an executor, without an actor around it.
struct Core {
    colony: Colony,
    clock: i64,
    user: PrivateKey,
    executor: PrivateKey,
}

impl Core {
    fn new() -> Core {
        let owner = PrivateKey::generate();
        let (user, executor) = (PrivateKey::generate(), PrivateKey::generate());
        let colony = Colony::new(State::default(), Arc::new(Options::default()));
        let mut core = Core { colony, clock: 1, user, executor };
        core.apply(Event::Founded { name: "bench".to_owned(), owner: owner.id(), incarnation: 1 });
        let user = json!({"colonyname": "bench", "userid": core.user.id(), "name": "user", "email": "", "phone": ""});
        core.say(&owner, &json!({"msgtype": "addusermsg", "user": user}));
        let executor = json!({"executorid": core.executor.id(), "executorname": "e", "executortype": "bench",
            "colonyname": "bench"});
        core.say(&owner, &json!({"msgtype": "addexecutormsg", "executor": executor}));
        core.say(&owner, &json!({"msgtype": "approveexecutormsg", "colonyname": "bench", "executorname": "e"}));
        core
    }

    fn at(&mut self) -> Moment {
        self.clock += 1_000;
        Moment { now: self.clock, monotonic: 0, number: self.clock as u64 }
    }

    fn apply(&mut self, event: Event) {
        let at = self.at();
        self.colony.apply(event, at.now, at.number);
    }

    fn say(&mut self, key: &PrivateKey, message: &Value) -> Box<dyn Answer> {
        self.turn(&key.id(), command(message))
    }

    /// A turn as the actor gives it: access, decision, record, apply, match, answer.
    fn turn(&mut self, caller: &Identity, command: Box<dyn Command>) -> Box<dyn Answer> {
        let at = self.at();
        access::check(command.access(), &self.colony.state, caller).expect("access");
        let mut turn = Turn { colony: &self.colony, caller, now: at.now, ids: &mut RandomIds };
        let Ok(Decision::Reply(reply)) = command.decide(&mut turn) else { panic!("a reply") };
        let mut record = Encoded(RecordWriter::new(at.now));
        reply.events.iter().for_each(|event| record.add(event));
        for event in reply.events {
            self.colony.apply(event, at.now, at.number);
        }
        let answer = (reply.answer)(&self.colony);
        black_box((self.colony.settle(at, &mut record).answers.len(), record.0.len()));
        answer
    }

    /// A poll's turn: the process that it got.
    fn poll(&mut self, caller: &Identity, command: Box<dyn Command>) -> ProcessId {
        let at = self.at();
        access::check(command.access(), &self.colony.state, caller).expect("access");
        let mut turn = Turn { colony: &self.colony, caller, now: at.now, ids: &mut RandomIds };
        let Ok(Decision::Park(poll)) = command.decide(&mut turn) else { panic!("a poll") };
        let slot = Arc::new(PollSlot::new(|_| {}));
        let mut record = Encoded(RecordWriter::new(at.now));
        let answers = self.colony.poll(poll, slot.clone(), at, &mut record);
        black_box((answers.len(), self.colony.settle(at, &mut record).answers.len(), record.0.len()));
        slot.send(slot.generation());
        slot.place().process.expect("a process")
    }
}

fn submit() -> Value {
    json!({"msgtype": "submitfuncspecmsg", "spec": {"funcname": "load", "args": ["x".repeat(256)], "maxexectime": 600,
        "conditions": {"colonyname": "bench", "executortype": "bench"}}})
}

fn assign() -> Value {
    json!({"msgtype": "assignprocessmsg", "colonyname": "bench", "timeout": 60})
}

fn close(id: &str) -> Value {
    json!({"msgtype": "closesuccessfulmsg", "processid": id, "out": ["done"]})
}

fn command(message: &Value) -> Box<dyn Command> {
    let name = message["msgtype"].as_str().expect("a name");
    let payload = message.to_string();
    match dispatch::find(name).expect("a message").decode(Some(payload.as_bytes()), limits::LIST_ELEMENTS) {
        Ok(Decoded::Colony(command)) => command,
        _ => panic!("a message to a colony"),
    }
}

fn reading(c: &mut Criterion) {
    let key = PrivateKey::generate();
    let id = "ab".repeat(32);
    for (name, message) in [("submit", submit()), ("assign", assign()), ("close", close(&id))] {
        let mut group = c.benchmark_group(format!("read/{name}"));
        let body = sign(&key, &message);
        group.bench_function("envelope", |b| b.iter(|| Envelope::read(black_box(&body)).is_ok()));
        let envelope = Envelope::read(&body).expect("an envelope");
        group.bench_function("base64", |b| b.iter(|| black_box(&envelope).message()));
        let payload = envelope.message().expect("base64");
        let entry = dispatch::find(&envelope.payloadtype).expect("a message");
        group.bench_function("decode", |b| b.iter(|| entry.decode(Some(&payload), limits::LIST_ELEMENTS).is_ok()));
        group.finish();
    }
}

fn turns(c: &mut Criterion) {
    let mut core = Core::new();
    let (user, executor) = (core.user.id(), core.executor.id());
    let mut spent = |measured: usize, rounds: u64| {
        let mut took = [Duration::ZERO; 3];
        for _ in 0..rounds {
            let submitted = command(&submit());
            let begin = Instant::now();
            black_box(core.turn(&user, submitted));
            took[0] += begin.elapsed();
            let polled = command(&assign());
            let begin = Instant::now();
            let id = core.poll(&executor, polled);
            took[1] += begin.elapsed();
            let closed = command(&close(&id.to_string()));
            let begin = Instant::now();
            black_box(core.turn(&executor, closed));
            took[2] += begin.elapsed();
            core.apply(Event::Process(ProcessEvent::Removed(id)));
        }
        took[measured]
    };
    let mut group = c.benchmark_group("turn");
    for (measured, name) in ["submit", "assign", "close"].into_iter().enumerate() {
        group.bench_function(name, |b| b.iter_custom(|rounds| spent(measured, rounds)));
    }
    group.finish();
}

fn writing(c: &mut Criterion) {
    let mut core = Core::new();
    let user = core.user.clone();
    let at = core.at();
    let mut turn = Turn { colony: &core.colony, caller: &user.id(), now: at.now, ids: &mut RandomIds };
    let Ok(Decision::Reply(reply)) = command(&submit()).decide(&mut turn) else { panic!("a reply") };
    let mut group = c.benchmark_group("write");
    group.bench_function("record", |b| {
        b.iter(|| {
            let mut record = RecordWriter::new(1);
            reply.events.iter().for_each(|event| record.add(event));
            record.into_bytes()
        });
    });
    let answer = core.say(&user, &submit());
    group.bench_function("json", |b| b.iter(|| answer.json().expect("JSON")));
    let payload = answer.json().expect("JSON");
    group.bench_function("envelope", |b| b.iter(|| write_reply("submitfuncspecmsg", black_box(&payload))));
    group.finish();
}

/// Answers at once.
struct Echo;

impl Actor for Echo {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "()")]
struct Ask(oneshot::Sender<()>);

impl Handler<Ask> for Echo {
    type Result = ();
    fn handle(&mut self, Ask(tell): Ask, _: &mut Self::Context) {
        // The bench waits for it.
        let _ = tell.send(());
    }
}

/// There and back, both with a wake-up where the actor is on another thread.
fn mailbox(c: &mut Criterion) {
    let system = System::new();
    let arbiter = Arbiter::new();
    let elsewhere = Echo::start_in_arbiter(&arbiter.handle(), |_| Echo);
    let here = system.block_on(async { Echo.start() });
    let mut group = c.benchmark_group("mailbox");
    for (name, address) in [("same thread", here), ("another thread", elsewhere)] {
        group.bench_function(name, |b| {
            b.iter_custom(|rounds| {
                system.block_on(async {
                    let begin = Instant::now();
                    for _ in 0..rounds {
                        let (tell, told) = oneshot::channel();
                        address.try_send(Ask(tell)).expect("room");
                        told.await.expect("an answer");
                    }
                    begin.elapsed()
                })
            });
        });
    }
    group.finish();
    arbiter.stop();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = reading, turns, writing, mailbox
}
criterion_main!(benches);
