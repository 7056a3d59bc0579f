//! The history store with millions of rows, and a server on it beside one that has none: what writing costs, what
//! reading costs, and that neither start, nor memory, nor new work feels the past. It takes minutes and some gigabytes:
//!
//! ```text
//! cargo test --release --test history_at_scale -- --ignored --nocapture
//! ```
//!
//! `COLONIES_SCALE_PROCESSES` and `COLONIES_SCALE_LINES` ask for other sizes than a million and five millions.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use colonies::colony::event::Event;
use colonies::colony::history::{Archive, Batch, HistoryEvent, Holdings, ProcessRecord, Recalled};
use colonies::colony::logs::{LogEvent, LogLine};
use colonies::colony::processes::{Process, ProcessState};
use colonies::colony::state::State;
use colonies::ids::{Incarnation, ProcessId};
use colonies::storage::codec::RecordWriter;
use colonies::storage::history::{HistoryStore, Known, StoreOptions};
use colonies::storage::replay::replay;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use support::machine::resident;
use support::{Client, Colony, PrivateKey, Server, Value, json, wait};
use wal::{Append, Class, FileLog, Log, Position, RealStorage, StreamId};

const PROCESSES: u64 = 1_000_000;
const LINES: u64 = 5_000_000;
const A_BATCH: u64 = 1_000;
/// The days over which the past is spread; a search looks back for thirty.
const DAYS: i64 = 20;
const DAY: i64 = 86_400_000_000_000;
/// What a read may take over HTTP, and what new work, a start and memory may cost beside an empty store.
const READ: Duration = Duration::from_millis(200);
const RATIO: f64 = 1.2;
const MEMORY_KB: u64 = 100 << 10;

fn size(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// A number that looks random and is the same in every run (splitmix64).
fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Processor time from a `stat` file of `/proc`, in microseconds; it counts in hundredths of a second.
fn cpu(stat: &Path) -> u64 {
    let text = std::fs::read_to_string(stat).unwrap();
    let after_name = text.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10_000
}

/// Processor time of the store's writer in this process.
fn writer_cpu() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path());
    let of_writer =
        tasks.filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == "history"));
    of_writer.map(|task| cpu(&task.join("stat"))).sum()
}

/// What the past is made of.
struct Past {
    of: Incarnation,
    /// Every stored process is a variation of this one.
    template: Process,
    specs: Vec<Arc<colonies::colony::processes::spec::FunctionSpec>>,
    newest: i64,
    first_number: u64,
    processes: u64,
    lines: u64,
}

impl Past {
    fn new(of: Incarnation, state: &State, processes: u64, lines: u64) -> Past {
        let template = state.processes.iter().next().unwrap().clone();
        let variation = |number: usize| {
            let mut spec = (*template.spec).clone();
            spec.label = format!("label-{number}").into();
            spec.conditions.executor_type = format!("type-{}", number % 10).into();
            Arc::new(spec)
        };
        let specs = (0..100).map(variation).collect();
        Past { of, template, specs, newest: state.newest - 1, first_number: 1_000, processes, lines }
    }

    /// As the server makes them: what is newer comes later.
    fn id(&self, number: u64) -> ProcessId {
        let mut random = [0; 32];
        for (place, chunk) in (0..).zip(random.chunks_mut(8)) {
            chunk.copy_from_slice(&scattered(number * 4 + place).to_le_bytes());
        }
        ProcessId::new(self.of, self.at(number, self.processes), random)
    }

    fn state(number: u64) -> ProcessState {
        match number % 50 {
            0 => ProcessState::Cancelled,
            1..5 => ProcessState::Failed,
            _ => ProcessState::Successful,
        }
    }

    /// When the one of this number of so many happened.
    fn at(&self, number: u64, of: u64) -> i64 {
        let apart = DAYS * DAY / of as i64;
        self.newest - (of - 1 - number) as i64 * apart
    }

    fn process(&self, number: u64) -> ProcessRecord {
        let at = colonies::time::Time::from_nanos(self.at(number, self.processes));
        let process = Process {
            id: self.id(number),
            state: Past::state(number),
            // The one user that there is, now and then.
            initiator_name: if number.is_multiple_of(7) { "user".into() } else { "another".into() },
            spec: self.specs[(scattered(number) % 100) as usize].clone(),
            submitted: at.plus_seconds(-2),
            started: at.plus_seconds(-1),
            ended: at,
            ..self.template.clone()
        };
        ProcessRecord { number: self.first_number + number, process, links: Default::default() }
    }

