//! Starting and stopping: signals, the lock on the data directory, durability settings, damaged logs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use std::fs::{self, OpenOptions};
use std::io::{BufReader, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::server::segments;
use support::{Colony, Reply, Server, http, json};

/// How long an orderly stop may take, with what a busy machine needs beyond.
const STOP: Duration = Duration::from_secs(5);

#[test]
fn a_stop_tells_waiting_executors_that_there_is_nothing_to_do() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start();
        let colony = Colony::new(&server);
        let keys: Vec<_> = (0..5).map(|n| (format!("e{n}"), colony.executor(&format!("e{n}")))).collect();
        let polls: Vec<_> = keys.iter().map(|(name, key)| colony.parked(name, key, 60)).collect();
        let begin = Instant::now();
        server.signal(signal);
        for poll in polls {
            assert_eq!(poll.answer().refused(404), "No process available for assignment");
        }
        let status = server.wait();
        assert!(begin.elapsed() < STOP, "{:?}", begin.elapsed());
        assert_eq!(status.code(), Some(0), "{}", server.log());
        let again = server.again().unwrap();
        let log = again.log();
        assert!(log.contains("clean=true"), "{log}");
        assert!(!log.contains("never finished"), "{log}");
        assert_eq!(colony.at(&again).statistics()["executors"], 5);
    }
}

/// Bytes that clients have sent to a port of this machine and the server has not read yet.
fn unread_bytes(port: u16) -> u64 {
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    let own = format!(":{port:04X}");
    let of_server = sockets.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    of_server
        .filter(|fields| fields[1].ends_with(&own))
        .map(|fields| u64::from_str_radix(fields[4].split_once(':').unwrap().1, 16).unwrap())
        .sum()
}

#[test]
fn a_stop_answers_very_many_waiting_executors() {
    // As many as the limit on open files allows, up to what is asked for; the server has one more for each.
    let allowed = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum: Some(allowed) }).unwrap();
    let wanted = std::env::var("COLONIES_TEST_POLLS").map_or(2_000, |text| text.parse().unwrap());
    let count = wanted.min(allowed as usize - 500);
    let mut server = Server::start();
    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    let body = support::envelope(&executor, &support::poll::message(&colony.name, 600));
    let request = format!("POST /api HTTP/1.1\r\nHost: server\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let connect = || {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(http::READ_TIMEOUT)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    };
    let polls: Vec<_> = (0..count).map(|_| connect()).collect();
    let id = colony.submit(json!({}), json!({ "executortype": "another" }));
    support::wait::until_true("the polls to be read", || unread_bytes(server.address().port()) == 0);
    let begin = Instant::now();
    server.signal(Signal::TERM);
    let mut answers = polls.into_iter().map(|stream| {
        let response = http::read_response(&mut BufReader::new(stream)).unwrap();
        assert_eq!(Reply::read(&response).refused(404), "No process available for assignment");
    });
    answers.by_ref().take(count / 2).for_each(drop);
    let address = server.address();
    let late = std::thread::spawn(move || {
        // Whether the kernel still takes it or not, nobody answers.
        http::Connection::open(address).and_then(|mut late| late.round("GET", "/health", &[], b""))
    });
    assert_eq!(answers.count(), count - count / 2);
    let status = server.wait();
    assert!(begin.elapsed() < STOP, "{count} polls: {:?}", begin.elapsed());
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(late.join().unwrap().is_err(), "a new connection was served");
    let again = server.again().unwrap();
    assert!(again.log().contains("clean=true"), "{}", again.log());
    assert_eq!(colony.at(&again).state(&id), 0);
}

