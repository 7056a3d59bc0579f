//! `colonies function`.

use super::connection::{Global, InColony, Session};
use super::executor_view;
use super::given::{pairs, read_function_spec, words};
use super::outcome::Outcome;
use crate::client::{Function, FunctionSpec, SnapshotMount};
use crate::crypto::PrivateKey;
use crate::hexadecimal;
use anyhow::bail;
use clap::{Args, Subcommand};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Functions: submit them as processes, list and register them.
#[derive(Args)]
pub struct FunctionGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: FunctionCommand,
}

#[derive(Subcommand)]
enum FunctionCommand {
    /// Submit a function specification from a file
    Submit(Submit),
    /// Submit a function without a file
    Exec(Box<Exec>),
    /// List the functions that executors registered
    #[command(alias = "list")]
    Ls,
    /// Register a function; for the executor whose key signs
    Register {
        /// Name of the executor
        #[arg(long)]
        name: String,
        /// Name of the function
        #[arg(long)]
        func: String,
    },
    /// Remove a registered function; for the executor that registered it
    Remove {
        /// Id of the function
        #[arg(long)]
        functionid: String,
    },
}

#[derive(Args)]
struct Submit {
    /// JSON file with the function specification
    #[arg(long)]
    spec: PathBuf,
    /// Label of the process, in place of the file's
    #[arg(long)]
    label: Option<String>,
    /// Make a snapshot for each snapshot in the file that names none
    #[arg(long)]
    snapshot: bool,
    #[command(flatten)]
    outcome: Outcome,
}

#[derive(Args)]
struct Exec {
    /// Name of the function
    #[arg(long)]
    func: String,
    /// Arguments, as in a,b,"c,d"
    #[arg(long, default_value = "", hide_default_value = true)]
    args: String,
    /// Named arguments, as in key1:value1,key2:value2
    #[arg(long, default_value = "", hide_default_value = true)]
    kwargs: String,
    /// Environment, as in key1=value1,key2=value2
    #[arg(long, default_value = "", hide_default_value = true)]
    env: String,
    /// Type of the executors that may have it
    #[arg(long)]
    targettype: Option<String>,
    /// Id of the executor that is to have it
    #[arg(long)]
    targetid: Option<String>,
    /// Name of the executor that is to have it
    #[arg(long)]
    targetname: Option<String>,
    /// Label of the process
    #[arg(long, default_value = "", hide_default_value = true)]
    label: String,
    /// Seconds that it may wait; -1 for ever
    #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
    maxwaittime: i64,
    /// Seconds that one attempt may run; -1 for ever
    #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
    maxexectime: i64,
    /// How often it is tried again; -1 without end
    #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
    maxretries: i64,
    /// Labels of which the process sees a snapshot, each in a directory, as in /src:/cfs/src,/data:/cfs/data
    #[arg(long, default_value = "", hide_default_value = true)]
    snapshots: String,
    /// Make the snapshots of --snapshots now, so that the process sees the files as they are
    #[arg(long, requires = "snapshots")]
    snapshot: bool,
    #[command(flatten)]
    outcome: Outcome,
}

impl FunctionGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        let (client, colony, member, out) = (&session.client, session.colony()?, session.member()?, session.out);
        match self.command {
            FunctionCommand::Submit(submit) => {
                let mut spec = read_function_spec(&submit.spec, colony)?;
                if let Some(label) = submit.label {
                    spec.label = label;
                }
                if submit.snapshot {
                    make_snapshots(&session, &member, &mut spec)?;
                }
                let process = client.submit(&member, &spec)?;
                submit.outcome.await_end(&session, &member, &process)
            }
            FunctionCommand::Exec(exec) => {
                let mut spec = exec.spec(&session, &member)?;
                if exec.snapshot {
                    make_snapshots(&session, &member, &mut spec)?;
                }
                let process = client.submit(&member, &spec)?;
                exec.outcome.await_end(&session, &member, &process)
            }
            FunctionCommand::Ls => {
                let functions = client.functions(&member, colony, None)?;
                if functions.is_empty() || out.json {
                    return Ok(out.list(&functions, "No functions found", || executor_view::list(&[], false))?);
                }
                let merged = merged(&functions);
                Ok(out.show(&functions, || merged.iter().map(executor_view::function).collect())?)
            }
            FunctionCommand::Register { name, func } => {
                // Functions are listed by the type of executor, which the server does not fill in.
                let executor = client.executor(&member, colony, &name)?;
                let function = Function {
                    executorname: name,
                    executortype: executor.executortype,
                    colonyname: colony.to_owned(),
                    funcname: func,
                    ..Function::default()
                };
                let function = client.add_function(&member, &function)?;
                let about = [
                    ("ColonyName", colony),
                    ("ExecutorName", &function.executorname),
                    ("FuncName", &function.funcname),
                    ("FunctionID", &function.functionid),
                ];
                Ok(out.made("Function added", &about, &function)?)
            }
            FunctionCommand::Remove { functionid } => {
                client.remove_function(&member, &functionid)?;
                Ok(out.done("Function removed", &[("FunctionID", &functionid)])?)
            }
        }
    }
}

