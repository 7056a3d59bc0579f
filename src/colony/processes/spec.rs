//! The function specification as it is kept and shown (chapter 2, 2).

use super::Rendering;
use super::resources::{show_cpu, show_memory};
use crate::json::RawJson;
use bincode::{Decode, Encode};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a process is to do, and who may do it. Never changes; shared by memory, log and replies.
///
/// `env` is not here: each pair is an attribute of the process.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct FunctionSpec {
    /// The node's name in a workflow.
    pub node_name: Box<str>,
    /// The function to call; nothing checks that anybody offers it.
    pub func_name: Box<str>,
    /// Positional arguments, a JSON list.
    pub args: RawJson,
    /// Named arguments, a JSON object.
    pub kwargs: RawJson,
    /// -50000 to 50000, larger is sooner.
    pub priority: i32,
    /// Seconds that it may wait; 0 or less is no limit.
    pub max_wait_seconds: i32,
    /// Seconds that an attempt may run; 0 or less is no limit.
    pub max_exec_seconds: i32,
    /// How often it may be tried again after an attempt ran out of time; less than 0 is without limit.
    pub max_retries: i32,
    /// Who may do it.
    pub conditions: Conditions,
    /// Free text; a list filter.
    pub label: Box<str>,
    /// Files; only executors look at this. `None` when nothing was given.
    pub fs: Option<Box<FileSystem>>,
    /// Names of channels to create.
    pub channels: Box<[Box<str>]>,
    /// Its JSON, where many processes share it and have no environment.
    pub rendering: Rendering,
}

impl FunctionSpec {
    /// About how many bytes of memory it takes beyond its own size.
    pub fn bytes(&self) -> usize {
        let conditions = &self.conditions;
        let texts =
            [&self.node_name, &self.func_name, &self.label, &conditions.executor_type, &conditions.location_name];
        let lists =
            [conditions.executor_names.as_deref().unwrap_or_default(), &conditions.dependencies, &self.channels];
        let fs = self.fs.as_ref().map_or(0, |fs| {
            let snapshots = fs.snapshots.iter().flatten();
            let snapshots = snapshots.map(|one| 96 + one.snapshotid.len() + one.label.len() + one.dir.len());
            let dirs = fs.dirs.iter().flatten().map(|one| 64 + one.label.len() + one.dir.len());
            fs.mount.len() + snapshots.chain(dirs).sum::<usize>()
        });
        self.args.text().len()
            + self.kwargs.text().len()
            + texts.iter().map(|text| text.len()).sum::<usize>()
            + lists.iter().flat_map(|list| list.iter()).map(|text| text.len() + 16).sum::<usize>()
            + fs
    }
}

/// Who may do it.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Conditions {
    /// The executors by name; `None` and empty both stand for anyone.
    pub executor_names: Option<Box<[Box<str>]>>,
    /// The executor's type, exactly.
    pub executor_type: Box<str>,
    /// The executor's location without regard to case; empty is anywhere.
    pub location_name: Box<str>,
    /// Node names that must succeed first, in a workflow.
    pub dependencies: Box<[Box<str>]>,
    /// Machines.
    pub nodes: i32,
    /// Millicores.
    pub cpu: i64,
    /// Operating system processes.
    pub processes: i32,
    /// Of them a machine.
    pub processes_per_node: i32,
    /// Bytes of memory.
    pub memory: i64,
    /// Bytes of storage.
    pub storage: i64,
    /// Graphics processors; echoed only.
    pub gpu: Option<Box<Gpu>>,
    /// Seconds; echoed only.
    pub wall_time: i64,
}

/// Graphics processors that a process asks for.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Gpu {
    /// Make.
    pub name: Box<str>,
    /// Bytes of memory of each.
    pub memory: i64,
    /// How many.
    pub count: i64,
    /// How many a node.
    pub node_count: i64,
}

/// Files that an executor brings and takes; stored and echoed (chapter 2, 2.3).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct FileSystem {
    /// Where.
    pub mount: String,
    /// Snapshots to bring.
    pub snapshots: Option<Vec<SnapshotMount>>,
    /// Directories to keep in step.
    pub dirs: Option<Vec<DirectoryMount>>,
}

/// A snapshot to bring.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct SnapshotMount {
    /// Which.
    pub snapshotid: String,
    /// Of which label.
    pub label: String,
    /// Where to.
    pub dir: String,
    /// Whether the files stay.
    pub keepfiles: bool,
    /// Whether the snapshot stays.
    pub keepsnapshot: bool,
}