#[test]
fn a_second_interrupt_loses_nothing_acknowledged() {
    let mut server = Server::start();
    let colony = Colony::new(&server);
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let submitters: Vec<_> = (0..4)
        .map(|_| {
            let (colony, acknowledged) = (colony.clone(), acknowledged.clone());
            std::thread::spawn(move || {
                let message = colony.submission(json!({}), json!({}));
                while let Ok(reply) = colony.client.try_call(&colony.user, &message) {
                    if reply.status != 200 {
                        break;
                    }
                    acknowledged.lock().unwrap().push(reply.process_id().to_owned());
                }
            })
        })
        .collect();
    support::wait::until_true("some submits", || acknowledged.lock().unwrap().len() > 20);
    server.signal(Signal::INT);
    server.signal(Signal::INT);
    support::wait::until_true("the first interrupt to be seen", || server.log().contains("SIGINT"));
    // The two may have come as one.
    server.signal(Signal::INT);
    let status = server.wait();
    assert!(matches!(status.code(), Some(0 | 130)), "{status:?}");
    submitters.into_iter().for_each(|submitter| submitter.join().unwrap());
    let again = server.again().unwrap();
    let colony = colony.at(&again);
    acknowledged.lock().unwrap().iter().for_each(|id| assert_eq!(colony.state(id), 0));
}

#[test]
fn a_stop_lets_a_connection_that_idles_go() {
    let mut server = Server::start();
    let mut idle = http::Connection::open(server.address()).unwrap();
    assert_eq!(idle.round("GET", "/health", &[], b"").unwrap().status, 200);
    let begin = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(begin.elapsed() < STOP, "{:?}", begin.elapsed());
    assert!(idle.read_to_end().unwrap().is_empty());
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let mut server = Server::start();
    let colony = Colony::new(&server);
    let id = colony.submit_any();
    // A request that never comes to its end holds up the orderly stop.
    let mut unfinished = http::Connection::open(server.address()).unwrap();
    let head = "POST /api HTTP/1.1\r\nHost: server\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n";
    unfinished.send(head).unwrap();
    assert_eq!(unfinished.read().unwrap().status, 100);
    let begin = Instant::now();
    server.signal(Signal::INT);
    support::wait::until_true("the first interrupt to be seen", || server.log().contains("SIGINT"));
    server.signal(Signal::INT);
    let status = server.wait();
    assert_eq!(status.code(), Some(130));
    assert!(begin.elapsed() < STOP);
    let again = server.again().unwrap();
    assert_eq!(colony.at(&again).state(&id), 0);
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let server = Server::start();
    let ended = Server::try_start(server.dir(), &[]).unwrap_err();
    assert_eq!(ended.status.code(), Some(1));
    let dir = server.dir();
    let dir = dir.path().to_string_lossy();
    assert!(ended.log.contains("colonies: cannot open the log") && ended.log.contains(&*dir), "{}", ended.log);
    assert!(ended.log.contains("another") || ended.log.contains("in use"), "{}", ended.log);
    // The first one is not disturbed.
    Colony::new(&server).submit_any();
}

