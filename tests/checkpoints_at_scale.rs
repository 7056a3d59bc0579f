//! A checkpoint of very many waiting processes: what it costs in memory and in the time of those who submit meanwhile,
//! how fast a start is from it, and how fast the log is read back without it. It takes minutes and a gigabyte:
//!
//! ```text
//! cargo test --release --test checkpoints_at_scale -- --ignored --nocapture
//! ```
//!
//! `COLONIES_SCALE_PROCESSES` asks for another size than a million.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::machine::resident;
use support::{Client, Colony, Server, client};

const PROCESSES: u64 = 1_000_000;
const LOADERS: usize = 16;
const SUBMITTERS: usize = 2;
/// How long submits are timed without a checkpoint.
const QUIET: Duration = Duration::from_secs(5);
const ROUNDS: usize = 5;

fn load(colony: &Colony, count: u64) {
    // The same bytes again and again: each is a submit of its own.
    let body = client::envelope(&colony.user, &colony.submission(support::json!({}), support::json!({})));
    let left = AtomicU64::new(count);
    std::thread::scope(|scope| {
        for _ in 0..LOADERS {
            scope.spawn(|| {
                let client = Client::new(colony.client.address());
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    assert_eq!(client.post(body.as_bytes()).unwrap().status, 200);
                }
            });
        }
    });
}

/// Submits until it is over, one after the other on some connections; how long each took, in microseconds, with when it
/// was sent.
fn submit_until(colony: &Colony, over: &AtomicBool) -> Vec<(Instant, u64)> {
    let body = client::envelope(&colony.user, &colony.submission(support::json!({}), support::json!({})));
    let submit = || {
        let client = Client::new(colony.client.address());
        let mut took = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let begin = Instant::now();
            assert_eq!(client.post(body.as_bytes()).unwrap().status, 200);
            took.push((begin, begin.elapsed().as_micros() as u64));
        }
        took
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..SUBMITTERS).map(|_| scope.spawn(submit)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn percentile(took: &mut [u64], percent: usize) -> u64 {
    took.sort_unstable();
    took.get((took.len() * percent / 100).min(took.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn median(mut of: Vec<u64>) -> u64 {
    of.sort_unstable();
    of[of.len() / 2]
}

/// The milliseconds that the newest checkpoint took, once one was made.
fn made(server: &Server) -> Option<u64> {
    let log = server.log();
    let line = log.lines().rfind(|line| line.contains("a checkpoint was made"))?;
    line.rsplit_once("milliseconds=")?.1.trim().parse().ok()
}

/// What was measured while one checkpoint was made, right after a start without one.
struct Round {
    replay_milliseconds: u64,
    events_a_second: u64,
    memory_before: u64,
    memory_most: u64,
    checkpoint_milliseconds: u64,
    quiet_p99: u64,
    checkpoint_p99: u64,
}

fn round(server: &Server, colony: &Colony) -> Round {
    let colony = colony.at(server);
    let over = AtomicBool::new(false);
    let (memory_before, mut memory_most) = (resident(server), 0);
    let (took, begin, end, checkpoint_milliseconds) = std::thread::scope(|scope| {
        let submitting = scope.spawn(|| submit_until(&colony, &over));
        let checkpoint_milliseconds = loop {
            memory_most = memory_most.max(resident(server));
            if let Some(took) = made(server) {
                break took;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let end = Instant::now();
        std::thread::sleep(QUIET);
        over.store(true, Ordering::Relaxed);
        let begin = end - Duration::from_millis(checkpoint_milliseconds);
        (submitting.join().unwrap(), begin, end, checkpoint_milliseconds)
    });
    let within = |from: Instant, to: Instant| {
        let chosen = took.iter().filter(|(at, _)| *at >= from && *at < to).map(|(_, took)| *took);
        percentile(&mut chosen.collect::<Vec<u64>>(), 99)
    };
    Round {
        replay_milliseconds: server.start_milliseconds(),
        events_a_second: server.start_figure("events") * 1_000 / server.start_milliseconds().max(1),
        memory_before,
        memory_most,
        checkpoint_milliseconds,
        checkpoint_p99: within(begin, end),
        quiet_p99: within(end, end + QUIET),
    }
}

#[test]
#[ignore = "takes minutes and a gigabyte"]
fn a_million_processes_wait() {
    let processes = std::env::var("COLONIES_SCALE_PROCESSES").map_or(PROCESSES, |text| text.parse().unwrap());
    let never = ["--checkpoint-bytes", "1000000000000"];
    let at_once = ["--checkpoint-bytes", "1"];
    let mut server = Server::start_with(&never);
    let colony = Colony::new(&server);
    let empty = resident(&server);
    load(&colony, processes);
    let memory = resident(&server) - empty;
    println!("{processes} processes wait in {memory} kB: {} bytes each", memory * 1_024 / processes);
    let (waiting, assigned) = (resident(&server), processes / 20);
    let worker = colony.executor("worker");
    for _ in 0..assigned {
        colony.assign(&worker, 5).ok();
    }
    println!("{} bytes more for one that runs", (resident(&server) - waiting) * 1_024 / assigned);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        server.kill();
        // Each start reads the whole log, and makes a checkpoint at once.
        for entry in fs::read_dir(server.dir().path().join("wal")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "checkpoint" || kind == "manifest") {
                fs::remove_file(path).unwrap();
            }
        }
        server = Server::try_start(server.dir(), &at_once).unwrap();
        rounds.push(round(&server, &colony));
    }
    let of = |of: fn(&Round) -> u64| median(rounds.iter().map(of).collect());
    let replay = of(|round| round.replay_milliseconds);
    let speed = of(|round| round.events_a_second);
    println!("started without a checkpoint in {replay} ms, {speed} events a second, all else of a start included");
    println!("a checkpoint took {} ms", of(|round| round.checkpoint_milliseconds));
    let (before, most) = (of(|round| round.memory_before), of(|round| round.memory_most));
    println!("memory after a start {before} kB, at most {most} kB while a checkpoint was made");
    let (quiet, busy) = (of(|round| round.quiet_p99), of(|round| round.checkpoint_p99));
    println!("p99 of a submit {quiet} us without, {busy} us while a checkpoint was made");
    server.kill();
    let server = Server::try_start(server.dir(), &never).unwrap();
    let waiting = colony.at(&server).statistics()["waitingprocesses"].clone();
    let took = server.start_milliseconds();
    println!("start from the checkpoint in {took} ms, {} kB, {waiting} processes wait", resident(&server));
    assert!(server.start_milliseconds() <= 3_000);
    assert!(most * 10 <= before * 13, "a checkpoint needs too much memory");
    assert!(busy <= (quiet * 3 / 2).max(quiet + 3_000), "submits wait for a checkpoint");
}
