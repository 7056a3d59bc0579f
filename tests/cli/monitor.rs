//! `colonies monitor start`: the ten gauges of the reference on a port of their own (S37).

use crate::shell::Shell;
use crate::support::{http, wait};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};

/// A monitor; killed when dropped.
struct Monitor {
    child: Child,
    address: SocketAddr,
}

impl Monitor {
    fn start(shell: &Shell) -> Monitor {
        let mut command = shell.command(&["monitor", "start"]);
        command.env("COLONIES_MONITOR_PORT", "0").env("COLONIES_MONITOR_INTERVAL", "1").env("NO_COLOR", "1");
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let served = lines.find(|line| line.contains("metrics are served")).unwrap();
        // What it says later is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.count());
        let port = served.rsplit_once(':').unwrap().1.trim().parse().unwrap();
        Monitor { child, address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    fn gauges(&self) -> BTreeMap<String, i64> {
        let page = http::once(self.address, "GET", "/metrics", &[], b"");
        assert_eq!(page.status, 200);
        let samples = page.text().lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
        samples.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_monitor_serves_the_gauges_of_the_reference() {
    let mut shell = Shell::new();
    let monitor = Monitor::start(&shell);
    shell.executor("worker");
    shell.ok(&["function", "exec", "--func", "f", "--targettype", "cli"]);
    wait::until_true("the process to be counted", || {
        monitor.gauges().get("colonies_server_processes_waiting") == Some(&1)
    });
    let gauges = monitor.gauges();
    let expected = ["colonies", "executors", "processes_waiting"].map(|name| format!("colonies_server_{name}"));
    assert!(expected.iter().all(|name| gauges[name] == 1), "{gauges:?}");
    assert_eq!(gauges["colonies_server_workflows_failed"], 0);
    assert_eq!(http::once(monitor.address, "GET", "/", &[], b"").status, 404);

    shell.server.kill();
    wait::until_true("the server to be missed", || monitor.gauges().values().all(|&value| value == -1));
    shell.server = shell.server.again_on_its_port().unwrap();
    wait::until_true("the server to be found again", || monitor.gauges()["colonies_server_colonies"] == 1);
}

#[test]
fn a_monitor_needs_a_port_and_the_owners_key() {
    let mut shell = Shell::new();
    assert!(shell.fails(2, &["monitor", "start"]).contains("--monitorport"));
    shell.export("COLONIES_SERVER_PRVKEY", "");
    let line = shell.fails(1, &["monitor", "start", "--monitorport", "0"]);
    assert!(line.starts_with("COLONIES_SERVER_PRVKEY is not set"), "{line}");
}
