//! `kill -9` under load: whatever was acknowledged is there after the restart, exactly once; what was not answered may
//! be either. `COLONIES_CRASH_ROUNDS` asks for more rounds, `COLONIES_CRASH_SEED` for those of an earlier run.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use support::{Client, Colony, PrivateKey, Server, Value, json, poll};

const ROUNDS: u64 = 50;
const SUBMITTERS: usize = 6;
const EXECUTORS: usize = 10;
/// Processes that a round leaves behind are closed before the next once there are more: lists show a hundred.
const WAITING: usize = 60;

/// A generator of random numbers that a seed reproduces (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// What is known of one process.
#[derive(Debug, Default, Clone)]
struct Known {
    /// Who was told that it has it, last.
    holder: Option<String>,
    /// Log lines that were acknowledged, and those that may be there.
    lines: Vec<String>,
    unsure_lines: Vec<String>,
    /// Values of attributes that were acknowledged, and those that may be there.
    attributes: BTreeSet<String>,
    unsure_attributes: BTreeSet<String>,
    /// Whether it was closed: known, or perhaps.
    closed: bool,
    unsure_closed: bool,
}

/// Everything that was acknowledged so far. Each thread has its own part while a round runs.
#[derive(Debug, Default)]
struct Oracle {
    processes: BTreeMap<String, Known>,
    /// Submits without an answer.
    unsure_submits: usize,
    /// Executors whose latest poll had no answer: any one waiting process may be theirs.
    unsure_polls: BTreeMap<String, usize>,
}

/// What an executor holds by its own knowledge, and what it did.
struct Executor {
    name: String,
    key: PrivateKey,
    holds: Vec<String>,
    done: BTreeMap<String, Known>,
    unsure_polls: usize,
    /// Processes that it was given although it knew another holder.
    seen: Vec<String>,
}

/// One executor's work until the server dies: it takes, logs, sets attributes, closes.
fn work(executor: &mut Executor, client: &Client, colony: &str, random: &mut Random, over: &AtomicBool) {
    let mut number = 0;
    while !over.load(Ordering::Acquire) {
        if executor.holds.len() < 3 && random.below(3) > 0 {
            match client.try_call(&executor.key, &poll::message(colony, 1)) {
                Ok(reply) if reply.status == 200 => {
                    let id = reply.process_id().to_owned();
                    executor.seen.push(id.clone());
                    executor.holds.push(id);
                }
                Ok(reply) => assert!(matches!(reply.status, 404 | 503), "{reply:?}"),
                Err(_) => executor.unsure_polls += 1,
            }
            continue;
        }
        let Some(id) = executor.holds.last().cloned() else { continue };
        number += 1;
        let text = format!("{} {number} {}", executor.name, random.next());
        let known = executor.done.entry(id.clone()).or_default();
        match random.below(4) {
            0 => {
                let message = json!({ "msgtype": "addlogmsg", "processid": id, "message": text });
                match client.try_call(&executor.key, &message) {
                    Ok(reply) if reply.status == 200 => known.lines.push(text),
                    Ok(reply) => assert_eq!(reply.status, 503, "{reply:?}"),
                    Err(_) => known.unsure_lines.push(text),
                }
            }
            1 => {
                let attribute = json!({ "targetid": id, "attributetype": 1, "key": text, "value": text });
                match client.try_call(&executor.key, &json!({ "msgtype": "addattributemsg", "attribute": attribute })) {
                    Ok(reply) if reply.status == 200 => drop(known.attributes.insert(text)),
                    Ok(reply) => assert_eq!(reply.status, 503, "{reply:?}"),
                    Err(_) => drop(known.unsure_attributes.insert(text)),
                }
            }
            _ => {
                let message = json!({ "msgtype": "closesuccessfulmsg", "processid": id, "out": [executor.name] });
                match client.try_call(&executor.key, &message) {
                    Ok(reply) if reply.status == 200 => {
                        known.closed = true;
                        executor.holds.pop();
                    }
                    Ok(reply) => assert_eq!(reply.status, 503, "{reply:?}"),
                    Err(_) => {
                        known.unsure_closed = true;
                        executor.holds.pop();
                    }
                }
            }
        }
    }
}

