//! The Python client, as it is published, doing what its tutorial does.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::path::Path;
use std::process::Command;
use support::Server;
use support::installed::run;
use support::python::PYTHON;

/// Runs a script of `tests/pycolonies` against a server of its own.
fn script(name: &str) {
    let server = Server::start();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pycolonies").join(name);
    let (host, port) = (server.address().ip().to_string(), server.address().port().to_string());
    let mut command = Command::new(&*PYTHON);
    command.arg(path).args([host, port]).env("PYTHONDONTWRITEBYTECODE", "1").env("NO_PROXY", "127.0.0.1");
    let out = run(&mut command);
    assert!(out.ends_with("done\n"), "{out}");
}

#[test]
fn the_tutorial_works() {
    script("tutorial.py");
}

#[test]
fn several_executors_share_the_work() {
    script("load_balancing.py");
}

#[test]
fn an_attempt_that_takes_too_long_is_retried_and_fails_in_the_end() {
    script("time_out.py");
}

#[test]
fn submitter_and_executor_talk() {
    script("channels.py");
}

#[test]
fn workflows_run_and_grow() {
    script("workflows.py");
}
