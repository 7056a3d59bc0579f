//! What has ended leaves memory for the history store: clients do not notice, and losing the store loses only the past.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::path::PathBuf;
use support::websocket::{TEXT, WebSocket};
use support::{Colony, PrivateKey, Server, Value, json, wait};

/// Long enough that everything can be asked before it goes, short enough to wait for.
const SOON: [&str; 2] = ["--archive-after", "3"];
const AT_ONCE: [&str; 2] = ["--archive-after", "0"];

fn store(server: &Server) -> PathBuf {
    server.dir().path().join("history/history.db")
}

/// How many rows a table of the store has; an operator may look with their own tools, too.
fn rows(server: &Server, table: &str) -> i64 {
    let connection = rusqlite::Connection::open(store(server)).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

fn wait_for_rows(server: &Server, kind: &str, wanted: i64) {
    wait::until_true(&format!("{wanted} {kind} in the store"), || rows(server, kind) == wanted);
}

/// Submits, runs and ends a process; says its id.
fn run(colony: &Colony, executor: &PrivateKey, label: &str, well: bool) -> String {
    let id = colony.submit(json!({ "label": label, "env": { "k": label } }), json!({}));
    let given = colony.assign(executor, 10);
    assert_eq!(given.process_id(), id);
    let line = json!({ "msgtype": "addlogmsg", "processid": id, "message": format!("needle of {label}") });
    colony.client.call(executor, &line).ok();
    if well {
        colony.close(executor, &id).ok();
    } else {
        colony.client.call(executor, &json!({ "msgtype": "closefailedmsg", "processid": id, "errors": ["no"] })).ok();
    }
    id
}

/// A workflow of two nodes, run to its end; says its id and its nodes.
fn run_workflow(colony: &Colony, executor: &PrivateKey) -> (String, Vec<String>) {
    let node = |name: &str, dependencies: &[&str]| {
        json!({ "nodename": name, "funcname": "f", "maxwaittime": -1, "maxexectime": -1,
                "conditions": { "colonyname": colony.name, "executortype": "worker-type", "dependencies": dependencies } })
    };
    let spec = json!({ "colonyname": colony.name, "functionspecs": [node("a", &[]), node("b", &["a"])] });
    let graph = colony.client.call(&colony.user, &json!({ "msgtype": "submitworkflowspecmsg", "spec": spec })).ok();
    let nodes = (0..2).map(|_| {
        let id = colony.assign(executor, 10).process_id().to_owned();
        colony.close(executor, &id).ok();
        id
    });
    (graph["processgraphid"].as_str().unwrap().to_owned(), nodes.collect())
}

/// Everything that can be asked about these.
fn told(colony: &Colony, processes: &[String], workflows: &[String]) -> Vec<(Value, u16, Value)> {
    let name = &colony.name;
    let mut questions = vec![json!({ "msgtype": "getcolonystatsmsg", "colonyname": name })];
    for state in 2..5 {
        for filter in [
            json!({}),
            json!({ "label": "one" }),
            json!({ "initiator": "user" }),
            json!({ "executortype": "worker-type" }),
        ] {
            let mut list = json!({ "msgtype": "getprocessesmsg", "colonyname": name, "count": 3, "state": state });
            list.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
            questions.push(list);
        }
        questions.push(json!({ "msgtype": "getprocesshistmsg", "colonyname": name, "seconds": 3600, "state": state }));
        questions.push(json!({ "msgtype": "getprocessgraphsmsg", "colonyname": name, "count": 9, "state": state }));
    }
    for text in ["needle", "needle of %e", "n_edle", "of", "", "NEEDLE"] {
        questions.push(json!({ "msgtype": "searchlogsmsg", "colonyname": name, "text": text, "days": 1, "count": 9 }));
    }
    questions
        .push(json!({ "msgtype": "getlogsmsg", "colonyname": name, "executorname": "e", "count": 2, "latest": true }));
    for id in processes {
        questions.push(json!({ "msgtype": "getprocessmsg", "processid": id }));
        questions.push(json!({ "msgtype": "getlogsmsg", "colonyname": name, "processid": id, "count": 9 }));
    }
    for id in workflows {
        questions.push(json!({ "msgtype": "getprocessgraphmsg", "processgraphid": id }));
    }
    let answer = |question: Value| {
        let reply = colony.client.call(&colony.user, &question);
        (question, reply.status, reply.payload)
    };
    questions.into_iter().map(answer).collect()
}

#[test]
fn clients_do_not_notice_where_something_is() {
    let mut server = Server::start_with(&SOON);
    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    let mut processes: Vec<String> = ["one", "two", "three", "four"]
        .into_iter()
        .map(|label| run(&colony, &executor, label, label != "two"))
        .collect();
    let (workflow, nodes) = run_workflow(&colony, &executor);
    processes.extend(nodes);
    let present = told(&colony, &processes, std::slice::from_ref(&workflow));
    let attribute = colony.process(&processes[0])["attributes"][0].clone();
    wait_for_rows(&server, "processes", 6);
    wait_for_rows(&server, "workflows", 1);
    wait_for_rows(&server, "lines", 4);
    let past = told(&colony, &processes, std::slice::from_ref(&workflow));
    for (before, after) in present.iter().zip(&past) {
        assert_eq!(before, after);
    }
    let get = json!({ "msgtype": "getattributemsg", "attributeid": attribute["attributeid"] });
    assert_eq!(colony.client.call(&colony.user, &get).ok(), attribute);
    let mut socket = WebSocket::open(server.address());
    let subscribe = json!({ "msgtype": "subscribeprocessmsg", "processid": processes[1], "state": 3, "timeout": 60 });
    socket.say(&colony.user, &subscribe);
    assert_eq!(socket.next().reply(TEXT).payload["processid"], processes[1].as_str());
    let stranger = Colony::new(&server);
    for question in [json!({ "msgtype": "getprocessmsg", "processid": processes[0] }), get] {
        assert_eq!(stranger.client.call(&stranger.user, &question).status, 403, "{question}");
    }
    server.crash_and_restart();
    let colony = colony.at(&server);
    let restarted = told(&colony, &processes, &[workflow]);
    assert_eq!(past, restarted);
}

#[test]
fn what_is_past_can_be_changed() {
    let server = Server::start_with(&AT_ONCE);
    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    let [first, second, third] = ["one", "two", "three"].map(|label| run(&colony, &executor, label, true));
    let (workflow, _) = run_workflow(&colony, &executor);
    wait_for_rows(&server, "processes", 5);
    let remove =
        |id: &str| colony.client.call(&colony.user, &json!({ "msgtype": "removeprocessmsg", "processid": id }));
    remove(&first).ok();
    assert_eq!(remove(&first).status, 500, "it is gone");
    let get = |id: &str| colony.client.call(&colony.user, &json!({ "msgtype": "getprocessmsg", "processid": id }));
    assert_eq!(get(&first).status, 404);
    assert_eq!(colony.statistics()["successfulprocesses"], 4);
    let again = json!({ "msgtype": "closesuccessfulmsg", "processid": second, "out": ["again"] });
    let refused = colony.client.call(&executor, &again);
    let out = if refused.status == 200 { json!(["again"]) } else { json!(["done"]) };
    assert_eq!(get(&second).ok()["out"], out);
    wait_for_rows(&server, "processes", 4);
    let message = json!({ "msgtype": "removeprocessgraphmsg", "processgraphid": workflow });
    colony.client.call(&colony.user, &message).ok();
    wait_for_rows(&server, "workflows", 0);
    let all = json!({ "msgtype": "removeallprocessesmsg", "colonyname": colony.name, "state": 2 });
    colony.client.call(&colony.owner, &all).ok();
    assert_eq!(colony.statistics()["successfulprocesses"], 0);
    assert_eq!(get(&third).status, 404);
    wait_for_rows(&server, "processes", 0);
    colony.remove().ok();
    wait_for_rows(&server, "lines", 0);
}

#[test]
fn losing_the_store_loses_the_past_alone() {
    let mut server = Server::start_with(&AT_ONCE);
    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    let gone = run(&colony, &executor, "one", true);
    run_workflow(&colony, &executor);
    wait_for_rows(&server, "processes", 3);
    // One batch at a time: when this one is there, the log knows of all before it, and of this one perhaps.
    run(&colony, &executor, "two", true);
    wait_for_rows(&server, "processes", 4);
    let waiting = colony.submit_any();
    server.kill();
    std::fs::remove_dir_all(server.dir().path().join("history")).unwrap();
    server = server.again().unwrap();
    let colony = colony.at(&server);
    wait::until_true("the loss to be told", || server.log().contains("the history store has lost"));
    let statistics = colony.statistics();
    let count = |name: &str| statistics[name].as_i64().unwrap();
    let kept = count("successfulprocesses");
    assert!(kept <= 1, "{statistics}");
    assert_eq!((count("successfulworkflows"), count("waitingprocesses")), (0, 1));
    let get = json!({ "msgtype": "getprocessmsg", "processid": gone });
    assert_eq!(colony.client.call(&colony.user, &get).status, 404);
    assert_eq!(colony.assign(&executor, 10).process_id(), waiting);
    colony.close(&executor, &waiting).ok();
    wait_for_rows(&server, "processes", kept + 1);
    assert_eq!(colony.statistics()["successfulprocesses"], kept + 1);
    assert_eq!(colony.state(&waiting), 2);
    // Once said, it is not said again.
    server.crash_and_restart();
    assert!(!server.log().contains("the history store has lost"), "{}", server.log());
}

/// In the store, their records have the same numbers, names and labels.
#[test]
fn colonies_that_are_alike_stay_apart() {
    let mut server = Server::start_with(&AT_ONCE);
    let fill = || {
        let colony = Colony::new(&server);
        let executor = colony.executor("e");
        let mut ids = vec![run(&colony, &executor, "one", true), run(&colony, &executor, "two", false)];
        let (workflow, nodes) = run_workflow(&colony, &executor);
        ids.extend(nodes);
        (colony, ids, vec![workflow])
    };
    let wait_for = |server: &Server, [processes, workflows, lines]: [i64; 3]| {
        wait_for_rows(server, "processes", processes);
        wait_for_rows(server, "workflows", workflows);
        wait_for_rows(server, "lines", lines);
    };
    let (colony, ids, workflows) = fill();
    wait_for(&server, [4, 1, 2]);
    let alone = told(&colony, &ids, &workflows);
    let (other, other_ids, _) = fill();
    wait_for(&server, [8, 2, 4]);
    assert_eq!(told(&colony, &ids, &workflows), alone);
    let all = json!({ "msgtype": "removeallprocessesmsg", "colonyname": other.name, "state": 2 });
    other.client.call(&other.owner, &all).ok();
    let remove = json!({ "msgtype": "removeprocessmsg", "processid": other_ids[1] });
    other.client.call(&other.user, &remove).ok();
    wait_for(&server, [6, 2, 4]);
    assert_eq!(told(&colony, &ids, &workflows), alone);
    server.crash_and_restart();
    let colony = colony.at(&server);
    assert_eq!(told(&colony, &ids, &workflows), alone);
    other.at(&server).remove().ok();
    wait_for(&server, [4, 1, 2]);
    assert_eq!(told(&colony, &ids, &workflows), alone);
}