/// Submits until the server dies: the ids that were acknowledged, and how many were not.
fn submit(client: &Client, colony: &Colony, over: &AtomicBool, most: usize) -> (Vec<String>, usize) {
    let (mut submitted, mut unsure) = (Vec::new(), 0);
    let message = colony.submission(json!({}), json!({}));
    while !over.load(Ordering::Acquire) {
        if submitted.len() >= most {
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        match client.try_call(&colony.user, &message) {
            Ok(reply) if reply.status == 200 => submitted.push(reply.process_id().to_owned()),
            Ok(reply) => assert_eq!(reply.status, 503, "{reply:?}"),
            Err(_) => unsure += 1,
        }
    }
    (submitted, unsure)
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let rounds = number("COLONIES_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let seed = number("COLONIES_CRASH_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20);
    eprintln!("COLONIES_CRASH_SEED={seed} COLONIES_CRASH_ROUNDS={rounds}");
    let mut random = Random(seed);
    // What is closed goes to the history store at once, so that kills fall between its steps, too.
    let mut server = Server::start_with(&["--archive-after", "0", "--checkpoint-bytes", "20000"]);
    let colony = Colony::new(&server);
    let mut executors: Vec<_> = (0..EXECUTORS)
        .map(|n| {
            let (name, key) = (format!("e{n}"), colony.executor(&format!("e{n}")));
            Executor { name, key, holds: Vec::new(), done: BTreeMap::new(), unsure_polls: 0, seen: Vec::new() }
        })
        .collect();
    let mut oracle = Oracle::default();
    let mut checkpoints = 0;
    for round in 0..rounds {
        let colony = colony.at(&server);
        run_round(&mut server, &colony, &mut executors, &mut oracle, &mut random);
        checkpoints += server.log().matches("a checkpoint was made").count();
        server = server.again().unwrap();
        let colony = colony.at(&server);
        let found = verify(&colony, &mut executors, &mut oracle);
        if round % 10 == 9 {
            eprintln!("round {round}: {found}");
        }
    }
    assert!(
        oracle.processes.len() > rounds as usize,
        "there was hardly any load: {} processes",
        oracle.processes.len()
    );
    assert!(oracle.processes.values().any(|known| known.closed), "nothing was ever closed");
    eprintln!("{checkpoints} checkpoints");
    assert!(checkpoints as u64 > rounds / 10, "there were hardly any checkpoints: {checkpoints}");
}

/// Load until the kill; then everything that the threads know is brought together.
fn run_round(
    server: &mut Server,
    colony: &Colony,
    executors: &mut [Executor],
    oracle: &mut Oracle,
    random: &mut Random,
) {
    let over = AtomicBool::new(false);
    let client = Client::new(server.address());
    let waiting = colony.statistics()["waitingprocesses"].as_u64().unwrap() as usize;
    let most = WAITING.saturating_sub(waiting) / SUBMITTERS + 1;
    let life = Duration::from_micros(20_000 + random.below(150_000));
    let submitted = thread::scope(|threads| {
        for executor in executors.iter_mut() {
            let (mut random, client, over) = (Random(random.next()), &client, &over);
            threads.spawn(move || work(executor, client, &colony.name, &mut random, over));
        }
        let submitters: Vec<_> =
            (0..SUBMITTERS).map(|_| threads.spawn(|| submit(&client, colony, &over, most))).collect();
        thread::sleep(life);
        server.kill();
        over.store(true, Ordering::Release);
        submitters.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    for (ids, unsure) in submitted {
        ids.into_iter().for_each(|id| {
            oracle.processes.entry(id).or_default();
        });
        oracle.unsure_submits += unsure;
    }
    for executor in executors {
        *oracle.unsure_polls.entry(executor.name.clone()).or_default() += std::mem::take(&mut executor.unsure_polls);
        for id in std::mem::take(&mut executor.seen) {
            // An unanswered submit may have been handed out: that it was is its acknowledgement.
            let known = oracle.processes.entry(id.clone()).or_default();
            let before = known.holder.replace(executor.name.clone());
            assert_eq!(before, None, "{id} was given to {} although another had it", executor.name);
        }
        for (id, news) in std::mem::take(&mut executor.done) {
            let known = oracle.processes.get_mut(&id).unwrap();
            known.lines.extend(news.lines);
            known.unsure_lines.extend(news.unsure_lines);
            known.attributes.extend(news.attributes);
            known.unsure_attributes.extend(news.unsure_attributes);
            known.closed |= news.closed;
            known.unsure_closed |= news.unsure_closed;
        }
    }
}

/// Compares the restarted server with what is known. What was unsure becomes known.
fn verify(colony: &Colony, executors: &mut [Executor], oracle: &mut Oracle) -> Value {
    let names: BTreeMap<String, usize> =
        executors.iter().enumerate().map(|(n, executor)| (executor.key.id().to_string(), n)).collect();
    let listed: Vec<Value> = [0, 1].iter().flat_map(|&state| list(colony, state)).collect();
    for process in &listed {
        // A submit without an answer may be there.
        let id = process["processid"].as_str().unwrap();
        if !oracle.processes.contains_key(id) {
            assert!(oracle.unsure_submits > 0, "{id} was submitted by nobody");
            oracle.unsure_submits -= 1;
            oracle.processes.insert(id.to_owned(), Known::default());
        }
    }
    let open: Vec<_> = oracle.processes.iter().filter(|(_, known)| !known.closed).map(|(id, _)| id.clone()).collect();
    // Of those that were closed for good, a few are looked at again each time: there may be thousands.
    let closed: Vec<_> = oracle.processes.iter().filter(|(_, known)| known.closed).map(|(id, _)| id.clone()).collect();
    let step = (closed.len() / 20).max(1);
    for id in open.iter().chain(closed.iter().step_by(step)).chain(closed.iter().rev().take(40)) {
        let known = oracle.processes.get_mut(id).unwrap();
        let process = colony.process(id);
        match process["state"].as_i64().unwrap() {
            0 => {
                assert!(!known.closed && known.holder.is_none(), "{id} waits, but {known:?}");
                assert_eq!(process["isassigned"], false);
            }
            1 => {
                assert!(!known.closed, "{id} was closed and runs again: {known:?}");
                let n = names[process["assignedexecutorid"].as_str().unwrap()];
                let executor = &mut executors[n];
                match &known.holder {
                    Some(holder) => assert_eq!(*holder, executor.name, "{id} changed hands"),
                    // The reply that gave it away was lost with the server: its deadline would end it, here we do.
                    None => {
                        let polls = oracle.unsure_polls.get_mut(&executor.name).unwrap();
                        assert!(*polls > 0, "{id} runs at {}, which never asked", executor.name);
                        *polls -= 1;
                        known.holder = Some(executor.name.clone());
                    }
                }
                if !executor.holds.contains(id) {
                    executor.holds.push(id.clone());
                }
                known.unsure_closed = false;
            }
            2 => {
                assert!(known.closed || known.unsure_closed, "{id} was closed by nobody: {known:?}");
                let holder = known.holder.as_ref().unwrap();
                assert_eq!(process["out"], json!([holder]));
                known.closed = true;
            }
            state => panic!("{id} is in state {state}: {known:?}"),
        }
        verify_lines(colony, id, known);
        verify_attributes(&process, known);
    }
    verify_counts(colony, oracle)
}

fn list(colony: &Colony, state: i64) -> Vec<Value> {
    let message = json!({ "msgtype": "getprocessesmsg", "colonyname": colony.name, "count": 100, "state": state });
    let listed = colony.client.call(&colony.user, &message).ok();
    let listed = listed.as_array().cloned().unwrap_or_default();
    assert!(listed.len() < 100, "more processes than a list shows: the test's own limits are wrong");
    listed
}

/// Every acknowledged line once, in order; unanswered ones at most once.
fn verify_lines(colony: &Colony, id: &str, known: &mut Known) {
    let message =
        json!({ "msgtype": "getlogsmsg", "colonyname": colony.name, "processid": id, "count": 500, "since": 0 });
    let lines = colony.client.call(&colony.user, &message).ok();
    let lines = lines.as_array().into_iter().flatten();
    let found: Vec<String> = lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect();
    let certain: Vec<_> = found.iter().filter(|line| !known.unsure_lines.contains(line)).cloned().collect();
    assert_eq!(certain, known.lines, "the log lines of {id}");
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len(), "a line of {id} is there twice");
    known.unsure_lines.clear();
    known.lines = found;
}

fn verify_attributes(process: &Value, known: &mut Known) {
    let attributes = process["attributes"].as_array().unwrap();
    let found: BTreeSet<String> =
        attributes.iter().map(|attribute| attribute["value"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found.len(), attributes.len(), "an attribute is there twice: {process}");
    assert!(found.is_superset(&known.attributes), "attributes are lost: {process}, {known:?}");
    let unknown: Vec<_> = found.difference(&known.attributes).collect();
    assert!(unknown.iter().all(|text| known.unsure_attributes.contains(*text)), "attributes from nowhere: {unknown:?}");
    known.unsure_attributes.clear();
    known.attributes = found;
}

/// The counts are those of what is known; unanswered submits that were handed out and closed are known by now.
fn verify_counts(colony: &Colony, oracle: &mut Oracle) -> Value {
    let statistics = colony.statistics();
    let count = |name: &str| statistics[name].as_u64().unwrap() as usize;
    let closed = oracle.processes.values().filter(|known| known.closed).count();
    assert_eq!(count("successfulprocesses"), closed, "{statistics}");
    let open = oracle.processes.len() - closed;
    assert_eq!(count("waitingprocesses") + count("runningprocesses"), open, "{statistics}");
    assert_eq!(count("failedprocesses") + count("cancelledprocesses"), 0, "{statistics}");
    statistics
}
