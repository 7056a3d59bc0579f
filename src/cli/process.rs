//! `colonies process`.

use super::confirm::confirm;
use super::connection::{Global, InColony, Session};
use super::given::words;
use super::outcome;
use super::output::{note, print};
use super::process_view::{self, Columns};
use super::state_flags::StateFlags;
use super::table;
use crate::client::{ProcessFilter, ProcessState};
use anyhow::bail;
use clap::{Args, Subcommand};
use std::collections::HashMap;
use std::time::Duration;

/// Processes: list, show and end them, and work on them as an executor.
#[derive(Args)]
pub struct ProcessGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: ProcessCommand,
}

#[derive(Subcommand)]
enum ProcessCommand {
    /// List waiting processes, the next first
    Psw(ListArgs),
    /// List running processes
    Ps(ListArgs),
    /// List successful processes, the latest first
    Pss(ListArgs),
    /// List failed processes, the latest first
    Psf(ListArgs),
    /// List cancelled processes, the latest first
    Psc(ListArgs),
    /// Show a process
    Get {
        #[command(flatten)]
        process: Id,
        /// Its output only
        #[arg(long)]
        out: bool,
    },
    /// Wait until a process has ended
    Wait {
        #[command(flatten)]
        process: Id,
        /// Seconds to wait at most; without end unless given
        #[arg(long)]
        timeout: Option<u64>,
        /// Print its output
        #[arg(long)]
        out: bool,
    },
    /// Ask for work and take it; for the executor whose key signs
    Assign {
        /// Seconds to wait for work
        #[arg(long, default_value_t = 100)]
        timeout: u64,
    },
    /// Close a process as successful; for the executor that runs it
    Close {
        #[command(flatten)]
        process: Id,
        /// Output, as in a,b,"c,d"
        #[arg(long, default_value = "", hide_default_value = true)]
        out: String,
    },
    /// Close a process as failed; for the executor that runs it
    Fail {
        #[command(flatten)]
        process: Id,
        /// Errors, as in a,b,"c,d"
        #[arg(long, default_value = "No errors specified")]
        errors: String,
    },
    /// End a process before it is done
    Cancel(Id),
    /// Remove a process
    Remove(Id),
    /// Remove all processes, or all of a state; for the colony's owner
    Removeall {
        #[command(flatten)]
        state: StateFlags,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Stop giving out work; for the colony's owner
    Pause,
    /// Give out work again; for the colony's owner
    Resume,
    /// Show whether work is given out
    Status,
}

#[derive(Args)]
struct Id {
    /// Id of the process
    #[arg(short, long)]
    processid: String,
}

#[derive(Args)]
struct ListArgs {
    /// How many at most, up to 100
    #[arg(long, default_value_t = 20)]
    count: i64,
    /// With their ids
    #[arg(short, long)]
    ids: bool,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Args)]
#[group(multiple = false)]
struct Filter {
    /// For this type of executor only
    #[arg(long)]
    executortype: Option<String>,
    /// With this label only
    #[arg(long)]
    label: Option<String>,
    /// Submitted by this user only
    #[arg(long)]
    initiator: Option<String>,
}

impl Filter {
    fn chosen(&self) -> ProcessFilter<'_> {
        match (&self.executortype, &self.label, &self.initiator) {
            (Some(kind), ..) => ProcessFilter::ExecutorType(kind),
            (_, Some(label), _) => ProcessFilter::Label(label),
            (.., Some(initiator)) => ProcessFilter::Initiator(initiator),
            (None, None, None) => ProcessFilter::All,
        }
    }
}

