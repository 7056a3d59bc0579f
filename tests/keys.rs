//! A changed key counts at once, and the old one no more: in requests, in parked polls, in subscriptions.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use support::colony::TYPE;
use support::websocket::{TEXT, WebSocket};
use support::{Client, Colony, PrivateKey, Server, Value, json, server_owner};

/// The change of a key; its payload comes back as it was sent.
#[track_caller]
fn change(client: &Client, from: &PrivateKey, message: Value) {
    assert_eq!(client.call(from, &message).ok(), message);
}

fn watch(server: &Server, key: &PrivateKey, message: &Value) -> WebSocket {
    let mut socket = WebSocket::open(server.address());
    socket.say(key, message);
    socket.assert_quiet();
    socket
}

fn to_process(id: &str) -> Value {
    json!({ "msgtype": "subscribeprocessmsg", "processid": id, "executortype": TYPE, "state": 2, "timeout": 60 })
}

fn to_type(colony: &Colony) -> Value {
    json!({ "msgtype": "subscribeprocessesmsg", "colonyname": colony.name, "executortype": TYPE, "state": 0,
        "timeout": 60 })
}

fn to_channel(id: &str) -> Value {
    json!({ "msgtype": "subscribechannelmsg", "processid": id, "name": "c", "afterseq": 0, "timeout": 60 })
}

/// The subscriber is told that it is no member, and hears nothing any more.
#[track_caller]
fn assert_cut_off(socket: &mut WebSocket, colony: &Colony) {
    let told = socket.next().reply(TEXT);
    assert_eq!((told.error, &told.payload["status"]), (true, &json!(403)));
    assert_eq!(told.message(), not_a_member(colony));
}

fn not_a_member(colony: &Colony) -> String {
    format!("Access denied, not a member of Colony with name <{}>", colony.name)
}

#[test]
fn the_servers_owner() {
    let mut server = Server::start();
    let new = PrivateKey::generate();
    let client = Client::new(server.address());
    change(&client, &server_owner(), json!({ "msgtype": "changeserveridmsg", "serverid": new.id() }));
    for restarted in [false, true] {
        if restarted {
            server.crash_and_restart();
        }
        let client = Client::new(server.address());
        let ask = |key: &PrivateKey| client.call(key, &json!({ "msgtype": "getcoloniesmsg" }));
        assert_eq!(ask(&server_owner()).refused(403), "Access denied, not server owner");
        ask(&new).ok();
    }
}

#[test]
fn a_colonys_owner() {
    let mut server = Server::start();
    let colony = Colony::new(&server);
    let new = PrivateKey::generate();
    let message = json!({ "msgtype": "changecolonyidmsg", "colonyname": colony.name, "colonyid": new.id() });
    change(&colony.client, &colony.owner, message);
    for restarted in [false, true] {
        if restarted {
            server.crash_and_restart();
        }
        let old = colony.at(&server);
        assert_eq!(old.owner_does("pauseassignmentsmsg").refused(403), "Access denied, not colony owner");
        let current = Colony { owner: new.clone(), ..old };
        current.owner_does("pauseassignmentsmsg").ok();
        current.owner_does("resumeassignmentsmsg").ok();
    }
}

#[test]
fn a_user() {
    let mut server = Server::start();
    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    let id = colony.submit(json!({ "channels": ["c"] }), json!({}));
    assert_eq!(colony.assign(&executor, 5).process_id(), id);
    let mut sockets = [to_process(&id), to_channel(&id)].map(|message| watch(&server, &colony.user, &message));
    let new = PrivateKey::generate();
    let message = json!({ "msgtype": "changeuseridmsg", "colonyname": colony.name, "userid": new.id() });
    change(&colony.client, &colony.user, message);
    sockets.iter_mut().for_each(|socket| assert_cut_off(socket, &colony));
    // What they were waiting for happens, and the new key hears of it.
    let mut after = watch(&server, &new, &to_process(&id));
    colony.close(&executor, &id).ok();
    assert_eq!(after.next().reply(TEXT).payload["processid"], id);
    sockets.iter_mut().for_each(WebSocket::assert_quiet);
    for restarted in [false, true] {
        if restarted {
            server.crash_and_restart();
        }
        let old = colony.at(&server);
        let refused = old.client.call(&old.user, &old.submission(json!({}), json!({})));
        assert_eq!(refused.refused(403), not_a_member(&colony));
        let mut socket = WebSocket::open(server.address());
        socket.say(&old.user, &to_process(&id));
        assert_cut_off(&mut socket, &colony);
        Colony { user: new.clone(), ..old }.submit_any();
    }
}

#[test]
fn an_executor() {
    let mut server = Server::start();
    let colony = Colony::new(&server);
    let old = colony.executor("e");
    let running = colony.submit_any();
    assert_eq!(colony.assign(&old, 5).process_id(), running);
    let mut sockets = [to_process(&running), to_type(&colony)].map(|message| watch(&server, &old, &message));
    let polls = [60, 3_000].map(|seconds| colony.parked("e", &old, seconds));
    let new = PrivateKey::generate();
    let message = json!({ "msgtype": "changeexecutoridmsg", "colonyname": colony.name, "executorid": new.id() });
    change(&colony.client, &old, message);
    for poll in polls {
        assert_eq!(poll.answer().refused(403), not_a_member(&colony));
    }
    sockets.iter_mut().for_each(|socket| assert_cut_off(socket, &colony));
    // Work that comes now is for the new key, and so is what the old one had taken.
    let id = colony.submit_any();
    assert_eq!(colony.assign(&old, 5).refused(403), not_a_member(&colony));
    assert_eq!(colony.assign(&new, 5).process_id(), id);
    assert_eq!(colony.close(&old, &running).status, 403);
    colony.close(&new, &running).ok();
    sockets.iter_mut().for_each(WebSocket::assert_quiet);
    server.crash_and_restart();
    let colony = colony.at(&server);
    assert_eq!(colony.assign(&old, 5).refused(403), not_a_member(&colony));
    colony.close(&new, &id).ok();
}

#[test]
fn an_executor_whose_old_key_is_a_users_too() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let key = colony.executor("e");
    colony.add_user("the-same", &key);
    let id = colony.submit_any();
    let mut of_type = watch(&server, &key, &to_type(&colony));
    let mut of_process = watch(&server, &key, &to_process(&id));
    let new = PrivateKey::generate();
    let message = json!({ "msgtype": "changeexecutoridmsg", "colonyname": colony.name, "executorid": new.id() });
    change(&colony.client, &key, message);
    // Only executors may watch a type; a user may go on watching a process.
    let told = of_type.next().reply(TEXT);
    assert_eq!((told.error, told.message()), (true, "executor not found"));
    of_process.assert_quiet();
    colony.submit_any();
    of_type.assert_quiet();
    assert_eq!(colony.assign(&new, 5).process_id(), id);
    colony.close(&new, &id).ok();
    assert_eq!(of_process.next().reply(TEXT).payload["processid"], id);
}
