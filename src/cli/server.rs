//! `colonies server`.

mod about;

use super::connection::Global;
use super::port::{DEFAULT_PORT, monitor_port_of_environment, port_of_environment};
use super::{open_files, signals};
use crate::colony::{Bounds, Options};
use crate::crypto::Identity;
use crate::http::budget::BodyBudget;
use crate::http::door::DoorLimits;
use crate::limits;
use crate::rpc::rate::RateLimits;
use crate::startup::{self, Settings, cores};
use anyhow::{Context, bail};
use clap::builder::RangedI64ValueParser;
use clap::{ArgAction, Args, Subcommand};
use jiff::tz::TimeZone;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use wal::Durability;

/// Commands about the server.
#[derive(Subcommand)]
pub enum ServerCommand {
    /// Start a server
    Start(Box<Start>),
    #[command(flatten)]
    About(about::AboutCommand),
}

/// Where and how to serve. Flags win over the environment.
#[derive(Args, Clone)]
pub struct Start {
    /// Address to listen on
    #[arg(long, env = "COLONIES_SERVER_HTTP_HOST", default_value = "0.0.0.0")]
    host: String,
    /// Port to listen on; 0 takes a free one
    #[arg(long)]
    port: Option<u16>,
    /// Port to serve metrics on, besides GET /metrics of the API's port; COLONIES_MONITOR_PORT says the same
    #[arg(long)]
    monitorport: Option<u16>,
    /// Directory for everything durable
    #[arg(long, env = "COLONIES_DATADIR", default_value = "colonies-data")]
    datadir: PathBuf,
    /// Serve plain HTTP although COLONIES_TLS says otherwise
    #[arg(long)]
    insecure: bool,
    /// TLS certificate chain, PEM
    #[arg(long)]
    tlscert: Option<PathBuf>,
    /// TLS private key, PEM
    #[arg(long)]
    tlskey: Option<PathBuf>,
    /// When a reply may leave: `always` (synced), `interval=MS` or `never` (handed to the operating system)
    #[arg(long, env = "COLONIES_DURABILITY", default_value = "always", value_parser = parse_durability)]
    durability: Durability,
    /// Id of the server's owner, for a new data directory
    #[arg(long, env = "COLONIES_SERVER_ID")]
    serverid: Option<String>,
    /// Whether an executor may come back under a name that is in use
    #[arg(long, env = "COLONIES_ALLOW_EXECUTOR_REREGISTER", default_value = "false", value_parser = parse_bool,
          action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    allow_executor_reregister: bool,
    /// Largest request body in bytes
    #[arg(long, env = "COLONIES_MAX_BODY", default_value_t = limits::BODY_BYTES)]
    max_body: usize,
    /// Bytes of all request bodies in flight together
    #[arg(long, env = "COLONIES_MAX_BODY_MEMORY", default_value_t = limits::BODY_MEMORY_BYTES)]
    max_body_memory: usize,
    /// Seconds for the head of a request to come, from its first byte or the opening of the connection
    #[arg(long, env = "COLONIES_HEAD_TIMEOUT", default_value_t = limits::HEAD_TIMEOUT.as_secs() as u32,
          value_parser = at_least_one())]
    head_timeout: u32,
    /// Seconds for the body of a request to come
    #[arg(long, env = "COLONIES_BODY_TIMEOUT", default_value_t = limits::BODY_TIMEOUT.as_secs() as u32,
          value_parser = at_least_one())]
    body_timeout: u32,
    /// Connections at once; 25,000 a worker unless given, or as many as the limit on open files allows
    #[arg(long, env = "COLONIES_MAX_CONNECTIONS", value_parser = at_least_one())]
    max_connections: Option<u32>,
    /// Requests a second of one identity, and as many at once; 0 sets no limit
    #[arg(long, env = "COLONIES_LIMIT_IDENTITY", default_value_t = 0)]
    limit_identity: u32,
    /// Requests a second from one address, and as many at once; 0 sets no limit
    #[arg(long, env = "COLONIES_LIMIT_ADDRESS", default_value_t = 0)]
    limit_address: u32,
    /// Take each message once, and soon after it was signed: clients must send a time stamp and a nonce
    #[arg(long, env = "COLONIES_STRICT", default_value = "false", value_parser = parse_bool,
          action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    strict: bool,
    /// Seconds that a message is good for with --strict
    #[arg(long, env = "COLONIES_STRICT_WINDOW", default_value_t = limits::STRICT_WINDOW.as_secs() as u32,
          value_parser = at_least_one())]
    strict_window: u32,
    /// Processes that may wait in one colony
    #[arg(long, env = "COLONIES_MAX_WAITING", default_value_t = limits::WAITING_PER_COLONY)]
    max_waiting: usize,
    /// Bytes of memory that the processes, log lines, files and snapshots of one colony may take, about
    #[arg(long, env = "COLONIES_MAX_COLONY_BYTES", default_value_t = limits::BYTES_PER_COLONY)]
    max_colony_bytes: usize,
    /// Nodes of one workflow
    #[arg(long, env = "COLONIES_MAX_WORKFLOW_NODES", default_value_t = limits::GRAPH_NODES as u32,
          value_parser = at_least_one())]
    max_workflow_nodes: u32,
    /// Dependencies of all nodes of one workflow together
    #[arg(long, env = "COLONIES_MAX_WORKFLOW_DEPENDENCIES", default_value_t = limits::GRAPH_DEPENDENCIES as u32,
          value_parser = at_least_one())]
    max_workflow_dependencies: u32,
    /// Bytes of a colony's, user's, executor's or location's name
    #[arg(long, env = "COLONIES_MAX_NAME", default_value_t = limits::NAME_BYTES as u32,
          value_parser = at_least_one())]
    max_name: u32,
    /// Elements of one list in one message
    #[arg(long, env = "COLONIES_MAX_LIST", default_value_t = limits::LIST_ELEMENTS as u32,
          value_parser = at_least_one())]
    max_list: u32,
    /// Seconds of silence after which an executor that asked for work is removed; 0 never removes any
    #[arg(long, env = "COLONIES_STALE_EXECUTOR_DURATION", default_value_t = limits::STALE_EXECUTOR.as_secs(),
          value_parser = parse_seconds(limits::STALE_EXECUTOR))]
    stale_executor_duration: u64,
    /// Seconds between two looks for silent executors
    #[arg(long, env = "COLONIES_CLEANUP_INTERVAL", default_value_t = limits::SWEEP.as_secs(),
          value_parser = parse_cleanup_interval)]
    cleanup_interval: u64,
    /// Whether successful work and log lines are removed when they are older than --retention-policy
    #[arg(long, env = "COLONIES_RETENTION", default_value = "false", value_parser = parse_retention,
          action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    retention: bool,
    /// Seconds since its end after which successful work is removed, and since they were said for log lines
    #[arg(long, env = "COLONIES_RETENTION_POLICY")]
    retention_policy: Option<String>,
    /// Milliseconds that a cron's reply shows as its checker's period; crons start at their time whatever it is
    #[arg(long, env = "COLONIES_CRON_CHECKER_PERIOD", default_value_t = limits::CHECKER_PERIOD_MS,
          value_parser = parse_milliseconds)]
    cron_checker_period: u32,
    /// The same for generators; also how long an argument waits that comes after its generator's timeout
    #[arg(long, env = "COLONIES_GENERATOR_CHECKER_PERIOD", default_value_t = limits::CHECKER_PERIOD_MS,
          value_parser = parse_milliseconds)]
    generator_checker_period: u32,
    /// Seconds that what has ended stays in memory before it goes to the history store
    #[arg(long, env = "COLONIES_ARCHIVE_AFTER", default_value_t = limits::ARCHIVE_AFTER.as_secs())]
    archive_after: u64,
    /// Bytes that the log grows by before a checkpoint is made, at least: what a start has to read back
    #[arg(long, env = "COLONIES_CHECKPOINT_BYTES", default_value_t = limits::CHECKPOINT_LOG_BYTES)]
    checkpoint_bytes: u64,
    /// HTTP workers; one for each core unless given
    #[arg(long, env = "COLONIES_WORKERS")]
    workers: Option<usize>,
    /// Recover the signer of every request anew, also of repeated bytes
    #[arg(long)]
    no_signature_memo: bool,
    /// Flags of the reference for parts that this server does not have
    #[command(flatten)]
    unused: Unused,
}

