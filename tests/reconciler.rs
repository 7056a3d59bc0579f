//! The example of `examples/reconciler`, as it is: a reconciler of its own process keeps processes running as blueprints
//! say, whoever kills them, and whether the server is there or not.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use support::installed::run;
use support::python::PYTHON;
use support::{Colony, Server, Value, json, wait};
use tempfile::TempDir;

const SLEEP: [&str; 2] = ["sleep", "3600"];

/// A colony with the example at work in it. What it started is killed when this is dropped.
struct Site {
    server: Server,
    colony: Colony,
    reconciler: Child,
    dir: TempDir,
}

impl Site {
    fn start() -> Site {
        let server = Server::start();
        let colony = Colony::new(&server);
        let dir = TempDir::with_prefix("reconciler-").unwrap();
        let output = File::create(dir.path().join("output")).unwrap();
        let mut command = python(&colony, "reconciler.py");
        // A group of its own, which what it starts belongs to as well.
        command.process_group(0).stdout(output.try_clone().unwrap()).stderr(output);
        let site = Site { reconciler: command.spawn().unwrap(), server, colony, dir };
        wait::until_true("the reconciler to register", || site.output().contains("waiting for blueprints"));
        site
    }

    fn output(&self) -> String {
        fs::read_to_string(self.dir.path().join("output")).unwrap()
    }

    /// Runs `blueprint.py`, which must succeed.
    fn blueprint(&self, arguments: &[&str]) -> String {
        run(python(&self.colony, "blueprint.py").args(arguments))
    }

    fn set(&self, name: &str, replicas: &str, command: &[&str]) {
        self.blueprint(&[&["set", name, replicas], command].concat());
    }

    fn show(&self, name: &str) -> Value {
        let message = json!({ "msgtype": "getblueprintmsg", "namespace": self.colony.name, "name": name });
        self.colony.client.call(&self.colony.user, &message).ok()
    }

    /// Waits until so many processes run for a blueprint as it is now, all of them alive and none of `gone`.
    fn running(&self, name: &str, count: usize, gone: &[Pid]) -> Vec<Pid> {
        wait::until(&format!("{count} processes of {name}"), || {
            let blueprint = self.show(name);
            let status = &blueprint["status"];
            let pids: Vec<Pid> = status["pids"].as_array()?.iter().map(pid).collect();
            let is_so = status["generation"] == generation(&blueprint)
                && pids.len() == count
                && pids.iter().all(|&pid| is_there(pid) && !gone.contains(&pid));
            is_so.then_some(pids)
        })
    }

    /// Waits until every process of the colony that reconcilers were asked for is closed.
    fn no_work_left(&self) {
        wait::until_true("all work to be closed", || {
            let statistics = self.colony.statistics();
            (&statistics["waitingprocesses"], &statistics["runningprocesses"]) == (&json!(0), &json!(0))
        });
        assert_eq!(self.colony.statistics()["failedprocesses"], 0);
    }

    /// SIGTERM: what it started goes with it, and so does its registration.
    fn stop(mut self, pids: &[Pid]) {
        kill_process(Pid::from_child(&self.reconciler), Signal::TERM).unwrap();
        let status = wait::until("the reconciler to end", || self.reconciler.try_wait().unwrap());
        assert!(status.success(), "{status}");
        assert!(pids.iter().all(|&pid| !is_there(pid)));
        let message = json!({ "msgtype": "getexecutorsmsg", "colonyname": self.colony.name });
        let executors = self.colony.client.call(&self.colony.user, &message).ok();
        let left = executors.as_array().into_iter().flatten().filter(|executor| executor["state"] == 1).count();
        assert_eq!(left, 0, "{executors}");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Nobody is left in the group where it ended in order.
        let _ = kill_process_group(Pid::from_child(&self.reconciler), Signal::KILL);
        let _ = self.reconciler.wait();
        if std::thread::panicking() {
            eprintln!("the reconciler said:\n{}", self.output());
        }
    }
}

