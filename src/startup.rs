//! From settings to a serving process, and to its orderly end.

use crate::clock::Clock;
use crate::colony::Options;
use crate::colony::history::History;
use crate::colony::matching::nothing_to_do;
use crate::colony::state::State;
use crate::crypto::{Identity, Memo, PrivateKey};
use crate::http::api::Shared;
use crate::http::budget::BodyBudget;
use crate::http::door::DoorLimits;
use crate::http::metrics;
use crate::http::placement::homes;
use crate::http::readiness::{Phase, Readiness};
use crate::http::renewal;
use crate::http::serve::{self, ServeOptions};
use crate::http::tls::{self, Certificate, TlsError};
use crate::limits;
use crate::metrics::{LogMetrics, Metrics, Replay};
use crate::rpc::dispatch;
use crate::rpc::rate::{RateLimits, Rates};
use crate::rpc::route::Rpc;
use crate::rpc::strict::Strict;
use crate::server::actor::{Launcher, ServerActor};
use crate::server::checkpoints::{Checkpoints, Sources};
use crate::server::directory::Directory;
use crate::server::open::ServerInfo;
use crate::server::state::ServerEvent;
use crate::storage::codec::RecordWriter;
use crate::storage::history::{HistoryError, HistoryStore, Known, StoreOptions};
use crate::storage::replay::{self, ReplayError, Replayed, SERVER_STREAM};
use actix::Actor;
use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use wal::{Append, Class, Durability, FileLog, Log, OpenError, Position, RealStorage};

/// What an operator chose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub address: SocketAddr,
    /// Where to serve metrics besides the API's own address.
    pub monitor: Option<SocketAddr>,
    /// Where everything durable is.
    pub data_dir: PathBuf,
    /// Certificate and key; `None` serves plain HTTP.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// When a reply may leave.
    pub durability: Durability,
    /// The server owner's id, for a store that has none yet.
    pub server_id: Option<Identity>,
    /// Http workers.
    pub workers: usize,
    /// Whether signers recovered before are remembered.
    pub memo: bool,
    /// Bytes of a request body, at most.
    pub body_limit: usize,
    /// What each worker allows its connections.
    pub door: DoorLimits,
    /// Time for one request's body to come.
    pub body_timeout: Duration,
    /// Bytes of all request bodies in flight together, at most.
    pub body_memory: usize,
    /// Bytes that the log grows by before a checkpoint is made, at least.
    pub checkpoint_bytes: u64,
    /// How long a message is good for, where each may come once.
    pub strict: Option<Duration>,
    /// How many requests may come.
    pub rates: RateLimits,
    /// How colonies work.
    pub options: Options,
}

