//! What is on a server or in a colony, counted.

use super::table::Grid;
use crate::client::Statistics;

/// The counts; of a server with the number of its colonies.
pub fn grid(title: &str, statistics: &Statistics, of_server: bool) -> Grid {
    let grid = Grid::of_pairs(title);
    let grid = if of_server { grid.pair("Colonies", statistics.colonies) } else { grid };
    grid.pair("Executors", statistics.executors)
        .pair("Active executors", statistics.activeexecutors)
        .pair("Unregistered executors", statistics.unregisteredexecutors)
        .pair("Waiting processes", statistics.waitingprocesses)
        .pair("Running processes", statistics.runningprocesses)
        .pair("Successful processes", statistics.successfulprocesses)
        .pair("Failed processes", statistics.failedprocesses)
        .pair("Cancelled processes", statistics.cancelledprocesses)
        .pair("Waiting workflows", statistics.waitingworkflows)
        .pair("Running workflows", statistics.runningworkflows)
        .pair("Successful workflows", statistics.successfulworkflows)
        .pair("Failed workflows", statistics.failedworkflows)
        .pair("Cancelled workflows", statistics.cancelledworkflows)
}
