//! `colonies wal`: the log of a real server, looked at, checked, printed and cut.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use rustix::process::Signal;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use support::server::segments;
use support::{Colony, Server, Value};

/// What a command printed, and its exit code.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// `colonies wal` on this data directory.
fn wal(dir: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_colonies"));
    command.env_clear().env("COLONIES_DATADIR", dir).arg("wal").args(arguments).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn json(ran: &Ran) -> Value {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

/// A server with a colony and three processes that wait; and their ids.
fn busy() -> (Server, Colony, Vec<String>) {
    let server = Server::start();
    let colony = Colony::new(&server);
    let ids = (0..3).map(|_| colony.submit_any()).collect();
    (server, colony, ids)
}

fn stop(server: &mut Server) {
    server.signal(Signal::TERM);
    assert!(server.wait().success(), "{}", server.log());
}

/// Flips a bit of this id in the log.
fn damage(dir: &Path, id: &str) {
    let file = segments(dir).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    let id = hex::decode(id).unwrap();
    let at = bytes.windows(id.len()).position(|window| window == id).unwrap();
    bytes[at] ^= 1;
    fs::write(&file, bytes).unwrap();
}

#[test]
fn a_good_log_is_shown_checked_and_printed() {
    let (mut server, _, ids) = busy();
    let dir = server.dir();
    for command in [&["inspect"][..], &["verify"], &["dump"], &["repair", "--truncate-at", "x.log:48", "--yes"]] {
        let refused = wal(dir.path(), command);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("in use by another process"), "{refused:?}");
        assert!(refused.stderr.contains(&server.pid().to_string()), "{refused:?}");
    }
    stop(&mut server);
    let verified = wal(dir.path(), &["verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.stdout.contains("the log is good, and was closed in order"), "{verified:?}");
    let shown = json(&wal(dir.path(), &["inspect", "--json"]));
    assert_eq!((&shown["end"], &shown["segments"][0]["state"]), (&"closed".into(), &"current".into()));
    let streams = shown["streams"].as_array().unwrap();
    assert_eq!((streams.len(), &streams[0]["stream"]), (2, &0.into()));
    let table = wal(dir.path(), &["inspect"]).stdout;
    assert!(table.contains("00000000000000000001.log") && table.contains("LAST RECORD"), "{table}");

    let dumped = wal(dir.path(), &["dump", "--json"]);
    assert_eq!(dumped.code, Some(0), "{dumped:?}");
    let records: Vec<Value> = dumped.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let total: u64 = streams.iter().map(|stream| stream["records"].as_u64().unwrap()).sum();
    assert_eq!(records.len() as u64, total);
    for record in &records {
        assert!(record["time"].as_str().unwrap().starts_with("20") && record.get("error").is_none(), "{record}");
        assert!(!record["events"].as_array().unwrap().is_empty(), "{record}");
    }
    let colony = streams[1]["stream"].to_string();
    let submits = wal(dir.path(), &["dump", "--json", "--stream", &colony]).stdout;
    assert_eq!(submits.matches("Submitted").count(), ids.len(), "{submits}");
    let last = streams[1]["number"].to_string();
    let some = wal(dir.path(), &["dump", "--stream", &colony, "--from", &last]).stdout;
    assert_eq!(some.matches("stream ").count(), 1, "{some}");
    assert!(some.contains("Submitted"), "{some}");
    let first = wal(dir.path(), &["dump", "--json", "--limit", "1"]).stdout;
    assert!(first.lines().count() == 1 && first.contains("OwnerSet"), "{first}");
    // Nothing was changed, the lock least of all.
    assert!(server.again().unwrap().log().contains("clean=true"));
}

#[test]
fn a_torn_end_is_no_damage() {
    let (mut server, colony, _) = busy();
    let dir = server.dir();
    server.kill();
    let file = segments(dir.path()).pop().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.windows(4).rposition(|window| window == b"WBAT").unwrap();
    bytes[last + 60] ^= 1;
    fs::write(&file, bytes).unwrap();
    let verified = wal(dir.path(), &["verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let place = format!("torn write, as after a crash: {} at byte {last} ", file.display());
    assert!(verified.stdout.contains(&place), "{verified:?}");
    assert_eq!(json(&wal(dir.path(), &["inspect", "--json"]))["end"], "torn");
    let mut server = server.again().unwrap();
    assert_eq!(colony.at(&server).statistics()["waitingprocesses"], 2);
    stop(&mut server);
    let shown = json(&wal(dir.path(), &["inspect", "--json"]));
    assert_eq!((&shown["end"], &shown["setaside"]["files"]), (&"closed".into(), &1.into()));
}

#[test]
fn a_damaged_log_is_refused_named_and_cut() {
    let (mut server, colony, ids) = busy();
    let dir = server.dir();
    stop(&mut server);
    damage(dir.path(), &ids[1]);
    let refused = server.again().unwrap_err();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.log.contains("is damaged at byte") && refused.log.contains("colonies wal verify"),
        "{}",
        refused.log
    );

    let verified = wal(dir.path(), &["verify"]);
    assert_eq!(verified.code, Some(1), "{verified:?}");
    assert!(verified.stdout.contains("is damaged at byte"), "{verified:?}");
    let (_, place) = verified.stdout.split_once("--truncate-at ").unwrap();
    assert!(verified.stdout.contains(&format!("--datadir '{}'", dir.path().display())), "{verified:?}");
    let place = place.trim();
    assert!(refused.log.contains(&format!("at byte {}", place.rsplit_once(':').unwrap().1)), "{place} {}", refused.log);
    let dumped = wal(dir.path(), &["dump"]);
    assert_eq!(dumped.code, Some(1), "{dumped:?}");
    assert!(dumped.stdout.contains("OwnerSet") && dumped.stderr.contains("damaged"), "{dumped:?}");
    assert_eq!(dumped.stdout.matches("Submitted").count(), 1, "{dumped:?}");

    let before = fs::read(&segments(dir.path())[0]).unwrap();
    let unsure = wal(dir.path(), &["repair", "--truncate-at", place]);
    assert_eq!(unsure.code, Some(1), "{unsure:?}");
    assert!(unsure.stderr.contains("nothing was changed"), "{unsure:?}");
    let within = wal(dir.path(), &["repair", "--yes", "--truncate-at", "00000000000000000001.log:52"]);
    assert!(within.code == Some(1) && within.stderr.contains("no batch begins at byte 52"), "{within:?}");
    assert!(before == fs::read(&segments(dir.path())[0]).unwrap());

    let cut = wal(dir.path(), &["repair", "--yes", "--truncate-at", place]);
    assert_eq!(cut.code, Some(0), "{cut:?}");
    assert!(cut.stderr.contains("This cuts") && cut.stderr.contains(".torn"), "{cut:?}");
    assert_eq!(wal(dir.path(), &["verify"]).code, Some(0));
    let server = server.again().unwrap();
    let colony = colony.at(&server);
    assert_eq!(colony.statistics()["waitingprocesses"], 1);
    assert_eq!(colony.state(&ids[0]), 0);
    colony.submit_any();
}

#[test]
fn a_directory_without_a_log_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let refused = wal(dir.path(), &["verify"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("there is no log in") && refused.stderr.contains("--datadir"), "{refused:?}");
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
}
