//! `colonies executor`.

use super::connection::{Global, InColony, Session};
use super::executor_view::{details, list};
use super::given::{parse_id, read_file};
use super::key_file;
use super::output::note;
use crate::client::{Executor, ExecutorState};
use crate::crypto::{Identity, PrivateKey};
use anyhow::bail;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Executors of a colony.
#[derive(Args)]
pub struct ExecutorGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: ExecutorCommand,
}

#[derive(Subcommand)]
enum ExecutorCommand {
    /// Add an executor; for the colony's owner
    Add {
        /// Id of the executor's key
        #[arg(long, value_parser = parse_id)]
        executorid: String,
        #[command(flatten)]
        record: Record,
    },
    /// Make a key for an executor, write it to a file and add the executor; for the colony's owner
    Create {
        /// File for the private key; must not exist yet
        #[arg(long)]
        keypath: PathBuf,
        /// File for the id; must not exist yet
        #[arg(long)]
        idpath: PathBuf,
        #[command(flatten)]
        record: Record,
    },
    /// Let an executor work; for the colony's owner
    Approve(Name),
    /// Keep an executor from working; for the colony's owner
    Reject(Name),
    /// Remove an executor; what it was running waits again. For the colony's owner
    Remove(Name),
    /// Show an executor and its functions
    Get(Name),
    /// List executors
    #[command(alias = "list")]
    Ls(ListArgs),
    /// Change the id, and so the key, of the executor whose key signs
    Chid {
        /// Id of the new key
        #[arg(long, value_parser = parse_id)]
        executorid: String,
    },
}

#[derive(Args)]
struct Name {
    /// Name of the executor
    #[arg(long)]
    name: String,
}

#[derive(Args)]
struct Record {
    /// JSON file with the executor's record
    #[arg(long)]
    spec: Option<PathBuf>,
    /// Name, in place of the file's
    #[arg(long)]
    name: Option<String>,
    /// Type, in place of the file's
    #[arg(long = "type")]
    kind: Option<String>,
    /// Approve it as well
    #[arg(long)]
    approve: bool,
}

#[derive(Args)]
struct ListArgs {
    /// Unregistered ones too, and the state of each
    #[arg(long)]
    all: bool,
    /// Everything about each, functions included
    #[arg(long)]
    full: bool,
    /// Of this type only
    #[arg(long = "type")]
    kind: Option<String>,
    /// At this location only
    #[arg(long)]
    location: Option<String>,
    /// With this text in the name or type only
    #[arg(short, long)]
    filter: Option<String>,
}

impl ListArgs {
    fn wants(&self, executor: &Executor) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        let has = |text: &str| executor.executorname.contains(text) || executor.executortype.contains(text);
        (self.all || executor.state != ExecutorState::Unregistered)
            && is(&self.kind, &executor.executortype)
            && is(&self.location, &executor.locationname)
            && self.filter.as_deref().is_none_or(has)
    }
}

impl ExecutorGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        let (client, colony, out) = (&session.client, session.colony()?, session.out);
        let said = |name: &str, what: &str| out.done(what, &[("ColonyName", colony), ("ExecutorName", name)]);
        match self.command {
            ExecutorCommand::Add { executorid, record } => add(&session, colony, executorid, record)?,
            ExecutorCommand::Create { keypath, idpath, record } => {
                // What can be wrong is looked at before there is a key.
                session.colony_owner()?;
                record.executor(colony, String::new())?;
                let key = PrivateKey::generate();
                let id = key.id().to_string();
                key_file::write(&keypath, &key.reveal())?;
                key_file::write_id(&idpath, &id)?;
                note("Wrote the executor's key and id", &[("KeyPath", &keypath.display().to_string())]);
                add(&session, colony, id, record)?;
            }
            ExecutorCommand::Approve(Name { name }) => {
                client.approve_executor(&session.colony_owner()?, colony, &name)?;
                said(&name, "Executor approved")?;
            }
            ExecutorCommand::Reject(Name { name }) => {
                client.reject_executor(&session.colony_owner()?, colony, &name)?;
                said(&name, "Executor rejected")?;
            }
            ExecutorCommand::Remove(Name { name }) => {
                client.remove_executor(&session.colony_owner()?, colony, &name)?;
                said(&name, "Executor removed")?;
            }
            ExecutorCommand::Get(Name { name }) => {
                let member = session.member()?;
                let executor = client.executor(&member, colony, &name)?;
                let functions = client.functions(&member, colony, Some(&name))?;
                out.show(&executor, || details(&executor, &functions))?;
            }
            ExecutorCommand::Ls(args) => {
                let member = session.member()?;
                let executors = client.executors(&member, colony)?;
                let wanted: Vec<_> = executors.into_iter().filter(|executor| args.wants(executor)).collect();
                if args.full && !out.json && !wanted.is_empty() {
                    let functions = client.functions(&member, colony, None)?;
                    let of =
                        |name: &str| functions.iter().filter(|f| f.executorname == name).cloned().collect::<Vec<_>>();
                    for executor in &wanted {
                        out.show(executor, || details(executor, &of(&executor.executorname)))?;
                    }
                } else {
                    out.list(&wanted, "No executors found", || list(&wanted, args.all))?;
                }
            }
            ExecutorCommand::Chid { executorid } => {
                client.change_executor_id(&session.member()?, colony, &executorid)?;
                out.done("Changed executor Id", &[("ColonyName", colony), ("ExecutorId", &executorid)])?;
            }
        }
        Ok(())
    }
}

impl Record {
    fn executor(&self, colony: &str, id: String) -> anyhow::Result<Executor> {
        let mut executor: Executor = self.spec.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let replace = |given: &Option<String>, place: &mut String| {
            if let Some(given) = given {
                place.clone_from(given);
            }
        };
        replace(&self.name, &mut executor.executorname);
        replace(&self.kind, &mut executor.executortype);
        for (value, flag) in [(&executor.executorname, "--name"), (&executor.executortype, "--type")] {
            if value.is_empty() {
                bail!("the executor has no {}: give {flag}, or --spec with a file that has it", &flag[2..]);
            }
        }
        colony.clone_into(&mut executor.colonyname);
        executor.executorid = Identity::from_text(&id);
        Ok(executor)
    }
}

fn add(session: &Session, colony: &str, id: String, record: Record) -> anyhow::Result<()> {
    let owner = session.colony_owner()?;
    let executor = record.executor(colony, id)?;
    let mut added = session.client.add_executor(&owner, &executor)?;
    if record.approve {
        session.client.approve_executor(&owner, colony, &added.executorname)?;
        added.state = ExecutorState::Approved;
    }
    let about = [
        ("ColonyName", colony),
        ("ExecutorID", &added.executorid.to_string()),
        ("ExecutorName", &added.executorname),
        ("ExecutorType", &added.executortype),
        ("State", &added.state.to_string()),
    ];
    Ok(session.out.made("Executor added", &about, &added)?)
}