#[test]
fn a_server_on_a_port_in_use_says_so() {
    let server = Server::start();
    let port = server.address().port().to_string();
    let dir = std::sync::Arc::new(tempfile::TempDir::new().unwrap());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_colonies"));
    command.env_clear().env("COLONIES_SERVER_HTTP_PORT", &port).env("COLONIES_DATADIR", dir.path());
    let output = command.args(["server", "start", "--host", "127.0.0.1"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{said}");
}

#[test]
fn every_durability_serves_and_survives_an_orderly_stop() {
    for (setting, shown) in [("always", "Always"), ("interval=50", "Interval(50ms)"), ("never", "Never")] {
        let mut server = Server::start_with(&["--durability", setting]);
        assert!(server.log().contains(&format!("durability={shown}")), "{}", server.log());
        let colony = Colony::new(&server);
        let id = colony.submit_any();
        server.stop_and_restart();
        assert_eq!(colony.at(&server).state(&id), 0);
        // The operating system has what was acknowledged, so a killed process loses nothing either.
        let later = colony.at(&server).submit_any();
        server.crash_and_restart();
        assert_eq!(colony.at(&server).state(&later), 0);
    }
    let dir = std::sync::Arc::new(tempfile::TempDir::new().unwrap());
    let ended = Server::try_start(dir, &["--durability", "sometimes"]).unwrap_err();
    assert_eq!(ended.status.code(), Some(2));
    assert!(ended.log.contains("always, interval=MS or never"), "{}", ended.log);
}

#[test]
fn a_torn_end_is_cut_and_reported() {
    let mut server = Server::start();
    let colony = Colony::new(&server);
    let ids: Vec<_> = (0..5).map(|_| colony.submit_any()).collect();
    server.kill();
    let file = segments(server.dir().path()).pop().unwrap();
    let end = end_of_data(&file);
    // Half a batch of noise behind the last one, as a write that the crash cut short.
    let mut segment = OpenOptions::new().write(true).open(&file).unwrap();
    segment.seek(SeekFrom::Start(end)).unwrap();
    segment.write_all(&[0xA5; 100]).unwrap();
    drop(segment);
    let again = server.again().unwrap();
    let log = again.log();
    assert!(log.contains("never finished") && log.contains(&*file.to_string_lossy()), "{log}");
    let colony = colony.at(&again);
    ids.iter().for_each(|id| assert_eq!(colony.state(id), 0));
    colony.submit_any();
}

#[test]
fn damage_in_the_middle_is_never_passed_over() {
    let mut server = Server::start();
    let colony = Colony::new(&server);
    for _ in 0..20 {
        colony.submit_any();
    }
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    let file = segments(server.dir().path()).remove(0);
    let before = fs::read(&file).unwrap();
    let end = end_of_data(&file);
    let mut damaged = before.clone();
    damaged[end as usize / 2] ^= 0x40;
    fs::write(&file, &damaged).unwrap();
    let ended = server.again().unwrap_err();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    let last = ended.log.lines().find(|line| line.starts_with("colonies: ")).unwrap();
    assert!(last.contains(&*file.to_string_lossy()), "the file is not named: {last}");
    let offset = last.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<u64>().ok());
    let named = offset.into_iter().any(|offset| offset > 0 && offset <= end / 2);
    assert!(last.contains("damaged at byte") && named, "the offset is not named: {last}");
    assert_eq!(fs::read(&file).unwrap(), damaged, "a start that was refused changed the log");
    fs::write(&file, before).unwrap();
    assert_eq!(colony.at(&server.again().unwrap()).statistics()["waitingprocesses"], 20);
}

#[test]
fn a_kill_is_a_kill() {
    let mut server = Server::start();
    server.signal(Signal::KILL);
    assert_eq!(server.wait().signal(), Some(9));
}

/// Where the batches of a segment end and its preallocated zeros begin (`docs/wal-format.md`).
fn end_of_data(file: &Path) -> u64 {
    let bytes = fs::read(file).unwrap();
    let mut end = 48;
    while bytes[end..].starts_with(b"WBAT") {
        let body: [u8; 4] = bytes[end + 24..end + 28].try_into().unwrap();
        end += 48 + u32::from_le_bytes(body) as usize;
    }
    assert!(end > 48 && bytes[end..].iter().all(|&byte| byte == 0));
    end as u64
}

#[test]
fn a_new_server_without_an_owner_makes_one_and_shows_its_key_once() {
    let dir = tempfile::TempDir::new().unwrap();
    let start = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_colonies"));
        command
            .env_clear()
            .args(["server", "start", "--host", "127.0.0.1", "--port", "0", "--datadir"])
            .arg(dir.path());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
        let said: Vec<_> =
            lines.by_ref().map(Result::unwrap).take_while(|line| !line.contains(" serving address")).collect();
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
        let rest: Vec<_> = lines.map(Result::unwrap).collect();
        assert!(child.wait().unwrap().success());
        [said, rest].concat().join("\n")
    };
    let first = start();
    let key = first.lines().find_map(|line| line.strip_prefix("export COLONIES_SERVER_PRVKEY=\"")).unwrap();
    let key = support::PrivateKey::from_text(key.trim_end_matches('"')).unwrap();
    assert!(first.contains(&format!("export COLONIES_SERVER_ID=\"{}\"", key.id())), "{first}");
    let second = start();
    assert!(!second.contains("PRVKEY"), "the key was shown again: {second}");
    let server = Server::try_start(std::sync::Arc::new(dir), &[]).unwrap();
    let message = json!({ "msgtype": "getcoloniesmsg" });
    support::Client::new(server.address()).call(&key, &message).ok();
}
