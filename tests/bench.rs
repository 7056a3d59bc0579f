//! `colonies bench` against a real server: each scenario does something, and loses nothing.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::process::{Command, Output};
use support::{Server, Value, server_owner};

/// `colonies bench` without anything of this process's environment, for a moment.
fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_colonies"));
    command.env_clear().env("NO_COLOR", "1");
    command.args(["bench", "--seconds", "0.3", "--warm-up", "0.1", "--connections", "4"]).args(arguments);
    command.output().unwrap()
}

/// What it printed as JSON.
fn figures(arguments: &[&str]) -> Value {
    let output = bench(&[arguments, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    // Where nobody looks, nothing is drawn.
    assert!(!said.contains('['), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn count(figures: &Value, name: &str) -> u64 {
    figures[name].as_u64().unwrap_or_else(|| panic!("no {name} in {figures}"))
}

#[test]
fn every_scenario_does_something_and_loses_nothing() {
    let server = Server::start();
    let url = format!("http://{}", server.address());
    let key = server_owner().reveal().to_string();
    let of = |scenario: &[&str]| figures(&[&["--url", &url, "--prvkey", &key, "--scenario"], scenario].concat());
    for (scenario, closes) in [
        (&["submit"][..], false),
        (&["submit", "--distinct", "--payload", "5000"], false),
        (&["cycle"], true),
        (&["handoff"], true),
        (&["herd", "--executors", "20"], true),
        (&["deep", "--depth", "200"], true),
        (&["past", "--past", "100"], true),
        (&["colonies", "--colonies", "3"], true),
        (&["workflow", "--nodes", "300"], true),
        (&["mixed", "--rate", "300"], true),
    ] {
        let figures = of(scenario);
        assert_eq!(figures["scenario"], scenario[0]);
        assert!(count(&figures, "steps") > 0 && figures["per_second"].as_f64() > Some(0.0), "{figures}");
        let (submitted, closed) = (count(&figures, "submitted"), count(&figures, "closed"));
        assert!(submitted > 0 && closed <= submitted && (closed > 0) == closes, "{figures}");
        let times = ["p50_us", "p90_us", "p99_us", "p999_us", "max_us"].map(|name| count(&figures, name));
        assert!(times[0] > 0 && times.is_sorted(), "{figures}");
        assert!(figures["client_cpu_us"].as_f64() > figures["signing_us"].as_f64(), "{figures}");
    }
    let herd = of(&["herd", "--executors", "5"]);
    assert_eq!(count(&herd, "executors"), 5);
    // All colonies that were made are gone.
    let colonies = colonies::client::Client::new(&url).colonies(&server_owner()).unwrap();
    assert!(colonies.is_empty(), "{colonies:?}");
}

#[test]
fn the_limit_stands_beside_the_figures() {
    let dir = tempfile::tempdir().unwrap();
    let dir_text = dir.path().to_str().unwrap();
    for scenario in ["submit", "cycle", "handoff"] {
        let arguments = ["--limit", "--rounds", "1", "--scenario", scenario, "--datadir", dir_text];
        let figures = figures(&arguments);
        let round = &figures["rounds"][0];
        for side in ["server", "limit"] {
            assert!(count(&round[side], "steps") > 0, "{figures}");
            assert!(round[side]["server_cpu_us"].as_f64() > Some(0.0), "{figures}");
        }
        assert!(figures["fdatasync_us"].as_f64() > Some(0.0), "{figures}");
        assert!(figures["medians"]["per_second"]["ratio"].as_f64() > Some(0.0), "{figures}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the servers' directories go with them");
}

#[test]
fn what_makes_no_sense_is_said() {
    for (arguments, expected) in [
        (&["--url", "https://127.0.0.1:1", "--prvkey", &"11".repeat(32)][..], "does not speak TLS"),
        (&["--url", "http://127.0.0.1:1"], "COLONIES_SERVER_PRVKEY is not set"),
        (&["--limit", "--scenario", "mixed"], "has no limit beside it"),
        (&["--connections", "0"], "--connections"),
    ] {
        let output = bench(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    }
}
