//! Keys and signatures never leave the server: not in a log at any level, not in an error.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use rustix::process::Signal;
use rustls::version::TLS13;
use std::process::Command;
use std::sync::Arc;
use support::tls::{Files, client, tunnel};
use support::websocket::{Frame, TEXT, WebSocket};
use support::{Colony, PrivateKey, Server, Value, client as requests, envelope, json, server_owner};
use tempfile::TempDir;

/// Every way in which the bytes of these hex digits may have been printed.
fn forms(digits: &str) -> Vec<String> {
    let bytes: Vec<u8> =
        (0..digits.len() / 2).filter_map(|n| u8::from_str_radix(&digits[2 * n..][..2], 16).ok()).collect();
    let list = format!("{bytes:?}");
    vec![
        digits.to_lowercase(),
        digits.to_uppercase(),
        list.trim_matches(['[', ']']).to_owned(),
        base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &bytes),
    ]
}

#[track_caller]
fn assert_secret(secrets: &[String], text: &str, what: &str) {
    for secret in secrets {
        // A part of one is as bad: a half of a key, R or S of a signature.
        for part in [&secret[..secret.len() / 2], &secret[secret.len() / 2..]] {
            for form in forms(part).iter().filter(|form| form.len() > 12) {
                assert!(!text.contains(form), "{what} holds {form}");
            }
        }
    }
}

#[test]
fn no_key_and_no_signature_is_ever_written() {
    let files_dir = TempDir::new().unwrap();
    let files = Files::make(&files_dir);
    let dir = Arc::new(TempDir::with_prefix("colonies-").unwrap());
    let mut server = Server::try_start_in(dir, &files.arguments(), &[("RUST_LOG", "trace")]).unwrap();
    server.reach_through(tunnel(server.address(), client(Some(&files), &[&TLS13])));
    requests::remember_signatures();

    let colony = Colony::new(&server);
    let executor = colony.executor("e");
    let mut socket = WebSocket::open(server.address());
    let watch = json!({ "msgtype": "subscribeprocessesmsg", "colonyname": colony.name,
        "executortype": support::colony::TYPE, "state": 0, "timeout": 60 });
    socket.say(&executor, &watch);
    socket.assert_quiet();
    let poll = colony.parked("e", &executor, 60);
    let id = colony.submit_any();
    assert_eq!(poll.answer().process_id(), id);
    assert_eq!(socket.next().reply(TEXT).payload["processid"], id);
    colony.close(&executor, &id).ok();

    // What is refused, with all that may be wrong with a signature.
    let mut errors = Vec::new();
    let good: Value = serde_json::from_str(&envelope(&executor, &json!({ "msgtype": "getcoloniesmsg" }))).unwrap();
    let signature = good["signature"].as_str().unwrap();
    let spoilt = [
        signature[1..].to_owned(),
        format!("{signature}00"),
        format!("{signature}x"),
        format!("{}05", &signature[..128]),
        format!("{}{}", &signature[..64], &"f".repeat(66)),
        signature.to_owned(),
    ];
    let mut post = |body: &str| {
        let response = colony.client.post(body.as_bytes()).unwrap();
        assert!(matches!(response.status, 400 | 403), "{}", response.text());
        let reply = requests::Reply::read(&response);
        errors.push(reply.message().to_owned());
    };
    for spoilt in &spoilt {
        let mut envelope = good.clone();
        envelope["signature"] = spoilt.as_str().into();
        post(&envelope.to_string());
    }
    // An envelope that can't be read, with secrets where they don't belong.
    let key = executor.reveal();
    for place in
        [json!(*key), json!([*key]), json!({ "payload": { "prvkey": *key } }), json!({ "signature": [signature] })]
    {
        post(&place.to_string());
        post(&place.to_string()[1..]);
        let mut socket = WebSocket::open(server.address());
        socket.send(TEXT, place.to_string().as_bytes());
        assert_eq!(socket.next(), Frame::End);
    }
    server.signal(Signal::TERM);
    assert!(server.wait().success(), "{}", server.log());

    let mut secrets: Vec<String> = requests::signatures();
    assert!(secrets.len() > 10);
    let keys = [&server_owner(), &colony.owner, &colony.user, &executor];
    secrets.extend(keys.iter().map(|key| key.reveal().to_string()));
    let log = server.log();
    for level in [" TRACE ", " DEBUG ", " INFO "] {
        assert!(log.contains(level), "nothing was logged at{level}");
    }
    assert!(log.contains("Tls13") || log.contains("ALPN") || log.contains("TLS"), "nothing was logged of TLS");
    assert_secret(&secrets, &log, "the log");
    assert_secret(&secrets, &errors.join("\n"), "an error");
    let tls_key = std::fs::read_to_string(&files.key).unwrap();
    for line in tls_key.lines().filter(|line| !line.starts_with("-----")) {
        assert!(!log.contains(line), "the log holds a line of the TLS key");
    }
}

#[test]
fn the_help_shows_no_key_of_the_environment() {
    let key = PrivateKey::generate();
    for arguments in
        [&["bench", "--help"][..], &["dev", "--help"], &["server", "start", "--help"], &["bench", "--nonsense"]]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_colonies"));
        command.env_clear().env("COLONIES_SERVER_PRVKEY", &*key.reveal()).env("COLONIES_PRVKEY", &*key.reveal());
        let output = command.args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(!said.is_empty());
        assert!(!String::from_utf8_lossy(&said).contains(key.reveal().as_str()), "{arguments:?}");
    }
}