    /// A line of some 110 bytes. Texts are there to be searched for: `finished` in all of them, `quokka` in ten;
    /// all runs of three of `softwareness` in half of the lines and the word in none; those of `restarting` are
    /// nowhere together, although each is in a quarter.
    fn line(&self, number: u64) -> Arc<LogLine> {
        let random = scattered(number);
        let words = match number % 4 {
            0 => "restart of unit",
            1 => "tarting unit",
            _ => "software wareness",
        };
        let rare = if number % (self.lines / 10).max(1) == 7 { " quokka" } else { "" };
        let message = format!(
            "worker {} {words} {:08x}: step {} finished in {} milliseconds, {} rows, status=ok{rare}\n",
            random % 64,
            random >> 32,
            number % 17,
            (random >> 8) % 5_000,
            (random >> 16) % 100_000,
        );
        let process = self.id(number * self.processes / self.lines);
        let said = LogEvent { process: Some(process), executor: format!("executor-{}", number % 20), message };
        Arc::new(LogLine { said, timestamp: self.at(number, self.lines) })
    }

    fn batch(&self, number: u64) -> Batch {
        Batch {
            of: self.of,
            number,
            removals: Vec::new(),
            processes: Vec::new(),
            workflows: Vec::new(),
            lines: Vec::new(),
            has_more: true,
        }
    }

    /// Writes all of it to the store, and to the colony's log that it is there.
    fn load(&self, dir: &Path, log: &FileLog, (state, last): &(State, Position)) {
        let history = &state.history;
        assert_eq!(history.batches(), 0);
        let known = Known { of: self.of, batches: 0, lines_until: 0 };
        let store = HistoryStore::open(&dir.join("history"), &[known], StoreOptions::default()).unwrap();
        let mut batches = 0;
        let mut measured = |what: &str, of: u64, fill: &dyn Fn(&mut Batch, std::ops::Range<u64>)| {
            let (begin, cpu) = (Instant::now(), writer_cpu());
            let mut under_way: Option<Receiver<bool>> = None;
            for first in (0..of).step_by(A_BATCH as usize) {
                batches += 1;
                let mut batch = self.batch(batches);
                fill(&mut batch, first..of.min(first + A_BATCH));
                if let Some(before) = under_way.take() {
                    assert!(before.recv().unwrap());
                }
                let (tell, told) = channel();
                store.write(batch, Box::new(move |outcome| tell.send(outcome.is_ok()).unwrap()));
                under_way = Some(told);
            }
            assert!(under_way.unwrap().recv().unwrap());
            let per_row = |micros: u64| micros as f64 / of as f64;
            let (wall, cpu) = (begin.elapsed().as_micros() as u64, writer_cpu() - cpu);
            println!("{of} {what}: {:.1} µs of CPU, {:.1} µs of time each", per_row(cpu), per_row(wall));
        };
        measured("processes", self.processes, &|batch, range| batch.processes.extend(range.map(|n| self.process(n))));
        measured("lines", self.lines, &|batch, range| batch.lines.extend(range.map(|n| self.line(n))));
        store.close();
        drop(store);
        let bytes = std::fs::metadata(dir.join("history/history.db")).unwrap().len();
        println!("the store's file: {} MB", bytes >> 20);

        let mut holdings = Holdings { batches, lines_until: self.newest, ..Holdings::default() };
        for number in 0..self.processes {
            holdings.processes[Past::state(number) as usize] += 1;
        }
        let known = Known { of: self.of, batches, lines_until: self.newest };
        let begin = Instant::now();
        let store = HistoryStore::open(&dir.join("history"), &[known], StoreOptions::default()).unwrap();
        println!("opening it again: {:.1} ms", begin.elapsed().as_secs_f64() * 1e3);
        assert_eq!(store.holdings(self.of).batches, batches);
        // The newest process comes back, so that the colony goes on counting from there.
        let newest = Recalled::Process(self.process(self.processes - 1));
        let mut record = RecordWriter::new(state.newest + 1);
        record.add(&Event::History(HistoryEvent::Lost(Box::new(holdings))));
        record.add(&Event::History(HistoryEvent::Revived(Box::new(newest))));
        let credit = log.reserve(record.len(), Class::Essential).unwrap();
        let append = Append {
            stream: StreamId(u64::from(self.of)),
            expected: *last,
            record: record.into_bytes(),
            credit,
            on_durable: Vec::new(),
        };
        log.append(append);
        log.close();
    }
}

