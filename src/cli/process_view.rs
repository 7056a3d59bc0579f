//! Processes and function specifications as tables.

use super::table::{Grid, named_values, names, shortened, values, when};
use crate::client::{Conditions, FunctionSpec, Process, ProcessState, state_name};
use crate::time::Time;
use std::collections::HashMap;

/// Characters of arguments in a list.
const IN_A_ROW: usize = 20;

/// Characters of arguments, input and output in a process's own table.
const IN_DETAIL: usize = 500;

/// What a list of processes shows.
pub struct Columns<'a> {
    /// The state of all of them.
    pub state: ProcessState,
    /// Whether their ids are shown.
    pub ids: bool,
    /// Names of executors by id.
    pub executors: &'a HashMap<String, String>,
}

/// A row a process.
pub fn list(processes: &[Process], columns: &Columns<'_>) -> Grid {
    let time = match columns.state {
        ProcessState::Waiting => "SUBMISSION TIME",
        ProcessState::Running => "START TIME",
        _ => "END TIME",
    };
    let mut headers = if columns.ids { vec!["ID"] } else { Vec::new() };
    headers.extend(["FUNCNAME", "ARGS", "KWARGS", time, "EXECUTOR NAME", "EXECUTOR TYPE", "INITIATOR", "LABEL"]);
    let mut grid = Grid::with_headers(&headers);
    for process in processes {
        let spec = &process.spec;
        let time = match columns.state {
            ProcessState::Waiting => process.submissiontime,
            ProcessState::Running => process.starttime,
            _ => process.endtime,
        };
        let mut row = if columns.ids { vec![process.processid.clone()] } else { Vec::new() };
        row.extend([
            spec.funcname.clone(),
            shortened(&values(&spec.args), IN_A_ROW),
            shortened(&named_values(&spec.kwargs), IN_A_ROW),
            when(time),
            executor(process, columns.executors),
            spec.conditions.executortype.clone(),
            process.initiatorname.clone(),
            spec.label.clone(),
        ]);
        grid.row(row);
    }
    grid
}

/// Who has or had it, or is to have it.
fn executor(process: &Process, executors: &HashMap<String, String>) -> String {
    match executors.get(&process.assignedexecutorid) {
        Some(name) => name.clone(),
        None => process.spec.conditions.executornames.iter().flatten().cloned().collect::<Vec<_>>().join(" "),
    }
}

/// Everything about a process.
pub fn details(process: &Process) -> Vec<Grid> {
    let mut grids = vec![about(process)];
    grids.extend(specification(&process.spec));
    if !process.attributes.is_empty() {
        let mut grid = Grid::with_headers(&["ATTRIBUTEID", "KEY", "VALUE", "TYPE"]).titled("Attributes");
        for attribute in &process.attributes {
            let kind = attribute.attributetype.to_string();
            grid.row([&attribute.attributeid, &attribute.key, &shortened(&attribute.value, IN_DETAIL), &kind]);
        }
        grids.push(grid);
    }
    grids
}

fn about(process: &Process) -> Grid {
    let executor = if process.assignedexecutorid.is_empty() { "None" } else { &process.assignedexecutorid };
    Grid::of_pairs("Process")
        .pair("Id", &process.processid)
        .pair("State", state_name(process.state))
        .pair("IsAssigned", process.isassigned)
        .pair("AssignedExecutorID", executor)
        .pair("InitiatorID", &process.initiatorid)
        .pair("Initiator", &process.initiatorname)
        .pair("PriorityTime", process.prioritytime)
        .pair("SubmissionTime", when(process.submissiontime))
        .pair("StartTime", when(process.starttime))
        .pair("EndTime", when(process.endtime))
        .pair("WaitDeadline", when(process.waitdeadline))
        .pair("ExecDeadline", when(process.execdeadline))
        .pair("WaitingTime", between(process.submissiontime, process.starttime))
        .pair("ProcessingTime", between(process.starttime, process.endtime))
        .pair("Retries", process.retries)
        .pair_unless_empty("WorkflowId", &process.processgraphid)
        .pair("Input", shortened(&values(&process.input), IN_DETAIL))
        .pair("Output", shortened(&values(&process.out), IN_DETAIL))
        .pair("Errors", shortened(&process.errors.join("\n"), IN_DETAIL))
}

/// What is to be done, and by whom.
pub fn specification(spec: &FunctionSpec) -> [Grid; 2] {
    let env = spec.env.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    let function = Grid::of_pairs("Function Specification")
        .pair_unless_empty("NodeName", &spec.nodename)
        .pair("Func", &spec.funcname)
        .pair("Args", shortened(&values(&spec.args), IN_DETAIL))
        .pair("KwArgs", shortened(&named_values(&spec.kwargs), IN_DETAIL))
        .pair("Priority", spec.priority)
        .pair("MaxWaitTime", spec.maxwaittime)
        .pair("MaxExecTime", spec.maxexectime)
        .pair("MaxRetries", spec.maxretries)
        .pair("Label", &spec.label)
        .pair_unless_empty("Env", &env)
        .pair_unless_empty("Channels", &spec.channels.join(" "));
    [function, conditions(&spec.conditions)]
}

fn conditions(conditions: &Conditions) -> Grid {
    Grid::of_pairs("Conditions")
        .pair("Colony", &conditions.colonyname)
        .pair("ExecutorNames", names(conditions.executornames.as_deref().unwrap_or_default()))
        .pair("ExecutorType", &conditions.executortype)
        .pair_unless_empty("Location", &conditions.locationname)
        .pair("Dependencies", names(&conditions.dependencies))
        .pair("Nodes", conditions.nodes)
        .pair("CPU", &conditions.cpu)
        .pair("Memory", &conditions.mem)
        .pair("Processes", conditions.processes)
        .pair("ProcessesPerNode", conditions.processespernode)
        .pair("Storage", &conditions.storage)
        .pair("Walltime", conditions.walltime)
        .pair("GPUName", &conditions.gpu.name)
        .pair("GPUs", conditions.gpu.count)
        .pair("GPUPerNode", conditions.gpu.nodecount)
        .pair("GPUMemory", &conditions.gpu.mem)
}

/// The time between two points, where both are there and in order.
fn between(earlier: Time, later: Time) -> String {
    if !earlier.is_set() || !later.is_set() || later < earlier {
        return "-".to_owned();
    }
    format!("{:.3} s", later.seconds_since(earlier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_the_executor_of_each_process() {
        let executors = HashMap::from([("id".to_owned(), "worker".to_owned())]);
        let process = Process { assignedexecutorid: "id".to_owned(), ..Process::default() };
        assert_eq!(executor(&process, &executors), "worker");
        let mut waiting = Process::default();
        waiting.spec.conditions.executornames = Some(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(executor(&waiting, &executors), "a b");
    }

    #[test]
    fn times_that_make_no_sense_are_not_shown() {
        let at = Time::from_micros;
        assert_eq!(between(at(1_000_000), at(2_500_000)), "1.500 s");
        assert_eq!(between(at(2), at(1)), "-");
        assert_eq!(between(Time::UNSET, at(1)), "-");
    }
}
