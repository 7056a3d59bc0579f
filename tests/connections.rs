//! Very many connections that want to hold the server up: ones that dawdle with a head or a body, and ones that only
//! open. Each is cut at its deadline or makes room, and ordinary clients notice nothing.
//!
//! ```text
//! cargo test --test connections -- --ignored --nocapture
//! ```
//!
//! measures how much later the answers to ordinary clients come beside ten thousand of them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::http::{Connection, READ_TIMEOUT, once};
use support::load::{Submitters, percentile};
use support::machine::{allow_open_files, resident};
use support::websocket::WebSocket;
use support::{Colony, Reply, Server, wait};

/// Slow connections of the measured run, half of them slow with heads and half with bodies.
const MANY: usize = 10_000;
/// The same of every run of the tests.
const SOME: usize = 400;

/// A figure of the server's metrics.
fn figure(server: &Server, name: &str) -> u64 {
    let page = once(server.address(), "GET", "/metrics", &[], b"");
    let line = page.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
    line.parse::<f64>().unwrap() as u64
}

fn cut(server: &Server, reason: &str) -> u64 {
    figure(server, &format!("colonies_connections_cut_total{{reason=\"{reason}\"}}"))
}

/// What has come by now; `None` while the connection is open.
fn rest(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.set_nonblocking(true).unwrap();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => Some(bytes),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        // Cut with bytes of ours unread.
        Err(_) => Some(bytes),
    }
}

/// A connection that sends what it has to say byte by byte.
struct Slow {
    stream: TcpStream,
    head: bool,
    said: usize,
}

impl Slow {
    /// One that never comes to the end of its head, or of its body.
    fn open(address: SocketAddr, head: bool) -> Slow {
        let mut stream = TcpStream::connect(address).unwrap();
        if !head {
            stream.write_all(b"POST /api HTTP/1.1\r\nHost: server\r\nContent-Length: 100000\r\n\r\n").unwrap();
        }
        stream.set_nonblocking(true).unwrap();
        Slow { stream, head, said: 0 }
    }

