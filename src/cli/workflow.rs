//! `colonies workflow`.

use super::confirm::confirm;
use super::connection::{Global, InColony, Session};
use super::given::read_workflow_spec;
use super::output::note;
use super::state_flags::StateFlags;
use super::table::{Grid, named_values, names, shortened, values, when};
use crate::client::{Process, ProcessGraph, ProcessState, state_name};
use anyhow::bail;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Characters of arguments in a node's table.
const IN_DETAIL: usize = 200;

/// Workflows: submit, list, show and end them.
#[derive(Args)]
pub struct WorkflowGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: WorkflowCommand,
}

#[derive(Subcommand)]
enum WorkflowCommand {
    /// Submit a workflow from a file
    Submit {
        /// JSON file with a list of function specifications
        #[arg(long)]
        spec: PathBuf,
        /// Wait until the workflow has ended
        #[arg(long)]
        wait: bool,
    },
    /// List waiting workflows
    Psw(ListArgs),
    /// List running workflows
    Ps(ListArgs),
    /// List successful workflows
    Pss(ListArgs),
    /// List failed workflows
    Psf(ListArgs),
    /// List cancelled workflows
    Psc(ListArgs),
    /// Show a workflow and its processes
    Get(Id),
    /// End a workflow before it is done
    Cancel(Id),
    /// Remove a workflow with its processes
    #[command(alias = "delete")]
    Remove(Id),
    /// Remove all workflows, or all of a state; for the colony's owner
    Removeall {
        #[command(flatten)]
        state: StateFlags,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args)]
struct Id {
    /// Id of the workflow
    #[arg(long)]
    workflowid: String,
}

#[derive(Args)]
struct ListArgs {
    /// How many at most, up to 100
    #[arg(long, default_value_t = 20)]
    count: i64,
}

impl WorkflowGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        let (client, out) = (&session.client, session.out);
        match self.command {
            WorkflowCommand::Submit { spec, wait } => submit(&session, &spec, wait)?,
            WorkflowCommand::Psw(args) => list(&session, ProcessState::Waiting, &args)?,
            WorkflowCommand::Ps(args) => list(&session, ProcessState::Running, &args)?,
            WorkflowCommand::Pss(args) => list(&session, ProcessState::Successful, &args)?,
            WorkflowCommand::Psf(args) => list(&session, ProcessState::Failed, &args)?,
            WorkflowCommand::Psc(args) => list(&session, ProcessState::Cancelled, &args)?,
            WorkflowCommand::Get(Id { workflowid }) => get(&session, &workflowid)?,
            WorkflowCommand::Cancel(Id { workflowid }) => {
                client.cancel_workflow(&session.member()?, &workflowid)?;
                out.done("Workflow cancelled", &[("WorkflowID", &workflowid)])?;
            }
            WorkflowCommand::Remove(Id { workflowid }) => {
                client.remove_workflow(&session.member()?, &workflowid)?;
                out.done("Workflow removed", &[("WorkflowID", &workflowid)])?;
            }
            WorkflowCommand::Removeall { state, yes } => {
                let ((state, word), colony, owner) = (state.chosen(), session.colony()?, session.colony_owner()?);
                confirm(&format!("Remove {word} workflows of colony <{colony}>?"), yes)?;
                client.remove_all_workflows(&owner, colony, state)?;
                out.done(&format!("Removed {word} workflows"), &[("ColonyName", colony)])?;
            }
        }
        Ok(())
    }
}

fn submit(session: &Session, spec: &std::path::Path, wait: bool) -> anyhow::Result<()> {
    let (member, colony) = (session.member()?, session.colony()?);
    let spec = read_workflow_spec(spec, colony)?;
    let graph = session.client.submit_workflow(&member, &spec)?;
    let id = graph.processgraphid.as_str();
    let about = [("ColonyName", colony), ("WorkflowID", id)];
    note("Workflow submitted", &about);
    if !wait {
        return Ok(session.out.show(&graph, Vec::new)?);
    }
    let ended = session.client.wait_for_workflow(&member, id)?;
    session.out.show(&ended, Vec::new)?;
    match ProcessState::from_number(ended.state) {
        Some(ProcessState::Successful) => note("Workflow finished successfully", &about),
        _ => bail!("workflow {id} has ended as {}", state_name(ended.state).to_lowercase()),
    }
    Ok(())
}

fn list(session: &Session, state: ProcessState, args: &ListArgs) -> anyhow::Result<()> {
    let graphs = session.client.workflows(&session.member()?, session.colony()?, state, args.count)?;
    let (header, time): (_, fn(&ProcessGraph) -> _) = match state {
        ProcessState::Waiting => ("SUBMISSION TIME", |graph| graph.submissiontime),
        ProcessState::Running => ("START TIME", |graph| graph.starttime),
        _ => ("END TIME", |graph| graph.endtime),
    };
    let nothing = format!("No {} workflows found", state_name(state as i64).to_lowercase());
    Ok(session.out.list(&graphs, &nothing, || {
        let mut grid = Grid::with_headers(&["WORKFLOWID", header, "INITIATOR"]);
        graphs.iter().for_each(|graph| grid.row([&graph.processgraphid, &when(time(graph)), &graph.initiatorname]));
        grid
    })?)
}

fn get(session: &Session, id: &str) -> anyhow::Result<()> {
    let member = session.member()?;
    let graph = session.client.workflow(&member, id)?;
    if session.out.json {
        return Ok(session.out.show(&graph, Vec::new)?);
    }
    let mut grids = vec![about(&graph)];
    for id in &graph.processids {
        grids.push(node(&session.client.process(&member, id)?));
    }
    Ok(session.out.show(&graph, || grids)?)
}

fn about(graph: &ProcessGraph) -> Grid {
    Grid::of_pairs("Workflow")
        .pair("WorkflowId", &graph.processgraphid)
        .pair("State", state_name(graph.state))
        .pair("InitiatorId", &graph.initiatorid)
        .pair("InitiatorName", &graph.initiatorname)
        .pair("SubmissionTime", when(graph.submissiontime))
        .pair("StartTime", when(graph.starttime))
        .pair("EndTime", when(graph.endtime))
        .pair("Processes", graph.processids.len())
}

fn node(process: &Process) -> Grid {
    let spec = &process.spec;
    Grid::of_pairs(&format!("Process of node {}", spec.nodename))
        .pair("NodeName", &spec.nodename)
        .pair("ProcessId", &process.processid)
        .pair("State", state_name(process.state))
        .pair("WaitingForParents", process.waitforparents)
        .pair("FuncName", &spec.funcname)
        .pair("Args", shortened(&values(&spec.args), IN_DETAIL))
        .pair("KwArgs", shortened(&named_values(&spec.kwargs), IN_DETAIL))
        .pair("ExecutorType", &spec.conditions.executortype)
        .pair("Dependencies", names(&spec.conditions.dependencies))
        .pair_unless_empty("Errors", &process.errors.join("\n"))
}
