//! The model's workflows: everything about one is found by looking at all of its nodes (chapter 3, 3.2).

use super::model::{Model, Process};
use colonies::colony::matching::Moment;

/// A workflow.
#[derive(Clone, Debug)]
pub struct Graph {
    pub id: String,
    /// Its nodes, by place, in the order in which they were added.
    pub nodes: Vec<usize>,
    /// The protocol's number, as of the last time that a node was assigned or ended.
    pub state: u8,
    pub gone: bool,
}

impl Model {
    /// A workflow; each node's parents are places among these nodes.
    pub fn submit_graph(&mut self, id: String, nodes: Vec<(Process, Vec<usize>)>, at: Moment) {
        let (graph, first) = (self.graphs.len(), self.processes.len());
        self.graphs.push(Graph { id, nodes: (first..first + nodes.len()).collect(), state: 0, gone: false });
        for (mut process, parents) in nodes {
            process.graph = Some(graph);
            process.waits = !parents.is_empty();
            process.parents = parents.into_iter().map(|parent| first + parent).collect();
            self.add(process, at);
        }
        self.hand_out(at);
    }

    /// A node is added below a running one: beside its children, above one that waits, or between it and all of them.
    pub fn add_child(&mut self, mut child: Process, parent: usize, below: &[usize], between: bool, at: Moment) {
        child.graph = self.processes[parent].graph;
        child.waits = true;
        child.was_submitted = false;
        child.parents = vec![parent];
        let graph = child.graph.unwrap();
        let place = self.add(child, at);
        for &node in below {
            let parents = &mut self.processes[node].parents;
            parents.retain(|&other| !between || other != parent);
            parents.push(place);
        }
        self.graphs[graph].nodes.push(place);
        self.hand_out(at);
    }

    /// The nodes that depend on this one.
    pub fn children(&self, place: usize) -> Vec<usize> {
        let Some(graph) = self.processes[place].graph else { return Vec::new() };
        let nodes = self.graphs[graph].nodes.iter().copied();
        nodes.filter(|&node| self.processes[node].parents.contains(&place)).collect()
    }

    /// The workflow of a process takes note that it ended.
    pub fn tell_graph(&mut self, place: usize, at: Moment) {
        let Some(graph) = self.processes[place].graph else { return };
        match self.processes[place].state {
            2 => {
                for child in self.children(place) {
                    let process = &self.processes[child];
                    let done = |parent: &usize| self.processes[*parent].state == 2;
                    if process.state == 0 && process.waits && process.parents.iter().all(done) {
                        self.release(child);
                    }
                }
            }
            3 if !self.children(place).is_empty() => {
                for node in self.in_depth(graph) {
                    if self.processes[node].state != 3 {
                        self.end(node, 3, at);
                    }
                }
            }
            _ => {}
        }
        self.resolve(place);
    }

    /// Looks at the state of a process's workflow anew.
    pub fn resolve(&mut self, place: usize) {
        let Some(graph) = self.processes[place].graph else { return };
        let states: Vec<u8> = self.graphs[graph].nodes.iter().map(|&node| self.processes[node].state).collect();
        let any = |state: u8| states.contains(&state);
        self.graphs[graph].state = match () {
            () if any(3) => 3,
            () if any(4) => 4,
            () if states.iter().all(|&state| state == 2) => 2,
            () if any(2) || any(1) => 1,
            () => 0,
        };
    }

    pub fn cancel_graph(&mut self, graph: usize, at: Moment) {
        for node in self.in_depth(graph) {
            if self.processes[node].state < 2 {
                self.end(node, 4, at);
            }
        }
        self.graphs[graph].state = 4;
        self.hand_out(at);
    }

    /// Takes workflows out with all their nodes.
    pub fn remove_graphs(&mut self, graphs: &[usize], at: Moment) {
        let mut nodes = Vec::new();
        for &graph in graphs {
            self.graphs[graph].gone = true;
            nodes.extend(self.graphs[graph].nodes.iter().copied());
        }
        self.remove(&nodes, at);
    }

    /// All nodes from the roots down, depth first.
    fn in_depth(&self, graph: usize) -> Vec<usize> {
        let mut order = Vec::new();
        let roots = self.graphs[graph].nodes.iter().filter(|&&node| self.processes[node].parents.is_empty());
        roots.for_each(|&root| self.go_down(root, &mut order));
        order
    }

    fn go_down(&self, node: usize, order: &mut Vec<usize>) {
        if !order.contains(&node) {
            order.push(node);
            self.children(node).into_iter().for_each(|child| self.go_down(child, order));
        }
    }
}
