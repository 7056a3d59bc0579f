//! `colonies blueprint`.

mod definition;
mod doctor;
mod history;
mod set;

use super::connection::{Global, InColony, Session};
use super::given::read_file;
use super::log::print_prefixed;
use super::output::{note, print};
use super::table::{Grid, value};
use crate::client::{Blueprint, Executor, ExecutorState, LogSource, LogWindow};
use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Blueprints: what should be, and who sees to it.
#[derive(Args)]
pub struct BlueprintGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: BlueprintCommand,
}

#[derive(Subcommand)]
enum BlueprintCommand {
    /// Add, show, list and remove kinds of blueprints
    #[command(subcommand)]
    Definition(definition::DefinitionCommand),
    /// Add a blueprint
    Add(Spec),
    /// Replace what a blueprint says
    Update(Spec),
    /// Change one value of a blueprint's specification and have it reconciled
    Set(set::Set),
    /// Show a blueprint
    Get(Name),
    /// List blueprints
    #[command(alias = "list")]
    Ls {
        /// Of this kind only
        #[arg(long, default_value = "")]
        kind: String,
    },
    /// Show how a blueprint changed
    History(history::History),
    /// Have a blueprint reconciled now
    Reconcile {
        #[command(flatten)]
        name: Name,
        /// Also where nothing changed
        #[arg(short, long)]
        force: bool,
    },
    /// Print the logs of the executors that reconcile
    Log(LogArgs),
    /// Look for what keeps blueprints from being reconciled
    Doctor(doctor::Doctor),
    /// Remove a blueprint
    Remove(Name),
}

#[derive(Args)]
struct Name {
    /// Name of the blueprint
    #[arg(long)]
    name: String,
}

#[derive(Args)]
struct Spec {
    /// JSON file with the blueprint
    #[arg(long)]
    spec: PathBuf,
}

#[derive(Args)]
struct LogArgs {
    /// Name of a blueprint: only the executors that reconcile its kind
    #[arg(long)]
    name: Option<String>,
    /// How many lines at most of each
    #[arg(short, long, default_value_t = 20)]
    count: i64,
    /// Go on with what comes, until interrupted
    #[arg(short, long)]
    follow: bool,
}

impl BlueprintGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        let (client, colony, out) = (&session.client, session.colony()?, session.out);
        match self.command {
            BlueprintCommand::Definition(command) => command.run(&session)?,
            BlueprintCommand::Add(Spec { spec }) => {
                let blueprint = client.add_blueprint(&session.member()?, &read(&spec, colony)?)?;
                said(&session, "Blueprint added", &blueprint)?;
            }
            BlueprintCommand::Update(Spec { spec }) => {
                let blueprint = client.update_blueprint(&session.member()?, &read(&spec, colony)?)?;
                said(&session, "Blueprint updated", &blueprint)?;
            }
            BlueprintCommand::Set(set) => set.run(&session)?,
            BlueprintCommand::Get(Name { name }) => {
                let blueprint = client.blueprint(&session.member()?, colony, &name)?;
                out.show(&blueprint, || details(&blueprint))?;
            }
            BlueprintCommand::Ls { kind } => list(&session, &kind)?,
            BlueprintCommand::History(history) => history.run(&session)?,
            BlueprintCommand::Reconcile { name: Name { name }, force } => {
                let process = client.reconcile_blueprint(&session.member()?, colony, &name, force)?;
                let about = [("Name", name.as_str()), ("ProcessId", &process.processid)];
                out.made("Reconciliation process submitted", &about, &process)?;
            }
            BlueprintCommand::Log(args) => log(&session, &args)?,
            BlueprintCommand::Doctor(doctor) => doctor.run(&session)?,
            BlueprintCommand::Remove(Name { name }) => {
                client.remove_blueprint(&session.member()?, colony, &name)?;
                out.done("Blueprint removed", &[("Name", &name), ("Namespace", colony)])?;
            }
        }
        Ok(())
    }
}

fn read(path: &Path, colony: &str) -> anyhow::Result<Blueprint> {
    let mut blueprint: Blueprint = read_file(path)?;
    if blueprint.metadata.colonyname.is_empty() {
        colony.clone_into(&mut blueprint.metadata.colonyname);
    }
    Ok(blueprint)
}

