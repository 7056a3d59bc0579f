//! `colonies location`.

use super::confirm::confirm;
use super::connection::{Global, InColony};
use super::table::Grid;
use crate::client::Location;
use crate::crypto::random_id;
use crate::hexadecimal;
use clap::{Args, Subcommand};

/// Locations of a colony.
#[derive(Args)]
pub struct LocationGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: LocationCommand,
}

#[derive(Subcommand)]
enum LocationCommand {
    /// Add a location; for the colony's owner
    Add {
        #[command(flatten)]
        name: Name,
        /// Description
        #[arg(long, default_value = "")]
        desc: String,
        /// Longitude
        #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
        long: f64,
        /// Latitude
        #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
        lat: f64,
    },
    /// List all locations
    #[command(alias = "list")]
    Ls,
    /// Show a location
    Get(Name),
    /// Remove a location; for the colony's owner
    Remove {
        #[command(flatten)]
        name: Name,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args)]
struct Name {
    /// Name of the location
    #[arg(long)]
    name: String,
}

impl LocationGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        let (client, colony) = (&session.client, session.colony()?);
        match self.command {
            LocationCommand::Add { name: Name { name }, desc, long, lat } => {
                let locationid = hexadecimal::encode(random_id());
                let colonyname = colony.to_owned();
                let location = Location { locationid, name, colonyname, description: desc, long, lat };
                let location = client.add_location(&session.colony_owner()?, &location)?;
                let about = [("ColonyName", colony), ("Location", &location.name)];
                session.out.made("Location added", &about, &location)?;
            }
            LocationCommand::Ls => {
                let locations = client.locations(&session.member()?, colony)?;
                session.out.list(&locations, "No locations found", || grid(&locations))?;
            }
            LocationCommand::Get(Name { name }) => {
                let location = client.location(&session.member()?, colony, &name)?;
                session.out.show(&location, || vec![grid(std::slice::from_ref(&location))])?;
            }
            LocationCommand::Remove { name: Name { name }, yes } => {
                let owner = session.colony_owner()?;
                confirm(&format!("Remove location <{name}> of colony <{colony}>?"), yes)?;
                client.remove_location(&owner, colony, &name)?;
                session.out.done("Location removed", &[("ColonyName", colony), ("Location", &name)])?;
            }
        }
        Ok(())
    }
}

fn grid(locations: &[Location]) -> Grid {
    let mut grid = Grid::with_headers(&["NAME", "DESCRIPTION", "LONG", "LAT"]);
    for location in locations {
        let (long, lat) = (format!("{:.4}", location.long), format!("{:.4}", location.lat));
        grid.row([&location.name, &location.description, &long, &lat]);
    }
    grid
}
