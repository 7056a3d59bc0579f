//! Executors and their functions as tables.

use super::table::{Grid, names, when};
use crate::client::{Executor, Function, Hardware, Software};

/// A row an executor; with their states where all are shown.
pub fn list(executors: &[Executor], states: bool) -> Grid {
    let mut headers = vec!["NAME", "TYPE", "LOCATION", "LAST HEARD FROM"];
    if states {
        headers.insert(2, "STATE");
    }
    let mut grid = Grid::with_headers(&headers);
    for executor in executors {
        let mut row = vec![executor.executorname.clone(), executor.executortype.clone()];
        if states {
            row.push(executor.state.to_string());
        }
        row.extend([location(executor).to_owned(), when(executor.lastheardfromtime)]);
        grid.row(row);
    }
    grid
}

fn location(executor: &Executor) -> &str {
    if executor.locationname.is_empty() { "n/a" } else { &executor.locationname }
}

/// Everything about an executor.
pub fn details(executor: &Executor, functions: &[Function]) -> Vec<Grid> {
    let about = Grid::of_pairs("Executor")
        .pair("Name", &executor.executorname)
        .pair("Id", &executor.executorid)
        .pair("Type", &executor.executortype)
        .pair("Colony", &executor.colonyname)
        .pair("State", executor.state)
        .pair("RequireFuncRegistration", executor.requirefuncreg)
        .pair("Commission Time", when(executor.commissiontime))
        .pair("Last Heard From", when(executor.lastheardfromtime))
        .pair("Location", location(executor))
        .pair_unless_empty("Blueprint", &executor.blueprintid);
    let hardware = executor.capabilities.hardware.iter().flatten().map(hardware);
    let software = executor.capabilities.software.iter().flatten().map(software);
    let functions = functions.iter().map(|one| function(one).pair("FunctionId", &one.functionid));
    [about].into_iter().chain(hardware).chain(software).chain(functions).collect()
}

fn hardware(hardware: &Hardware) -> Grid {
    let grid = Grid::of_pairs("Hardware")
        .pair("Nodes", hardware.nodes)
        .pair("Model", &hardware.model)
        .pair("CPU", &hardware.cpu)
        .pair("Cores", hardware.cores)
        .pair("Memory", &hardware.mem)
        .pair("Storage", &hardware.storage)
        .pair("GPU", &hardware.gpu.name)
        .pair("GPUs", hardware.gpu.count)
        .pair("GPU/Node", hardware.gpu.nodecount)
        .pair("GPU Memory", &hardware.gpu.mem)
        .pair_unless_empty("Platform", &hardware.platform)
        .pair_unless_empty("Architecture", &hardware.architecture);
    match &hardware.network {
        Some(network) => grid.pair("Network", names(network)),
        None => grid,
    }
}

fn software(software: &Software) -> Grid {
    Grid::of_pairs("Software")
        .pair("Name", &software.name)
        .pair("Type", &software.kind)
        .pair("Version", &software.version)
}

/// A function: what it takes, and how long it took.
pub fn function(function: &Function) -> Grid {
    let argument = |argument: &crate::client::Argument| {
        format!("{}{} ({})", argument.name, if argument.required { "*" } else { "" }, argument.kind)
    };
    let arguments: Vec<_> = function.args.iter().map(argument).collect();
    let seconds = |seconds: f64| format!("{seconds:.6} s");
    Grid::of_pairs(&format!("Function: {}", function.funcname))
        .pair("FunctionName", &function.funcname)
        .pair("ExecutorType", &function.executortype)
        .pair_unless_empty("Description", &function.description)
        .pair_unless_empty("Arguments", &arguments.join(", "))
        .pair("Call counter", function.counter)
        .pair("MinWaitTime", seconds(function.minwaittime))
        .pair("MaxWaitTime", seconds(function.maxwaittime))
        .pair("AvgWaitTime", seconds(function.avgwaittime))
        .pair("MinExecTime", seconds(function.minexectime))
        .pair("MaxExecTime", seconds(function.maxexectime))
        .pair("AvgExecTime", seconds(function.avgexectime))
}