/// A colony on a server of its own that can be started again, with one process that has ended.
fn set_up() -> (Server, Colony, PrivateKey) {
    let mut server = Server::start_with(&["--archive-after", "3600"]);
    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    let spec = json!({ "args": ["x".repeat(100)], "kwargs": { "size": 12 }, "env": { "k": "v" } });
    let id = colony.submit(spec, json!({}));
    assert_eq!(colony.assign(&executor, 10).process_id(), id);
    colony.close(&executor, &id).ok();
    server.signal(rustix::process::Signal::TERM);
    assert!(server.wait().success());
    (server, colony, executor)
}

fn load(server: &Server, processes: u64, lines: u64) -> Past {
    let dir = server.dir();
    let options = wal::Options { queue_bytes: colonies::limits::LOG_QUEUE_BYTES, ..wal::Options::default() };
    let (log, _) = FileLog::open(dir.path().join("wal"), options, Arc::new(RealStorage)).unwrap();
    let replayed = replay(&log, None).unwrap();
    let (&of, colony) = replayed.colonies.iter().next().unwrap();
    let past = Past::new(of, &colony.0, processes, lines);
    past.load(dir.path(), &log, colony);
    past
}

fn restart(server: &mut Server) -> (u64, u64) {
    let mut times: Vec<u64> = (0..5)
        .map(|_| {
            server.signal(rustix::process::Signal::TERM);
            assert!(server.wait().success());
            *server = Server::try_start(server.dir(), &[]).unwrap();
            server.start_milliseconds()
        })
        .collect();
    times.sort_unstable();
    (times[2], resident(server))
}

