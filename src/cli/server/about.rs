//! `colonies server status` and what else asks a running server about itself.

use super::super::connection::{Connection, Global};
use super::super::given::parse_id;
use super::super::output::note;
use super::super::statistics;
use super::super::table::Grid;
use crate::server::open::VERSION;
use clap::{Args, Subcommand};

/// Commands about a running server.
#[derive(Subcommand)]
pub enum AboutCommand {
    /// Show what a server says about itself; needs no key
    Status(Status),
    /// Show what is on the server, counted; for its owner
    #[command(alias = "statistics")]
    Stats(Stats),
    /// Ask whether a server answers
    Alive(Status),
    /// Give the server another owner; for its present owner
    Chid(ChangeId),
}

/// Where the server is.
#[derive(Args)]
pub struct Status {
    #[command(flatten)]
    connection: Connection,
}

/// Where the server is, and its owner's key.
#[derive(Args)]
pub struct Stats {
    #[command(flatten)]
    connection: Connection,
}

/// The new owner.
#[derive(Args)]
pub struct ChangeId {
    /// Id of the new owner
    #[arg(long, value_parser = parse_id)]
    serverid: String,
    #[command(flatten)]
    connection: Connection,
}

impl AboutCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            AboutCommand::Status(Status { connection }) => {
                let session = connection.session(global)?;
                let info = session.client.server_info()?;
                let grid = || {
                    let mut grid = Grid::of_pairs("Server")
                        .pair("URL", session.client.url())
                        .pair("Version", &info.buildversion)
                        .pair("Build time", &info.buildtime)
                        .pair("Version of this program", VERSION);
                    for backend in &info.backends {
                        let tls = if backend.tls { ", TLS" } else { "" };
                        let listens = format!("{} {}:{}{tls}", backend.kind, backend.host, backend.port);
                        grid = grid.pair("Backend", listens);
                    }
                    vec![grid]
                };
                Ok(session.out.show(&info, grid)?)
            }
            AboutCommand::Stats(Stats { connection }) => {
                let session = connection.session(global)?;
                let statistics = session.client.statistics(&session.server_owner()?)?;
                let title = format!("Server {}", session.client.url());
                Ok(session.out.show(&statistics, || vec![statistics::grid(&title, &statistics, true)])?)
            }
            AboutCommand::Alive(Status { connection }) => {
                let session = connection.session(global)?;
                session.client.server_info()?;
                Ok(session.out.done("Server is alive", &[("URL", session.client.url())])?)
            }
            AboutCommand::Chid(ChangeId { serverid, connection }) => {
                let session = connection.session(global)?;
                session.client.change_server_id(&session.server_owner()?, &serverid)?;
                note("From now on the server's owner signs with the key of the new id", &[]);
                Ok(session.out.done("Changed server Id", &[("ServerId", &serverid)])?)
            }
        }
    }
}
