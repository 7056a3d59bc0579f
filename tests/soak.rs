//! A server under mixed load for a while: clients come and go, executors hang up in the middle, the server is stopped and
//! killed in between. Nothing that was acknowledged is lost, and neither memory nor open files grow.
//!
//! ```text
//! COLONIES_SOAK_SECONDS=1200 cargo test --test soak -- --nocapture
//! ```
//!
//! takes twenty minutes; without the variable it is a quarter of one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use rustix::process::Signal;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};
use support::load::percentile;
use support::machine::{open_files, resident};
use support::websocket::{PING, TEXT, WebSocket};
use support::{Client, Colony, Poll, PrivateKey, Server, envelope, json, poll, wait};

/// Seconds of a run, where nothing else is asked for.
const SECONDS: u64 = 16;
/// Lives of the server: it is stopped and killed in turn between them.
const LIVES: u32 = 4;
const SUBMITTERS: usize = 3;
const EXECUTORS: usize = 4;
/// Requests of a client before it leaves and another one comes.
const REQUESTS: usize = 100;
/// Between two submits of one client.
const PAUSE: Duration = Duration::from_millis(4);
/// Processes that are looked at one by one in the end.
const LOOKED_AT: usize = 5_000;
/// How much the memory of one life may grow after its first quarter, in kilobytes: caches fill, maps grow by doubling.
const GROWTH: u64 = 48 << 10;

/// What the threads share.
struct Soak {
    colony: Colony,
    over: AtomicBool,
    acknowledged: Mutex<Vec<String>>,
    /// Submits without an answer: they may have been taken.
    unsure: AtomicUsize,
    /// How long submits of this life took.
    took: Mutex<Vec<Duration>>,
    /// Held for reading by those who can't bear a restart.
    serving: RwLock<()>,
}