    /// Says another byte; whether the connection is still there.
    fn drip(&mut self) -> bool {
        let text = if self.head { &b"POST /api HTTP/1.1\r\nX-Slow: "[..] } else { b"" };
        let byte = text.get(self.said).copied().unwrap_or(b'x');
        self.said += 1;
        let mut answer = [0; 1 << 10];
        // Both: what is written to a connection that has ended is not refused the first time.
        self.stream.write_all(&[byte]).is_ok()
            && matches!(self.stream.read(&mut answer), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

/// Keeps so many slow connections open: where one is cut, another comes.
struct Flood {
    stop: Arc<AtomicBool>,
    cut: Arc<AtomicUsize>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Flood {
    fn start(address: SocketAddr, count: usize) -> Flood {
        let (stop, cut) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut all: Vec<_> = (0..count).map(|n| Slow::open(address, n % 2 == 0)).collect();
        let threads = {
            let (stop, cut) = (stop.clone(), cut.clone());
            vec![thread::spawn(move || {
                while !stop.load(Ordering::Acquire) {
                    for slow in &mut all {
                        if !slow.drip() {
                            cut.fetch_add(1, Ordering::Relaxed);
                            *slow = Slow::open(address, slow.head);
                        }
                    }
                    thread::sleep(Duration::from_secs(1));
                }
            })]
        };
        Flood { stop, cut, threads }
    }

    /// How many were cut so far.
    fn cut(&self) -> usize {
        self.cut.load(Ordering::Relaxed)
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

#[test]
fn slow_connections_are_cut_at_their_deadline_beside_others_that_go_on() {
    allow_open_files();
    let server = Server::start_with(&["--head-timeout", "1", "--body-timeout", "2"]);
    let colony = Colony::new(&server);
    let submitters = Submitters::start(&colony, 2, Duration::from_millis(5));
    let flood = Flood::start(server.address(), SOME);
    wait::until_true("all slow connections to be cut once", || flood.cut() >= SOME);
    flood.stop();
    // The submitters have seen to it that none of theirs failed.
    let answers = submitters.stop();
    assert_eq!(colony.statistics()["waitingprocesses"], answers.len());
    assert_eq!(cut(&server, "room"), 0, "nobody had to make room");
}

#[test]
fn slow_ones_are_told_that_they_were_too_slow() {
    let server = Server::start_with(&["--head-timeout", "1", "--body-timeout", "1"]);
    let mut head = Connection::open(server.address()).unwrap();
    head.send("POST /api HT").unwrap();
    let mut body = Connection::open(server.address()).unwrap();
    body.send("POST /api HTTP/1.1\r\nHost: server\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
    let mut silent = Connection::open(server.address()).unwrap();
    let body = body.read().unwrap();
    let refused = "the request's body did not come within 1 seconds";
    assert_eq!((Reply::read(&body).refused(408), body.header("connection")), (refused, Some("close")));
    for connection in [&mut head, &mut silent] {
        assert_eq!(connection.read().unwrap().status, 408);
        assert!(connection.read_to_end().unwrap().is_empty());
    }
}

/// Its handler begins when the answer before it has been written, without another look at what has come.
#[test]
fn a_body_that_dawdles_behind_another_request_has_its_deadline_too() {
    let begin = |server: &Server| {
        let mut connection = Connection::open(server.address()).unwrap();
        // The answer must have a body: the framework ends one without in the same breath.
        let before = "GET /nothing HTTP/1.1\r\nHost: server\r\n\r\n";
        let head = "POST /api HTTP/1.1\r\nHost: server\r\nContent-Length: 10\r\n\r\n";
        connection.send(format!("{before}{head}half")).unwrap();
        assert_eq!(connection.read().unwrap().status, 404);
        connection
    };
    let server = Server::start_with(&["--body-timeout", "1"]);
    assert_eq!(begin(&server).read().unwrap().status, 408);
    let patient = Server::start();
    let mut in_time = begin(&patient);
    in_time.send("+ last").unwrap();
    // All of it is there, and it is no message.
    assert_eq!(in_time.read().unwrap().status, 400);
}

/// The framework has a deadline for the first head of a connection alone.
#[test]
fn a_later_head_has_its_deadline_too() {
    let server = Server::start_with(&["--head-timeout", "1"]);
    let used = || {
        let mut connection = Connection::open(server.address()).unwrap();
        assert_eq!(connection.round("GET", "/health", &[], b"").unwrap().status, 200);
        connection
    };
    let (mut slow, mut idle) = (used(), used());
    slow.send("GET /health HT").unwrap();
    assert!(slow.read_to_end().unwrap().is_empty());
    assert_eq!(cut(&server, "head"), 1);
    // One that says nothing is kept alive.
    assert_eq!(idle.round("GET", "/health", &[], b"").unwrap().status, 200);
}

#[test]
fn connections_that_only_open_make_room_for_others() {
    const ROOM: usize = 40;
    allow_open_files();
    let server = Server::start_with(&["--max-connections", "40", "--workers", "2", "--head-timeout", "600"]);
    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    // What is at work is never idle, however long it takes.
    let poll = colony.parked("e", &executor, 600);
    let mut websocket = WebSocket::open(server.address());
    websocket.assert_quiet();
    let mut upload = Connection::open(server.address()).unwrap();
    let head = "POST /api HTTP/1.1\r\nHost: server\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n";
    upload.send(head).unwrap();
    assert_eq!(upload.read().unwrap().status, 100);
    let mut silent = Vec::new();
    for n in 0..10 * ROOM {
        silent.push(TcpStream::connect(server.address()).unwrap());
        // A client that works is served in between, on a connection that is never the oldest.
        if n % 5 == 0 {
            colony.submit_any();
        }
    }
    wait::until_true("the oldest to make room", || cut(&server, "room") >= 9 * ROOM as u64);
    assert!(figure(&server, "colonies_connections") <= ROOM as u64);
    assert_eq!(cut(&server, "full"), 0);
    // The oldest have gone, and the newest are there.
    let oldest = silent.len() - 2 * ROOM;
    for stream in &mut silent[..oldest] {
        stream.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    let newest = silent.last_mut().unwrap();
    assert_eq!(rest(newest), None);
    newest.set_nonblocking(false).unwrap();
    newest.write_all(b"GET /health HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    newest.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    websocket.assert_quiet();
    upload.send("0123456789").unwrap();
    assert_eq!(upload.read().unwrap().status, 400);
    // Among the processes that were submitted there is one for the poll.
    assert_eq!(poll.answer().status, 200);
}

#[test]
fn a_connection_that_finds_no_room_is_told_so() {
    let server = Server::start_with(&["--max-connections", "3", "--workers", "1"]);
    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    let polls: Vec<_> = (0..2).map(|_| colony.parked("e", &executor, 600)).collect();
    let _third = WebSocket::open(server.address());
    let mut refused = Connection::open(server.address()).unwrap();
    refused.request("GET", "/health", &[], b"").unwrap();
    let response = refused.read().unwrap();
    assert!(Reply::read(&response).refused(503).starts_with("the server has as many connections"), "{response:?}");
    assert!(refused.read_to_end().unwrap().is_empty());
    // There is room again once one of them goes.
    polls.into_iter().for_each(support::Poll::hang_up);
    wait::until_true("room", || {
        let round = Connection::open(server.address()).unwrap().round("GET", "/health", &[], b"");
        round.is_ok_and(|response| response.status == 200)
    });
    // On a new connection: those that its client had kept have made room meanwhile.
    colony.at(&server).submit_any();
}

#[test]
fn a_client_that_does_not_read_its_answers_makes_room_too() {
    let server = Server::start_with(&["--max-connections", "2", "--workers", "1"]);
    let colony = Colony::new(&server);
    let id = colony.submit(support::json!({ "args": ["x".repeat(30 << 20)] }), support::json!({}));
    // 40 MB, which no socket's buffer holds.
    let question = support::envelope(&colony.user, &support::json!({ "msgtype": "getprocessmsg", "processid": id }));
    let mut reader = Connection::open(server.address()).unwrap();
    reader.request("POST", "/api", &[], question.as_bytes()).unwrap();
    reader.stream.peek(&mut [0]).unwrap();
    let with_answer = resident(&server);
    for _ in 0..3 {
        assert_eq!(once(server.address(), "GET", "/health", &[], b"").status, 200);
    }
    let kept: Vec<_> = (0..3).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    wait::until_true("the reader to be cut", || cut(&server, "room") >= 3);
    assert!(reader.read().is_err(), "the answer came whole");
    println!("with an answer unread {with_answer} kB, then {} kB", resident(&server));
    drop(kept);
}

/// Rounds of the measured run, each once without slow connections and once with them.
const ROUNDS: usize = 3;

#[test]
#[ignore = "a measurement of minutes"]
fn what_ten_thousand_slow_connections_cost_others() {
    let files = allow_open_files();
    assert!(files > MANY + 500, "the limit on open files is {files}");
    let server = Server::start_with(&["--head-timeout", "10", "--body-timeout", "20"]);
    let colony = Colony::new(&server);
    let measure = || {
        let submitters = Submitters::start(&colony, 4, Duration::from_millis(5));
        thread::sleep(Duration::from_secs(15));
        submitters.stop()
    };
    measure();
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let before = resident(&server);
    for _ in 0..ROUNDS {
        alone.extend(measure());
        let begin = Instant::now();
        let flood = Flood::start(server.address(), MANY);
        println!("opened {MANY} in {:?}", begin.elapsed());
        beside.extend(measure());
        let open = figure(&server, "colonies_connections");
        println!("{open} open, {} cut so far; memory {} kB, {before} before", flood.cut(), resident(&server));
        assert!(flood.cut() >= MANY / 2, "heads were not cut at their deadline");
        flood.stop();
        wait::until_true("all to end", || figure(&server, "colonies_connections") < 10);
    }
    for took in [&mut alone, &mut beside] {
        took.sort_unstable();
        let [p50, p99] = [50.0, 99.0].map(|percent| percentile(took, percent));
        println!("{} submits, p50 {p50:?}, p99 {p99:?}", took.len());
    }
    let (alone, beside) = (percentile(&alone, 99.0), percentile(&beside, 99.0));
    assert!(beside <= (2 * alone).max(alone + Duration::from_millis(3)), "p99 {beside:?} beside, {alone:?} alone");
}