/// How many http workers a server has unless told: one for each core.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl Settings {
    /// The defaults, with so many connections for each worker.
    pub fn new(address: SocketAddr, data_dir: PathBuf, workers: usize, connections: usize) -> Settings {
        Settings {
            address,
            monitor: None,
            data_dir,
            tls: None,
            durability: Durability::Always,
            server_id: None,
            workers,
            memo: true,
            body_limit: limits::BODY_BYTES,
            door: DoorLimits { connections, head: limits::HEAD_TIMEOUT, answer: limits::ANSWER_TIMEOUT },
            body_timeout: limits::BODY_TIMEOUT,
            body_memory: limits::BODY_MEMORY_BYTES,
            checkpoint_bytes: limits::CHECKPOINT_LOG_BYTES,
            strict: None,
            rates: RateLimits::default(),
            options: Options::default(),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can't be bound.
    #[error("cannot listen on {address}; is another server running there?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The address for metrics can't be bound.
    #[error(
        "cannot serve metrics on {address} (COLONIES_MONITOR_PORT, --monitorport); is another monitor running there?"
    )]
    ListenMonitor {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The worker that serves metrics can't be started.
    #[error("cannot serve metrics")]
    Monitor(#[source] io::Error),
    /// TLS was asked for and can't be had.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// SIGHUP, which renews the certificate, can't be caught.
    #[error("cannot catch SIGHUP")]
    Signal(#[source] io::Error),
    /// The log can't be opened.
    #[error("cannot open the log")]
    Log(#[from] OpenError),
    /// The log can't be read back.
    #[error("cannot read the log back")]
    Replay(#[from] ReplayError),
    /// The history store can't be opened.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The wall clock is wrong.
    #[error(
        "the wall clock says a time more than a day before the newest record in the log: set the clock, \
         or start with COLONIES_ACCEPT_CLOCK=1 if it is right"
    )]
    Clock,
    /// The log refused the server's first record.
    #[error("cannot record the server's owner: {0}")]
    Owner(String),
    /// The thread that makes checkpoints can't be started.
    #[error("cannot start the thread that makes checkpoints")]
    Checkpoints(#[source] io::Error),
    /// A thread of the server died while it started.
    #[error("the server's workers did not start")]
    Workers,
}

/// A server that serves.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// The server owner's id.
    pub owner: Identity,
    /// The server owner's key, where one was made because nobody gave an id.
    pub new_owner: Option<PrivateKey>,
    /// Told the reason when the log stops for good.
    pub log_stopped: oneshot::Receiver<String>,
    handle: ServerHandle,
    monitor: Option<ServerHandle>,
    log: Arc<FileLog>,
    checkpoints: Checkpoints,
    history: HistoryStore,
    shared: Data<Shared>,
}

/// Starts a server: listens, reads the log back, then serves. Must run inside an actix system.
///
/// # Errors
/// See [`StartError`]. Nothing was changed then, except that a torn end of the log may have been cut.
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    let begin = Instant::now();
    let clock = Clock::default();
    let listen = |source| StartError::Listen { address: settings.address, source };
    let certificate = settings.tls.clone().map(|(chain, key)| Certificate::load(chain, key)).transpose()?.map(Arc::new);
    let tls = certificate.clone().map(tls::config).transpose()?;
    certificate.map(renewal::watch).transpose().map_err(StartError::Signal)?;
    let monitor = settings.monitor.map(bind_monitor).transpose()?;
    let listener = serve::bind(settings.address).map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let readiness = Arc::new(Readiness::default());
    let directory = Arc::new(Directory::default());
    let rpc = Arc::new(Rpc {
        memo: if settings.memo { Memo::default() } else { Memo::disabled() },
        directory: directory.clone(),
        server: OnceLock::new(),
        log: OnceLock::new(),
        history: OnceLock::new(),
        stopping: false.into(),
        rates: Rates::new(settings.rates),
        strict: settings.strict.map(|window| Strict::new(window, clock.wall() / 1_000_000)),
        clock,
        list_elements: settings.options.bounds.list_elements,
        info: ServerInfo {
            host: address.ip().to_string(),
            port: address.port(),
            tls: tls.is_some(),
            build_time: option_env!("COLONIES_BUILD_TIME").unwrap_or_default().to_owned(),
        },
        metrics: Metrics::new(dispatch::TABLE.len()),
    });
    let shared = Data::new(Shared {
        rpc: rpc.clone(),
        readiness: readiness.clone(),
        body_limit: settings.body_limit,
        body_timeout: settings.body_timeout,
        bodies: Arc::new(BodyBudget::new(settings.body_memory)),
        under_way: AtomicUsize::new(0),
    });
    let (tell_arbiter, mut arbiters) = mpsc::unbounded_channel();
    let options = ServeOptions { workers: settings.workers, door: settings.door };
    let server = serve::start(listener, options, tls, shared.clone(), tell_arbiter).map_err(listen)?;
    let handle = server.handle();
    actix_rt::spawn(server);
    let monitor = monitor.map(|listener| serve_monitor(listener, shared.clone())).transpose()?;

    let (tell_stopped, log_stopped) = oneshot::channel();
    let opening = Instant::now();
    let (file_log, replayed) = open_log(&settings, tell_stopped, rpc.metrics.log.clone()).await?;
    let log: Arc<dyn Log> = file_log.clone();
    // Nobody else sets it.
    let _ = rpc.metrics.replay.set(Replay { took: opening.elapsed(), records: replayed.records });
    readiness.set_log(log.clone());
    // Nobody else sets it.
    let _ = rpc.log.set(log.clone());
    let mut workers = Vec::new();
    while workers.len() < settings.workers {
        workers.push(arbiters.recv().await.ok_or(StartError::Workers)?);
    }
    workers.truncate(homes(settings.workers));
    check_clock(clock, &replayed)?;
    let history = open_history(&settings, &replayed).await?;
    // Nobody else sets it.
    let _ = rpc.history.set(history.clone());
    let launcher = Launcher {
        homes: workers,
        log: log.clone(),
        options: Arc::new(settings.options.clone()),
        directory: directory.clone(),
        clock,
        history: history.clone(),
        mailbox_refusals: rpc.metrics.mailbox_refusals.clone(),
    };
    let Replayed { server: (mut state, mut last), mut colonies, records, bytes: replayed_bytes, events } = replayed;
    let mut new_owner = None;
    if state.owner.is_empty() {
        let owner = settings.server_id.clone().unwrap_or_else(|| {
            let key = PrivateKey::generate();
            let id = key.id();
            new_owner = Some(key);
            id
        });
        last = record_owner(&log, last, &owner, clock)?;
        state.apply(ServerEvent::OwnerSet(owner), clock.wall());
    }
    let owner = state.owner.clone();
    for listed in state.colonies() {
        let (state, last) = colonies.remove(&listed.incarnation).unwrap_or_else(|| (State::default(), Position::ZERO));
        launcher.launch(listed, state, last);
    }
    let server = ServerActor::new(state, last, launcher.clone(), rpc.info.clone());
    let address_of_zero = ServerActor::start_in_arbiter(&launcher.homes[0], move |_| server);
    let checkpoints = Checkpoints::start(Sources {
        log: file_log.clone(),
        directory,
        server: address_of_zero.clone(),
        every_bytes: settings.checkpoint_bytes,
        replayed_bytes,
        metrics: rpc.metrics.checkpoints.clone(),
    })
    .map_err(StartError::Checkpoints)?;
    // Nobody else sets it.
    let _ = rpc.server.set(address_of_zero);
    readiness.set_phase(Phase::Serving);
    tracing::info!(
        %address,
        data = %settings.data_dir.display(),
        durability = ?settings.durability,
        records,
        events,
        milliseconds = begin.elapsed().as_millis() as u64,
        "serving"
    );
    Ok(Running { address, owner, new_owner, log_stopped, handle, monitor, log: file_log, checkpoints, history, shared })
}

fn bind_monitor(address: SocketAddr) -> Result<TcpListener, StartError> {
    serve::bind(address).map_err(|source| StartError::ListenMonitor { address, source })
}

fn serve_monitor(listener: TcpListener, shared: Data<Shared>) -> Result<ServerHandle, StartError> {
    let address = listener.local_addr().map_err(StartError::Monitor)?;
    let server = serve::start_monitor(listener, move || metrics::page(&shared)).map_err(StartError::Monitor)?;
    let handle = server.handle();
    actix_rt::spawn(server);
    tracing::info!(%address, "metrics are served");
    Ok(handle)
}

/// Opens the log and reads it back, on a thread that may block.
async fn open_log(
    settings: &Settings,
    stopped: oneshot::Sender<String>,
    observer: Arc<LogMetrics>,
) -> Result<(Arc<FileLog>, Replayed), StartError> {
    let dir = settings.data_dir.join("wal");
    let data_dir = settings.data_dir.clone();
    let stopped = parking_lot::Mutex::new(Some(stopped));
    let options = wal::Options {
        durability: settings.durability,
        queue_bytes: limits::LOG_QUEUE_BYTES,
        observer: Some(observer),
        on_poisoned: Some(Arc::new(move |reason| {
            if let Some(stopped) = stopped.lock().take() {
                // Whoever does not listen is ending already.
                let _ = stopped.send(reason.to_owned());
            }
        })),
        ..wal::Options::default()
    };
    let opened = actix_rt::task::spawn_blocking(move || {
        std::fs::create_dir_all(&data_dir).map_err(|source| OpenError::Io {
            action: "create",
            path: data_dir,
            source,
        })?;
        let (log, recovered) = FileLog::open(dir, options, Arc::new(RealStorage))?;
        if let Some(torn) = &recovered.torn {
            tracing::warn!(
                file = %torn.file.display(),
                offset = torn.offset,
                bytes = torn.bytes,
                "the log ended in a write that was never finished, as after a crash: it was copied aside and cut; \
                 nothing that was acknowledged is lost"
            );
        }
        let replayed = replay::replay(&log, recovered.checkpoint.as_ref())?;
        Ok::<_, StartError>((Arc::new(log), replayed))
    });
    opened.await.unwrap_or(Err(StartError::Workers))
}

/// Opens the history store, on a thread that may block, and brings it to where the log is.
async fn open_history(settings: &Settings, replayed: &Replayed) -> Result<HistoryStore, StartError> {
    let dir = settings.data_dir.join("history");
    let known: Vec<Known> = replayed
        .server
        .0
        .colonies()
        .map(|listed| {
            let history = replayed.colonies.get(&listed.incarnation).map(|(state, _)| &state.history);
            Known {
                of: listed.incarnation,
                batches: history.map_or(0, History::batches),
                lines_until: history.map_or(0, History::lines_until),
            }
        })
        .collect();
    let opened = actix_rt::task::spawn_blocking(move || HistoryStore::open(&dir, &known, StoreOptions::default()));
    match opened.await {
        Ok(opened) => Ok(opened?),
        Err(_) => Err(StartError::Workers),
    }
}

/// A wall clock that is more than a day behind the log would make time stamps creep for as long.
fn check_clock(clock: Clock, replayed: &Replayed) -> Result<(), StartError> {
    const DAY: i64 = 86_400 * 1_000_000_000;
    let newest = replayed.colonies.values().map(|(state, _)| state.newest).max().unwrap_or(0);
    let newest = newest.max(replayed.server.0.newest);
    if newest.saturating_sub(clock.wall()) > DAY && std::env::var_os("COLONIES_ACCEPT_CLOCK").is_none() {
        return Err(StartError::Clock);
    }
    Ok(())
}

fn record_owner(log: &Arc<dyn Log>, last: Position, owner: &Identity, clock: Clock) -> Result<Position, StartError> {
    let mut record = RecordWriter::new(clock.wall());
    record.add(&ServerEvent::OwnerSet(owner.clone()));
    let credit = log.reserve(record.len(), Class::Essential).map_err(|reason| StartError::Owner(reason.to_string()))?;
    let record = record.into_bytes();
    Ok(log.append(Append { stream: SERVER_STREAM, expected: last, record, credit, on_durable: Vec::new() }))
}

impl Running {
    /// Ends the server in order: polls are answered as when there is nothing to do, what is under way is finished, the
    /// log is flushed. Takes less than [`limits::STOP`].
    pub async fn stop(self) {
        let begin = Instant::now();
        self.shared.readiness.set_phase(Phase::Stopping);
        self.shared.rpc.stopping.store(true, Ordering::Release);
        self.handle.pause().await;
        let nearly_over = limits::STOP.saturating_sub(Duration::from_secs(1));
        loop {
            // Again and again: a request that came in with the signal may have parked since.
            for colony in self.shared.rpc.directory.all() {
                colony.mailbox.dismiss(nothing_to_do());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            if self.shared.under_way.load(Ordering::Acquire) == 0 || begin.elapsed() > nearly_over {
                break;
            }
        }
        self.handle.stop(false).await;
        if let Some(monitor) = &self.monitor {
            monitor.stop(false).await;
        }
        let (log, history, checkpoints) = (self.log, self.history, self.checkpoints);
        let closed = actix_rt::task::spawn_blocking(move || {
            drop(checkpoints);
            log.close();
            history.close();
        });
        if closed.await.is_err() {
            tracing::error!("the log could not be closed in order; what was acknowledged is on disk");
        }
        tracing::info!(milliseconds = begin.elapsed().as_millis() as u64, "stopped");
    }
}