fn said(session: &Session, what: &str, blueprint: &Blueprint) -> std::io::Result<()> {
    let metadata = &blueprint.metadata;
    let about = [
        ("BlueprintID", blueprint.blueprintid.as_str()),
        ("Generation", &metadata.generation.to_string()),
        ("Kind", &blueprint.kind),
        ("Name", &metadata.name),
        ("Namespace", &metadata.colonyname),
    ];
    session.out.made(what, &about, blueprint)
}

fn list(session: &Session, kind: &str) -> anyhow::Result<()> {
    let (member, colony) = (session.member()?, session.colony()?);
    let blueprints = session.client.blueprints(&member, colony, kind)?;
    let deployed = !session.out.json && !blueprints.is_empty();
    let executors = if deployed { session.client.executors(&member, colony)? } else { Vec::new() };
    Ok(session.out.list(&blueprints, "No blueprints found", || {
        let headers = ["NAME", "KIND", "LOCATION", "EXECUTOR TYPE", "REPLICAS", "OLD GENERATION", "GENERATION"];
        let mut grid = Grid::with_headers(&headers);
        for blueprint in &blueprints {
            let text = |key: &str| blueprint.spec.get(key).map(value).unwrap_or_default();
            let metadata = &blueprint.metadata;
            grid.row([
                &metadata.name,
                &blueprint.kind,
                &metadata.locationname,
                &text("executorType"),
                &text("replicas"),
                &of_old_generations(blueprint, &executors).to_string(),
                &metadata.generation.to_string(),
            ]);
        }
        grid
    })?)
}

/// How many living executors were made for the blueprint as it was before.
fn of_old_generations(blueprint: &Blueprint, executors: &[Executor]) -> usize {
    let old = |executor: &&Executor| {
        executor.blueprintid == blueprint.blueprintid
            && executor.state != ExecutorState::Unregistered
            && executor.blueprintgen < blueprint.metadata.generation
    };
    executors.iter().filter(old).count()
}

fn details(blueprint: &Blueprint) -> Vec<Grid> {
    let metadata = &blueprint.metadata;
    let labels: Vec<_> = metadata.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let about = Grid::of_pairs("Blueprint")
        .pair("Name", &metadata.name)
        .pair("Id", &blueprint.blueprintid)
        .pair("Kind", &blueprint.kind)
        .pair("Colony", &metadata.colonyname)
        .pair_unless_empty("Location", &metadata.locationname)
        .pair_unless_empty("Labels", &labels.join(" "))
        .pair("Generation", metadata.generation);
    let mut grids = vec![about, object("Specification", &blueprint.spec)];
    if !blueprint.status.is_empty() {
        grids.push(object("Status", &blueprint.status));
    }
    grids
}

/// An object's members.
fn object(title: &str, members: &Map<String, Value>) -> Grid {
    members.iter().fold(Grid::of_pairs(title), |grid, (key, member)| grid.pair(key, value(member)))
}

/// Whether an executor reconciles, by the convention that its type says so.
fn reconciles(executor: &Executor) -> bool {
    executor.executortype.contains("reconciler") && executor.state == ExecutorState::Approved
}

fn log(session: &Session, args: &LogArgs) -> anyhow::Result<()> {
    let (client, member, colony) = (&session.client, session.member()?, session.colony()?);
    let wanted = match &args.name {
        Some(name) => {
            let blueprint = client.blueprint(&member, colony, name)?;
            let definitions = client.blueprint_definitions(&member, colony)?;
            let of_kind = definitions.into_iter().find(|definition| definition.declares() == blueprint.kind);
            of_kind.map(|definition| definition.spec.handler.executor_type)
        }
        None => None,
    };
    let executors = client.executors(&member, colony)?;
    let handles = |executor: &&Executor| wanted.as_ref().is_none_or(|kind| *kind == executor.executortype);
    let executors: Vec<_> = executors.iter().filter(|one| reconciles(one)).filter(handles).collect();
    if executors.is_empty() {
        note("No reconcilers found", &[("ColonyName", colony)]);
        return Ok(());
    }
    let mut windows = vec![LogWindow::Latest; executors.len()];
    loop {
        for (executor, window) in executors.iter().zip(&mut windows) {
            let name = executor.executorname.as_str();
            let logs = client.logs(&member, LogSource::Executor { colony, name }, *window, args.count)?;
            for log in &logs {
                if session.out.json {
                    print(&format!("{}\n", serde_json::to_string(log)?))?;
                } else {
                    print_prefixed(name, &log.message)?;
                }
                *window = LogWindow::Since(log.timestamp);
            }
        }
        if !args.follow {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}
