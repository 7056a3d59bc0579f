//! `colonies cron`.

use super::connection::{Global, InColony};
use super::given::read_workflow_spec;
use super::output::note;
use super::process_view::specification;
use super::table::{Grid, when};
use crate::client::{Cron, WorkflowSpec};
use anyhow::bail;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Crons, which start workflows at their times.
#[derive(Args)]
pub struct CronGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: CronCommand,
}

#[derive(Subcommand)]
enum CronCommand {
    /// Add a cron
    Add(AddArgs),
    /// List crons
    #[command(alias = "list")]
    Ls {
        /// How many at most
        #[arg(long, default_value_t = 20)]
        count: i64,
    },
    /// Show a cron and what it starts
    Get(Id),
    /// Start a cron now
    Run(Id),
    /// Remove a cron
    #[command(alias = "delete")]
    Remove(Id),
}

#[derive(Args)]
struct Id {
    /// Id of the cron
    #[arg(long)]
    cronid: String,
}

#[derive(Args)]
struct AddArgs {
    /// Name of the cron
    #[arg(long)]
    name: String,
    /// JSON file with the workflow to start
    #[arg(long)]
    spec: PathBuf,
    /// When: six fields, seconds first, as in "0/5 * * * * *"
    #[arg(long, default_value = "", hide_default_value = true)]
    cron: String,
    /// Seconds between two starts, in place of --cron; -1 is none
    #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
    interval: i64,
    /// Start at random times within the rhythm
    #[arg(long)]
    random: bool,
    /// Start only when the workflow that was started last has ended
    #[arg(long)]
    waitprevious: bool,
}

impl CronGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        let (client, member, colony, out) = (&session.client, session.member()?, session.colony()?, session.out);
        match self.command {
            CronCommand::Add(args) => {
                let cron = client.add_cron(&member, &args.cron(colony)?)?;
                let waits = if args.waitprevious { "Waiting" } else { "Will not wait" };
                note(&format!("{waits} for previous workflow to finish"), &[]);
                out.made("Cron added", &[("CronID", &cron.cronid), ("CronName", &cron.name)], &cron)?;
            }
            CronCommand::Ls { count } => {
                let crons = client.crons(&member, colony, count)?;
                out.list(&crons, "No crons found", || {
                    let mut grid = Grid::with_headers(&["CRONID", "NAME", "INITIATOR", "NEXT RUN"]);
                    for cron in &crons {
                        grid.row([&cron.cronid, &cron.name, &cron.initiatorname, &when(cron.nextrun)]);
                    }
                    grid
                })?;
            }
            CronCommand::Get(Id { cronid }) => {
                let cron = client.cron(&member, &cronid)?;
                out.show(&cron, || details(&cron))?;
            }
            CronCommand::Run(Id { cronid }) => {
                client.run_cron(&member, &cronid)?;
                out.done("Running cron", &[("CronID", &cronid)])?;
            }
            CronCommand::Remove(Id { cronid }) => {
                client.remove_cron(&member, &cronid)?;
                out.done("Removing cron", &[("CronID", &cronid)])?;
            }
        }
        Ok(())
    }
}

impl AddArgs {
    fn cron(&self, colony: &str) -> anyhow::Result<Cron> {
        if self.cron.is_empty() == (self.interval == -1) {
            bail!("a cron has one rhythm: give --cron \"0/5 * * * * *\", or --interval SECONDS");
        }
        Ok(Cron {
            colonyname: colony.to_owned(),
            name: self.name.clone(),
            cronexpression: self.cron.clone(),
            interval: self.interval,
            random: self.random,
            waitforprevprocessgraph: self.waitprevious,
            workflowspec: serde_json::to_string(&read_workflow_spec(&self.spec, colony)?)?,
            ..Cron::default()
        })
    }
}

fn details(cron: &Cron) -> Vec<Grid> {
    let about = Grid::of_pairs("Cron")
        .pair("CronId", &cron.cronid)
        .pair("Name", &cron.name)
        .pair("Colony", &cron.colonyname)
        .pair("InitiatorID", &cron.initiatorid)
        .pair("Initiator", &cron.initiatorname)
        .pair("Cron Expression", &cron.cronexpression)
        .pair("Interval", cron.interval)
        .pair("Random", cron.random)
        .pair("NextRun", when(cron.nextrun))
        .pair("LastRun", when(cron.lastrun))
        .pair("PrevProcessGraphID", &cron.prevprocessgraphid)
        .pair("WaitForPrevProcessGraph", cron.waitforprevprocessgraph)
        .pair("CheckerPeriod", format!("{} ms", cron.checkerperiod));
    let mut grids = vec![about];
    grids.extend(workflow(&cron.workflowspec));
    grids
}

/// The nodes of a workflow that is kept as a text; one that can't be read is shown by its text.
pub fn workflow(text: &str) -> Vec<Grid> {
    match crate::json::decode::<WorkflowSpec>(text.as_bytes()) {
        Ok(workflow) => workflow.functionspecs.iter().flat_map(specification).collect(),
        Err(_) => vec![Grid::of_pairs("Workflow").pair("Text", text)],
    }
}
