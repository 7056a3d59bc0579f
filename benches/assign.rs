//! Assign latency of the core alone: no HTTP, no signatures, no disk. What a turn costs when an executor takes a process
//! from a queue of a given depth, and when a submit meets a given number of waiting executors.
//!
//! Each measured turn decides nothing twice: it matches, encodes its record and applies it, as the server's turns do.

mod encoded;

use colonies::colony::event::Event;
use colonies::colony::executors::{Executor, ExecutorEvent};
use colonies::colony::matching::{Moment, Record};
use colonies::colony::poll::PollSlot;
use colonies::colony::processes::queue::Offer;
use colonies::colony::processes::spec_request::SpecRequest;
use colonies::colony::processes::{ProcessEvent, Submission};
use colonies::colony::state::State;
use colonies::colony::waiters::Poll;
use colonies::colony::{Colony, Options};
use colonies::crypto::Identity;
use colonies::ids::ProcessId;
use colonies::storage::codec::RecordWriter;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use encoded::Encoded;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Bench {
    colony: Colony,
    clock: i64,
    ids: u64,
}

impl Bench {
    fn new() -> Bench {
        let mut bench = Bench { colony: Colony::new(State::default(), Arc::new(Options::default())), clock: 1, ids: 0 };
        bench.event(Event::Founded { name: "bench".to_owned(), owner: Identity::from_text("owner"), incarnation: 1 });
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

    fn executor(&mut self, number: usize) -> (Identity, Offer) {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        let id = Identity::from_bytes(bytes);
        let name = format!("executor-{number}");
        let executor = Executor {
            executorid: id.clone(),
            executorname: name.clone(),
            executortype: "bench".to_owned(),
            ..Executor::default()
        };
        self.event(Event::Executor(ExecutorEvent::Added(Box::new(executor))));
        self.event(Event::Executor(ExecutorEvent::Approved(name.clone())));
        let offer = Offer {
            executor_type: "bench".into(),
            executor_name: name.into(),
            location: "".into(),
            cpu: None,
            memory: None,
        };
        (id, offer)
    }

    fn submission(&mut self) -> Event {
        self.ids += 1;
        let mut random = [0; 32];
        random[8..16].copy_from_slice(&self.ids.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
        random[24..].copy_from_slice(&self.ids.to_le_bytes());
        let spec =
            r#"{"funcname":"helloworld","maxretries":3,"conditions":{"colonyname":"bench","executortype":"bench"}}"#;
        let spec: SpecRequest = colonies::json::decode(spec.as_bytes()).expect("a spec");
        let (spec, _) = spec.into_spec().expect("a valid spec");
        Event::Process(ProcessEvent::Submitted(Box::new(Submission {
            id: ProcessId::new(1, self.ids as i64, random),
            initiator: Identity::from_text("user"),
            initiator_name: "user".into(),
            spec: Arc::new(spec),
            env: BTreeMap::new(),
        })))
    }

    /// A poll's turn; the time it took.
    fn poll(&mut self, executor: &Identity, offer: &Offer, seconds: Option<u64>) -> (Duration, Arc<PollSlot>) {
        let at = self.at();
        let slot = Arc::new(PollSlot::new(|_| {}));
        let poll = Poll { executor: executor.clone(), offer: offer.clone(), seconds };
        let begin = Instant::now();
        let mut record = Encoded(RecordWriter::new(at.now));
        let answers = self.colony.poll(poll, slot.clone(), at, &mut record);
        let settled = self.colony.settle(at, &mut record);
        black_box((answers, settled.answers.len(), record.0.len()));
        (begin.elapsed(), slot)
    }

    /// The process that a poll got is closed and its answer counts as sent.
    fn close(&mut self, slot: &PollSlot) {
        slot.send(slot.generation());
        let id = slot.place().process.expect("the poll got a process");
        self.event(Event::Process(ProcessEvent::ClosedSuccessful { id, out: None }));
        self.event(Event::Process(ProcessEvent::Removed(id)));
    }
}

fn depth(c: &mut Criterion) {
    let mut group = c.benchmark_group("assign/waiting-processes");
    for waiting in [0usize, 1_000, 100_000, 1_000_000] {
        let mut bench = Bench::new();
        let (executor, offer) = bench.executor(1);
        for _ in 0..waiting {
            let event = bench.submission();
            bench.event(event);
        }
        group.bench_function(BenchmarkId::from_parameter(waiting), |b| {
            b.iter_custom(|iterations| {
                let mut took = Duration::ZERO;
                for _ in 0..iterations {
                    let event = bench.submission();
                    bench.event(event);
                    let (time, slot) = bench.poll(&executor, &offer, None);
                    took += time;
                    bench.close(&slot);
                }
                took
            });
        });
    }
    group.finish();
}

fn herd(c: &mut Criterion) {
    let mut group = c.benchmark_group("assign/waiting-executors");
    for waiting in [1usize, 100, 10_000] {
        let mut bench = Bench::new();
        let mut slots = std::collections::VecDeque::new();
        let executors: Vec<_> = (0..waiting).map(|number| bench.executor(number)).collect();
        for (executor, offer) in &executors {
            slots.push_back(bench.poll(executor, offer, Some(3_600)).1);
        }
        let mut next = 0;
        group.bench_function(BenchmarkId::from_parameter(waiting), |b| {
            b.iter_custom(|iterations| {
                let mut took = Duration::ZERO;
                for _ in 0..iterations {
                    let event = bench.submission();
                    let at = bench.at();
                    let begin = Instant::now();
                    let mut record = Encoded(RecordWriter::new(at.now));
                    record.add(&event);
                    bench.colony.apply(event, at.now, at.number);
                    let settled = bench.colony.settle(at, &mut record);
                    black_box((settled.answers.len(), record.0.len()));
                    took += begin.elapsed();
                    assert_eq!(settled.answers.len(), 1, "one submit wakes one executor");
                    let slot = slots.pop_front().expect("somebody waits");
                    bench.close(&slot);
                    let (executor, offer) = &executors[next % waiting];
                    next += 1;
                    slots.push_back(bench.poll(executor, offer, Some(3_600)).1);
                }
                took
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(3));
    targets = depth, herd
}
criterion_main!(benches);
