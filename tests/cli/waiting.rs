//! What waits for something outlives a restart of the server.

use crate::shell::{Ran, Shell};
use crate::support::wait;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// A command that runs, and what it has written to stderr so far.
struct Running {
    child: Child,
    stderr: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Running {
    fn start(shell: &Shell, arguments: &[&str]) -> Running {
        let mut child = shell.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = Arc::new(Mutex::new(String::new()));
        let (lines, said) = (BufReader::new(child.stderr.take().unwrap()), stderr.clone());
        let reader = thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                said.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        Running { child, stderr, reader }
    }

    fn wait_for(&self, text: &str) {
        wait::until_true(text, || self.stderr.lock().unwrap().contains(text));
    }

    fn end(mut self) -> Ran {
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code();
        self.reader.join().unwrap();
        Ran { code, stdout, stderr: self.stderr.lock().unwrap().clone() }
    }
}

#[test]
fn waits_go_on_after_a_restart_of_the_server() {
    let mut shell = Shell::new();
    let key = shell.executor("worker");
    let submitting = ["function", "exec", "--func", "f", "--targettype", "cli", "--follow", "--out"];
    let follower = Running::start(&shell, &submitting);
    follower.wait_for("Printing logs");
    let process = shell.json(&["process", "psw"])[0]["processid"].as_str().unwrap().to_owned();
    let waiter = Running::start(&shell, &["process", "wait", "-p", &process, "--out"]);
    waiter.wait_for("Waiting for process");
    let log = Running::start(&shell, &["log", "get", "-p", &process, "--follow"]);

    shell.server.kill();
    for command in [&follower, &waiter, &log] {
        command.wait_for("Lost the server");
    }
    shell.server = shell.server.again_on_its_port().unwrap();
    let as_executor = ["--prvkey", &key.reveal()];
    shell.ok(&[&["process", "assign", "--timeout", "10"][..], &as_executor].concat());
    shell.ok(&[&["log", "add", "-p", &process, "-m", "line"][..], &as_executor].concat());
    shell.ok(&[&["process", "close", "-p", &process, "--out", "a,b"][..], &as_executor].concat());

    let followed = follower.end();
    assert_eq!((followed.code, followed.stdout.as_str()), (Some(0), "linea b\n"), "{followed:?}");
    let waited = waiter.end();
    assert_eq!((waited.code, waited.stdout.as_str()), (Some(0), "a b\n"), "{waited:?}");
    for ran in [&followed, &waited] {
        assert_eq!(ran.stderr.matches("Lost the server").count(), 1, "{ran:?}");
        assert_eq!(ran.stderr.matches("The server answers again").count(), 1, "{ran:?}");
    }
    log.wait_for("The server answers again");
    let Running { mut child, reader, .. } = log;
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
}

#[test]
fn a_wait_has_an_end_where_one_is_given() {
    let mut shell = Shell::new();
    shell.ok(&["function", "exec", "--func", "f", "--targettype", "cli"]);
    let process = shell.json(&["process", "psw"])[0]["processid"].as_str().unwrap().to_owned();
    let ran = shell.run(&["process", "wait", "-p", &process, "--timeout", "0"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("has not ended within 0 seconds"), "{ran:?}");
    shell.ok(&["process", "cancel", "-p", &process]);
    let ran = shell.run(&["process", "wait", "-p", &process]);
    assert!(ran.code == Some(1) && ran.stderr.contains("was cancelled"), "{ran:?}");
    // A server that was never there is not waited for.
    shell.export("COLONIES_SERVER_PORT", "1");
    assert!(shell.fails(1, &["process", "wait", "-p", &process]).contains("cannot reach the server"));
}
