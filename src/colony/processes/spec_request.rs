//! The function specification as clients send it (chapter 2, 2), and what is refused of it.

use super::Rendering;
use super::resources::{parse_cpu, parse_memory};
use super::spec::{Conditions, FileSystem, FunctionSpec, Gpu};
use crate::json::{RawList, RawObject};
use crate::limits;
use crate::refusal::Refusal;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A specification in a request. Members that are missing or `null` have the zero value.
#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub struct SpecRequest {
    nodename: Box<str>,
    funcname: Box<str>,
    args: RawList,
    kwargs: RawObject,
    priority: i64,
    maxwaittime: i64,
    maxexectime: i64,
    maxretries: i64,
    /// Who may do it, and the colony.
    pub conditions: ConditionsRequest,
    label: Box<str>,
    fs: FileSystem,
    env: BTreeMap<Box<str>, Box<str>>,
    channels: Vec<Box<str>>,
}

/// The conditions in a request.
#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub struct ConditionsRequest {
    /// The colony's name.
    pub colonyname: String,
    executornames: Option<Vec<Box<str>>>,
    executortype: Box<str>,
    locationname: Box<str>,
    dependencies: Vec<Box<str>>,
    nodes: i64,
    cpu: Box<str>,
    processes: i64,
    processespernode: i64,
    mem: Box<str>,
    storage: Box<str>,
    gpu: GpuRequest,
    walltime: i64,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
struct GpuRequest {
    name: Box<str>,
    mem: Box<str>,
    count: i64,
    nodecount: i64,
}

/// An environment: each pair becomes an attribute of the process.
pub type Environment = BTreeMap<Box<str>, Box<str>>;

/// The priorities that a single submit may ask for.
const PRIORITIES: std::ops::RangeInclusive<i64> = -50_000..=50_000;

impl SpecRequest {
    /// Checks a single submit's specification and takes it over.
    ///
    /// # Errors
    /// 400 with the texts of chapter 2, 4; for what does not fit the store, a text of our own.
    pub fn into_spec(self) -> Result<(FunctionSpec, Environment), Refusal> {
        if !PRIORITIES.contains(&self.priority) {
            return Err(Refusal::bad_request("Failed to submit function spec, priority outside range [-50000, 50000]"));
        }
        self.checked()
    }

    /// About how many bytes of memory its texts and values take.
    pub fn bytes(&self) -> usize {
        let env: usize = self.env.iter().map(|(key, value)| key.len() + value.len()).sum();
        self.funcname.len() + self.label.len() + self.args.0.text().len() + self.kwargs.0.text().len() + env
    }

    /// The node's name in a workflow.
    pub fn node_name(&self) -> &str {
        &self.nodename
    }

    /// The nodes that must succeed first, by name.
    pub fn dependencies(&self) -> &[Box<str>] {
        &self.conditions.dependencies
    }

    /// Checks a node of a workflow: its priority may be any, and no limit of time is written as -1 (chapter 3, 2.1).
    ///
    /// # Errors
    /// As [`SpecRequest::into_spec`].
    pub fn into_node_spec(mut self) -> Result<(FunctionSpec, Environment), Refusal> {
        if self.maxexectime == 0 {
            self.maxexectime = -1;
        }
        self.checked()
    }

    /// Checks a node that is added to a running workflow: its priority may be any.
    ///
    /// # Errors
    /// As [`SpecRequest::into_spec`].
    pub fn into_child_spec(self) -> Result<(FunctionSpec, Environment), Refusal> {
        self.checked()
    }

    fn checked(self) -> Result<(FunctionSpec, Environment), Refusal> {
        let conditions = self.conditions;
        let cpu = parse_cpu(&conditions.cpu)?;
        let memory = parse_memory(&conditions.mem)?;
        let storage = parse_memory(&conditions.storage)?;
        let texts = [
            ("nodename", &self.nodename),
            ("funcname", &self.funcname),
            ("label", &self.label),
            ("executortype", &conditions.executortype),
            ("locationname", &conditions.locationname),
            ("gpu.name", &conditions.gpu.name),
        ];
        for (member, text) in texts {
            if text.contains('\0') {
                return Err(Refusal::bad_request(format!(
                    "Failed to submit function spec, {member} contains a zero byte"
                )));
            }
        }
        let gpu = conditions.gpu.into_gpu()?;
        let names = conditions.executornames.as_deref().unwrap_or_default();
        let env = self.env.iter().flat_map(|(key, value)| [key, value]);
        if names.iter().chain(&conditions.dependencies).chain(&self.channels).chain(env).any(|text| text.contains('\0'))
        {
            return Err(Refusal::bad_request(
                "Failed to submit function spec, a name, a channel or a variable contains a zero byte",
            ));
        }
        if names.len() > limits::EXECUTOR_NAMES || self.env.len() > limits::ATTRIBUTES_PER_PROCESS {
            return Err(Refusal::bad_request("Failed to submit function spec, a list is too long"));
        }
        let spec = FunctionSpec {
            node_name: self.nodename,
            func_name: self.funcname,
            args: self.args.0,
            kwargs: self.kwargs.0,
            priority: narrow("priority", self.priority)?,
            max_wait_seconds: narrow("maxwaittime", self.maxwaittime)?,
            max_exec_seconds: narrow("maxexectime", self.maxexectime)?,
            max_retries: narrow("maxretries", self.maxretries)?,
            conditions: Conditions {
                executor_names: conditions.executornames.map(anyone_for_star),
                executor_type: conditions.executortype,
                location_name: conditions.locationname,
                dependencies: conditions.dependencies.into(),
                nodes: narrow("nodes", conditions.nodes)?,
                cpu,
                processes: narrow("processes", conditions.processes)?,
                processes_per_node: narrow("processespernode", conditions.processespernode)?,
                memory,
                storage,
                gpu,
                wall_time: conditions.walltime,
            },
            label: self.label,
            fs: (self.fs != FileSystem::default()).then(|| Box::new(self.fs)),
            channels: self.channels.into(),
            rendering: Rendering::default(),
        };
        Ok((spec, self.env))
    }
}

impl GpuRequest {
    fn into_gpu(self) -> Result<Option<Box<Gpu>>, Refusal> {
        let memory = parse_memory(&self.mem)?;
        let gpu = Gpu { name: self.name, memory, count: self.count, node_count: self.nodecount };
        Ok((gpu != Gpu::default()).then(|| Box::new(gpu)))
    }
}

/// `["*"]` stands for anyone and is shown as the empty list (chapter 2, 2.2 and 5.3).
fn anyone_for_star(names: Vec<Box<str>>) -> Box<[Box<str>]> {
    match names.as_slice() {
        [only] if &**only == "*" => Box::new([]),
        _ => names.into(),
    }
}

/// The reference keeps these members in 32 bits and refuses what does not fit.
fn narrow(member: &str, value: i64) -> Result<i32, Refusal> {
    i32::try_from(value).map_err(|_| Refusal::bad_request(format!("value {value} is out of range for {member}")))
}