/// Accepted so that existing unit files and compose files start unmodified; each is reported once as not used.
#[derive(Args, Clone, Default)]
struct Unused {
    #[arg(long, hide = true)]
    initdb: bool,
    #[arg(long, hide = true)]
    dbtype: Option<String>,
    #[arg(long, hide = true)]
    dbhost: Option<String>,
    #[arg(long, hide = true)]
    dbport: Option<String>,
    #[arg(long, hide = true)]
    dbuser: Option<String>,
    #[arg(long, hide = true)]
    dbpassword: Option<String>,
    #[arg(long, hide = true)]
    etcdname: Option<String>,
    #[arg(long, hide = true)]
    etcdhost: Option<String>,
    #[arg(long, hide = true)]
    etcdclientport: Option<String>,
    #[arg(long, hide = true)]
    etcdpeerport: Option<String>,
    #[arg(long, hide = true)]
    relayport: Option<String>,
    #[arg(long = "initial-cluster", hide = true)]
    initial_cluster: Option<String>,
    #[arg(long, hide = true)]
    etcddatadir: Option<String>,
}

impl Unused {
    fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("--initdb", self.initdb),
            ("--dbtype", self.dbtype.is_some()),
            ("--dbhost", self.dbhost.is_some()),
            ("--dbport", self.dbport.is_some()),
            ("--dbuser", self.dbuser.is_some()),
            ("--dbpassword", self.dbpassword.is_some()),
            ("--etcdname", self.etcdname.is_some()),
            ("--etcdhost", self.etcdhost.is_some()),
            ("--etcdclientport", self.etcdclientport.is_some()),
            ("--etcdpeerport", self.etcdpeerport.is_some()),
            ("--relayport", self.relayport.is_some()),
            ("--initial-cluster", self.initial_cluster.is_some()),
            ("--etcddatadir", self.etcddatadir.is_some()),
        ];
        let flags = flags.into_iter().filter(|&(_, given)| given).map(|(flag, _)| flag);
        // One process gives each process out once, so that this is no choice.
        let matters =
            |name: &str, value: &str| !value.is_empty() && (name, value) != ("COLONIES_EXCLUSIVE_ASSIGN", "true");
        let is_set = |name: &&str| std::env::var(name).is_ok_and(|value| matters(name, &value));
        flags.chain(UNUSED_VARIABLES.into_iter().filter(is_set)).collect()
    }

    /// Refuses to be one of several nodes: each would be a server of its own.
    fn check(&self) -> anyhow::Result<()> {
        let nodes =
            self.initial_cluster.iter().flat_map(|nodes| nodes.split(',')).filter(|node| !node.trim().is_empty());
        let count = nodes.count();
        if count > 1 {
            bail!(
                "--initial-cluster names {count} nodes, and this server is always alone: start one of them, without the \
                 others, and let all clients ask that one"
            );
        }
        Ok(())
    }
}

