//! Strict mode: a message is taken once, and only soon after it was signed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use colonies::client::{self, ClientError, FunctionSpec, sign_once};
use std::process::Command;
use support::websocket::{TEXT, WebSocket};
use support::{Client, PrivateKey, Reply, Server, Value, envelope, json, server_owner, wait};

/// A colony whose clients send stamps.
struct Scene {
    client: client::Client,
    user: PrivateKey,
}

const COLONY: &str = "strict";

fn client_of(server: &Server) -> client::Client {
    client::Client::new(&format!("http://{}", server.address()))
}

/// Until a server that has just started takes messages.
fn ready(client: &client::Client) {
    wait::until_true("the server to take messages", || {
        let asked = client.send(&server_owner(), &json!({ "msgtype": "getcoloniesmsg" }));
        asked.map_err(|error| assert!(error.is_refused_with(503), "{error}")).is_ok()
    });
}

impl Scene {
    fn new(server: &Server) -> Scene {
        let client = client_of(server);
        let (owner, user) = (PrivateKey::generate(), PrivateKey::generate());
        ready(&client);
        let colony = json!({ "colonyid": owner.id(), "name": COLONY });
        client.send(&server_owner(), &json!({ "msgtype": "addcolonymsg", "colony": colony })).unwrap();
        let record = json!({ "colonyname": COLONY, "userid": user.id(), "name": "user" });
        client.send(&owner, &json!({ "msgtype": "addusermsg", "user": record })).unwrap();
        Scene { client, user }
    }

    fn submission(&self) -> Value {
        json!({ "msgtype": "submitfuncspecmsg", "spec": {
            "funcname": "f", "conditions": { "colonyname": COLONY, "executortype": "t" } } })
    }

    fn waiting(&self) -> Value {
        let message = json!({ "msgtype": "getcolonystatsmsg", "colonyname": COLONY });
        self.client.send(&self.user, &message).unwrap()["waitingprocesses"].take()
    }
}

fn post(server: &Server, body: &[u8]) -> Reply {
    Reply::read(&Client::new(server.address()).post(body).unwrap())
}

const MISSING: &str = "this server is in strict mode: a message must say when it was signed";
const REPEATED: &str = "this message was taken before, and the server is in strict mode: sign each message anew";

#[test]
fn a_repeated_message_does_nothing() {
    let mut server = Server::start_with(&["--strict"]);
    let scene = Scene::new(&server);
    let captured = sign_once(&scene.user, &scene.submission());
    post(&server, &captured).ok();
    for _ in 0..3 {
        assert_eq!(post(&server, &captured).refused(403), REPEATED);
    }
    assert_eq!(scene.waiting(), 1);
    // The signer of the same bytes is remembered all the same.
    let page = support::http::once(server.address(), "GET", "/metrics", &[], b"");
    let hits = "colonies_signature_memo_lookups_total{result=\"hit\"} ";
    let hits = page.text().lines().find_map(|line| line.strip_prefix(hits)).unwrap();
    assert_eq!(hits, "3");
    // In other words around it, it is the same message.
    let mut spaced: Value = serde_json::from_slice(&captured).unwrap();
    spaced["more"] = "x".into();
    assert_eq!(post(&server, spaced.to_string().as_bytes()).refused(403), REPEATED);
    // Nor does a restart make it new, at whatever time after it.
    server.crash_and_restart();
    let scene = Scene { client: client_of(&server), ..scene };
    let refused = |status: u16| matches!(status, 403 | 503);
    assert!(refused(post(&server, &captured).status));
    ready(&scene.client);
    assert!(refused(post(&server, &captured).status));
    assert_eq!(scene.waiting(), 1);
}

#[test]
fn a_client_that_sends_no_stamp_is_told_what_is_wrong() {
    let server = Server::start_with(&["--strict"]);
    let scene = Scene::new(&server);
    let plain = envelope(&scene.user, &scene.submission());
    assert!(post(&server, plain.as_bytes()).refused(403).starts_with(MISSING));
    let mut socket = WebSocket::open(server.address());
    let process = scene.client.send(&scene.user, &scene.submission()).unwrap();
    let subscription = json!({ "msgtype": "subscribeprocessmsg", "processid": process["processid"],
        "executortype": "t", "state": 2, "timeout": 60 });
    socket.say(&scene.user, &subscription);
    assert!(socket.next().reply(TEXT).message().starts_with(MISSING));
    let stamped = sign_once(&scene.user, &subscription);
    socket.send(TEXT, &stamped);
    socket.assert_quiet();
    socket.send(TEXT, &stamped);
    assert_eq!(socket.next().reply(TEXT).message(), REPEATED);
    // What needs no signature needs no stamp.
    post(&server, envelope(&scene.user, &json!({ "msgtype": "versionmsg" })).as_bytes()).ok();
    assert_eq!(scene.waiting(), 1);
}

#[test]
fn an_old_message_is_refused() {
    let server = Server::start_with(&["--strict", "--strict-window", "5"]);
    let scene = Scene::new(&server);
    let mut message = scene.submission();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
    let mut at = |milliseconds: i64| {
        message["sentat"] = (now + milliseconds).into();
        message["nonce"] = format!("0123456789abcdef{milliseconds}").into();
        post(&server, envelope(&scene.user, &message).as_bytes())
    };
    assert!(at(-60_000).refused(403).starts_with("the message was signed more than 5 seconds ago"));
    assert!(at(60_000).refused(403).starts_with("the message was signed in the future"));
    assert_eq!(scene.waiting(), 0);
}

#[test]
fn the_own_clients_work_with_strict_servers_and_others() {
    for arguments in [&["--strict"][..], &[]] {
        let server = Server::start_with(arguments);
        let scene = Scene::new(&server);
        let spec = FunctionSpec::new(COLONY, "t", "f");
        let ids: Vec<_> = (0..3).map(|_| scene.client.submit(&scene.user, &spec).unwrap().processid).collect();
        let stranger = scene.client.submit(&PrivateKey::generate(), &spec);
        assert!(matches!(stranger, Err(ClientError::Refused { status: 403, .. })));
        let mut command = Command::new(env!("CARGO_BIN_EXE_colonies"));
        command.env_clear().env("COLONIES_PRVKEY", scene.user.reveal().as_str()).env("COLONIES_COLONY_NAME", COLONY);
        command
            .env("COLONIES_SERVER_HOST", "127.0.0.1")
            .env("COLONIES_SERVER_PORT", server.address().port().to_string());
        let listed = command.args(["process", "psw", "--json"]).output().unwrap();
        assert!(listed.status.success(), "{listed:?}");
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(ids.iter().all(|id| listed.contains(id)), "{listed}");
    }
}
