//! Commands of the reference for parts that this server does not have: accepted, so that existing scripts run on.

use super::output::note;
use clap::{Args, Subcommand};

/// Databases of the reference; this server has none.
#[derive(Subcommand)]
pub enum DatabaseCommand {
    /// Does nothing: the server makes its data directory by itself
    Create(DatabaseFlags),
    /// Does nothing: remove the server's data directory while it is stopped
    Drop(DatabaseFlags),
}

/// Accepted and not used.
#[derive(Args)]
pub struct DatabaseFlags {
    #[arg(long, hide = true)]
    dbhost: Option<String>,
    #[arg(long, hide = true)]
    dbport: Option<String>,
    #[arg(long, hide = true)]
    dbuser: Option<String>,
    #[arg(long, hide = true)]
    dbpassword: Option<String>,
}

impl DatabaseCommand {
    /// Says so.
    pub fn run(self) {
        match self {
            DatabaseCommand::Create(_) => {
                note(
                    "Nothing to create: this server has no database, and makes its data directory when it starts",
                    &[],
                );
            }
            DatabaseCommand::Drop(_) => {
                note(
                    "Nothing to drop: this server has no database; remove its data directory while it is stopped",
                    &[],
                );
            }
        }
    }
}
