//! Bounds that an operator may choose: beyond a lowered one a message is refused, and nothing of it stays.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::process::Stdio;
use support::http::once;
use support::server::command;
use support::websocket::{TEXT, WebSocket};
use support::{Client, Colony, PrivateKey, Server, Value, json, server_owner, wait};
use tempfile::TempDir;

const LOWERED: [&str; 8] =
    ["--max-workflow-nodes", "3", "--max-workflow-dependencies", "2", "--max-name", "12", "--max-list", "5"];

fn node(name: &str, dependencies: &[&str]) -> Value {
    json!({"nodename": name, "funcname": "f",
        "conditions": {"executortype": support::colony::TYPE, "dependencies": dependencies}})
}

/// Everything that a refused message could have left something in.
fn traces(colony: &Colony) -> Vec<Value> {
    let of_colony = ["getcolonystatsmsg", "getusersmsg", "getexecutorsmsg", "getlocationsmsg"];
    let ask =
        |msgtype: &&str| colony.client.call(&colony.user, &json!({"msgtype": msgtype, "colonyname": colony.name})).ok();
    let mut traces: Vec<Value> = of_colony.iter().map(ask).collect();
    let crons = json!({"msgtype": "getcronsmsg", "colonyname": colony.name, "count": 100});
    traces.push(colony.client.call(&colony.user, &crons).ok());
    traces.push(colony.client.call(&server_owner(), &json!({"msgtype": "getcoloniesmsg"})).ok());
    traces
}

#[test]
fn a_lowered_bound_refuses_and_leaves_no_trace() {
    let mut server = Server::start_with(&LOWERED);
    let colony = Colony::named(&server, "twelve-bytes");
    let worker = colony.executor("worker");
    let workflow = |nodes: Value| json!({"colonyname": colony.name, "functionspecs": nodes});
    let submission = |nodes: Value| json!({"msgtype": "submitworkflowspecmsg", "spec": workflow(nodes)});
    let three = json!([node("a", &[]), node("b", &["a"]), node("c", &["b"])]);
    // What is just within the bounds is taken.
    colony.client.call(&colony.user, &submission(three)).ok();
    let parent = colony.assign(&worker, 10).ok();

    let four = json!([node("a", &[]), node("b", &[]), node("c", &[]), node("d", &[])]);
    let tangled = json!([node("a", &[]), node("b", &["a"]), node("c", &["a", "b"])]);
    let long = "thirteenbytes";
    let id = PrivateKey::generate().id().to_string();
    let too_many = "more than 3 nodes or 2 dependencies";
    let names: Vec<String> = (0..6).map(|number| format!("e{number}")).collect();
    let cron = |nodes: &Value| {
        json!({"msgtype": "addcronmsg", "cron": {"colonyname": colony.name, "name": "c", "interval": 1000,
            "cronexpression": "", "workflowspec": workflow(nodes.clone()).to_string()}})
    };
    let before = traces(&colony);
    let refused = [
        (&colony.user, submission(four.clone()), too_many),
        (&colony.user, submission(tangled.clone()), too_many),
        (&colony.user, cron(&four), too_many),
        (&colony.user, cron(&tangled), too_many),
        (
            &worker,
            json!({"msgtype": "addchildmsg", "parentprocessid": parent["processid"], "insert": true,
                "spec": {"nodename": "d", "conditions": {"colonyname": colony.name}}}),
            "it has too many nodes",
        ),
        (&colony.user, colony.submission(json!({}), json!({"executornames": names})), "invalid JSON"),
        (
            &server_owner(),
            json!({"msgtype": "addcolonymsg", "colony": {"colonyid": id, "name": long}}),
            "colony name is too long",
        ),
        (
            &colony.owner,
            json!({"msgtype": "addusermsg", "user": {"colonyname": colony.name, "userid": id, "name": long}}),
            "user name is too long",
        ),
        (
            &colony.owner,
            json!({"msgtype": "addexecutormsg", "executor": {"executorname": long, "executorid": id,
                "executortype": "t", "colonyname": colony.name}}),
            "executor name is too long",
        ),
        (
            &colony.owner,
            json!({"msgtype": "addlocationmsg", "location": {"colonyname": colony.name, "name": long}}),
            "location name is too long",
        ),
    ];
    for (caller, message, text) in &refused {
        let reply = colony.client.call(caller, message);
        assert!(reply.refused(400).contains(text), "{message}: {}", reply.message());
    }
    assert_eq!(traces(&colony), before);
    // Nor does the log know anything of it.
    server.stop_and_restart();
    let colony = Colony { client: Client::new(server.address()), ..colony };
    let without_signs_of_life = |mut traces: Vec<Value>| {
        traces[2].as_array_mut().unwrap()[0]["lastheardfromtime"].take();
        traces
    };
    assert_eq!(without_signs_of_life(traces(&colony)), without_signs_of_life(before));
}

