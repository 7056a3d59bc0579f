//! Latency over signed HTTP against a real server process with `--durability always`: one connection's cycle of submit,
//! assign and close, and the hand-over of a process to a waiting executor. Client and server share the machine.

use colonies::client::Client;
use colonies::crypto::PrivateKey;
use colonies::load::{Handoff, Lane, LoadColony, Shape};
use criterion::{Criterion, criterion_group, criterion_main};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

struct Server {
    process: Child,
    address: SocketAddr,
    owner: PrivateKey,
    _dir: tempfile::TempDir,
}

impl Server {
    fn start() -> Server {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let owner = PrivateKey::generate();
        let mut process = Command::new(env!("CARGO_BIN_EXE_colonies"))
            .args(["server", "start", "--host", "127.0.0.1", "--port", "0", "--insecure", "--datadir"])
            .arg(dir.path())
            .env("COLONIES_SERVER_ID", owner.id().to_string())
            .env("NO_COLOR", "1")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut log = BufReader::new(process.stderr.take().expect("its log"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert_ne!(log.read_line(&mut line).expect("its log"), 0, "the server ended while it started");
            if let Some((_, rest)) = line.split_once("serving address=") {
                let text = rest.split_whitespace().next().expect("an address");
                break text.parse().expect("an address");
            }
        };
        // Somebody must read the log, or the server blocks on a full pipe.
        std::thread::spawn(move || log.lines().for_each(drop));
        Server { process, address, owner, _dir: dir }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn over_http(c: &mut Criterion) {
    let server = Server::start();
    let client = Client::new(&format!("http://{}", server.address));
    let colony = LoadColony::make(&client, &server.owner, Shape { payload: 256, distinct: false }, 1);
    let colony = Arc::new(colony.expect("a colony"));
    let mut group = c.benchmark_group("http");
    group.sample_size(20).measurement_time(Duration::from_secs(5));
    let mut lane = Lane::open(server.address).expect("a connection");
    group.bench_function("cycle", |b| b.iter(|| colony.cycle(&mut lane, 0).expect("a cycle")));
    let mut handoff = Handoff::begin(server.address, colony.clone()).expect("both sides");
    group.bench_function("handoff", |b| {
        b.iter_custom(|iterations| (0..iterations).map(|_| handoff.once().expect("a hand-over")).sum());
    });
    group.finish();
}

criterion_group!(benches, over_http);
criterion_main!(benches);
