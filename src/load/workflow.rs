//! A workflow that is submitted whole and drained by many executors, beside as many single processes.

use super::colony::{LoadColony, is_nothing_to_do};
use super::lane::{Lane, process_id};
use super::measure::{Measured, on_threads};
use super::pulse::{Length, Pulse};
use super::{LoadError, cpu};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Nodes side by side. Each depends on two of the row above, so that a row is ready as the one above it is done.
const WIDTH: usize = 100;

/// What came of one workflow and of as many single processes.
pub struct Drained {
    /// From the workflow's first byte to the last of its answer.
    pub submitted_in: Duration,
    /// From the first poll to the last close.
    pub drained_in: Duration,
    /// The same for single processes.
    pub singles_drained_in: Duration,
    /// Assigning and closing a node, node by node.
    pub measured: Measured,
}

/// Submits a workflow of so many nodes and drains it by `connections` executors; then the same with single processes.
///
/// # Errors
/// See [`LoadError`].
pub fn run(
    address: SocketAddr,
    colony: &LoadColony,
    nodes: usize,
    connections: usize,
    pulse: &Pulse,
) -> Result<Drained, LoadError> {
    let mut lane = Lane::open(address)?;
    let body = lane.sign(colony.user(), &graph(colony, nodes));
    pulse.begin("submitting the workflow", Length::Steps(1));
    let begin = Instant::now();
    colony.submit_workflow(&mut lane, &body, nodes as u64)?;
    let submitted_in = begin.elapsed();
    pulse.begin("draining the workflow", Length::Steps(nodes as u64));
    let (mut measured, drained_in) = drain(address, colony, nodes, connections, pulse)?;
    measured.done = measured.done.plus(lane.tally);
    let filled = fill(address, colony, nodes, connections, pulse)?;
    pulse.begin("draining single processes", Length::Steps(nodes as u64));
    let (singles, singles_drained_in) = drain(address, colony, nodes, connections, pulse)?;
    measured.done = measured.done.plus(filled.done).plus(singles.done);
    Ok(Drained { submitted_in, drained_in, singles_drained_in, measured })
}

/// Submits so many processes.
///
/// # Errors
/// See [`LoadError`].
pub fn fill(
    address: SocketAddr,
    colony: &LoadColony,
    processes: usize,
    connections: usize,
    pulse: &Pulse,
) -> Result<Measured, LoadError> {
    pulse.begin("submitting processes", Length::Steps(processes as u64));
    share(address, processes, connections, pulse, |lane, _| colony.submit(lane))
}

/// Submits, assigns and closes so many processes.
///
/// # Errors
/// See [`LoadError`].
pub fn make_past(
    address: SocketAddr,
    colony: &LoadColony,
    processes: usize,
    connections: usize,
    pulse: &Pulse,
) -> Result<Measured, LoadError> {
    pulse.begin("making a past", Length::Steps(processes as u64));
    share(address, processes, connections, pulse, |lane, number| colony.cycle(lane, number))
}

/// Does something so many times, on all connections together.
fn share(
    address: SocketAddr,
    times: usize,
    connections: usize,
    pulse: &Pulse,
    step: impl Fn(&mut Lane, usize) -> Result<(), LoadError> + Sync,
) -> Result<Measured, LoadError> {
    let taken = AtomicU64::new(0);
    on_threads(connections, |number| {
        let mut lane = Lane::open(address)?;
        while taken.fetch_add(1, Ordering::Relaxed) < times as u64 {
            step(&mut lane, number)?;
            pulse.step();
        }
        let mut measured = Measured::nothing()?;
        measured.done = lane.tally;
        Ok(measured)
    })
}

/// Executors assign and close until so many are closed: what was seen, and the time until the last close.
fn drain(
    address: SocketAddr,
    colony: &LoadColony,
    processes: usize,
    connections: usize,
    pulse: &Pulse,
) -> Result<(Measured, Duration), LoadError> {
    let closed = AtomicU64::new(0);
    let begin = Instant::now();
    let last = AtomicU64::new(0);
    let measured = on_threads(connections, |number| {
        let mut lane = Lane::open(address)?;
        let used = cpu::of_thread();
        let mut measured = Measured::nothing()?;
        let poll = colony.short_poll(number);
        while closed.load(Ordering::Relaxed) < processes as u64 {
            let asked = Instant::now();
            let id = match lane.ask(&poll).and_then(process_id) {
                Ok(id) => id,
                // The last ones wait for nothing, or for the others' closes.
                Err(error) if is_nothing_to_do(&error) => continue,
                Err(error) => return Err(error),
            };
            colony.close(&mut lane, number, &id)?;
            measured.record(asked.elapsed())?;
            pulse.step();
            if closed.fetch_add(1, Ordering::Relaxed) + 1 == processes as u64 {
                last.store(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        }
        measured.done = lane.tally;
        measured.in_window = lane.tally;
        measured.client = cpu::of_thread().saturating_sub(used);
        Ok(measured)
    })?;
    Ok((measured, Duration::from_nanos(last.into_inner())))
}

/// Rows of [`WIDTH`]; the first row depends on nothing.
fn graph(colony: &LoadColony, nodes: usize) -> serde_json::Value {
    let name = |place: usize| format!("node-{place}");
    let specs = (0..nodes).map(|place| {
        let mut spec = colony.spec();
        spec["nodename"] = name(place).into();
        if let Some(above) = place.checked_sub(WIDTH) {
            let row = above - above % WIDTH;
            let beside = row + (above + 1) % WIDTH;
            spec["conditions"]["dependencies"] = json!([name(above), name(beside)]);
        }
        spec
    });
    let specs: Vec<_> = specs.collect();
    json!({"msgtype": "submitworkflowspecmsg", "spec": {"colonyname": colony.name(), "functionspecs": specs}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::colony::Shape;

    #[test]
    fn a_node_depends_on_two_of_the_row_above() {
        let colony = LoadColony::plan(Shape { payload: 1, distinct: false }, 1);
        let graph = graph(&colony, 3 * WIDTH);
        let of = |place: usize| graph["spec"]["functionspecs"][place]["conditions"]["dependencies"].clone();
        assert!(of(WIDTH - 1).is_null());
        assert_eq!(of(WIDTH), json!(["node-0", "node-1"]));
        assert_eq!(of(3 * WIDTH - 1), json!(["node-199", "node-100"]));
    }
}