/// As [`Unused`], of the environment.
const UNUSED_VARIABLES: [&str; 8] = [
    "COLONIES_DB_TYPE",
    "COLONIES_DB_HOST",
    "COLONIES_DB_PORT",
    "COLONIES_DB_USER",
    "COLONIES_DB_PASSWORD",
    "COLONIES_EXCLUSIVE_ASSIGN",
    "COLONIES_SERVER_PROFILER",
    "COLONIES_SERVER_PROFILER_PORT",
];

impl ServerCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match self {
            ServerCommand::Start(start) => start.run(),
            ServerCommand::About(command) => command.run(global).map(|()| ExitCode::SUCCESS),
        }
    }
}

impl Start {
    fn run(self) -> anyhow::Result<ExitCode> {
        self.unused.check()?;
        let unused = self.unused.given();
        if !unused.is_empty() {
            tracing::info!(
                settings = unused.join(" "),
                "not used: this server has no database, no cluster and no profiler to set up"
            );
        }
        let files = open_files::raise_limit();
        let settings = self.settings(files)?;
        actix_rt::System::new().block_on(async move {
            let mut signals = signals::Signals::catch()?;
            let running = signals.while_starting(startup::start(settings)).await?;
            if let Some(key) = &running.new_owner {
                eprintln!("This server is new and no COLONIES_SERVER_ID was given, so an owner was made for it.");
                eprintln!("Keep this key: it is shown once and stored nowhere.");
                eprintln!("export COLONIES_SERVER_PRVKEY=\"{}\"", *key.reveal());
                eprintln!("export COLONIES_SERVER_ID=\"{}\"", running.owner);
            }
            Ok(signals::serve_until_signalled(running, signals).await)
        })
    }

