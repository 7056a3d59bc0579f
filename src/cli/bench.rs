//! `colonies bench`: load on a running server, and what came of it.

use crate::client::connection::Connection;
use crate::client::{Client, read_reply, sign};
use crate::crypto::PrivateKey;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Put load on a running server and print what came of it. Makes a colony for itself and removes it afterwards.
#[derive(Args)]
pub struct Bench {
    /// Host and port of the server; plain HTTP
    #[arg(long, default_value = "127.0.0.1:50080")]
    server: String,
    /// The server owner's private key, to make the colony with
    #[arg(long, env = "COLONIES_SERVER_PRVKEY")]
    prvkey: String,
    /// What to do
    #[arg(long, value_enum, default_value_t = Scenario::Cycle)]
    scenario: Scenario,
    /// Connections
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Seconds to measure
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Seconds before measuring begins
    #[arg(long, default_value_t = 1)]
    warm_up: u64,
    /// Bytes of each process's argument
    #[arg(long, default_value_t = 256)]
    payload: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scenario {
    /// Each connection submits, assigns and closes, one after the other
    Cycle,
    /// Each connection submits
    Submit,
    /// One process at a time to one waiting executor: from the submit's first byte to the executor's last
    Handoff,
}

/// What one connection saw, in microseconds.
type Latencies = Histogram<u64>;

struct Colony {
    name: String,
    user: PrivateKey,
    executor: PrivateKey,
}

impl Bench {
    /// Runs it.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let address =
            self.server.to_socket_addrs()?.next().with_context(|| format!("{} has no address", self.server))?;
        let owner = PrivateKey::from_text(&self.prvkey).context("--prvkey")?;
        let client = Client::new(&format!("http://{}", self.server));
        let colony = Colony::make(&client, &owner)?;
        let (latencies, elapsed) = match self.scenario {
            Scenario::Cycle => self.many(address, &colony, cycle)?,
            Scenario::Submit => self.many(address, &colony, submit)?,
            Scenario::Handoff => self.handoff(address, &colony)?,
        };
        client.send(&owner, &json!({"msgtype": "removecolonymsg", "colonyname": colony.name}))?;
        self.print(&latencies, elapsed);
        Ok(ExitCode::SUCCESS)
    }

