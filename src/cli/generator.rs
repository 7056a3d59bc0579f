//! `colonies generator`.

use super::connection::{Global, InColony};
use super::cron::workflow;
use super::given::read_workflow_spec;
use super::table::{Grid, when};
use crate::client::Generator;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Generators, which gather arguments and start workflows with them.
#[derive(Args)]
pub struct GeneratorGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: GeneratorCommand,
}

#[derive(Subcommand)]
enum GeneratorCommand {
    /// Add a generator
    Add {
        /// Name of the generator
        #[arg(long)]
        name: String,
        /// JSON file with the workflow to start
        #[arg(long)]
        spec: PathBuf,
        /// How many arguments start a workflow
        #[arg(long)]
        trigger: i64,
        /// Seconds after which fewer start one; -1 never
        #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
        timeout: i64,
    },
    /// Give a generator an argument
    Pack {
        #[command(flatten)]
        generator: Id,
        /// The argument
        #[arg(long)]
        arg: String,
    },
    /// List generators
    #[command(alias = "list")]
    Ls {
        /// How many at most
        #[arg(long, default_value_t = 20)]
        count: i64,
    },
    /// Show a generator and what it starts
    Get(Id),
    /// Remove a generator
    #[command(alias = "delete")]
    Remove(Id),
}

#[derive(Args)]
struct Id {
    /// Id of the generator
    #[arg(long)]
    generatorid: String,
}

impl GeneratorGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        let (client, member, colony, out) = (&session.client, session.member()?, session.colony()?, session.out);
        match self.command {
            GeneratorCommand::Add { name, spec, trigger, timeout } => {
                let generator = Generator {
                    colonyname: colony.to_owned(),
                    name,
                    trigger,
                    timeout,
                    workflowspec: serde_json::to_string(&read_workflow_spec(&spec, colony)?)?,
                    ..Generator::default()
                };
                let generator = client.add_generator(&member, &generator)?;
                let about = [
                    ("GeneratorID", generator.generatorid.as_str()),
                    ("GeneratorName", &generator.name),
                    ("Timeout", &generator.timeout.to_string()),
                    ("Trigger", &generator.trigger.to_string()),
                ];
                out.made("Generator added", &about, &generator)?;
            }
            GeneratorCommand::Pack { generator: Id { generatorid }, arg } => {
                client.pack(&member, &generatorid, &arg)?;
                out.done("Packing arg to generator", &[("Arg", &arg), ("GeneratorID", &generatorid)])?;
            }
            GeneratorCommand::Ls { count } => {
                let generators = client.generators(&member, colony, count)?;
                out.list(&generators, "No generators found", || {
                    let mut grid = Grid::with_headers(&["GENERATORID", "NAME", "INITIATOR"]);
                    generators.iter().for_each(|one| grid.row([&one.generatorid, &one.name, &one.initiatorname]));
                    grid
                })?;
            }
            GeneratorCommand::Get(Id { generatorid }) => {
                let generator = client.generator(&member, &generatorid)?;
                out.show(&generator, || details(&generator))?;
            }
            GeneratorCommand::Remove(Id { generatorid }) => {
                client.remove_generator(&member, &generatorid)?;
                out.done("Generator removed", &[("GeneratorID", &generatorid)])?;
            }
        }
        Ok(())
    }
}

fn details(generator: &Generator) -> Vec<Grid> {
    let about = Grid::of_pairs("Generator")
        .pair("GeneratorId", &generator.generatorid)
        .pair("Name", &generator.name)
        .pair("Colony", &generator.colonyname)
        .pair("Initiator", &generator.initiatorname)
        .pair("Trigger", generator.trigger)
        .pair("Timeout", generator.timeout)
        .pair("QueueSize", generator.queuesize)
        .pair("FirstPack", when(generator.firstpack))
        .pair("LastRun", when(generator.lastrun))
        .pair("CheckerPeriod", format!("{} ms", generator.checkerperiod));
    let mut grids = vec![about];
    grids.extend(workflow(&generator.workflowspec));
    grids
}