impl Exec {
    fn spec(&self, session: &Session, member: &PrivateKey) -> anyhow::Result<FunctionSpec> {
        let colony = session.colony()?;
        let (kind, name) = match (&self.targettype, &self.targetname, &self.targetid) {
            (None, None, None) => {
                bail!("nobody is named who is to have it: give --targettype, --targetname or --targetid")
            }
            (kind, name, None) => (kind.clone(), name.clone()),
            (kind, None, Some(id)) => {
                let executor = session.client.executor_by_id(member, colony, id)?;
                (Some(kind.clone().unwrap_or(executor.executortype)), Some(executor.executorname))
            }
            (_, Some(_), Some(_)) => bail!("--targetname and --targetid name one executor each: give one of them"),
        };
        let mut spec = FunctionSpec::new(colony, kind.as_deref().unwrap_or_default(), &self.func);
        spec.conditions.executornames = name.map(|name| vec![name]);
        spec.args = words(&self.args)?.into_iter().map(Into::into).collect();
        let kwargs = pairs(&self.kwargs, ':', "--kwargs key1:value1,key2:value2")?;
        spec.kwargs = kwargs.into_iter().map(|(key, value)| (key, value.into())).collect();
        spec.env = pairs(&self.env, '=', "--env key1=value1,key2=value2")?.into_iter().collect();
        spec.label.clone_from(&self.label);
        let mounts = pairs(&self.snapshots, ':', "--snapshots /label1:/dir1,/label2:/dir2")?;
        if !mounts.is_empty() {
            let mount = |(label, dir)| SnapshotMount { label, dir, ..SnapshotMount::default() };
            spec.fs.snapshots = Some(mounts.into_iter().map(mount).collect());
        }
        (spec.maxwaittime, spec.maxexectime, spec.maxretries) = (self.maxwaittime, self.maxexectime, self.maxretries);
        Ok(spec)
    }
}

/// Makes a snapshot for each snapshot mount that has none, so that the process sees its files as they are now.
fn make_snapshots(session: &Session, member: &PrivateKey, spec: &mut FunctionSpec) -> anyhow::Result<()> {
    for mount in spec.fs.snapshots.iter_mut().flatten().filter(|mount| mount.snapshotid.is_empty()) {
        let name = hexadecimal::encode(crate::crypto::random_id());
        let snapshot = session.client.create_snapshot(member, session.colony()?, &mount.label, &name)?;
        mount.snapshotid = snapshot.snapshotid;
    }
    Ok(())
}

/// One function for each type of executor and name, the figures of several executors together.
fn merged(functions: &[Function]) -> Vec<Function> {
    let mut merged: BTreeMap<(&str, &str), Function> = BTreeMap::new();
    for function in functions {
        merged
            .entry((&function.executortype, &function.funcname))
            .and_modify(|all| add_figures(all, function))
            .or_insert_with(|| function.clone());
    }
    merged.into_values().collect()
}

/// Adds an executor's figures to those of others. One that was never called has none.
fn add_figures(all: &mut Function, one: &Function) {
    if one.counter == 0 {
        return;
    }
    if all.counter == 0 {
        *all = one.clone();
        return;
    }
    let (before, more) = (all.counter as f64, one.counter as f64);
    let mean = |a: f64, b: f64| (a * before + b * more) / (before + more);
    all.avgwaittime = mean(all.avgwaittime, one.avgwaittime);
    all.avgexectime = mean(all.avgexectime, one.avgexectime);
    all.minwaittime = all.minwaittime.min(one.minwaittime);
    all.minexectime = all.minexectime.min(one.minexectime);
    all.maxwaittime = all.maxwaittime.max(one.maxwaittime);
    all.maxexectime = all.maxexectime.max(one.maxexectime);
    all.counter += one.counter;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_several_executors_are_one() {
        let function = |executor: &str, counter: i64, exec: f64| Function {
            executorname: executor.to_owned(),
            executortype: "t".to_owned(),
            funcname: "f".to_owned(),
            counter,
            minexectime: exec,
            maxexectime: exec,
            avgexectime: exec,
            ..Function::default()
        };
        let merged = merged(&[function("idle", 0, 0.0), function("a", 1, 4.0), function("b", 3, 2.0)]);
        assert_eq!(merged.len(), 1);
        let all = &merged[0];
        assert_eq!((all.counter, all.minexectime, all.maxexectime, all.avgexectime), (4, 2.0, 4.0, 2.5));
    }
}