    fn settings(&self, files: usize) -> anyhow::Result<Settings> {
        let workers = self.workers.unwrap_or_else(cores).max(1);
        let port = match self.port {
            Some(port) => port,
            None => port_of_environment()?.unwrap_or(DEFAULT_PORT),
        };
        let monitor = match self.monitorport {
            None => monitor_port_of_environment()?,
            given => given,
        };
        let server_id = self.serverid.as_deref().map(str::trim).filter(|id| !id.is_empty());
        if let Some(id) = server_id
            && id.len() != 64
        {
            bail!("the server id must have 64 characters, this one has {}: {id}", id.len());
        }
        Ok(Settings {
            address: resolve(&self.host, port)?,
            monitor: monitor.map(|port| resolve(&self.host, port)).transpose()?,
            data_dir: self.datadir.clone(),
            tls: self.tls()?,
            durability: self.durability,
            server_id: server_id.map(Identity::from_text),
            workers,
            memo: !self.no_signature_memo,
            body_limit: self.max_body,
            door: self.door(files, workers),
            body_timeout: Duration::from_secs(self.body_timeout.into()),
            body_memory: self.body_memory()?,
            checkpoint_bytes: self.checkpoint_bytes,
            strict: self.strict.then(|| Duration::from_secs(self.strict_window.into())),
            rates: RateLimits {
                identity: NonZeroU32::new(self.limit_identity),
                address: NonZeroU32::new(self.limit_address),
            },
            options: Options {
                allow_reregister: self.allow_executor_reregister,
                max_waiting: self.max_waiting,
                max_bytes: self.max_colony_bytes,
                bounds: Bounds {
                    name_bytes: self.max_name as usize,
                    list_elements: self.max_list as usize,
                    graph_nodes: self.max_workflow_nodes as usize,
                    graph_dependencies: self.max_workflow_dependencies as usize,
                },
                stale_after: (self.stale_executor_duration > 0)
                    .then(|| Duration::from_secs(self.stale_executor_duration)),
                sweep_every: Duration::from_secs(self.cleanup_interval.max(1)),
                retention: self.retention_age()?,
                cron_checker_period: self.cron_checker_period,
                generator_checker_period: self.generator_checker_period,
                zone: server_zone(),
                archive_after: Duration::from_secs(self.archive_after),
                ..Options::default()
            },
        })
    }

    /// What each worker allows its connections: an equal share of all (`http/placement.rs`).
    fn door(&self, files: usize, workers: usize) -> DoorLimits {
        let allowed = open_files::connections_per_worker(files, workers);
        let connections = match self.max_connections {
            None => allowed,
            Some(wanted) => {
                let each = (wanted as usize / workers).max(1);
                if each > allowed {
                    tracing::warn!(wanted, allowed = allowed * workers, "more connections than open files allow");
                }
                each.min(allowed)
            }
        };
        DoorLimits { connections, head: Duration::from_secs(self.head_timeout.into()), answer: limits::ANSWER_TIMEOUT }
    }

    /// A body that could never be read would be told to try again for ever.
    fn body_memory(&self) -> anyhow::Result<usize> {
        let (largest, bytes) = (self.max_body, self.max_body_memory);
        if BodyBudget::new(bytes).for_large() < largest {
            bail!(
                "a body may have {largest} bytes (--max-body), and fifteen sixteenths of {bytes} (--max-body-memory) \
                 are less: raise one or lower the other"
            );
        }
        Ok(bytes)
    }

    /// How long successful work and log lines are kept. Without a positive age all of them would go at once, as with the
    /// reference, which nobody means.
    fn retention_age(&self) -> anyhow::Result<Option<Duration>> {
        if !self.retention {
            return Ok(None);
        }
        let text = self.retention_policy.as_deref().unwrap_or_default();
        match text.trim().parse() {
            Ok(seconds) if seconds > 0 => Ok(Some(Duration::from_secs(seconds))),
            _ => bail!(
                "retention is on, and its policy is {text:?}: set COLONIES_RETENTION_POLICY or --retention-policy to \
                 the seconds after which successful work and log lines are removed, 1 or more, or switch it off with \
                 COLONIES_RETENTION=false"
            ),
        }
    }

