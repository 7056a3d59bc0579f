//! `colonies blueprint history`.

use super::super::connection::Session;
use super::super::table::{Grid, when};
use super::object;
use crate::client::Change;
use anyhow::bail;
use clap::Args;
use std::collections::HashMap;

#[derive(Args)]
pub struct History {
    /// Name of the blueprint
    #[arg(long)]
    name: String,
    /// How many at most, the latest
    #[arg(short, long, default_value_t = 20)]
    limit: i64,
    /// This generation only, with all it said
    #[arg(short, long)]
    generation: Option<i64>,
}

impl History {
    pub fn run(self, session: &Session) -> anyhow::Result<()> {
        let (client, member, colony) = (&session.client, session.member()?, session.colony()?);
        let blueprint = client.blueprint(&member, colony, &self.name)?;
        // A generation may be older than the latest few.
        let limit = if self.generation.is_some() { 0 } else { self.limit };
        let mut changes = client.blueprint_history(&member, &blueprint.blueprintid, limit)?;
        if let Some(generation) = self.generation {
            changes.retain(|change| change.generation == generation);
            if changes.is_empty() {
                bail!("blueprint {} has no change to generation {generation}", self.name);
            }
        }
        let mut names = HashMap::new();
        if !session.out.json {
            let users = client.users(&member, colony)?;
            let executors = client.executors(&member, colony)?;
            names.extend(users.into_iter().map(|one| (one.userid.to_string(), format!("user: {}", one.name))));
            names.extend(
                executors
                    .into_iter()
                    .map(|one| (one.executorid.to_string(), format!("executor: {}", one.executorname))),
            );
        }
        let by = |change: &Change| names.get(&change.changedby).unwrap_or(&change.changedby).clone();
        if self.generation.is_some() {
            let grids = || changes.iter().flat_map(|change| details(change, &by(change))).collect();
            return Ok(session.out.show(&changes, grids)?);
        }
        Ok(session.out.list(&changes, "No changes found", || {
            let mut grid = Grid::with_headers(&["GENERATION", "TIMESTAMP", "CHANGE TYPE", "CHANGED BY"]);
            for change in &changes {
                grid.row([&change.generation.to_string(), &when(change.timestamp), &change.changetype, &by(change)]);
            }
            grid
        })?)
    }
}

fn details(change: &Change, by: &str) -> [Grid; 2] {
    let about = Grid::of_pairs("Change")
        .pair("Generation", change.generation)
        .pair("Timestamp", when(change.timestamp))
        .pair("Change type", &change.changetype)
        .pair("Changed by", by);
    [about, object("Specification", &change.spec)]
}
