//! `colonies backup` of a server at work, and `colonies restore`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use support::{Colony, PrivateKey, Server, Value, json, wait};
use tempfile::TempDir;

/// What a command said, and whether it ended well.
#[derive(Debug)]
struct Ran {
    well: bool,
    stdout: String,
    stderr: String,
}

fn colonies(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_colonies"));
    let output = command.env_clear().args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { well: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What was acknowledged: processes that were closed, and their log lines.
#[derive(Default)]
struct Acknowledged(Mutex<BTreeSet<String>>);

/// Submits, says something about it and closes, until told to stop.
fn work(colony: &Colony, worker: &PrivateKey, acknowledged: &Acknowledged, over: &AtomicBool) {
    while !over.load(Ordering::Acquire) {
        colony.submit_any();
        let id = colony.assign(worker, 10).ok()["processid"].as_str().unwrap().to_owned();
        let said = json!({ "msgtype": "addlogmsg", "processid": id, "message": format!("about {id}") });
        colony.client.call(worker, &said).ok();
        colony.close(worker, &id).ok();
        acknowledged.0.lock().unwrap().insert(id);
    }
}

#[test]
fn a_backup_of_a_server_at_work_has_all_that_was_acknowledged() {
    let often = ["--archive-after", "0", "--checkpoint-bytes", "100000"];
    let server = Server::start_with(&often);
    let colony = Colony::new(&server);
    let workers: Vec<PrivateKey> = (0..3).map(|n| colony.executor(&format!("e{n}"))).collect();
    let (acknowledged, over) = (Acknowledged::default(), AtomicBool::new(false));
    let copies = TempDir::new().unwrap();
    let mut before = Vec::new();
    std::thread::scope(|scope| {
        for worker in &workers {
            scope.spawn(|| work(&colony.at(&server), worker, &acknowledged, &over));
        }
        for number in 0..3 {
            let wanted = 100 * (number + 1);
            wait::until_true("work", || acknowledged.0.lock().unwrap().len() >= wanted);
            before.push(acknowledged.0.lock().unwrap().clone());
            let to = copies.path().join(number.to_string());
            let ran = colonies(&["backup", "--datadir", text(server.dir().path()), "--to", text(&to), "--json"]);
            assert!(ran.well, "{ran:?}");
            let said: Value = serde_json::from_str(&ran.stdout).unwrap();
            assert_eq!(said["message"], "Backup made");
        }
        over.store(true, Ordering::Release);
    });
    assert!(server.log().contains("a checkpoint was made"), "{}", server.log());
    for (number, before) in before.iter().enumerate() {
        let data = copies.path().join(format!("data-{number}"));
        let ran =
            colonies(&["restore", "--from", text(&copies.path().join(number.to_string())), "--datadir", text(&data)]);
        assert!(ran.well && ran.stderr.contains("Backup restored"), "{ran:?}");
        check(data, &colony, before);
    }
}

/// A server on a restored directory has these processes, closed, with what was said of them, once; and it goes on.
fn check(data: std::path::PathBuf, colony: &Colony, before: &BTreeSet<String>) {
    let dir = TempDir::new().unwrap();
    fs::remove_dir(dir.path()).unwrap();
    fs::rename(data, dir.path()).unwrap();
    let restored = Server::try_start(dir.into(), &[]).unwrap();
    let colony = colony.at(&restored);
    for id in before {
        assert_eq!(colony.state(id), 2, "{id}");
        let lines = json!({ "msgtype": "getlogsmsg", "colonyname": colony.name, "processid": id, "count": 10 });
        let lines = colony.client.call(&colony.user, &lines).ok();
        assert_eq!(lines.as_array().map(Vec::len), Some(1), "{lines}");
    }
    let closed = colony.statistics()["successfulprocesses"].as_u64().unwrap();
    assert!(closed >= before.len() as u64);
    let worker = colony.executor("after");
    let id = colony.submit_any();
    wait::until_true("the new process to come", || {
        let assigned = colony.assign(&worker, 10).ok();
        let given = assigned["processid"].as_str().unwrap().to_owned();
        colony.close(&worker, &given).ok();
        given == id
    });
}

#[test]
fn what_is_no_good_backup_is_refused() {
    let server = Server::start();
    let colony = Colony::new(&server);
    colony.submit_any();
    let (copies, dir) = (TempDir::new().unwrap(), server.dir());
    let (good, data) = (copies.path().join("good"), copies.path().join("data"));
    assert!(colonies(&["backup", "--datadir", text(dir.path()), "--to", text(&good)]).well);
    let refused = |arguments: &[&str], why: &str| {
        let ran = colonies(arguments);
        assert!(!ran.well && ran.stderr.contains(why), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    };
    refused(&["backup", "--datadir", text(dir.path()), "--to", text(&good)], "is not empty");
    refused(&["restore", "--from", text(&good), "--datadir", text(dir.path())], "is not empty");
    refused(&["backup", "--datadir", "/nowhere", "--to", text(&copies.path().join("of nothing"))], "no log");
    let list = fs::read(good.join("backup.json")).unwrap();
    fs::remove_file(good.join("backup.json")).unwrap();
    refused(&["restore", "--from", text(&good), "--datadir", text(&data)], "is not a complete backup");
    let strange = String::from_utf8(list.clone()).unwrap().replace("wal/0", "wal/../0");
    fs::write(good.join("backup.json"), strange).unwrap();
    refused(&["restore", "--from", text(&good), "--datadir", text(&data)], "is damaged");
    fs::remove_dir_all(&data).unwrap();
    fs::write(good.join("backup.json"), list).unwrap();
    let segment = good.join("wal/00000000000000000001.log");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[100] ^= 1;
    fs::write(&segment, bytes).unwrap();
    refused(&["restore", "--from", text(&good), "--datadir", text(&data)], "is damaged");
}
