//! The Python client, as it is published, doing what its tutorial does.
//!
//! The first run makes a virtual environment under the target directory, which needs `python3` with `venv` and a
//! package index; later runs use it again.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use support::Server;

const PACKAGE: &str = "pycolonies==1.0.25";

/// The interpreter of the virtual environment.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE.replace("==", "-"));
    let (python, complete) = (dir.join("bin/python"), dir.join("complete"));
    if !complete.exists() {
        // What a run that was interrupted left behind.
        let _ = fs::remove_dir_all(&dir);
        run(Command::new("python3").args(["-m", "venv"]).arg(&dir));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]));
        fs::write(complete, "").unwrap();
    }
    python
});

/// Runs a command that must succeed, and gives what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?} ended with {}:\n{out}\n{err}", output.status);
    out
}

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
