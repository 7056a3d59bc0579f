//! The websocket: subscriptions to processes (chapter 4, 6 and 9.5).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::{Duration, Instant};
use support::colony::TYPE;
use support::http::once;
use support::websocket::{BINARY, CLOSE, Frame, PING, PONG, TEXT, UPGRADE, WebSocket};
use support::{Colony, PrivateKey, Reply, Server, Value, envelope, json};

fn to_process(id: &str, state: i64, timeout: i64) -> Value {
    json!({ "msgtype": "subscribeprocessmsg", "processid": id, "executortype": TYPE, "state": state, "timeout": timeout })
}

fn to_processes(colony: &Colony, state: i64, timeout: i64) -> Value {
    json!({
        "msgtype": "subscribeprocessesmsg", "colonyname": colony.name, "executortype": TYPE, "state": state,
        "timeout": timeout,
    })
}

/// The process in an event.
#[track_caller]
fn event(frame: &Frame) -> Value {
    let reply = frame.reply(TEXT);
    assert_eq!((reply.payload_type.as_str(), reply.error), ("subscribeprocessmsg", false), "{reply:?}");
    reply.payload
}

/// The status and text in an error frame.
#[track_caller]
fn refusal(frame: &Frame) -> (u64, String) {
    let reply: Reply = frame.reply(TEXT);
    assert_eq!((reply.payload_type.as_str(), reply.error), ("error", true), "{reply:?}");
    (reply.payload["status"].as_u64().unwrap(), reply.message().to_owned())
}

/// Subscribes and comes back when the subscription stands: what was sent on a connection before a ping was taken in
/// before its pong.
fn subscribed(server: &Server, key: &PrivateKey, message: &Value) -> WebSocket {
    let mut socket = WebSocket::open(server.address());
    socket.say(key, message);
    socket.assert_quiet();
    socket
}

#[test]
fn upgrades_are_plain() {
    let server = Server::start();
    let offers =
        ["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: permessage-deflate", "Origin: http://x.org"];
    let (mut socket, response) = WebSocket::handshake(server.address(), &offers);
    assert_eq!(response.status, 101);
    assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(response.header("sec-websocket-protocol"), None);
    assert_eq!(response.header("sec-websocket-extensions"), None);
    // No greeting.
    socket.assert_quiet();
    let old = [UPGRADE[0], UPGRADE[1], "Sec-WebSocket-Version: 8", UPGRADE[3]];
    for headers in [&UPGRADE[1..], &UPGRADE[..3], &old] {
        let response = once(server.address(), "GET", "/pubsub", headers, b"");
        assert_eq!((response.status, response.text()), (400, "Bad Request\n"), "{headers:?}");
        assert_eq!(response.header("sec-websocket-version"), Some("13"));
    }
}

#[test]
fn a_subscriber_is_told_when_its_process_reaches_the_state() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let key = colony.executor("e");
    let (id, other) = (colony.submit_any(), colony.submit_any());
    let mut running = subscribed(&server, &colony.user, &to_process(&id, 1, 60));
    let mut done = subscribed(&server, &colony.user, &to_process(&id, 2, 60));
    // A wrong executor type does not matter: the id says it all.
    let mut typed = to_process(&id, 2, 60);
    typed["executortype"] = "another".into();
    let mut wrong_type = subscribed(&server, &key, &typed);
    assert_eq!(colony.assign(&key, 5).process_id(), id);
    let shown = event(&running.next());
    assert_eq!((&shown["processid"], &shown["state"]), (&json!(id), &json!(1)));
    done.assert_quiet();
    colony.close(&key, &id).ok();
    for socket in [&mut done, &mut wrong_type] {
        // The process as it is stored, not as it was before.
        assert_eq!(event(&socket.next()), colony.process(&id));
    }
    assert_eq!(colony.assign(&key, 5).process_id(), other);
    colony.close(&key, &other).ok();
    running.assert_quiet();
    done.assert_quiet();
}

#[test]
fn a_state_that_is_there_already_is_told_at_once() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let id = colony.submit_any();
    let mut socket = WebSocket::open(server.address());
    socket.say(&colony.user, &to_process(&id, 0, 60));
    assert_eq!(event(&socket.next()), colony.process(&id));
    socket.assert_quiet();
    // Also where no time is given; the connection ends then.
    let mut socket = WebSocket::open(server.address());
    socket.say(&colony.user, &to_process(&id, 0, 0));
    assert_eq!(event(&socket.next())["processid"], id);
    assert_eq!(socket.next(), Frame::End);
}

