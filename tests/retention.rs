//! Retention by age over HTTP: what succeeded goes after its time, everything else stays, also after a restart.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use support::{Client, Colony, Server, json, wait};
use tempfile::TempDir;

const ON: [&str; 5] = ["--retention", "--retention-policy", "1", "--archive-after", "1"];

#[test]
fn old_successes_and_lines_go_and_the_rest_stays() {
    let mut server = Server::start_with(&ON);
    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    let submit = |function: &str| colony.submit(json!({"funcname": function}), json!({}));
    let take = || colony.assign(&executor, 10).ok()["processid"].as_str().unwrap().to_owned();
    let [good, bad, running] = ["good", "bad", "running"].map(|function| {
        let id = submit(function);
        assert_eq!(take(), id);
        id
    });
    let waiting = submit("waiting");
    let line = json!({"msgtype": "addlogmsg", "processid": running, "message": "said"});
    colony.client.call(&executor, &line).ok();
    colony.client.call(&executor, &json!({"msgtype": "closefailedmsg", "processid": bad, "errors": ["no"]})).ok();
    colony.close(&executor, &good).ok();
    let node = json!({"nodename": "a", "funcname": "f", "conditions": {"executortype": "other"}});
    let spec = json!({"colonyname": colony.name, "functionspecs": [node]});
    colony.client.call(&colony.user, &json!({"msgtype": "submitworkflowspecmsg", "spec": spec})).ok();

    let lines = |colony: &Colony| {
        let message = json!({"msgtype": "getlogsmsg", "colonyname": colony.name, "executorname": "e", "count": 10});
        colony.client.call(&colony.user, &message).ok().as_array().map_or(0, Vec::len)
    };
    wait::until_true("the successful process and the line to be removed", || {
        colony.statistics()["successfulprocesses"] == 0 && lines(&colony) == 0
    });
    let gone = colony.client.call(&colony.user, &json!({"msgtype": "getprocessmsg", "processid": good}));
    assert_ne!(gone.status, 200);
    let kept = |colony: &Colony| {
        assert_eq!([&bad, &running, &waiting].map(|id| colony.state(id)), [3, 1, 0]);
        let statistics = colony.statistics();
        assert_eq!((&statistics["successfulprocesses"], &statistics["waitingworkflows"]), (&json!(0), &json!(1)));
        assert_eq!(lines(colony), 0);
    };
    kept(&colony);
    server.crash_and_restart();
    let colony = Colony { client: Client::new(server.address()), ..colony.clone() };
    kept(&colony);
    colony.close(&executor, &running).ok();
    wait::until_true("the other process to be removed", || {
        colony.statistics()["runningprocesses"] == 0 && colony.statistics()["successfulprocesses"] == 0
    });
}

#[test]
fn a_policy_that_is_not_positive_is_refused_at_the_start() {
    for arguments in [
        &ON[..1],
        &["--retention", "--retention-policy", "0"],
        &["--retention", "--retention-policy=-5"],
        &["--retention", "--retention-policy", "week"],
    ] {
        let dir = Arc::new(TempDir::with_prefix("colonies-").unwrap());
        let ended = Server::try_start(dir, arguments).unwrap_err();
        assert_eq!(ended.status.code(), Some(1));
        assert!(ended.log.contains("COLONIES_RETENTION_POLICY"), "{}", ended.log);
    }
    // Where it is off, the policy means nothing.
    Server::start_with(&["--retention=false", "--retention-policy", "0"]);
}
