//! `colonies config`, `colonies version` and `colonies cluster info`.

use super::connection::{Connection, Global, InColony};
use super::output::Output;
use super::table::Grid;
use crate::server::open::VERSION;
use clap::{Args, Subcommand};
use serde_json::json;

/// What this program would do: server, colony, and which keys it has. Shows ids, never keys.
#[derive(Args)]
pub struct Config {
    #[command(flatten)]
    place: InColony,
}

/// The version of this program.
#[derive(Args)]
pub struct Version {}

/// The nodes of a server.
#[derive(Subcommand)]
pub enum ClusterCommand {
    /// Show the nodes of a server; for its owner
    Info(Info),
}

/// Where the server is, and its owner's key.
#[derive(Args)]
pub struct Info {
    #[command(flatten)]
    connection: Connection,
}

impl Config {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        // A key that is missing or wrong is shown as such: this command is for finding that out.
        let id = |key: anyhow::Result<crate::crypto::PrivateKey>| match key {
            Ok(key) => key.id().to_string(),
            Err(error) => format!("{error:#}"),
        };
        let rows = [
            ("Server", session.client.url().to_owned()),
            ("Colony", session.colony().map_or_else(|error| format!("{error:#}"), str::to_owned)),
            ("Id", id(session.member())),
            ("ColonyId", id(session.colony_owner())),
            ("ServerId", id(session.server_owner())),
        ];
        let answer: serde_json::Map<_, _> =
            rows.iter().map(|(name, value)| (name.to_lowercase(), json!(value))).collect();
        let grid =
            || rows.iter().fold(Grid::of_pairs("Current configuration"), |grid, (name, value)| grid.pair(name, value));
        Ok(session.out.show(&answer, || vec![grid()])?)
    }
}

impl Version {
    /// Runs the command.
    ///
    /// # Errors
    /// Where stdout is closed.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let grid = || vec![Grid::of_pairs("colonies").pair("Version", VERSION)];
        Ok(Output::new(global).show(&json!({ "version": VERSION }), grid)?)
    }
}

impl ClusterCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let ClusterCommand::Info(Info { connection }) = self;
        let session = connection.session(global)?;
        let cluster = session.client.cluster(&session.server_owner()?)?;
        Ok(session.out.show(&cluster, || {
            let mut grid = Grid::with_headers(&["NAME", "HOST", "APIPORT", "LEADER"]);
            for node in &cluster.nodes {
                let leader = node.name == cluster.leader.name;
                grid.row([&node.name, &node.host, &node.apiport.to_string(), &leader.to_string()]);
            }
            vec![grid]
        })?)
    }
}
