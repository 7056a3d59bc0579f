//! Channels over the wire: messages and the stream on the websocket (chapter 4, 5 and 6.5).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::{Duration, Instant};
use support::websocket::{BINARY, CLOSE, Frame, TEXT, WebSocket};
use support::{Colony, PrivateKey, Server, Value, envelope, json};

fn append(colony: &Colony, key: &PrivateKey, id: &str, sequence: i64, payload: Value) {
    let message = json!({
        "msgtype": "channelappendmsg", "processid": id, "name": "ch", "sequence": sequence, "payload": payload,
    });
    assert_eq!(colony.client.call(key, &message).ok(), json!({}));
}

fn read(colony: &Colony, key: &PrivateKey, id: &str) -> support::Reply {
    colony.client.call(key, &json!({ "msgtype": "channelreadmsg", "processid": id, "name": "ch" }))
}

fn listen(id: &str, after: i64, timeout: i64) -> Value {
    json!({ "msgtype": "subscribechannelmsg", "processid": id, "name": "ch", "afterseq": after, "timeout": timeout })
}

/// The sequences in an event frame of a channel.
#[track_caller]
fn entries(frame: &Frame) -> Vec<i64> {
    let reply = frame.reply(TEXT);
    assert_eq!((reply.payload_type.as_str(), reply.error), ("subscribechannelmsg", false), "{reply:?}");
    reply.payload.as_array().unwrap().iter().map(|entry| entry["sequence"].as_i64().unwrap()).collect()
}

#[track_caller]
fn refusal(frame: &Frame) -> (u64, String) {
    let reply = frame.reply(TEXT);
    assert_eq!((reply.payload_type.as_str(), reply.error), ("error", true), "{reply:?}");
    (reply.payload["status"].as_u64().unwrap(), reply.message().to_owned())
}

fn channel(colony: &Colony) -> String {
    colony.submit(json!({ "channels": ["ch"], "maxretries": -1 }), json!({}))
}

#[test]
fn what_was_said_comes_first_and_then_what_is_said() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let key = colony.executor("e");
    let id = channel(&colony);
    assert_eq!(colony.assign(&key, 5).process_id(), id);
    append(&colony, &colony.user, &id, 1, "aGk=".into());
    append(&colony, &colony.user, &id, 2, json!([104, 105]));
    let mut socket = WebSocket::open(server.address());
    socket.say(&colony.user, &listen(&id, 0, 60));
    let first = socket.next();
    assert_eq!(entries(&first), [1, 2]);
    // The same entries as a read shows.
    assert_eq!(first.reply(TEXT).payload, read(&colony, &key, &id).ok());
    assert_eq!(first.reply(TEXT).payload[1]["payload"], "aGk=");
    // Pings are answered all along, and no frame comes that was not asked for.
    socket.assert_quiet();
    let mut late = WebSocket::open(server.address());
    late.say(&key, &listen(&id, 99, 60));
    late.assert_quiet();
    for sequence in [9, 7, 8] {
        append(&colony, &key, &id, sequence, Value::Null);
    }
    for socket in [&mut socket, &mut late] {
        for sequence in [9, 7, 8] {
            assert_eq!(entries(&socket.next()), [sequence]);
        }
        socket.assert_quiet();
    }
    // The end of the process is the end of the list, and the connection stays.
    append(&colony, &key, &id, 10, Value::Null);
    colony.close(&key, &id).ok();
    for socket in [&mut socket, &mut late] {
        assert_eq!(entries(&socket.next()), [10]);
        assert_eq!(entries(&socket.next()), [0; 0]);
        socket.assert_quiet();
        socket.say(&colony.user, &listen(&id, 0, 60));
        assert_eq!(refusal(&socket.next()), (404, "Channel not found".to_owned()));
    }
    assert_eq!(read(&colony, &colony.user, &id).refused(404), "Channel not found");
}

#[test]
fn the_end_of_its_time_is_an_empty_list() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let id = channel(&colony);
    append(&colony, &colony.user, &id, 1, Value::Null);
    let mut socket = WebSocket::open(server.address());
    let begin = Instant::now();
    socket.say(&colony.user, &listen(&id, 0, 1));
    assert_eq!(entries(&socket.next()), [1]);
    append(&colony, &colony.user, &id, 2, Value::Null);
    assert_eq!(entries(&socket.next()), [2]);
    assert_eq!(entries(&socket.next()), [0; 0]);
    assert!(begin.elapsed() >= Duration::from_secs(1) && begin.elapsed() < Duration::from_secs(5));
    append(&colony, &colony.user, &id, 3, Value::Null);
    socket.assert_quiet();
    // No time at all: what there is, and the end.
    socket.say(&colony.user, &listen(&id, 1, -1));
    assert_eq!(entries(&socket.next()), [2, 3]);
    assert_eq!(entries(&socket.next()), [0; 0]);
    socket.assert_quiet();
}

