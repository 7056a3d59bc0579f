//! `colonies bench`: load on a server, and what came of it, with the limit beside it.

mod figures;
mod watch;

use super::connection::Global;
use super::key_file;
use super::open_files;
use super::output::Output;
use super::server::parse_durability;
use crate::crypto::PrivateKey;
use crate::load::{self, Ground, Plan, Pulse, Scenario, Shape, Target};
use anyhow::{Context, bail};
use clap::builder::RangedU64ValueParser;
use clap::{ArgAction, Args};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use wal::Durability;

/// Put load on a server and print what came of it. Without --url, a server is started for it in a directory that goes
/// with it. Makes colonies for itself, looks that nothing that was acknowledged is lost, and removes them afterwards.
#[derive(Args)]
pub struct Bench {
    /// The server, as in http://127.0.0.1:50080; plain HTTP
    #[arg(long)]
    url: Option<String>,
    /// The private key of that server's owner, to make colonies with
    #[arg(long, env = "COLONIES_SERVER_PRVKEY", hide_env_values = true)]
    prvkey: Option<String>,
    /// What to do
    #[arg(long, value_enum, default_value_t = Scenario::Cycle)]
    scenario: Scenario,
    /// Run a stand-in that does only what no durable, signed server can leave out, in turn with the real server, and
    /// print the ratio; for submit, cycle and handoff
    #[arg(long, conflicts_with = "url")]
    limit: bool,
    /// How often each of the two runs
    #[arg(long, default_value_t = 5, value_parser = at_least_one())]
    rounds: usize,
    /// Connections
    #[arg(long, default_value_t = 16, value_parser = at_least_one())]
    connections: usize,
    /// Seconds to measure
    #[arg(long, default_value = "5", value_parser = parse_seconds)]
    seconds: Duration,
    /// Seconds before measuring begins
    #[arg(long, default_value = "1", value_parser = parse_seconds)]
    warm_up: Duration,
    /// Bytes of each process's argument
    #[arg(long, default_value_t = 256)]
    payload: usize,
    /// Sign each submit anew, with a number of its own, instead of sending the same bytes
    #[arg(long)]
    distinct: bool,
    /// Executors that wait, in herd
    #[arg(long, default_value_t = 1_000, value_parser = at_least_one())]
    executors: usize,
    /// Processes that wait, in deep
    #[arg(long, default_value_t = 100_000)]
    depth: usize,
    /// Processes that have been, in past
    #[arg(long, default_value_t = 10_000)]
    past: usize,
    /// Colonies at once, in colonies
    #[arg(long, default_value_t = 100, value_parser = at_least_one())]
    colonies: usize,
    /// Nodes of the workflow, in workflow
    #[arg(long, default_value_t = 10_000, value_parser = at_least_one())]
    nodes: usize,
    /// Messages a second, in mixed
    #[arg(long, default_value_t = 2_000.0, value_parser = parse_rate)]
    rate: f64,
    /// When the started server's replies may leave: `always`, `interval=MS` or `never`
    #[arg(long, default_value = "always", value_parser = parse_durability, conflicts_with = "url")]
    durability: Durability,
    /// Directory in which the started server gets one of its own; the disk of this one is measured. The system's
    /// directory for temporary files unless given, which may be in memory
    #[arg(long, conflicts_with = "url")]
    datadir: Option<PathBuf>,
    /// Whether a bar shows how far it is, where stderr is a terminal
    #[arg(long, default_value_t = true, action = ArgAction::Set)]
    progress: bool,
}

impl Bench {
    /// Runs it.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        open_files::raise();
        let (plan, out) = (self.plan(), Output::new(global));
        let pulse = Arc::new(Pulse::default());
        let watch = self.progress.then(|| watch::Watch::begin(pulse.clone()));
        if let Some(url) = &self.url {
            let report = load::run(&plan, &self.target(url)?, &pulse)?;
            drop(watch);
            out.show(&report, || vec![figures::of_report(&report)])?;
            return Ok(ExitCode::SUCCESS);
        }
        let dir = self.datadir.clone().unwrap_or_else(std::env::temp_dir);
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot use {}", dir.display()))?;
        let ground = Ground { dir, durability: self.durability };
        if self.limit {
            let comparison = ground.compare(&plan, self.rounds, &pulse)?;
            drop(watch);
            out.show(&comparison, || vec![figures::of_comparison(&comparison)])?;
        } else {
            let report = ground.run(&plan, &pulse)?;
            drop(watch);
            out.show(&report, || vec![figures::of_report(&report)])?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn plan(&self) -> Plan {
        Plan {
            scenario: self.scenario,
            connections: self.connections,
            length: self.seconds,
            warm_up: self.warm_up,
            shape: Shape { payload: self.payload, distinct: self.distinct },
            executors: self.executors,
            depth: self.depth,
            past: self.past,
            colonies: self.colonies,
            nodes: self.nodes,
            rate: self.rate,
        }
    }

    fn target(&self, url: &str) -> anyhow::Result<Target> {
        let Some(key) = &self.prvkey else {
            bail!(
                "COLONIES_SERVER_PRVKEY is not set: colonies are made with the key of the server's owner, export it or \
                 give --prvkey"
            );
        };
        let owner = PrivateKey::from_text(&key_file::resolve(key).context("--prvkey")?)
            .context("--prvkey (COLONIES_SERVER_PRVKEY)")?;
        Ok(Target { address: address_of(url)?, owner: Some(owner), is_here: false })
    }
}

/// The address of a plain HTTP server.
fn address_of(url: &str) -> anyhow::Result<SocketAddr> {
    let Some(host) = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')) else {
        bail!("--url must be plain HTTP, as in http://127.0.0.1:50080: the load generator does not speak TLS");
    };
    let mut found = host.to_socket_addrs().with_context(|| format!("--url: cannot find {host}; is a port missing?"))?;
    found.next().with_context(|| format!("--url: {host} has no address"))
}

fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=1_000_000)
}

/// A day at most, parts of a second too.
fn parse_seconds(text: &str) -> Result<Duration, String> {
    const DAY: f64 = 86_400.0;
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=DAY).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("seconds, from 0 to {DAY}")),
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.1..=1e7).contains(&rate) => Ok(rate),
        _ => Err("a number from 0.1 to 10,000,000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{address_of, parse_seconds};
    use std::time::Duration;

    #[test]
    fn urls_are_plain_http_with_a_port() {
        assert_eq!(address_of("http://127.0.0.1:50080/").ok(), "127.0.0.1:50080".parse().ok());
        for url in ["https://127.0.0.1:50080", "127.0.0.1:50080", "http://127.0.0.1", "http://"] {
            assert!(address_of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn seconds_have_parts_and_bounds() {
        assert_eq!(parse_seconds("0.25"), Ok(Duration::from_millis(250)));
        for text in ["-1", "nan", "inf", "1e9", ""] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }
}