/// A directory to keep in step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct DirectoryMount {
    /// Of which label.
    pub label: String,
    /// Where to.
    pub dir: String,
    /// Whether the files stay.
    pub keepfiles: bool,
    /// Who wins.
    pub onconflicts: OnConflicts,
}

/// Who wins when both sides changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct OnConflicts {
    /// At the start.
    pub onstart: OnConflict,
    /// At the end.
    pub onclose: OnConflict,
}

/// Who wins when both sides changed, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct OnConflict {
    /// Whether the executor's copy does.
    pub keeplocal: bool,
}

/// A specification as it is shown: with its colony and the environment that the process's attributes make up.
pub struct ShownSpec<'a> {
    /// The specification.
    pub spec: &'a FunctionSpec,
    /// The colony's name.
    pub colony: &'a str,
    /// The environment.
    pub env: BTreeMap<&'a str, &'a str>,
}

/// What most specifications have is written once.
static NO_FILES: LazyLock<RawJson> = LazyLock::new(|| rendered(&FileSystem::default()));
static NO_GPU: LazyLock<RawJson> = LazyLock::new(|| rendered(&ShownGpu(&Gpu::default())));

fn rendered(value: &impl Serialize) -> RawJson {
    // Plain members can always be written.
    serde_json::to_string(value).ok().and_then(RawJson::from_text).unwrap_or_else(RawJson::empty_object)
}

impl Serialize for ShownSpec<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let spec = self.spec;
        let mut shown = serializer.serialize_struct("spec", 13)?;
        shown.serialize_field("nodename", &spec.node_name)?;
        shown.serialize_field("funcname", &spec.func_name)?;
        shown.serialize_field("args", &spec.args)?;
        shown.serialize_field("kwargs", &spec.kwargs)?;
        shown.serialize_field("priority", &spec.priority)?;
        shown.serialize_field("maxwaittime", &spec.max_wait_seconds)?;
        shown.serialize_field("maxexectime", &spec.max_exec_seconds)?;
        shown.serialize_field("maxretries", &spec.max_retries)?;
        shown.serialize_field("conditions", &ShownConditions { conditions: &spec.conditions, colony: self.colony })?;
        shown.serialize_field("label", &spec.label)?;
        match &spec.fs {
            Some(fs) => shown.serialize_field("fs", fs)?,
            None => shown.serialize_field("fs", &*NO_FILES)?,
        }
        shown.serialize_field("env", &self.env)?;
        if !spec.channels.is_empty() {
            shown.serialize_field("channels", &spec.channels)?;
        }
        shown.end()
    }
}

struct ShownConditions<'a> {
    conditions: &'a Conditions,
    colony: &'a str,
}

impl Serialize for ShownConditions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let conditions = self.conditions;
        let mut shown = serializer.serialize_struct("conditions", 13)?;
        shown.serialize_field("colonyname", self.colony)?;
        shown.serialize_field("executornames", &conditions.executor_names)?;
        shown.serialize_field("executortype", &conditions.executor_type)?;
        if !conditions.location_name.is_empty() {
            shown.serialize_field("locationname", &conditions.location_name)?;
        }
        shown.serialize_field("dependencies", &conditions.dependencies)?;
        shown.serialize_field("nodes", &conditions.nodes)?;
        shown.serialize_field("cpu", &show_cpu(conditions.cpu))?;
        shown.serialize_field("processes", &conditions.processes)?;
        shown.serialize_field("processespernode", &conditions.processes_per_node)?;
        shown.serialize_field("mem", &show_memory(conditions.memory))?;
        shown.serialize_field("storage", &show_memory(conditions.storage))?;
        match &conditions.gpu {
            Some(gpu) => shown.serialize_field("gpu", &ShownGpu(gpu))?,
            None => shown.serialize_field("gpu", &*NO_GPU)?,
        }
        shown.serialize_field("walltime", &conditions.wall_time)?;
        shown.end()
    }
}

struct ShownGpu<'a>(&'a Gpu);

impl Serialize for ShownGpu<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = serializer.serialize_struct("gpu", 4)?;
        shown.serialize_field("name", &self.0.name)?;
        shown.serialize_field("mem", &show_memory(self.0.memory))?;
        shown.serialize_field("count", &self.0.count)?;
        shown.serialize_field("nodecount", &self.0.node_count)?;
        shown.end()
    }
}
