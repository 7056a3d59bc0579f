//! `GET /metrics`: what a run of messages does to it, and that it reads as Prometheus wants it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use support::http::{Connection, once};
use support::websocket::WebSocket;
use support::{Client, Colony, PrivateKey, Server, envelope, json, poll, wait};

/// The samples of a page by their series, as they are written.
type Samples = BTreeMap<String, f64>;

fn scrape(address: SocketAddr) -> String {
    let response = once(address, "GET", "/metrics", &[], b"");
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    response.text().to_owned()
}

/// Reads a page by the grammar of the format, and by what it asks of families.
fn read(page: &str) -> Samples {
    let help = Regex::new(r"^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*)$").unwrap();
    let kind = Regex::new(r"^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$").unwrap();
    let label = r#"[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*""#;
    let sample = format!(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{{{label}(,{label})*\}})? (-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?)$");
    let sample = Regex::new(&sample).unwrap();
    assert!(page.ends_with('\n'));
    let (mut samples, mut families) = (Samples::new(), BTreeSet::new());
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let name = help.captures(line).unwrap_or_else(|| panic!("no family begins with {line:?}"))[1].to_owned();
        let typed = lines.next().unwrap();
        let typed = kind.captures(typed).unwrap_or_else(|| panic!("no type of {name}: {typed:?}"));
        assert_eq!(typed[1], name);
        assert!(families.insert(name.clone()), "{name} is there twice");
        let suffixes: &[&str] = if &typed[2] == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert_eq!(&typed[2] == "counter", name.ends_with("_total"), "{name}");
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let found = sample.captures(line).unwrap_or_else(|| panic!("no sample: {line:?}"));
            let suffix = found[1].strip_prefix(&name).unwrap_or_else(|| panic!("{line:?} is not of {name}"));
            assert!(suffixes.contains(&suffix), "{line:?} is not of {name}");
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{series} is there twice");
        }
    }
    check_histograms(page, &samples);
    samples
}