#[test]
fn a_retry_is_told_each_time() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let key = colony.executor("e");
    let id = colony.submit(json!({ "maxexectime": 1, "maxretries": 1 }), json!({}));
    let mut running = subscribed(&server, &colony.user, &to_process(&id, 1, 60));
    let mut failed = subscribed(&server, &colony.user, &to_process(&id, 3, 60));
    for retries in 0..2 {
        assert_eq!(colony.assign(&key, 30).process_id(), id);
        assert_eq!(event(&running.next())["retries"], retries);
    }
    assert_eq!(event(&failed.next())["errors"], json!(["Maximum execution time limit exceeded"]));
}

#[test]
fn the_end_of_its_time_closes_the_connection_without_a_close_frame() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let id = colony.submit_any();
    let mut socket = WebSocket::open(server.address());
    let begin = Instant::now();
    // The first time-out ends them all.
    socket.say(&colony.user, &to_process(&id, 2, 60));
    socket.say(&colony.user, &to_process(&id, 2, 1));
    assert_eq!(socket.next(), Frame::End);
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
    let mut missing = WebSocket::open(server.address());
    missing.say(&colony.user, &json!({ "msgtype": "subscribeprocessmsg", "processid": id, "state": 2 }));
    assert_eq!(missing.next(), Frame::End);
}

#[test]
fn only_members_may_watch() {
    let server = Server::start();
    let (colony, other) = (Colony::new(&server), Colony::new(&server));
    let id = colony.submit_any();
    let pending = PrivateKey::generate();
    colony.add_executor("pending", &pending, json!({}));
    let refused = (403, format!("Access denied, not a member of Colony with name <{}>", colony.name));
    let mut socket = WebSocket::open(server.address());
    for stranger in [&other.user, &colony.owner, &pending, &PrivateKey::generate()] {
        socket.say(stranger, &to_process(&id, 0, 60));
        assert_eq!(refusal(&socket.next()), refused);
    }
    // An unknown process; the connection can be used all along.
    for unknown in ["nope", "", &"0".repeat(64)] {
        socket.say(&colony.user, &to_process(unknown, 0, 60));
        assert_eq!(refusal(&socket.next()), (403, format!("Invalid process with Id {unknown}")));
    }
    socket.say(&colony.user, &to_process(&id, 0, 60));
    assert_eq!(event(&socket.next())["processid"], id);
    // Executors of the colony only, and approved ones, may watch a type.
    let (near, far) = (colony.executor("near"), other.executor("far"));
    for stranger in [&far, &pending, &colony.user, &colony.owner] {
        socket.say(stranger, &to_processes(&colony, 0, 60));
        assert_eq!(refusal(&socket.next()), (403, "executor not found".to_owned()));
    }
    socket.say(&near, &to_processes(&colony, 0, 60));
    socket.assert_quiet();
}

#[test]
fn an_executor_that_names_no_colony_watches_its_own() {
    let server = Server::start();
    let (colony, other) = (Colony::new(&server), Colony::new(&server));
    let unnamed = |colony: &Colony| {
        let mut message = to_processes(colony, 0, 60);
        message.as_object_mut().unwrap().remove("colonyname");
        message
    };
    let key = colony.executor("e");
    // In another one it may not work.
    other.add_executor("pending", &key, json!({}));
    let mut socket = subscribed(&server, &key, &unnamed(&colony));
    other.submit_any();
    let id = colony.submit_any();
    assert_eq!(event(&socket.next())["processid"], id);
    socket.assert_quiet();
    for stranger in [&colony.user, &PrivateKey::generate()] {
        socket.say(stranger, &unnamed(&colony));
        assert_eq!(refusal(&socket.next()), (403, "executor not found".to_owned()));
    }
}

#[test]
fn whoever_loses_the_right_hears_no_more() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let key = colony.executor("e");
    let mut socket = subscribed(&server, &key, &to_processes(&colony, 0, 60));
    colony.owner_says("removeexecutormsg", "e").ok();
    let expected = format!("Access denied, not a member of Colony with name <{}>", colony.name);
    assert_eq!(refusal(&socket.next()), (403, expected));
    colony.submit_any();
    socket.assert_quiet();
}

