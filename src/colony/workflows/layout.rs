//! A workflow as it is shown: the graph object and its layout as a flow chart (chapter 3, 2.2).

use super::Workflow;
use crate::colony::processes::{ProcessState, Processes};
use crate::crypto::Identity;
use crate::ids::{GraphId, ProcessId};
use crate::map::HashMap;
use crate::time::Time;
use serde::Serialize;
use std::sync::Arc;

/// Pixels of a node's box.
const BOX: i64 = 150;
/// Pixels between two boxes beside each other.
const GAP: i64 = 50;
/// Pixels from one level to the next.
const LEVEL: i64 = 80;

/// The graph object.
#[derive(Serialize)]
pub struct ShownGraph {
    processgraphid: GraphId,
    initiatorid: Identity,
    initiatorname: Arc<str>,
    colonyname: Arc<str>,
    rootprocessids: Arc<Vec<ProcessId>>,
    state: u8,
    submissiontime: Time,
    starttime: Time,
    endtime: Time,
    processids: Arc<Vec<ProcessId>>,
    nodes: Vec<ShownNode>,
    edges: Vec<ShownEdge>,
}

#[derive(Serialize)]
struct ShownNode {
    id: ProcessId,
    data: Label,
    position: Position,
    #[serde(rename = "type")]
    kind: &'static str,
    style: Style,
}

#[derive(Serialize)]
struct Label {
    label: String,
}

#[derive(Clone, Copy, Serialize)]
struct Position {
    x: i64,
    y: i64,
}

#[derive(Serialize)]
struct Style {
    color: &'static str,
    background: &'static str,
}

#[derive(Serialize)]
struct ShownEdge {
    id: String,
    source: ProcessId,
    target: ProcessId,
    animated: bool,
}

impl ShownGraph {
    /// As lists show it: without layout.
    pub fn plain(workflow: &Workflow, colony: &Arc<str>) -> ShownGraph {
        ShownGraph {
            processgraphid: workflow.id,
            initiatorid: workflow.initiator.clone(),
            initiatorname: workflow.initiator_name.clone(),
            colonyname: colony.clone(),
            rootprocessids: workflow.roots.clone(),
            state: workflow.state as u8,
            submissiontime: workflow.submitted,
            starttime: workflow.started,
            endtime: workflow.ended,
            processids: workflow.order(),
            nodes: Vec::new(),
            edges: Vec::new(),
        }
    }

    /// As the reply to a submit shows it: nodes in the order of the specification, and no times yet.
    pub fn submitted(workflow: &Workflow, colony: &Arc<str>, nodes: Vec<ProcessId>) -> ShownGraph {
        ShownGraph { submissiontime: Time::UNSET, processids: Arc::new(nodes), ..ShownGraph::plain(workflow, colony) }
    }

    /// With its layout.
    pub fn drawn(workflow: &Workflow, colony: &Arc<str>, processes: &Processes) -> ShownGraph {
        let order = workflow.order();
        let positions = positions(workflow, &order);
        let mut nodes = Vec::with_capacity(order.len());
        let mut edges = Vec::new();
        for (id, position) in order.iter().zip(positions) {
            let (Some(process), Some(links)) = (processes.get(id), workflow.links(id)) else {
                continue;
            };
            let kind = match (links.parents.is_empty(), links.children.is_empty()) {
                (true, _) => "input",
                (false, true) => "output",
                (false, false) => "",
            };
            nodes.push(ShownNode {
                id: *id,
                data: Label { label: process.spec.node_name.to_string() },
                position,
                kind,
                style: Style { color: "", background: background(process.state) },
            });
            edges.extend(links.children.iter().map(|child| ShownEdge {
                id: format!("{id}-{child}"),
                source: *id,
                target: *child,
                animated: process.state == ProcessState::Running,
            }));
        }
        ShownGraph { nodes, edges, ..ShownGraph::plain(workflow, colony) }
    }
}

fn background(state: ProcessState) -> &'static str {
    match state {
        ProcessState::Waiting => "#eee8d8",
        ProcessState::Running => "#4689cd",
        ProcessState::Successful => "#92d050",
        ProcessState::Failed => "#cb4239",
        ProcessState::Cancelled => "#f5a623",
    }
}

/// Where each node of the order goes: its depth on the path of its first visit, and its place among those of its depth;
/// narrower levels are centred under the widest.
fn positions(workflow: &Workflow, order: &[ProcessId]) -> Vec<Position> {
    let mut depths: HashMap<ProcessId, usize> = HashMap::default();
    // The order is the order of first visits, so a walk that goes on from the deepest open node finds each depth.
    let mut next: Vec<(ProcessId, usize)> = workflow.roots.iter().rev().map(|root| (*root, 0)).collect();
    while let Some((id, depth)) = next.pop() {
        if depths.contains_key(&id) {
            continue;
        }
        depths.insert(id, depth);
        if let Some(links) = workflow.links(&id) {
            next.extend(links.children.iter().rev().map(|child| (*child, depth + 1)));
        }
    }
    let mut widths: Vec<i64> = Vec::new();
    let mut positions: Vec<(usize, i64)> = Vec::with_capacity(order.len());
    for id in order {
        let depth = depths.get(id).copied().unwrap_or(0);
        if widths.len() <= depth {
            widths.resize(depth + 1, 0);
        }
        positions.push((depth, widths[depth]));
        widths[depth] += 1;
    }
    let width = |nodes: i64| if nodes == 0 { 0 } else { BOX * nodes + GAP * (nodes - 1) };
    let widest = widths.iter().copied().map(width).max().unwrap_or(0);
    let place = |(depth, place): (usize, i64)| {
        let shift = widest / 2 - width(widths[depth]) / 2;
        Position { x: (BOX + GAP) * place + shift, y: LEVEL * i64::try_from(depth).unwrap_or(i64::MAX / LEVEL) }
    };
    positions.into_iter().map(place).collect()
}