/// A script of the example with what `colonies dev` says to export.
fn python(colony: &Colony, script: &str) -> Command {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/reconciler").join(script);
    let address = colony.client.address();
    let mut command = Command::new(&*PYTHON);
    command.arg(path).env("PYTHONDONTWRITEBYTECODE", "1").env("NO_PROXY", "127.0.0.1");
    command.env("COLONIES_SERVER_HOST", address.ip().to_string());
    command.env("COLONIES_SERVER_PORT", address.port().to_string());
    command.env("COLONIES_SERVER_TLS", "false").env("COLONIES_COLONY_NAME", &colony.name);
    command.env("COLONIES_COLONY_PRVKEY", &*colony.owner.reveal()).env("COLONIES_PRVKEY", &*colony.user.reveal());
    command
}

fn pid(pid: &Value) -> Pid {
    Pid::from_raw(pid.as_i64().unwrap().try_into().unwrap()).unwrap()
}

fn is_there(pid: Pid) -> bool {
    test_kill_process(pid).is_ok()
}

/// Members that are zero are left out.
fn generation(blueprint: &Value) -> i64 {
    blueprint["metadata"]["generation"].as_i64().unwrap_or_default()
}

#[test]
fn what_runs_follows_the_blueprint() {
    let site = Site::start();
    site.set("nap", "2", &SLEEP);
    let two = site.running("nap", 2, &[]);

    // More of the same: those that run stay.
    site.set("nap", "3", &SLEEP);
    let three = site.running("nap", 3, &[]);
    assert_eq!(three[..2], two);

    // Nobody asks, and yet it is seen.
    kill_process(three[0], Signal::KILL).unwrap();
    let mended = site.running("nap", 3, &three[..1]);
    assert_eq!(mended[..2], three[1..]);

    site.blueprint(&["force", "nap"]);
    let afresh = site.running("nap", 3, &mended);
    let shown: Value = serde_json::from_str(&site.blueprint(&["show", "nap"])).unwrap();
    assert_eq!((generation(&shown), &shown["status"]["running"]), (2, &json!(3)));

    // A command that cannot be started is said, and the others go on.
    site.set("broken", "1", &["/nowhere/to/be/found"]);
    wait::until_true("the error", || {
        site.show("broken")["status"]["error"].as_str().is_some_and(|error| error.contains("/nowhere/to/be/found"))
    });
    site.set("other", "1", &SLEEP);
    let other = site.running("other", 1, &[]);

    site.blueprint(&["remove", "nap"]);
    wait::until_true("the clean-up", || afresh.iter().all(|&pid| !is_there(pid)));
    site.no_work_left();
    site.running("other", 1, &[]);
    site.stop(&other);
}

#[test]
fn it_outlives_the_absence_of_the_server() {
    let mut site = Site::start();
    site.set("nap", "3", &SLEEP);
    let three = site.running("nap", 3, &[]);

    // Work that waits, is being given out or is done when the server dies.
    let force = json!({ "msgtype": "reconcileblueprintmsg", "namespace": site.colony.name, "name": "nap" });
    for _ in 0..5 {
        site.colony.client.call(&site.colony.user, &force).ok();
    }
    site.server.kill();
    kill_process(three[0], Signal::KILL).unwrap();
    // It keeps to what was wanted last. A process that was killed is there until the reconciler has noticed.
    wait::until_true("the loss to be noticed", || !is_there(three[0]));
    assert!(three[1..].iter().all(|&pid| is_there(pid)));

    // Its port may be somebody else's for a moment.
    site.server = wait::until("the server to come back", || site.server.again_on_its_port().ok());
    site.colony = site.colony.at(&site.server);
    let mended = site.running("nap", 3, &three[..1]);
    assert_eq!(mended[..2], three[1..]);
    site.no_work_left();

    // And it goes on.
    site.set("nap", "1", &SLEEP);
    assert_eq!(site.running("nap", 1, &[]), mended[..1]);
    wait::until_true("the others to end", || mended[1..].iter().all(|&pid| !is_there(pid)));
    site.blueprint(&["remove", "nap"]);
    wait::until_true("the clean-up", || !is_there(mended[0]));
    site.no_work_left();
    site.stop(&mended);
}
