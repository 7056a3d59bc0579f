//! Many executors that wait for work at once: a submit wakes one of them, and the others stay where they are. What a
//! parked poll takes of the server's memory, and what all of them take of a core, is measured by
//!
//! ```text
//! cargo test --release --test many_polls -- --ignored --nocapture
//! ```
//!
//! `COLONIES_POLLS` asks for another number than ten thousand there.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use support::{Colony, Server, envelope, json};

const MANY: usize = 10_000;
/// Enough to see a second poll that is woken, and few enough for every run of the tests.
const SOME: usize = 300;
/// Bytes of the server's memory that one parked poll may take, its connection included.
const BYTES: u64 = 16 << 10;
/// The part of a core that all of them may take.
const PART: f64 = 0.02;

fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

/// Bytes of resident memory.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}

/// Processor time that the server has used, user and system, threads that have ended too.
fn used(server: &Server) -> Duration {
    // Linux counts in hundredths of a second here, whatever its own clock does.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    // After the name, which may hold anything, come the state and ten more figures.
    let figures = stat.rsplit_once(") ").unwrap().1.split(' ').skip(11);
    let ticks: u32 = figures.take(2).map(|ticks| ticks.parse::<u32>().unwrap()).sum();
    TICK * ticks
}

/// Waits until so many executors wait, as the server itself counts them.
fn until_parked(server: &Server, count: usize) {
    let url = format!("http://{}/metrics", server.address());
    support::wait::until("all polls to be parked", || {
        let page = ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap();
        let line = page.lines().find(|line| line.starts_with("colonies_server_waiters ")).unwrap();
        (line.rsplit(' ').next() == Some(&count.to_string())).then_some(())
    });
}

/// Parks so many polls of one executor, each on a connection of its own.
fn park(server: &Server, colony: &Colony, count: usize) -> Vec<TcpStream> {
    let executor = colony.executor("e");
    let poll = json!({ "msgtype": "assignprocessmsg", "colonyname": colony.name, "timeout": 3_600 });
    let body = envelope(&executor, &poll);
    let request = format!("POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let sockets: Vec<TcpStream> = (0..count)
        .map(|_| {
            let mut socket = TcpStream::connect(server.address()).unwrap();
            socket.write_all(request.as_bytes()).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        })
        .collect();
    until_parked(server, count);
    sockets
}

/// Whether its poll has been answered.
fn has_bytes(socket: &TcpStream) -> bool {
    socket.peek(&mut [0]).is_ok()
}

/// How many of them have been answered.
fn answered(sockets: &[TcpStream]) -> usize {
    sockets.iter().filter(|socket| has_bytes(socket)).count()
}

/// Each submit wakes one more.
fn check_one_each(server: &Server, colony: &Colony, sockets: &[TcpStream], submits: usize) {
    for nth in 1..=submits {
        let id = colony.submit_any();
        support::wait::until("the poll to be answered", || (answered(sockets) >= nth).then_some(()));
        until_parked(server, sockets.len() - nth);
        assert_eq!(answered(sockets), nth, "{id}");
    }
    // With a process, all of them.
    for mut socket in sockets.iter().filter(|socket| has_bytes(socket)) {
        let mut head = [0; 12];
        socket.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
    }
}

#[test]
fn a_submit_wakes_one_of_many() {
    allow_open_files();
    let server = Server::start();
    let colony = Colony::new(&server);
    let sockets = park(&server, &colony, SOME);
    check_one_each(&server, &colony, &sockets, 5);
}

#[test]
#[ignore = "measures; see the top of the file"]
fn a_parked_poll_is_small_and_costs_nothing() {
    allow_open_files();
    let many = std::env::var("COLONIES_POLLS").map_or(MANY, |text| text.parse().unwrap());
    let server = Server::start();
    let colony = Colony::new(&server);
    let before = resident(&server);
    let sockets = park(&server, &colony, many);
    let bytes = (resident(&server) - before) / many as u64;
    let (cpu, begin) = (used(&server), Instant::now());
    std::thread::sleep(Duration::from_secs(10));
    let part = (used(&server) - cpu).as_secs_f64() / begin.elapsed().as_secs_f64();
    println!("{many} parked polls: {bytes} bytes of memory each, {:.2} % of a core together", part * 100.0);
    check_one_each(&server, &colony, &sockets, 100);
    assert!(bytes <= BYTES, "a parked poll takes {bytes} bytes of memory");
    assert!(part < PART, "parked polls take {:.2} % of a core", part * 100.0);
}
