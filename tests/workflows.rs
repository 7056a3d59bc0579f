//! Workflows run to their end by many executors over HTTP: a wide graph, a deep chain and a random one. Every node runs
//! once, after the nodes that it depends on.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{Client, Colony, Server};

const EXECUTORS: usize = 16;

/// Submits a graph whose nodes depend on these others, by place; the process ids in the same order.
fn submit(colony: &Colony, client: &Client, parents: &[Vec<usize>]) -> (String, Vec<String>) {
    let node = |(node, parents): (usize, &Vec<usize>)| {
        let dependencies: Vec<String> = parents.iter().map(|parent| format!("n{parent}")).collect();
        json!({"nodename": format!("n{node}"), "funcname": "f",
            "conditions": {"executortype": support::colony::TYPE, "dependencies": dependencies}})
    };
    let nodes: Vec<Value> = parents.iter().enumerate().map(node).collect();
    let spec = json!({"colonyname": colony.name, "functionspecs": nodes});
    let graph = client.call(&colony.user, &json!({"msgtype": "submitworkflowspecmsg", "spec": spec})).ok();
    let ids = graph["processids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    (graph["processgraphid"].as_str().unwrap().to_owned(), ids)
}

/// Runs the graph to its end and checks the order.
fn run(parents: &[Vec<usize>]) {
    let server = Server::start();
    let colony = Colony::new(&server);
    let client = Client::new(server.address());
    let executors: Vec<_> = (0..EXECUTORS).map(|number| colony.executor(&format!("e{number}"))).collect();
    let (graph, ids) = submit(&colony, &client, parents);
    let place: HashMap<&str, usize> = ids.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
    // Which nodes have been closed, in order.
    let closed: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let started = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for key in &executors {
            threads.spawn(|| {
                let client = Client::new(server.address());
                while started.load(Ordering::Acquire) < ids.len() {
                    let reply = client.call(key, &support::poll::message(&colony.name, 1));
                    if reply.status == 404 {
                        continue;
                    }
                    started.fetch_add(1, Ordering::AcqRel);
                    let process = reply.ok();
                    let id = process["processid"].as_str().unwrap();
                    let node = place[id];
                    {
                        let closed = closed.lock().unwrap();
                        let done = |parent: &usize| closed.contains(parent);
                        // The graphs with many parents are checked by their outputs, which is cheaper.
                        if parents[node].len() < 8 {
                            assert!(parents[node].iter().all(done), "node {node} ran before its parents");
                        }
                    }
                    let input: Vec<u64> = process["in"]
                        .as_array()
                        .map_or(Vec::new(), |input| input.iter().map(|value| value.as_u64().unwrap()).collect());
                    let expected: Vec<u64> = parents[node].iter().map(|&parent| parent as u64).collect();
                    assert_eq!(input, expected, "node {node} got the outputs of its parents");
                    // Noted first: a child may run as soon as the close is carried out.
                    closed.lock().unwrap().push(node);
                    let close = json!({"msgtype": "closesuccessfulmsg", "processid": id, "out": [node]});
                    client.call(key, &close).ok();
                }
            });
        }
    });
    let mut closed = closed.into_inner().unwrap();
    closed.sort_unstable();
    assert_eq!(closed, (0..parents.len()).collect::<Vec<_>>(), "every node ran exactly once");
    let shown = client.call(&colony.user, &json!({"msgtype": "getprocessgraphmsg", "processgraphid": graph})).ok();
    assert_eq!(shown["state"], 2, "the graph succeeded");
    assert_eq!(colony.statistics()["successfulprocesses"], parents.len());
}

/// Enough to see a cost that grows with the graph: the reference takes 100 ms for each close in a graph of 100.
const NODES: usize = 10_000;

#[test]
fn a_wide_graph_runs() {
    let mut parents = vec![vec![]];
    parents.extend((1..NODES).map(|_| vec![0]));
    parents.push((1..NODES).collect());
    run(&parents);
}

#[test]
fn a_deep_chain_runs() {
    run(&(0..NODES).map(|node: usize| node.checked_sub(1).into_iter().collect()).collect::<Vec<_>>());
}

#[test]
fn a_random_graph_runs() {
    let mut random = 0x2545_F491_4F6C_DD1Du64;
    let mut below = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % bound as u64) as usize
    };
    let parents: Vec<Vec<usize>> = (0..NODES)
        .map(|node| {
            let mut parents: Vec<usize> = (0..if node == 0 { 0 } else { below(11) }).map(|_| below(node)).collect();
            parents.dedup();
            parents
        })
        .collect();
    run(&parents);
}

#[test]
fn the_processes_of_a_workflow_are_listed_by_state() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let client = Client::new(server.address());
    let (graph, ids) = submit(&colony, &client, &[vec![], vec![0], vec![1]]);
    colony.submit_any();
    let executor = colony.executor("e");
    assert_eq!(colony.assign(&executor, 1).process_id(), ids[0]);
    let listed = |state: i64, count: i64| {
        let message = json!({"msgtype": "getprocessesmsg", "colonyname": colony.name, "processgraphid": graph,
            "state": state, "count": count});
        let rows = client.call(&colony.user, &message).ok();
        let rows = rows.as_array().cloned().unwrap_or_default().into_iter();
        rows.map(|row| row["processid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(-1, 100), ids);
    assert_eq!(listed(0, 100), ids[1..]);
    assert_eq!(listed(0, 1), ids[1..2]);
    assert_eq!(listed(1, 100), ids[..1]);
    assert!(listed(2, 100).is_empty());
}

#[test]
fn what_can_not_run_leaves_no_trace() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let client = Client::new(server.address());
    let before = colony.statistics();
    for (dependencies, text) in [(json!(["x"]), "does not exits?"), (json!(["a"]), "depends on itself")] {
        let spec = json!({"colonyname": colony.name,
            "functionspecs": [{"nodename": "a", "conditions": {"dependencies": dependencies}}]});
        let reply = client.call(&colony.user, &json!({"msgtype": "submitworkflowspecmsg", "spec": spec}));
        assert!(reply.refused(500).contains(text), "{}", reply.message());
    }
    assert_eq!(colony.statistics(), before);
}