#[test]
fn one_channel_follows_the_other() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let (id, other) = (channel(&colony), channel(&colony));
    append(&colony, &colony.user, &other, 5, Value::Null);
    let mut socket = WebSocket::open(server.address());
    socket.say(&colony.user, &listen(&id, 0, 60));
    socket.send(BINARY, envelope(&colony.user, &listen(&other, 0, -1)).as_bytes());
    socket.say(&colony.user, &listen("nope", 0, 60));
    socket.say(&colony.user, &listen(&other, 0, 60));
    socket.assert_quiet();
    let cancel = json!({ "msgtype": "cancelprocessmsg", "processid": id });
    colony.client.call(&colony.user, &cancel).ok();
    assert_eq!(entries(&socket.next()), [0; 0]);
    // Each in the opcode that it was asked in.
    assert_eq!(socket.next().reply(BINARY).payload[0]["sequence"], 5);
    assert_eq!(socket.next().reply(BINARY).payload, json!([]));
    assert_eq!(refusal(&socket.next()), (404, "Process not found".to_owned()));
    assert_eq!(entries(&socket.next()), [5]);
    socket.send(CLOSE, &[3, 232]);
    assert_eq!(socket.next(), Frame::Data(CLOSE, vec![3, 232]));
}

#[test]
fn subscriptions_that_may_not_be_are_refused() {
    let server = Server::start();
    let (colony, other) = (Colony::new(&server), Colony::new(&server));
    let key = colony.executor("e");
    let id = channel(&colony);
    let mut socket = WebSocket::open(server.address());
    let stranger = (403, format!("Access denied, not a member of Colony with name <{}>", colony.name));
    for key in [&other.user, &colony.owner, &PrivateKey::generate()] {
        socket.say(key, &listen(&id, 0, 60));
        assert_eq!(refusal(&socket.next()), stranger);
    }
    socket.say(&key, &listen(&id, 0, 60));
    assert_eq!(refusal(&socket.next()), (403, "Not authorized to subscribe to channel".to_owned()));
    for unknown in ["", &"0".repeat(64)] {
        socket.say(&key, &listen(unknown, 0, 60));
        assert_eq!(refusal(&socket.next()), (404, "Process not found".to_owned()));
    }
    let mut fractional = listen(&id, 0, 60);
    fractional["timeout"] = json!(1.5);
    socket.say(&colony.user, &fractional);
    assert_eq!(refusal(&socket.next()).0, 400);
    let mut mismatched: Value = serde_json::from_str(&envelope(&colony.user, &json!({ "msgtype": "x" }))).unwrap();
    mismatched["payloadtype"] = "subscribechannelmsg".into();
    socket.send(TEXT, mismatched.to_string().as_bytes());
    let text = "Failed to subscribe to channel, msg.MsgType does not match rpcMsg.PayloadType";
    assert_eq!(refusal(&socket.next()), (400, text.to_owned()));
    // Whoever loses the process hears no more.
    assert_eq!(colony.assign(&key, 5).process_id(), id);
    socket.say(&key, &listen(&id, 0, 60));
    socket.assert_quiet();
    colony.owner_says("removeexecutormsg", "e").ok();
    assert_eq!(refusal(&socket.next()).0, 403);
    append(&colony, &colony.user, &id, 1, Value::Null);
    socket.assert_quiet();
}

#[test]
fn a_client_that_sends_too_much_ahead_is_cut_off() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let id = channel(&colony);
    let mut socket = WebSocket::open(server.address());
    socket.say(&colony.user, &listen(&id, 0, 60));
    socket.assert_quiet();
    (0..65).for_each(|_| socket.send(TEXT, b"{}"));
    assert_eq!(socket.next(), Frame::End);
}

#[test]
fn contents_are_gone_after_a_restart_and_the_channel_is_there() {
    let mut server = Server::start();
    let colony = Colony::new(&server);
    let id = channel(&colony);
    append(&colony, &colony.user, &id, 1, Value::Null);
    server.stop_and_restart();
    let colony = colony.at(&server);
    assert_eq!(read(&colony, &colony.user, &id).ok(), json!([]));
    append(&colony, &colony.user, &id, 2, Value::Null);
    assert_eq!(read(&colony, &colony.user, &id).ok()[0]["sequence"], 2);
}

#[test]
fn a_user_with_another_key_keeps_its_channels_also_after_a_restart() {
    let mut server = Server::start();
    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    let (running, waiting) = (channel(&colony), channel(&colony));
    assert_eq!(colony.assign(&executor, 5).process_id(), running);
    let plain = colony.submit_any();
    let new = PrivateKey::generate();
    let change = json!({ "msgtype": "changeuseridmsg", "colonyname": colony.name, "userid": new.id() });
    colony.client.call(&colony.user, &change).ok();
    let look = |colony: &Colony, sequence: i64| {
        append(colony, &new, &running, sequence, "aGk=".into());
        assert_eq!(read(colony, &new, &waiting).status, 200);
        read(colony, &colony.user, &running).refused(403);
        let submitter =
            |id: &str| colony.client.call(&new, &json!({ "msgtype": "getprocessmsg", "processid": id })).ok();
        assert_eq!(submitter(&running)["initiatorid"], new.id().to_string());
        assert_eq!(submitter(&plain)["initiatorid"], colony.user.id().to_string());
    };
    look(&colony, 1);
    server.stop_and_restart();
    look(&colony.at(&server), 2);
    server.crash_and_restart();
    look(&colony.at(&server), 3);
}
