//! `kill -9` in the middle of workflows: every node is closed well exactly once, in the order of its dependencies, and
//! the graph's state is right in the end. A close without an answer may be either; it is closed again after the restart.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::{Client, Colony, PrivateKey, Server, Value, json};

const EXECUTORS: usize = 6;
const KILLS: usize = 4;

/// A graph under way and what is known of it.
struct Graph {
    id: String,
    ids: Vec<String>,
    place: HashMap<String, usize>,
    parents: Vec<Vec<usize>>,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    /// Nodes whose close was acknowledged.
    closed: BTreeMap<usize, u32>,
    /// Nodes whose close had no answer; it may have been carried out.
    unsure: BTreeMap<usize, u32>,
    /// Who was given which node.
    given: BTreeMap<usize, usize>,
}

fn submit(colony: &Colony, parents: Vec<Vec<usize>>) -> Graph {
    let node = |(node, parents): (usize, &Vec<usize>)| {
        let dependencies: Vec<String> = parents.iter().map(|parent| format!("n{parent}")).collect();
        json!({ "nodename": format!("n{node}"), "funcname": "f", "maxwaittime": -1, "maxexectime": -1,
                "conditions": { "executortype": support::colony::TYPE, "dependencies": dependencies } })
    };
    let nodes: Vec<Value> = parents.iter().enumerate().map(node).collect();
    let spec = json!({ "colonyname": colony.name, "functionspecs": nodes });
    let graph = colony.client.call(&colony.user, &json!({ "msgtype": "submitworkflowspecmsg", "spec": spec })).ok();
    let ids: Vec<String> =
        graph["processids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    let place = ids.iter().cloned().zip(0..).collect();
    Graph { id: graph["processgraphid"].as_str().unwrap().to_owned(), ids, place, parents, told: Mutex::default() }
}

impl Graph {
    /// A node was handed out: its parents have all succeeded, it was never handed out before, and it has their outputs.
    fn check_given(&self, executor: usize, process: &Value) -> usize {
        let node = self.place[process["processid"].as_str().unwrap()];
        let mut told = self.told.lock().unwrap();
        assert_eq!(told.given.insert(node, executor), None, "node {node} was handed out twice");
        for parent in &self.parents[node] {
            let done = told.closed.contains_key(parent) || told.unsure.contains_key(parent);
            assert!(done, "node {node} was handed out before {parent} was closed");
        }
        let input: Vec<u64> = process["in"].as_array().into_iter().flatten().map(|n| n.as_u64().unwrap()).collect();
        let expected: Vec<u64> = self.parents[node].iter().map(|&parent| parent as u64).collect();
        assert_eq!(input, expected, "node {node} got the outputs of its parents");
        node
    }

    /// Closes a node; whether that was acknowledged. Noted before it is known: a child may be handed out as soon as
    /// the close is carried out.
    fn close(&self, client: &Client, key: &PrivateKey, node: usize) -> bool {
        *self.told.lock().unwrap().unsure.entry(node).or_default() += 1;
        let message = json!({ "msgtype": "closesuccessfulmsg", "processid": self.ids[node], "out": [node] });
        match client.try_call(key, &message) {
            Ok(reply) if reply.status == 200 => {
                let mut told = self.told.lock().unwrap();
                told.unsure.remove(&node);
                *told.closed.entry(node).or_default() += 1;
                true
            }
            Ok(reply) => {
                assert_eq!(reply.status, 503, "{reply:?}");
                false
            }
            Err(_) => false,
        }
    }
}

/// One executor's work until the server dies or the graph is done.
fn work(graph: &Graph, colony: &Colony, executor: usize, key: &PrivateKey, dead: &AtomicBool, left: &AtomicUsize) {
    let client = Client::new(colony.client.address());
    while !dead.load(Ordering::Acquire) && left.load(Ordering::Acquire) > 0 {
        let Ok(reply) = client.try_call(key, &support::poll::message(&colony.name, 1)) else { return };
        match reply.status {
            200 => {
                let node = graph.check_given(executor, &reply.payload);
                if !graph.close(&client, key, node) {
                    return;
                }
                left.fetch_sub(1, Ordering::AcqRel);
            }
            status => assert!(matches!(status, 404 | 503), "{reply:?}"),
        }
    }
}

/// The state of every node after a restart. What was acknowledged is there; what runs is closed by its holder, as an
/// executor does that comes back; what a lost reply gave away is closed by whom the server says.
fn catch_up(graph: &Graph, colony: &Colony, executors: &[PrivateKey]) {
    let names: HashMap<String, usize> = executors.iter().map(|key| key.id().to_string()).zip(0..).collect();
    let states: Vec<Value> = graph.ids.iter().map(|id| colony.process(id)).collect();
    let has_succeeded = |node: &usize| states[*node]["state"] == 2;
    for (node, process) in states.iter().enumerate() {
        let parents_done = graph.parents[node].iter().all(has_succeeded);
        let (closed, unsure, given) = {
            let told = graph.told.lock().unwrap();
            (told.closed.contains_key(&node), told.unsure.contains_key(&node), told.given.get(&node).copied())
        };
        match process["state"].as_i64().unwrap() {
            0 => {
                assert!(!closed && given.is_none(), "node {node} waits although it was given to {given:?}");
                assert_eq!(process["waitforparents"], !parents_done, "node {node}");
            }
            1 => {
                assert!(!closed && parents_done, "node {node} runs");
                let holder = names[process["assignedexecutorid"].as_str().unwrap()];
                assert!(given.is_none_or(|given| given == holder), "node {node} changed hands");
                graph.told.lock().unwrap().given.insert(node, holder);
                assert!(graph.close(&colony.client, &executors[holder], node), "a server that serves takes a close");
            }
            2 => {
                assert!((closed || unsure) && parents_done, "node {node} was closed by nobody");
                assert_eq!(process["out"], json!([node]));
                let mut told = graph.told.lock().unwrap();
                if told.unsure.remove(&node).is_some() {
                    *told.closed.entry(node).or_default() += 1;
                }
            }
            state => panic!("node {node} is in state {state}"),
        }
    }
}

/// Runs a graph to its end while the server is killed again and again, each time when another part of it is done.
fn run(parents: Vec<Vec<usize>>, arguments: &[&str]) {
    let mut server = Server::start_with(arguments);
    let mut colony = Colony::new(&server);
    let executors: Vec<_> = (0..EXECUTORS).map(|number| colony.executor(&format!("e{number}"))).collect();
    let graph = submit(&colony, parents);
    let nodes = graph.ids.len();
    for round in 0..=KILLS {
        let done = graph.told.lock().unwrap().closed.len();
        let left = AtomicUsize::new(nodes - done);
        let dead = AtomicBool::new(false);
        // The last round goes to the end.
        let until = (round < KILLS).then(|| (round + 1) * nodes / (KILLS + 1));
        std::thread::scope(|threads| {
            for (number, key) in executors.iter().enumerate() {
                let (graph, colony, dead, left) = (&graph, &colony, &dead, &left);
                threads.spawn(move || work(graph, colony, number, key, dead, left));
            }
            if let Some(until) = until {
                let begin = Instant::now();
                while nodes - left.load(Ordering::Acquire) < until {
                    assert!(begin.elapsed() < support::wait::PATIENCE * 3, "the graph does not get on");
                    std::thread::sleep(Duration::from_micros(200));
                }
                server.kill();
                dead.store(true, Ordering::Release);
            }
        });
        if until.is_some() {
            server = server.again().unwrap();
            colony = colony.at(&server);
            let shown = state_of(&graph, &colony);
            assert_eq!(shown["state"], 1, "the graph is under way");
            catch_up(&graph, &colony, &executors);
        }
    }
    let told = graph.told.lock().unwrap();
    assert!(told.unsure.is_empty(), "{:?}", told.unsure);
    assert_eq!(told.closed.keys().copied().collect::<Vec<_>>(), (0..nodes).collect::<Vec<_>>(), "every node ran");
    assert!(told.closed.values().all(|&times| times == 1), "a node was closed more than once: {:?}", told.closed);
    drop(told);
    check_end(&graph, &colony);
    // And once more from the log alone.
    server.crash_and_restart();
    check_end(&graph, &colony.at(&server));
}

fn state_of(graph: &Graph, colony: &Colony) -> Value {
    colony.client.call(&colony.user, &json!({ "msgtype": "getprocessgraphmsg", "processgraphid": graph.id })).ok()
}

fn check_end(graph: &Graph, colony: &Colony) {
    assert_eq!(state_of(graph, colony)["state"], 2, "the graph succeeded");
    let ends: Vec<Value> = graph.ids.iter().map(|id| colony.process(id)).collect();
    for (node, process) in ends.iter().enumerate() {
        assert_eq!((&process["state"], &process["out"]), (&json!(2), &json!([node])));
        let time = |process: &Value, which: &str| process[which].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        for parent in &graph.parents[node] {
            let (ended, started) = (time(&ends[*parent], "endtime"), time(process, "starttime"));
            assert!(ended <= started, "node {node} began at {started}, before {parent} ended at {ended}");
        }
    }
    let statistics = colony.statistics();
    let counts = ["successfulprocesses", "successfulworkflows", "runningprocesses", "waitingprocesses"];
    let counts = counts.map(|name| statistics[name].as_u64().unwrap());
    assert_eq!(counts, [graph.ids.len() as u64, 1, 0, 0], "{statistics}");
}

/// One root, many in its middle, one at the end.
fn wide() -> Vec<Vec<usize>> {
    const MIDDLE: usize = 300;
    let mut parents = vec![vec![]];
    parents.extend((0..MIDDLE).map(|_| vec![0]));
    parents.push((1..=MIDDLE).collect());
    parents
}

fn chain() -> Vec<Vec<usize>> {
    (0..200).map(|node: usize| node.checked_sub(1).into_iter().collect()).collect()
}

/// Each node depends on up to four of those before it.
fn random() -> Vec<Vec<usize>> {
    let mut random = 0x2545_F491_4F6C_DD1Du64;
    let mut below = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % bound as u64) as usize
    };
    let parents_of = |node: usize| {
        let mut parents: Vec<usize> = (0..if node == 0 { 0 } else { below(5) }).map(|_| below(node)).collect();
        parents.sort_unstable();
        parents.dedup();
        parents
    };
    (0..300).map(parents_of).collect()
}

#[test]
fn a_wide_graph_survives_kills() {
    run(wide(), &[]);
}

#[test]
fn a_chain_survives_kills() {
    run(chain(), &[]);
}

#[test]
fn a_random_graph_survives_kills() {
    run(random(), &[]);
}

#[test]
fn graphs_survive_kills_while_the_past_goes_to_the_store_at_once() {
    for parents in [wide(), chain(), random()] {
        run(parents, &["--archive-after", "0"]);
    }
}
