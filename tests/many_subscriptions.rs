//! Many websocket connections on one server, each subscribed to a process of its own: every one is told of its process
//! and of no other. What a subscription takes of the server's memory, and how long an event is on its way beside many
//! and beside none, is measured by
//!
//! ```text
//! cargo test --release --test many_subscriptions -- --ignored --nocapture
//! ```
//!
//! `COLONIES_SUBSCRIPTIONS` asks for another number than ten thousand there.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::{Duration, Instant};
use support::machine::{allow_open_files, resident};
use support::websocket::{TEXT, WebSocket};
use support::{Colony, PrivateKey, Server, json};

const MANY: usize = 10_000;
/// Enough to see a connection that gets another's events, and few enough for every run of the tests.
const SOME: usize = 500;
/// Bytes of the server's memory that one connection with one subscription may take.
const BYTES: u64 = 20 << 10;
/// How much longer an event may be on its way beside many subscriptions.
const RATIO: f64 = 1.3;
/// Events that are timed.
const EVENTS: usize = 400;

/// Connections that are subscribed to the end of these processes.
fn subscribe(server: &Server, colony: &Colony, ids: &[String]) -> Vec<WebSocket> {
    let mut sockets: Vec<WebSocket> = ids
        .iter()
        .map(|id| {
            let mut socket = WebSocket::open(server.address());
            let message = json!({ "msgtype": "subscribeprocessmsg", "processid": id, "state": 2, "timeout": 3_600 });
            socket.say(&colony.user, &message);
            socket
        })
        .collect();
    // Taken in, all of them, and nothing is told yet.
    sockets.iter_mut().for_each(WebSocket::assert_quiet);
    sockets
}

/// Closes some of the processes; their subscribers are told, and no others.
fn check_told(colony: &Colony, executor: &PrivateKey, ids: &[String], sockets: &mut [WebSocket], step: usize) {
    let mut ended = Vec::new();
    for (place, id) in ids.iter().enumerate() {
        assert_eq!(colony.assign(executor, 10).process_id(), id, "in the order of submission");
        if place % step == 0 {
            colony.close(executor, id).ok();
            ended.push(place);
        }
    }
    for (place, socket) in sockets.iter_mut().enumerate() {
        if ended.contains(&place) {
            let event = socket.next().reply(TEXT).ok_event();
            assert_eq!((&event["processid"], &event["state"]), (&json!(ids[place]), &json!(2)));
        }
        socket.assert_quiet();
    }
}

trait Event {
    fn ok_event(self) -> serde_json::Value;
}

impl Event for support::Reply {
    /// The process that an event shows.
    fn ok_event(self) -> serde_json::Value {
        assert!(!self.error, "{self:?}");
        self.payload
    }
}

/// The median time from a close's first byte to the event's last, at one subscriber.
fn time_of_an_event(server: &Server, colony: &Colony, executor: &PrivateKey) -> Duration {
    let mut socket = WebSocket::open(server.address());
    let message = json!({ "msgtype": "subscribeprocessesmsg", "colonyname": colony.name, "executortype": "timed",
        "state": 2, "timeout": 3_600 });
    // Executors alone may listen to a type.
    socket.say(executor, &message);
    socket.assert_quiet();
    let mut times: Vec<Duration> = (0..EVENTS)
        .map(|_| {
            let id = colony.submit(json!({}), json!({ "executortype": "timed" }));
            assert_eq!(colony.assign(executor, 10).process_id(), id);
            let begin = Instant::now();
            colony.close(executor, &id).ok();
            assert_eq!(socket.next().reply(TEXT).ok_event()["processid"], json!(id));
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[EVENTS / 2]
}

#[test]
fn every_subscriber_is_told_of_its_own_process() {
    allow_open_files();
    let server = Server::start();
    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    let ids: Vec<String> = (0..SOME).map(|_| colony.submit_any()).collect();
    let mut sockets = subscribe(&server, &colony, &ids);
    check_told(&colony, &executor, &ids, &mut sockets, 3);
}

#[test]
#[ignore = "measures; see the top of the file"]
fn a_subscription_is_small_and_does_not_delay_others() {
    allow_open_files();
    let many = std::env::var("COLONIES_SUBSCRIPTIONS").map_or(MANY, |text| text.parse().unwrap());
    let server = Server::start();
    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    let timed = colony.executor_with("timed", json!({ "executortype": "timed" }));
    let ids: Vec<String> = (0..many).map(|_| colony.submit_any()).collect();
    // Once for nothing: what is made at first use is no part of either.
    time_of_an_event(&server, &colony, &timed);
    let alone = time_of_an_event(&server, &colony, &timed);
    let before = resident(&server);
    let begin = Instant::now();
    let mut sockets = subscribe(&server, &colony, &ids);
    let took = begin.elapsed();
    let bytes = (resident(&server) - before) * 1_024 / many as u64;
    let beside = time_of_an_event(&server, &colony, &timed);
    println!("{many} subscriptions in {took:.1?}: {bytes} bytes of memory each");
    println!("close to event: p50 {alone:.0?} alone, {beside:.0?} beside them");
    check_told(&colony, &executor, &ids, &mut sockets, 100);
    assert!(bytes <= BYTES, "a subscription takes {bytes} bytes of memory");
    assert!(beside.as_secs_f64() <= alone.as_secs_f64() * RATIO, "an event took {beside:.0?} instead of {alone:.0?}");
}
