//! `colonies bench`: load on a running server, and what came of it.

use super::key_file;
use crate::client::Client;
use crate::client::connection::Connection;
use crate::crypto::PrivateKey;
use crate::load::{Handoff, LoadColony, LoadError};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use hdrhistogram::Histogram;
use serde_json::json;
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Put load on a running server and print what came of it. Makes a colony for itself and removes it afterwards.
#[derive(Args)]
pub struct Bench {
    /// Host and port of the server; plain HTTP
    #[arg(long, default_value = "127.0.0.1:50080")]
    server: String,
    /// The server owner's private key, to make the colony with
    #[arg(long, env = "COLONIES_SERVER_PRVKEY", hide_env_values = true)]
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

/// What was seen, in microseconds.
type Latencies = Histogram<u64>;

impl Bench {
    /// Runs it.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let address =
            self.server.to_socket_addrs()?.next().with_context(|| format!("{} has no address", self.server))?;
        let text = key_file::resolve(&self.prvkey).context("--prvkey")?;
        let owner = PrivateKey::from_text(&text).context("--prvkey")?;
        let client = Client::new(&format!("http://{}", self.server));
        let colony = Arc::new(LoadColony::make(&client, &owner, self.payload)?);
        let latencies = match self.scenario {
            Scenario::Cycle => self.many(address, &colony, LoadColony::cycle)?,
            Scenario::Submit => self.many(address, &colony, LoadColony::submit)?,
            Scenario::Handoff => {
                let mut handoff = Handoff::begin(address, colony.clone())?;
                self.measure(|| handoff.once())?
            }
        };
        colony.remove(&client, &owner)?;
        self.print(&latencies);
        Ok(ExitCode::SUCCESS)
    }

    /// Every connection does the same thing again and again.
    fn many(
        &self,
        address: SocketAddr,
        colony: &LoadColony,
        step: fn(&LoadColony, &mut Connection) -> Result<(), LoadError>,
    ) -> anyhow::Result<Latencies> {
        std::thread::scope(|threads| {
            let worker = || -> anyhow::Result<Latencies> {
                let mut connection = Connection::open(address)?;
                self.measure(|| {
                    let begin = Instant::now();
                    step(colony, &mut connection)?;
                    Ok(begin.elapsed())
                })
            };
            let workers: Vec<_> = (0..self.connections).map(|_| threads.spawn(worker)).collect();
            let mut all = Latencies::new(3)?;
            for worker in workers {
                all.add(worker.join().unwrap_or_else(|_| bail!("a connection's thread failed"))?)?;
            }
            Ok(all)
        })
    }

    /// Does something again and again, first to warm up, then to measure.
    fn measure(&self, mut step: impl FnMut() -> Result<Duration, LoadError>) -> anyhow::Result<Latencies> {
        let mut latencies = Latencies::new(3)?;
        let begin = Instant::now() + Duration::from_secs(self.warm_up);
        let end = begin + Duration::from_secs(self.seconds);
        loop {
            let start = Instant::now();
            if start >= end {
                return Ok(latencies);
            }
            let took = step()?;
            if start >= begin {
                latencies.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))?;
            }
        }
    }

    fn print(&self, latencies: &Latencies) {
        let rate = latencies.len() as f64 / self.seconds.max(1) as f64;
        let at = |percentile: f64| latencies.value_at_percentile(percentile);
        if self.json {
            let figures = json!({"scenario": format!("{:?}", self.scenario).to_lowercase(), "connections": self.connections,
                "per_second": rate, "p50_us": at(50.0), "p90_us": at(90.0), "p99_us": at(99.0), "p999_us": at(99.9),
                "max_us": latencies.max()});
            println!("{figures}");
        } else {
            println!("{:?}, {} connections, {} s", self.scenario, self.connections, self.seconds);
            println!("{rate:.0} per second");
            let (p50, p90, p99, p999) = (at(50.0), at(90.0), at(99.0), at(99.9));
            println!("p50 {p50} µs  p90 {p90} µs  p99 {p99} µs  p99.9 {p999} µs  max {} µs", latencies.max());
        }
    }
}