impl ProcessGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        let (client, out) = (&session.client, session.out);
        let said = |what: &str, id: &str| out.done(what, &[("ProcessId", id)]);
        match self.command {
            ProcessCommand::Psw(args) => list(&session, ProcessState::Waiting, &args)?,
            ProcessCommand::Ps(args) => list(&session, ProcessState::Running, &args)?,
            ProcessCommand::Pss(args) => list(&session, ProcessState::Successful, &args)?,
            ProcessCommand::Psf(args) => list(&session, ProcessState::Failed, &args)?,
            ProcessCommand::Psc(args) => list(&session, ProcessState::Cancelled, &args)?,
            ProcessCommand::Get { process: Id { processid }, out: output } => {
                let process = client.process(&session.member()?, &processid)?;
                match (output, out.json) {
                    (true, true) => out.show(&process.out, Vec::new)?,
                    (true, false) => print(&format!("{}\n", table::values(&process.out)))?,
                    (false, _) => out.show(&process, || process_view::details(&process))?,
                }
            }
            ProcessCommand::Wait { process: Id { processid }, timeout, out } => {
                let member = session.member()?;
                // Asked once first: a server that was never there is not waited for.
                client.process(&member, &processid)?;
                note("Waiting for process", &[("ProcessId", &processid)]);
                match client.wait_for_end(&member, &processid, timeout.map(Duration::from_secs))? {
                    Some(ended) => outcome::report(&session, &ended, out)?,
                    None => bail!("process {processid} has not ended within {} seconds", timeout.unwrap_or_default()),
                }
            }
            ProcessCommand::Assign { timeout } => {
                let patience = Duration::from_secs(timeout);
                match client.assign(&session.member()?, session.colony()?, patience)? {
                    Some(process) => {
                        let about =
                            [("ExecutorId", process.assignedexecutorid.as_str()), ("ProcessId", &process.processid)];
                        out.made("Assigned process to executor", &about, &process)?;
                    }
                    None => {
                        note("No process available for assignment", &[]);
                        out.show(&(), Vec::new)?;
                    }
                }
            }
            ProcessCommand::Close { process: Id { processid }, out: output } => {
                let output: Vec<_> = words(&output)?.into_iter().map(Into::into).collect();
                client.close_successful(&session.member()?, &processid, &output)?;
                said("Process closed as successful", &processid)?;
            }
            ProcessCommand::Fail { process: Id { processid }, errors } => {
                client.close_failed(&session.member()?, &processid, &words(&errors)?)?;
                said("Process closed as failed", &processid)?;
            }
            ProcessCommand::Cancel(Id { processid }) => {
                client.cancel(&session.member()?, &processid)?;
                said("Process cancelled", &processid)?;
            }
            ProcessCommand::Remove(Id { processid }) => {
                client.remove_process(&session.member()?, &processid)?;
                said("Process removed", &processid)?;
            }
            ProcessCommand::Removeall { state, yes } => {
                let ((state, word), colony, owner) = (state.chosen(), session.colony()?, session.colony_owner()?);
                confirm(&format!("Remove {word} processes of colony <{colony}>?"), yes)?;
                client.remove_all_processes(&owner, colony, state)?;
                out.done(&format!("Removed {word} processes"), &[("ColonyName", colony)])?;
            }
            ProcessCommand::Pause => {
                let colony = session.colony()?;
                client.pause(&session.colony_owner()?, colony)?;
                out.done("Colony process assignments have been paused", &[("Colony", colony)])?;
            }
            ProcessCommand::Resume => {
                let colony = session.colony()?;
                client.resume(&session.colony_owner()?, colony)?;
                out.done("Colony process assignments have been resumed", &[("Colony", colony)])?;
            }
            ProcessCommand::Status => {
                let colony = session.colony()?;
                let paused = client.is_paused(&session.member()?, colony)?;
                let word = if paused { "PAUSED" } else { "ACTIVE" };
                let answer = serde_json::json!({ "colonyname": colony, "ispaused": paused });
                let line = format!("Colony process assignments are {word}");
                out.made(&line, &[("Colony", colony)], &answer)?;
            }
        }
        Ok(())
    }
}

fn list(session: &Session, state: ProcessState, args: &ListArgs) -> anyhow::Result<()> {
    let (member, colony) = (session.member()?, session.colony()?);
    let processes = session.client.processes(&member, colony, state, args.count, args.filter.chosen())?;
    let word = crate::client::state_name(state as i64).to_lowercase();
    // One list of executors names those of all rows.
    let assigned = !session.out.json && processes.iter().any(|process| process.isassigned);
    let executors = if assigned { session.client.executors(&member, colony)? } else { Vec::new() };
    let executors: HashMap<_, _> =
        executors.into_iter().map(|executor| (executor.executorid.to_string(), executor.executorname)).collect();
    let columns = Columns { state, ids: args.ids, executors: &executors };
    let nothing = format!("No {word} processes found");
    Ok(session.out.list(&processes, &nothing, || process_view::list(&processes, &columns))?)
}