impl Soak {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn submit(&self) {
        let message = self.colony.submission(json!({ "maxexectime": 5, "maxretries": 1_000 }), json!({}));
        while !self.is_over() {
            let client = Client::new(self.colony.client.address());
            for _ in 0..REQUESTS {
                let begin = Instant::now();
                match client.try_call(&self.colony.user, &message) {
                    Ok(reply) if reply.status == 200 => {
                        self.took.lock().unwrap().push(begin.elapsed());
                        self.acknowledged.lock().unwrap().push(reply.process_id().to_owned());
                    }
                    Ok(reply) => {
                        // Stopping; what got this may be there or not, as the text says.
                        assert_eq!(reply.status, 503, "{reply:?}");
                        self.unsure.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                    // Nobody listens: between two lives.
                    Err(error) if error.kind() == ErrorKind::ConnectionRefused => break,
                    Err(_) => {
                        self.unsure.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                }
                thread::sleep(PAUSE);
            }
            thread::sleep(PAUSE);
        }
    }

    /// Takes work, says something, closes it; now and then leaves with the work, which comes back at its deadline.
    fn work(&self, key: &PrivateKey) {
        while !self.is_over() {
            let client = Client::new(self.colony.client.address());
            for number in 1..=REQUESTS {
                let Ok(assigned) = client.try_call(key, &poll::message(&self.colony.name, 1)) else { break };
                if assigned.status != 200 {
                    assert!(matches!(assigned.status, 404 | 503), "{assigned:?}");
                    if self.is_over() {
                        return;
                    }
                    continue;
                }
                if number == REQUESTS && !self.is_over() {
                    break;
                }
                let id = assigned.process_id();
                let say = json!({ "msgtype": "addlogmsg", "processid": id, "message": "working" });
                let close = json!({ "msgtype": "closesuccessfulmsg", "processid": id, "out": ["done"] });
                // What was refused or not answered is given to somebody again.
                let done = client.try_call(key, &say).and_then(|_| client.try_call(key, &close));
                if done.is_err() {
                    break;
                }
            }
        }
    }

    /// Clients that are there for a moment only: an executor that hangs up in its poll, a websocket, a reader of lists.
    fn visit(&self) {
        for number in 0.. {
            if self.is_over() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
            let serving = self.serving.read().unwrap();
            // With connections of its own: those from before a restart are dead.
            let colony = self.colony.clone();
            let name = format!("visitor-{number}");
            let visitor = colony.executor_with(&name, json!({ "executortype": "visitor" }));
            let address = colony.client.address();
            let waiting = Poll::begin(address, &visitor, &poll::message(&colony.name, 60));
            let mut socket = WebSocket::open(address);
            if let Some(id) = self.acknowledged.lock().unwrap().last() {
                let to_end = json!({ "msgtype": "subscribeprocessmsg", "processid": id, "executortype": support::colony::TYPE,
                    "state": 2, "timeout": 60 });
                socket.send(TEXT, envelope(&colony.user, &to_end).as_bytes());
            }
            socket.send(PING, b"");
            socket.next();
            let list = json!({ "msgtype": "getprocessesmsg", "colonyname": colony.name, "count": 100, "state": 2 });
            colony.client.call(&colony.user, &list).ok();
            if number % 2 == 0 {
                waiting.hang_up();
            } else {
                waiting.reset();
            }
            colony.owner_says("removeexecutormsg", &name).ok();
            drop(serving);
        }
    }
}

/// What one life of the server looked like.
struct Life {
    submits: usize,
    p50: Duration,
    p99: Duration,
    memory: [u64; 2],
    files: usize,
}

/// Lets the load run for a while and looks at it.
fn live(server: &Server, soak: &Soak, time: Duration) -> Life {
    soak.took.lock().unwrap().clear();
    thread::sleep(time / 4);
    let early = resident(server);
    let begin = Instant::now();
    let mut files = 0;
    while begin.elapsed() < 3 * time / 4 {
        files = files.max(open_files(server));
        thread::sleep((time / 50).max(Duration::from_millis(100)));
    }
    let memory = [early, resident(server)];
    let mut took = soak.took.lock().unwrap().clone();
    took.sort_unstable();
    assert!(took.len() > 10, "there was hardly any load");
    Life { submits: took.len(), p50: percentile(&took, 50.0), p99: percentile(&took, 99.0), memory, files }
}

#[test]
fn nothing_is_lost_and_nothing_grows() {
    let seconds = std::env::var("COLONIES_SOAK_SECONDS").map_or(SECONDS, |text| text.parse().unwrap());
    let mut server = Server::start_with(&["--archive-after", "1"]);
    let colony = Colony::new(&server);
    let executors: Vec<_> = (0..EXECUTORS).map(|n| colony.executor(&format!("e{n}"))).collect();
    let quiet_files = open_files(&server);
    let soak = Soak {
        colony,
        over: false.into(),
        acknowledged: Mutex::default(),
        unsure: 0.into(),
        took: Mutex::default(),
        serving: RwLock::default(),
    };
    let lives = thread::scope(|threads| {
        (0..SUBMITTERS).for_each(|_| drop(threads.spawn(|| soak.submit())));
        executors.iter().for_each(|key| drop(threads.spawn(|| soak.work(key))));
        threads.spawn(|| soak.visit());
        // However this ends, the threads do.
        let _end = EndOnDrop(&soak.over);
        let mut lives = Vec::new();
        for number in 0..LIVES {
            if number > 0 {
                let _nobody = soak.serving.write().unwrap();
                if number % 2 == 1 {
                    server.signal(Signal::TERM);
                    assert!(server.wait().success(), "{}", server.log());
                } else {
                    server.kill();
                }
                server = server.again_on_its_port().unwrap();
            }
            lives.push(live(&server, &soak, Duration::from_secs(seconds) / LIVES));
        }
        lives
    });
    for (number, Life { submits, p50, p99, memory: [early, late], files }) in lives.iter().enumerate() {
        println!(
            "life {number}: {submits} submits, p50 {p50:?}, p99 {p99:?}, {early} to {late} kB, at most {files} files"
        );
    }
    for Life { memory: [early, late], files, .. } in &lives {
        assert!(*late < early + GROWTH, "memory grew from {early} to {late} kB");
        assert!(*files < quiet_files + 100, "{files} files were open, {quiet_files} before the load");
    }
    verify(&server, &soak, &executors);
    let left = || open_files(&server) <= quiet_files + 10;
    wait::until_true("the files of the load to be closed", left);
}

struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Ends what is left, and finds everything that was acknowledged.
fn verify(server: &Server, soak: &Soak, executors: &[PrivateKey]) {
    let colony = soak.colony.at(server);
    let is_open = || {
        let statistics = colony.statistics();
        let open = ["waitingprocesses", "runningprocesses"].map(|name| statistics[name].as_u64().unwrap());
        (open != [0, 0]).then_some(statistics)
    };
    // What an executor left with comes back within its five seconds, or those after a start.
    wait::until_true("the rest to be done", || {
        if is_open().is_some() {
            let assigned = colony.assign(&executors[0], 1);
            if assigned.status == 200 {
                colony.close(&executors[0], assigned.process_id()).ok();
            }
        }
        is_open().is_none()
    });
    let acknowledged = soak.acknowledged.lock().unwrap();
    let unsure = soak.unsure.load(Ordering::Relaxed);
    let statistics = colony.statistics();
    let successful = statistics["successfulprocesses"].as_u64().unwrap() as usize;
    println!("{} acknowledged, {unsure} without an answer, {successful} done", acknowledged.len());
    assert!(successful >= acknowledged.len(), "{statistics}");
    assert!(successful <= acknowledged.len() + unsure, "{statistics}");
    assert_eq!(statistics["failedprocesses"], 0, "{statistics}");
    for id in acknowledged.iter().step_by(acknowledged.len() / LOOKED_AT + 1) {
        assert_eq!(colony.state(id), 2, "{id}");
    }
}