/// Asks a few times; the median and the longest.
fn ask(colony: &Colony, question: &Value) -> (Duration, Duration, Value) {
    let mut answer = Value::Null;
    let mut times: Vec<Duration> = (0..15)
        .map(|_| {
            let begin = Instant::now();
            answer = colony.client.call(&colony.user, question).ok();
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[7], times[14], answer)
}

/// The questions, and how many rows each answer has.
fn questions(colony: &Colony, past: &Past) -> Vec<(String, Value, usize)> {
    let name = &colony.name;
    let mut all = Vec::new();
    for (what, filter) in [
        ("all", json!({})),
        ("of a type", json!({ "executortype": "type-3" })),
        ("of an initiator", json!({ "initiator": "user" })),
        ("of a label", json!({ "label": "label-33" })),
    ] {
        let mut list = json!({ "msgtype": "getprocessesmsg", "colonyname": name, "count": 100, "state": 2 });
        list.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        all.push((format!("list of 100, {what}"), list, 100));
    }
    let hour = (past.processes as i64 * 3_600 * 1_000_000_000 / (DAYS * DAY)) as usize;
    let executor = past.template.executor.as_ref().unwrap().to_string();
    for (what, executor) in [("", ""), (" of an executor", executor.as_str())] {
        let history = json!({ "msgtype": "getprocesshistmsg", "colonyname": name, "state": 2, "seconds": 3_600,
            "executorid": executor });
        all.push((format!("process history of an hour{what}"), history, hour * 9 / 10 - 2));
    }
    for (what, text, rows) in [
        ("a rare word", "quokka", 9),
        ("a frequent word", "finished", 100),
        ("three characters", "fin", 100),
        ("a wildcard between two words", "finished%milliseconds", 100),
        ("a wildcard between rare and frequent", "finished%quokka", 9),
        ("no match, runs nowhere together", "restarting", 0),
        ("no match, runs in half of the lines", "softwareness", 0),
        ("no match, runs that are nowhere", "xylophone", 0),
        ("no match, two characters", "QX", 0),
    ] {
        for days in [1, 30] {
            let search =
                json!({ "msgtype": "searchlogsmsg", "colonyname": name, "text": text, "days": days, "count": 100 });
            let rows = if text.contains("quokka") && days == 1 { 0 } else { rows };
            all.push((format!("search of {days} days, {what}"), search, rows));
        }
    }
    let middle = past.id(past.processes / 2).to_string();
    all.push(("get by id".to_owned(), json!({ "msgtype": "getprocessmsg", "processid": middle }), 1));
    let lines = json!({ "msgtype": "getlogsmsg", "colonyname": name, "processid": middle, "count": 500 });
    all.push(("lines of a process".to_owned(), lines, 1));
    all
}

/// Reads of the full store over HTTP; says what was too slow.
fn read(colony: &Colony, past: &Past) -> Vec<String> {
    let mut slow = Vec::new();
    for (what, question, rows) in questions(colony, past) {
        let (median, longest, answer) = ask(colony, &question);
        let found = answer.as_array().map_or(usize::from(answer.is_object()), Vec::len);
        println!("{what}: {found} rows, p50 {median:.1?}, longest {longest:.1?}");
        assert!(found >= rows, "{what}: {found} rows where {rows} are there");
        if median > READ {
            slow.push(format!("{what} took {median:.1?}"));
        }
    }
    slow
}

/// The cost of new work: the median times of adding a line and of closing a process.
struct Work {
    client: Client,
    colony: Colony,
    executor: PrivateKey,
    lines: Vec<Duration>,
    closes: Vec<Duration>,
}

impl Work {
    fn new(server: &Server, colony: &Colony, executor: &PrivateKey) -> Work {
        let (client, colony) = (Client::new(server.address()), colony.at(server));
        Work { client, colony, executor: executor.clone(), lines: Vec::new(), closes: Vec::new() }
    }

    fn round(&mut self) {
        for number in 0..50 {
            self.colony.submit_any();
            let id = self.colony.assign(&self.executor, 10).process_id().to_owned();
            let text = format!("step {number} of {id} finished");
            let line = json!({ "msgtype": "addlogmsg", "processid": id, "message": text });
            let begin = Instant::now();
            self.client.call(&self.executor, &line).ok();
            let added = begin.elapsed();
            self.colony.close(&self.executor, &id).ok();
            self.closes.push(begin.elapsed() - added);
            self.lines.push(added);
        }
    }

    fn medians(&mut self) -> [f64; 2] {
        [&mut self.lines, &mut self.closes].map(|times| {
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64() * 1e6
        })
    }
}

#[test]
#[ignore = "takes minutes and gigabytes; see the top of the file"]
fn the_past_weighs_nothing() {
    let (processes, lines) = (size("COLONIES_SCALE_PROCESSES", PROCESSES), size("COLONIES_SCALE_LINES", LINES));
    let (mut empty, empty_colony, empty_executor) = set_up();
    let (mut full, full_colony, full_executor) = set_up();
    let past = load(&full, processes, lines);
    let mut out_of_bounds = Vec::new();

    empty = Server::try_start(empty.dir(), &[]).unwrap();
    full = Server::try_start(full.dir(), &[]).unwrap();
    assert!(!full.log().contains("the history store has lost"), "{}", full.log());
    let colony = full_colony.at(&full);
    assert_eq!(colony.statistics()["successfulprocesses"], processes - processes / 50 - processes / 50 * 4 + 1);
    let ((empty_start, empty_memory), (full_start, full_memory)) = (restart(&mut empty), restart(&mut full));
    println!("start to serving: {empty_start} ms without a past, {full_start} ms with it");
    println!("resident memory after the start: {empty_memory} kB without a past, {full_memory} kB with it");
    // Starts are counted in milliseconds, so that one more is within the noise.
    if full_start as f64 > empty_start as f64 * RATIO + 2.0 {
        out_of_bounds.push(format!("a start took {full_start} ms instead of {empty_start} ms"));
    }

    let mut works = [Work::new(&empty, &empty_colony, &empty_executor), Work::new(&full, &full_colony, &full_executor)];
    let of_server = |server: &Server| cpu(Path::new(&format!("/proc/{}/stat", server.pid())));
    let before = [of_server(&empty), of_server(&full)];
    // In turns, so that both feel the same of what else the machine does; long enough that much goes to the stores.
    for _ in 0..60 {
        works.iter_mut().for_each(Work::round);
    }
    let cycles = works[0].lines.len() as f64;
    let spent = [of_server(&empty) - before[0], of_server(&full) - before[1]].map(|micros| micros as f64 / cycles);
    let [of_empty, of_full] = works.each_mut().map(Work::medians);
    println!("a cycle's CPU on the server: {:.0} µs without a past, {:.0} µs with it", spent[0], spent[1]);
    for (what, without, with) in
        [("addlogmsg", of_empty[0], of_full[0]), ("closesuccessfulmsg", of_empty[1], of_full[1])]
    {
        println!("{what}: p50 {without:.0} µs without a past, {with:.0} µs with it");
        if with > without * RATIO {
            out_of_bounds.push(format!("{what} took {with:.0} µs instead of {without:.0} µs"));
        }
    }

    out_of_bounds.extend(read(&full_colony.at(&full), &past));
    wait::until_true("the empty store's server to answer", || empty_colony.at(&empty).statistics().is_object());
    let (empty_memory, full_memory) = (resident(&empty), resident(&full));
    println!("resident memory after all that: {empty_memory} kB without a past, {full_memory} kB with it");
    if full_memory > empty_memory + MEMORY_KB {
        out_of_bounds.push(format!("{full_memory} kB of memory instead of {empty_memory} kB"));
    }
    assert!(out_of_bounds.is_empty(), "out of bounds: {out_of_bounds:#?}");
}