/// Buckets only grow, and the last one has all.
fn check_histograms(page: &str, samples: &Samples) {
    let bucket = Regex::new(r#"^(\w+)_bucket\{(.*?),?le="([^"]*)"\} (\d+)$"#).unwrap();
    let mut last = (String::new(), 0.0, 0.0);
    let mut seen = 0;
    for found in page.lines().filter_map(|line| bucket.captures(line)) {
        let series = if found[2].is_empty() { found[1].to_owned() } else { format!("{}{{{}}}", &found[1], &found[2]) };
        let bound = if &found[3] == "+Inf" { f64::INFINITY } else { found[3].parse().unwrap() };
        let count: f64 = found[4].parse().unwrap();
        if last.0 == series {
            assert!(bound > last.1 && count >= last.2, "{series}: {last:?}, then {bound} {count}");
        }
        if bound.is_infinite() {
            let total = series.replacen(&found[1], &format!("{}_count", &found[1]), 1);
            assert_eq!(samples[&total], count, "{series}");
            seen += 1;
        }
        last = (series, bound, count);
    }
    assert!(seen > 0, "no histogram");
}

fn requests(samples: &Samples, name: &str, end: &str) -> f64 {
    samples[&format!("colonies_requests_total{{payloadtype=\"{name}\",end=\"{end}\"}}")]
}

fn took(samples: &Samples, name: &str) -> f64 {
    let series = format!("colonies_request_duration_seconds_count{{payloadtype=\"{name}\"}}");
    samples.get(&series).copied().unwrap_or(0.0)
}

#[test]
fn a_run_of_messages_moves_the_figures() {
    let server = Server::start_with(&["--archive-after", "0"]);
    let read = || read(&scrape(server.address()));
    let before = read();
    assert_eq!(before["colonies_server_colonies"], 0.0);
    assert_eq!(before["colonies_ready"], 1.0);

    let colony = Colony::new(&server);
    let executor = colony.executor("worker");
    let submitted: Vec<_> = (0..5).map(|_| colony.submit_any()).collect();
    let assigned = colony.assign(&executor, -1);
    colony.close(&executor, assigned.process_id()).ok();
    // Twice the same bytes: the second signature is remembered, as were those of the equal submits but the first.
    let known = envelope(&colony.user, &json!({ "msgtype": "getprocessmsg", "processid": submitted[4] }));
    for _ in 0..2 {
        assert_eq!(colony.client.post(known.as_bytes()).unwrap().status, 200);
    }
    let missing = json!({ "msgtype": "getcolonystatsmsg", "colonyname": "nowhere" });
    colony.client.call(&colony.user, &missing).refused(400);
    for name in ["inventedmsg", "another\\\"msg"] {
        colony.client.call(&colony.user, &json!({ "msgtype": name })).refused(403);
    }
    let after = read();

    let more = |series: &str| after[series] - before[series];
    assert_eq!(requests(&after, "addcolonymsg", "2xx"), 1.0);
    assert_eq!(requests(&after, "submitfuncspecmsg", "2xx"), 5.0);
    assert_eq!(requests(&after, "getprocessmsg", "2xx"), 2.0);
    assert_eq!(requests(&after, "getcolonystatsmsg", "4xx"), 1.0);
    assert_eq!(requests(&after, "unknown", "4xx"), 2.0);
    assert_eq!(requests(&after, "removecolonymsg", "2xx"), 0.0);
    assert_eq!((took(&after, "submitfuncspecmsg"), took(&after, "unknown")), (5.0, 2.0));
    assert_eq!(after["colonies_server_colonies"], 1.0);
    assert_eq!(after["colonies_server_executors"], 1.0);
    assert_eq!(after["colonies_server_processes_waiting"], 4.0);
    assert_eq!(after["colonies_server_processes_running"], 0.0);
    assert_eq!(after["colonies_server_processes_successful"], 1.0);
    assert_eq!(more("colonies_signature_memo_lookups_total{result=\"hit\"}"), 5.0);
    // Colony, its founding, user, executor, approval, five submits, assignment, close.
    assert!(more("colonies_log_batch_records_sum") >= 12.0);
    assert!(more("colonies_log_sync_duration_seconds_count") >= 1.0);
    assert!(more("colonies_log_written_bytes_total") > 0.0);
    assert!(more("colonies_log_position") >= 1.0);
    assert!(after["colonies_log_durable_position"] <= after["colonies_log_position"]);
    assert_eq!(after["colonies_mailbox_refusals_total"], 0.0);
    assert!(after["colonies_connections"] >= 1.0);
    let written = || read()["colonies_history_write_duration_seconds_count"] >= 1.0;
    wait::until_true("the closed process to be archived", written);
}

#[test]
fn polls_that_wait_and_that_hung_up_are_counted() {
    let server = Server::start();
    let read = || read(&scrape(server.address()));
    let colony = Colony::new(&server);
    let executor = colony.executor("worker");
    let poll = colony.parked("worker", &executor, 60);
    let waiting = read();
    assert_eq!(waiting["colonies_server_waiters"], 1.0);
    assert_eq!(requests(&waiting, "assignprocessmsg", "hangup"), 0.0);
    assert!(waiting["colonies_http_requests_in_progress"] >= 2.0);
    poll.hang_up();
    wait::until_true("the poll to be counted", || {
        let now = read();
        now["colonies_server_waiters"] == 0.0 && requests(&now, "assignprocessmsg", "hangup") == 1.0
    });
}

#[test]
fn open_connections_are_counted_until_they_end() {
    let server = Server::start();
    let connections = |connection: &mut Connection| {
        let page = connection.round("GET", "/metrics", &[], b"").unwrap();
        read(page.text())["colonies_connections"]
    };
    let mut own = Connection::open(server.address()).unwrap();
    assert_eq!(connections(&mut own), 1.0);
    let mut others: Vec<_> = (0..3).map(|_| Connection::open(server.address()).unwrap()).collect();
    for other in &mut others {
        assert_eq!(other.round("GET", "/health", &[], b"").unwrap().status, 200);
    }
    assert_eq!(connections(&mut own), 4.0);
    drop(others);
    wait::until_true("the connections to end", || connections(&mut own) == 1.0);
}

#[test]
fn open_websockets_are_counted_until_they_end() {
    let server = Server::start();
    let websockets = || read(&scrape(server.address()))["colonies_websockets"];
    assert_eq!(websockets(), 0.0);
    let mut open = WebSocket::open(server.address());
    open.assert_quiet();
    assert_eq!(websockets(), 1.0);
    drop(open);
    wait::until_true("the websocket to end", || websockets() == 0.0);
}

#[test]
fn colonies_and_clients_make_no_series() {
    let server = Server::start();
    let series = || -> BTreeSet<String> { read(&scrape(server.address())).into_keys().collect() };
    let work = |name: &str| {
        let colony = Colony::named(&server, name);
        let executor = colony.executor(&format!("executor-of-{name}"));
        colony.submit_any();
        colony.close(&executor, colony.assign(&executor, -1).process_id()).ok();
        let invented = json!({ "msgtype": format!("{name}msg") });
        Client::new(server.address()).call(&PrivateKey::generate(), &invented).refused(403);
    };
    work("first");
    let with_one = series();
    (0..3).for_each(|at| work(&format!("more-{at}")));
    assert_eq!(series(), with_one);
    let page = scrape(server.address());
    assert!(!page.contains("first") && !page.contains("more-"));
}

#[test]
fn a_port_of_their_own_serves_metrics_and_nothing_else_and_a_restart_counts_on() {
    let mut server = Server::start_with(&["--monitorport", "0"]);
    let monitor = |server: &Server| -> SocketAddr {
        let log = server.log();
        let line = log.lines().find_map(|line| line.split_once("metrics are served address=")).unwrap();
        SocketAddr::from(([127, 0, 0, 1], line.1.trim().rsplit_once(':').unwrap().1.parse().unwrap()))
    };
    let colony = Colony::new(&server);
    colony.submit_any();
    let before = read(&scrape(monitor(&server)));
    assert_eq!(before["colonies_server_processes_waiting"], 1.0);
    let message = envelope(&colony.user, &poll::message(&colony.name, -1));
    assert_eq!(once(monitor(&server), "POST", "/api", &[], message.as_bytes()).status, 404);
    assert_eq!(once(monitor(&server), "GET", "/", &[], b"").status, 404);

    server.stop_and_restart();
    let after = read(&scrape(monitor(&server)));
    assert_eq!(after["colonies_server_colonies"], 1.0);
    assert_eq!(requests(&after, "submitfuncspecmsg", "2xx"), 0.0);
    assert!(after["colonies_replay_records"] >= 4.0);
    assert!(after["colonies_replay_duration_seconds"] > 0.0);
    assert!(after["colonies_log_position"] >= before["colonies_log_position"]);
}