#[test]
fn an_identity_that_sends_too_much_is_told_to_wait() {
    let server = Server::start_with(&["--limit-identity", "2"]);
    let colony = Colony::new(&server);
    let body = support::envelope(&colony.user, &colony.submission(json!({}), json!({})));
    let post = || colony.client.post(body.as_bytes()).unwrap();
    let refused = wait::until("the limit to be reached", || Some(post()).filter(|response| response.status == 429));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("connection"), None);
    let reply = support::Reply::read(&refused);
    assert!(reply.refused(429).starts_with("more than 2 requests a second from this identity"), "{reply:?}");
    // Others are not hindered, nor are messages that nobody signs, and a second later all is well.
    colony.client.call(&server_owner(), &json!({"msgtype": "getcoloniesmsg"})).ok();
    let version = json!({"payloadtype": "versionmsg", "payload": "eyJtc2d0eXBlIjoidmVyc2lvbm1zZyJ9"}).to_string();
    for _ in 0..20 {
        assert_eq!(colony.client.post(version.as_bytes()).unwrap().status, 200);
    }
    // A websocket is no way around it.
    let mut socket = WebSocket::open(server.address());
    let id = wait::until("the limit to be over", || {
        let reply = colony.client.call(&colony.user, &colony.submission(json!({}), json!({})));
        (reply.status == 200).then(|| reply.process_id().to_owned())
    });
    let watch = json!({"msgtype": "subscribeprocessmsg", "processid": id, "state": 0, "timeout": 60});
    wait::until_true("a subscription too many", || {
        socket.say(&colony.user, &watch);
        socket.next().reply(TEXT).payload["status"] == 429
    });
}

#[test]
fn an_address_that_sends_too_much_is_told_to_wait() {
    let server = Server::start_with(&["--limit-address", "2"]);
    let ask = |method: &str, path: &str| once(server.address(), method, path, &[], b"{}");
    let refused = wait::until("the limit to be reached", || Some(ask("POST", "/api")).filter(|r| r.status == 429));
    assert_eq!((refused.header("retry-after"), refused.header("connection")), (Some("1"), Some("close")));
    let reply = support::Reply::read(&refused);
    assert!(reply.refused(429).starts_with("more than 2 requests a second from this address"), "{reply:?}");
    wait::until_true("other paths to be limited too", || ask("GET", "/pubsub").status == 429);
    for _ in 0..20 {
        assert_eq!(once(server.address(), "GET", "/health", &[], b"").status, 200);
        assert_eq!(once(server.address(), "GET", "/ready", &[], b"").status, 200);
    }
    wait::until_true("the limit to be over", || ask("POST", "/api").status == 403);
}

#[test]
fn what_costs_much_to_read_is_refused() {
    let server = Server::start_with(&["--max-list", "1000"]);
    let colony = Colony::new(&server);
    let signed = |payload: &str| {
        let payload = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, payload);
        let signature = colony.user.sign(&payload);
        json!({"payloadtype": "submitfuncspecmsg", "payload": payload, "signature": signature}).to_string()
    };
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let spec = |member: &str, value: &str| {
        format!(
            "{{\"msgtype\":\"submitfuncspecmsg\",\"spec\":{{\"funcname\":\"f\",\"{member}\":{value},\
             \"conditions\":{{\"colonyname\":\"{}\",\"executortype\":\"t\"}}}}}}",
            colony.name
        )
    };
    let status = |body: &str| colony.client.post(body.as_bytes()).unwrap().status;
    assert_eq!(status(&signed(&spec("args", &nested(50)))), 200);
    for depth in [200, 200_000] {
        for value in [nested(depth), objects(depth), "[".repeat(depth), "{\"a\":".repeat(depth)] {
            for member in ["args", "kwargs", "funcname"] {
                assert_eq!(status(&signed(&spec(member, &value))), 400, "{member} of depth {depth}");
            }
            assert_eq!(status(&signed(&value)), 400);
            // In the envelope itself; members that nobody knows are passed over, however deep they are.
            for body in [value.clone(), format!("{{\"more\":{value}}}")] {
                assert!(matches!(status(&body), 400 | 403), "depth {depth}");
            }
        }
    }
    // What no client can hold as a number.
    for (member, value) in [("args", "[1e400]"), ("kwargs", "{\"a\":[-1E999]}")] {
        assert_eq!(status(&signed(&spec(member, value))), 400, "{value}");
    }
    assert_eq!(status(&signed(&spec("args", "[1e300,12345678901234567890]"))), 200);
    let list = |count: usize| format!("[{}\"\"]", "\"\",".repeat(count));
    assert_eq!(status(&signed(&spec("channels", &list(1_000_000)))), 400);
    assert_eq!(status(&signed(&list(1_000_000))), 400);
    for garbage in ["=", "!", "A===", "\u{e9}", "\\n", "A-_"] {
        let payload = garbage.repeat(1_000_000);
        let signature = colony.user.sign(&payload.replace("\\n", "\n"));
        let body = format!(
            "{{\"payloadtype\":\"submitfuncspecmsg\",\"payload\":\"{payload}\",\"signature\":\"{signature}\"}}"
        );
        assert_eq!(status(&body), 400, "{garbage}");
    }
    let digits = "7".repeat(3_000_000);
    for spec in [spec("maxwaittime", &digits), spec("maxwaittime", &format!("1e{digits}")), spec(&digits, "{")] {
        assert_eq!(status(&signed(&spec)), 400);
    }
    let long_signature =
        json!({"payloadtype": "getcoloniesmsg", "payload": "e30=", "signature": "0".repeat(3_000_000)});
    assert_eq!(status(&long_signature.to_string()), 403);
    colony.submit_any();
}

#[test]
fn a_bound_of_the_environment_holds_and_nothing_is_none() {
    let dir = TempDir::with_prefix("colonies-").unwrap();
    for (variable, flag) in [
        ("COLONIES_MAX_WORKFLOW_NODES", "--max-workflow-nodes"),
        ("COLONIES_MAX_WORKFLOW_DEPENDENCIES", "--max-workflow-dependencies"),
        ("COLONIES_MAX_NAME", "--max-name"),
        ("COLONIES_MAX_LIST", "--max-list"),
    ] {
        let ended = command(dir.path(), &[]).env(variable, "0").stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.code() == Some(2) && said.contains(flag), "{variable}: {said}");
    }
}
