//! `colonies monitor`: the metrics of a server, served by a process of their own, as with the reference.

use super::connection::{Connection, Global, Session};
use super::signals::Signals;
use crate::client::Statistics;
use crate::crypto::PrivateKey;
use crate::http::metrics::write_statistics;
use crate::http::serve;
use crate::metrics::page::Page;
use anyhow::Context;
use clap::{Args, Subcommand};
use parking_lot::Mutex;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Metrics of a server, for set-ups that run a monitor beside it. A server of this kind serves more of them by itself.
#[derive(Subcommand)]
pub enum MonitorCommand {
    /// Ask a server for its statistics again and again, and serve them for Prometheus; for the server's owner
    Start(Start),
}

/// What to serve where.
#[derive(Args)]
pub struct Start {
    /// Port to serve GET /metrics on
    #[arg(long, env = "COLONIES_MONITOR_PORT")]
    monitorport: u16,
    /// Seconds between two questions
    #[arg(long, env = "COLONIES_MONITOR_INTERVAL", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,
    #[command(flatten)]
    connection: Connection,
}

impl MonitorCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let MonitorCommand::Start(Start { monitorport, interval, connection }) = self;
        let session = connection.session(global)?;
        let owner = session.server_owner()?;
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, monitorport));
        let listener = serve::bind(address).with_context(|| format!("cannot serve metrics on {address}"))?;
        let address = listener.local_addr()?;
        let last = Arc::new(Mutex::new(None));
        ask_for_ever(session, owner, Duration::from_secs(interval), last.clone());
        actix_rt::System::new().block_on(async move {
            let mut signals = Signals::catch()?;
            let server = serve::start_monitor(listener, move || page(last.lock().as_ref()))?;
            let handle = server.handle();
            actix_rt::spawn(server);
            tracing::info!(%address, "metrics are served");
            signals.first().await;
            handle.stop(false).await;
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// The page: -1 everywhere as long as the server has not answered the last question.
fn page(last: Option<&Statistics>) -> Page {
    let mut page = Page::default();
    write_statistics(&mut page, last);
    page
}

/// Asks on a thread of its own, which ends with the program.
fn ask_for_ever(session: Session, owner: PrivateKey, interval: Duration, last: Arc<Mutex<Option<Statistics>>>) {
    thread::spawn(move || {
        let mut failed = false;
        loop {
            let answer = session.client.statistics(&owner);
            if let Err(error) = &answer
                && !failed
            {
                tracing::warn!(%error, "the server does not say what is on it: all figures are -1 until it does");
            }
            failed = answer.is_err();
            *last.lock() = answer.ok();
            thread::sleep(interval);
        }
    });
}
