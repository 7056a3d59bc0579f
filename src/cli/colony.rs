//! `colonies colony`.

use super::confirm::confirm;
use super::connection::{Connection, Global};
use super::given::parse_id;
use super::statistics;
use super::table::Grid;
use crate::client::Colony;
use crate::crypto::Identity;
use clap::{Args, Subcommand};
use std::io::IsTerminal;

/// Colonies.
#[derive(Args)]
pub struct ColonyGroup {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: ColonyCommand,
}

#[derive(Subcommand)]
enum ColonyCommand {
    /// Add a colony; for the server's owner
    Add {
        /// Name of the colony
        #[arg(long, env = "COLONIES_COLONY_NAME")]
        name: String,
        /// Id of its owner
        #[arg(long, env = "COLONIES_COLONY_ID", value_parser = parse_id)]
        colonyid: String,
    },
    /// Remove a colony with everything in it; for the server's owner. Asks first on a terminal
    Remove {
        /// Name of the colony
        #[arg(long)]
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// List all colonies; for the server's owner
    #[command(alias = "list")]
    Ls,
    /// Ask whether a colony exists and you are a member of it
    Check(OfColony),
    /// Show what is in a colony, counted
    #[command(alias = "statistics")]
    Stats(OfColony),
    /// Give a colony another owner; for its present owner
    Chid {
        #[command(flatten)]
        colony: OfColony,
        /// Id of the new owner
        #[arg(long, value_parser = parse_id)]
        colonyid: String,
    },
}

#[derive(Args)]
struct OfColony {
    /// Name of the colony
    #[arg(long, alias = "colonyname", env = "COLONIES_COLONY_NAME")]
    name: Option<String>,
}

impl ColonyGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.connection.session(global)?;
        let client = &session.client;
        match self.command {
            ColonyCommand::Add { name, colonyid } => {
                let colony = Colony { colonyid: Identity::from_text(&colonyid), name };
                let colony = client.add_colony(&session.server_owner()?, &colony)?;
                let about = [("ColonyID", colonyid.as_str()), ("ColonyName", &colony.name)];
                session.out.made("Colony added", &about, &colony)?;
            }
            ColonyCommand::Remove { name, yes } => {
                // Scripts of the reference's command are not asked there, so they are not here.
                let confirmed = yes || !std::io::stdin().is_terminal();
                confirm(&format!("Remove colony <{name}> with everything in it?"), confirmed)?;
                client.remove_colony(&session.server_owner()?, &name)?;
                session.out.done("Colony removed", &[("ColonyName", &name)])?;
            }
            ColonyCommand::Ls => {
                let colonies = client.colonies(&session.server_owner()?)?;
                session.out.list(&colonies, "No colonies found", || {
                    let mut grid = Grid::with_headers(&["NAME", "COLONYID"]);
                    colonies.iter().for_each(|colony| grid.row([&colony.name, &colony.colonyid.to_string()]));
                    grid
                })?;
            }
            ColonyCommand::Check(OfColony { name }) => {
                let colony = client.colony(&session.member()?, session.colony_or(name.as_deref())?)?;
                session.out.made("Colony exists", &[("ColonyName", &colony.name)], &colony)?;
            }
            ColonyCommand::Stats(OfColony { name }) => {
                let name = session.colony_or(name.as_deref())?;
                let statistics = client.colony_statistics(&session.member()?, name)?;
                let title = format!("Colony {name}");
                session.out.show(&statistics, || vec![statistics::grid(&title, &statistics, false)])?;
            }
            ColonyCommand::Chid { colony, colonyid } => {
                let name = session.colony_or(colony.name.as_deref())?;
                client.change_colony_id(&session.colony_owner()?, name, &colonyid)?;
                session.out.done("Changed colony Id", &[("ColonyId", &colonyid), ("ColonyName", name)])?;
            }
        }
        Ok(())
    }
}