    /// Every connection does the same thing again and again.
    fn many(
        &self,
        address: SocketAddr,
        colony: &Colony,
        step: fn(&mut Connection, &Colony, &Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<(Latencies, Duration)> {
        let spec = self.spec(colony);
        let measured = std::thread::scope(|threads| {
            let workers: Vec<_> = (0..self.connections)
                .map(|_| {
                    threads.spawn(|| -> anyhow::Result<Latencies> {
                        let mut connection = Connection::open(address)?;
                        let mut latencies = Latencies::new(3)?;
                        let begin = Instant::now() + Duration::from_secs(self.warm_up);
                        let end = begin + Duration::from_secs(self.seconds);
                        loop {
                            let start = Instant::now();
                            if start >= end {
                                return Ok(latencies);
                            }
                            step(&mut connection, colony, &spec)?;
                            if start >= begin {
                                latencies.record(micros(start.elapsed()))?;
                            }
                        }
                    })
                })
                .collect();
            let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
                worker.join().unwrap_or_else(|_| bail!("a worker failed"))
            };
            workers.into_iter().map(join).collect::<Vec<_>>()
        });
        let measured = measured.into_iter().collect::<anyhow::Result<Vec<Latencies>>>()?;
        let mut all = Latencies::new(3)?;
        measured.iter().try_for_each(|latencies| all.add(latencies))?;
        Ok((all, Duration::from_secs(self.seconds)))
    }

    /// One executor waits; when it has what was submitted, it closes it and waits again.
    fn handoff(&self, address: SocketAddr, colony: &Colony) -> anyhow::Result<(Latencies, Duration)> {
        let spec = self.spec(colony);
        let mut latencies = Latencies::new(3)?;
        let begin = Instant::now() + Duration::from_secs(self.warm_up);
        let end = begin + Duration::from_secs(self.seconds);
        std::thread::scope(|threads| -> anyhow::Result<()> {
            let (tell, told) = mpsc::channel::<anyhow::Result<Instant>>();
            let (go_on, may_go_on) = mpsc::channel::<()>();
            threads.spawn(move || {
                let run = || -> anyhow::Result<()> {
                    let mut connection = Connection::open(address)?;
                    let poll = sign(&colony.executor, &assign(colony));
                    loop {
                        let (_, body) = connection.post(&poll)?;
                        let arrived = Instant::now();
                        let id = process_id(body)?;
                        if tell.send(Ok(arrived)).is_err() {
                            return Ok(());
                        }
                        call(&mut connection, &colony.executor, &close(&id))?;
                        if may_go_on.recv().is_err() {
                            return Ok(());
                        }
                    }
                };
                if let Err(error) = run() {
                    // The submitter has gone when nobody listens.
                    let _ = tell.send(Err(error));
                }
            });
            let mut connection = Connection::open(address)?;
            while Instant::now() < end {
                // The executor must be waiting again.
                std::thread::sleep(Duration::from_millis(1));
                let body = sign(&colony.user, &spec);
                let start = Instant::now();
                connection.post(&body)?;
                let arrived = told.recv()??;
                if start >= begin {
                    latencies.record(micros(arrived.saturating_duration_since(start)))?;
                }
                go_on.send(())?;
            }
            // Sets the executor free, which is waiting for a process.
            connection.post(&sign(&colony.user, &spec))?;
            told.recv()??;
            Ok(())
        })?;
        Ok((latencies, Duration::from_secs(self.seconds)))
    }

    fn spec(&self, colony: &Colony) -> Value {
        json!({"msgtype": "submitfuncspecmsg", "spec": {"funcname": "bench", "args": ["x".repeat(self.payload)],
            "maxexectime": 600, "conditions": {"colonyname": colony.name, "executortype": "bench"}}})
    }

    fn print(&self, latencies: &Latencies, elapsed: Duration) {
        let rate = latencies.len() as f64 / elapsed.as_secs_f64();
        let at = |percentile: f64| latencies.value_at_percentile(percentile);
        if self.json {
            let figures = json!({"scenario": format!("{:?}", self.scenario).to_lowercase(), "connections": self.connections,
                "per_second": rate, "p50_us": at(50.0), "p90_us": at(90.0), "p99_us": at(99.0), "p999_us": at(99.9),
                "max_us": latencies.max()});
            println!("{figures}");
        } else {
            println!("{:?}, {} connections, {} s", self.scenario, self.connections, elapsed.as_secs());
            println!("{rate:.0} per second");
            let (p50, p90, p99, p999) = (at(50.0), at(90.0), at(99.0), at(99.9));
            println!("p50 {p50} µs  p90 {p90} µs  p99 {p99} µs  p99.9 {p999} µs  max {} µs", latencies.max());
        }
    }
}

impl Colony {
    fn make(client: &Client, server: &PrivateKey) -> anyhow::Result<Colony> {
        let (owner, user, executor) = (PrivateKey::generate(), PrivateKey::generate(), PrivateKey::generate());
        let name = format!("bench-{}", &owner.id().to_string()[..12]);
        let send = |key: &PrivateKey, message: Value| client.send(key, &message).context("making the bench's colony");
        send(server, json!({"msgtype": "addcolonymsg", "colony": {"colonyid": owner.id(), "name": name}}))?;
        send(
            &owner,
            json!({"msgtype": "addusermsg", "user":
            {"colonyname": name, "userid": user.id(), "name": "bench", "email": "", "phone": ""}}),
        )?;
        send(
            &owner,
            json!({"msgtype": "addexecutormsg", "executor": {"executorid": executor.id(),
            "executorname": "bench", "executortype": "bench", "colonyname": name}}),
        )?;
        send(&owner, json!({"msgtype": "approveexecutormsg", "colonyname": name, "executorname": "bench"}))?;
        Ok(Colony { name, user, executor })
    }
}

fn cycle(connection: &mut Connection, colony: &Colony, spec: &Value) -> anyhow::Result<()> {
    call(connection, &colony.user, spec)?;
    let (_, body) = connection.post(&sign(&colony.executor, &assign(colony)))?;
    let id = process_id(body)?;
    call(connection, &colony.executor, &close(&id))
}

fn submit(connection: &mut Connection, colony: &Colony, spec: &Value) -> anyhow::Result<()> {
    call(connection, &colony.user, spec)
}

fn call(connection: &mut Connection, key: &PrivateKey, message: &Value) -> anyhow::Result<()> {
    let (status, body) = connection.post(&sign(key, message))?;
    if status != 200 {
        read_reply(body)?;
        bail!("the server answered {status}");
    }
    Ok(())
}

fn assign(colony: &Colony) -> Value {
    json!({"msgtype": "assignprocessmsg", "colonyname": colony.name, "timeout": 60})
}

fn close(id: &str) -> Value {
    json!({"msgtype": "closesuccessfulmsg", "processid": id, "out": ["done"]})
}

fn process_id(body: &[u8]) -> anyhow::Result<String> {
    let process = read_reply(body)?;
    let id = process["processid"].as_str().context("a reply without processid")?;
    Ok(id.to_owned())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
