//! `colonies attribute`.

use super::connection::{Global, InColony};
use super::table::Grid;
use crate::client::{Attribute, AttributeType};
use clap::{Args, Subcommand};

/// Attributes of processes.
#[derive(Args)]
pub struct AttributeGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: AttributeCommand,
}

#[derive(Subcommand)]
enum AttributeCommand {
    /// Add an attribute to a running process; for the executor that runs it
    Add {
        /// Id of the process
        #[arg(short, long)]
        processid: String,
        /// Its key
        #[arg(long)]
        key: String,
        /// Its value
        #[arg(long)]
        value: String,
    },
    /// Show an attribute
    Get {
        /// Id of the attribute
        #[arg(long)]
        attributeid: String,
    },
}

impl AttributeGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        let (client, member) = (&session.client, session.member()?);
        match self.command {
            AttributeCommand::Add { processid, key, value } => {
                let attribute = Attribute {
                    targetid: processid,
                    targetcolonyname: session.colony()?.to_owned(),
                    attributetype: AttributeType::OUT,
                    key,
                    value,
                    ..Attribute::default()
                };
                let attribute = client.add_attribute(&member, &attribute)?;
                let about = [("AttributeID", attribute.attributeid.as_str()), ("ProcessId", &attribute.targetid)];
                session.out.made("Attribute added", &about, &attribute)?;
            }
            AttributeCommand::Get { attributeid } => {
                let attribute = client.attribute(&member, &attributeid)?;
                session.out.show(&attribute, || {
                    let mut grid = Grid::with_headers(&["ATTRIBUTEID", "TARGETID", "KEY", "VALUE", "TYPE"]);
                    let Attribute { attributeid, targetid, key, value, attributetype, .. } = &attribute;
                    grid.row([attributeid, targetid, key, value, &attributetype.to_string()]);
                    vec![grid]
                })?;
            }
        }
        Ok(())
    }
}