    /// TLS is served where it was asked for: by `COLONIES_TLS=true` or by naming the files, and not with `--insecure`.
    fn tls(&self) -> anyhow::Result<Option<(PathBuf, PathBuf)>> {
        let wanted = std::env::var("COLONIES_TLS").is_ok_and(|value| value == "true");
        let file = |given: &Option<PathBuf>, names: [&str; 2]| {
            let from_environment = || names.iter().filter_map(std::env::var_os).find(|v| !v.is_empty());
            given.clone().or_else(|| from_environment().map(PathBuf::from))
        };
        if self.insecure || !(wanted || self.tlscert.is_some() || self.tlskey.is_some()) {
            return Ok(None);
        }
        let certificate = file(&self.tlscert, ["COLONIES_TLSCERT", "COLONIES_SERVER_HTTP_TLS_CERT"]);
        let key = file(&self.tlskey, ["COLONIES_TLSKEY", "COLONIES_SERVER_HTTP_TLS_KEY"]);
        match (certificate, key) {
            (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
            _ => bail!(
                "TLS needs a certificate and a key: give --tlscert and --tlskey (or COLONIES_TLSCERT and \
                 COLONIES_TLSKEY), or serve plain HTTP with --insecure"
            ),
        }
    }
}

fn resolve(host: &str, port: u16) -> anyhow::Result<SocketAddr> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, port));
    }
    let mut found = (host, port).to_socket_addrs().with_context(|| format!("cannot find the address of {host}"))?;
    found.next().with_context(|| format!("{host} has no address"))
}

pub(super) fn parse_durability(text: &str) -> Result<Durability, String> {
    match text.split_once('=') {
        None if text == "always" => Ok(Durability::Always),
        None if text == "never" => Ok(Durability::Never),
        Some(("interval", milliseconds)) => match milliseconds.parse() {
            Ok(0) | Err(_) => Err("an interval is a positive number of milliseconds, as in interval=50".to_owned()),
            Ok(milliseconds) => Ok(Durability::Interval(Duration::from_millis(milliseconds))),
        },
        _ => Err("always, interval=MS or never".to_owned()),
    }
}

/// A bound that lets something through.
fn at_least_one() -> RangedI64ValueParser<u32> {
    RangedI64ValueParser::new().range(1..)
}

/// Whole seconds; nothing is the default.
fn parse_seconds(default: Duration) -> impl Fn(&str) -> Result<u64, String> + Clone {
    move |text| match text {
        "" => Ok(default.as_secs()),
        text => text.parse().map_err(|_| "not a number of seconds".to_owned()),
    }
}

/// Whole seconds. As in the reference, a value that is none is passed over for the default; this server says so.
fn parse_cleanup_interval(text: &str) -> Result<u64, String> {
    parse_seconds(limits::SWEEP)(text).or_else(|_| {
        // Flags are read before there is a log.
        eprintln!(
            "'{text}' is no number of seconds: silent executors are looked for every {} s",
            limits::SWEEP.as_secs()
        );
        Ok(limits::SWEEP.as_secs())
    })
}

/// Whole milliseconds; nothing, or none, is the default.
fn parse_milliseconds(text: &str) -> Result<u32, String> {
    let number = if text.is_empty() { Ok(0) } else { text.parse() };
    let milliseconds = number.map_err(|_| "not a number of milliseconds".to_owned())?;
    Ok(if milliseconds == 0 { limits::CHECKER_PERIOD_MS } else { milliseconds })
}

/// The zone of `TZ`, or of the system where that is not set.
fn server_zone() -> TimeZone {
    TimeZone::try_system().unwrap_or_else(|error| {
        tracing::warn!(%error, "the time zone is not known: cron expressions are taken as UTC");
        TimeZone::UTC
    })
}

/// As in the reference, `true` alone switches it on; this server says so where something else was set.
fn parse_retention(text: &str) -> Result<bool, String> {
    if !matches!(text, "true" | "false" | "") {
        eprintln!("retention stays off at '{text}': only the value true switches it on");
    }
    Ok(text == "true")
}

/// Booleans as the reference's environment has them.
fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" | "" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}