#[test]
fn every_watcher_of_a_type_sees_every_process_and_takes_none() {
    let server = Server::start();
    let (colony, other) = (Colony::new(&server), Colony::new(&server));
    let keys: Vec<_> = (0..3).map(|n| colony.executor(&format!("e{n}"))).collect();
    let before = colony.submit_any();
    let mut sockets: Vec<_> = keys.iter().map(|key| subscribed(&server, key, &to_processes(&colony, 0, 60))).collect();
    assert_eq!(colony.assign(&keys[0], 5).process_id(), before);
    // Watching and asking for work are apart: the executor that asks is woken each time.
    for _ in 0..4 {
        let poll = colony.parked("e0", &keys[0], 60);
        other.submit_any();
        colony.submit(json!({}), json!({ "executortype": "another" }));
        let id = colony.submit_any();
        assert_eq!(poll.answer().process_id(), id);
        for socket in &mut sockets {
            assert_eq!(event(&socket.next())["processid"], id);
        }
    }
    sockets.iter_mut().for_each(WebSocket::assert_quiet);
}

#[test]
fn a_watcher_that_left_swallows_nothing() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let key = colony.executor("e");
    for _ in 0..20 {
        drop(subscribed(&server, &key, &to_processes(&colony, 0, 60)));
        let poll = colony.parked("e", &key, 60);
        let id = colony.submit_any();
        assert_eq!(poll.answer().process_id(), id);
    }
}

#[test]
fn answers_come_as_the_question_did() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let id = colony.submit_any();
    let mut socket = WebSocket::open(server.address());
    for opcode in [BINARY, TEXT, BINARY] {
        for message in [to_process(&id, 0, 60), to_process("nope", 0, 60)] {
            socket.send(opcode, envelope(&colony.user, &message).as_bytes());
            socket.next().reply(opcode);
        }
    }
}

#[test]
fn other_messages_are_passed_over() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let mut socket = WebSocket::open(server.address());
    for msgtype in ["getcolonystatsmsg", "versionmsg", "nonsense", ""] {
        socket.say(&colony.user, &json!({ "msgtype": msgtype, "colonyname": colony.name }));
        socket.assert_quiet();
    }
}

#[test]
fn subscriptions_that_cannot_be_read_are_refused() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let id = colony.submit_any();
    let mut socket = WebSocket::open(server.address());
    let mut fractional = to_process(&id, 0, 60);
    fractional["timeout"] = json!(1.5);
    socket.say(&colony.user, &fractional);
    assert_eq!(refusal(&socket.next()).0, 400);
    let mut mismatched: Value = serde_json::from_str(&envelope(&colony.user, &to_process(&id, 0, 60))).unwrap();
    mismatched["payloadtype"] = "subscribeprocessesmsg".into();
    socket.send(TEXT, mismatched.to_string().as_bytes());
    let text = "Failed to subscribe to processes, msg.msgType does not match rpcMsg.PayloadType";
    assert_eq!(refusal(&socket.next()), (403, text.to_owned()));
    socket.assert_quiet();
}

#[test]
fn garbage_ends_the_connection_without_a_word() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let id = colony.submit_any();
    let unsigned = json!({ "payloadtype": "subscribeprocessmsg", "payload": "e30=", "signature": "00" }).to_string();
    let null = {
        let payload = "bnVsbA==";
        let signature = colony.user.sign(payload);
        json!({ "payloadtype": "subscribeprocessmsg", "payload": payload, "signature": signature }).to_string()
    };
    for garbage in ["[]", "hello", "null", "{}", "", &unsigned, &null] {
        let mut socket = subscribed(&server, &colony.user, &to_process(&id, 2, 60));
        socket.send(TEXT, garbage.as_bytes());
        assert_eq!(socket.next(), Frame::End, "{garbage:?}");
    }
}

#[test]
fn pings_and_closes_are_answered() {
    let server = Server::start();
    let mut socket = WebSocket::open(server.address());
    socket.send(PING, b"x");
    assert_eq!(socket.next(), Frame::Data(PONG, b"x".to_vec()));
    socket.send(CLOSE, &[3, 232, b'b', b'y', b'e']);
    assert_eq!(socket.next(), Frame::Data(CLOSE, vec![3, 232]));
    assert_eq!(socket.next(), Frame::End);
}
