//! HTTPS with a certificate of the test's own.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use rustix::process::Signal;
use rustls::version::{TLS12, TLS13};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use support::tls::{Connection, Files, client};
use support::{Reply, Server, envelope, http, json, server_owner, wait};
use tempfile::TempDir;

fn question() -> String {
    envelope(&server_owner(), &json!({ "msgtype": "getcoloniesmsg" }))
}

/// Whether a new connection gets a certificate that this client trusts, and its answer.
fn is_served(server: &Server, files: &Files) -> bool {
    let connection = Connection::open(server.address(), client(Some(files), &[&TLS13]));
    connection.is_ok_and(|mut connection| {
        assert_eq!(Reply::read(&connection.post(question().as_bytes()).unwrap()).ok(), json!(null));
        true
    })
}

#[test]
fn a_server_with_a_certificate_answers_https() {
    let dir = TempDir::new().unwrap();
    let files = Files::make(&dir);
    let server = Server::start_with(&files.arguments());
    for version in [&TLS12, &TLS13] {
        let mut connection = Connection::open(server.address(), client(Some(&files), &[version])).unwrap();
        let response = connection.post(question().as_bytes()).unwrap();
        assert_eq!(Reply::read(&response).ok(), json!(null));
    }
    // The certificate is the one that was given: without trust in it there is no connection.
    assert!(Connection::open(server.address(), client(None, &[&TLS13])).is_err());
}

#[test]
fn a_client_that_speaks_plain_http_is_told_so() {
    let dir = TempDir::new().unwrap();
    let files = Files::make(&dir);
    let server = Server::start_with(&[&files.arguments()[..], &["--head-timeout", "1"]].concat());
    let open = || http::Connection::open(server.address()).unwrap();
    for body in [&b""[..], question().as_bytes(), &[b'x'; 40_000]] {
        let mut plain = open();
        plain.request("POST", "/api", &[], body).unwrap();
        let response = plain.read().unwrap();
        let text = "this port speaks TLS, and the request came without: use https://";
        assert_eq!(Reply::read(&response).refused(400), text);
        assert_eq!(response.header("connection"), Some("close"));
        assert!(plain.read_to_end().unwrap().is_empty());
    }
    // What is no HTTP either, and who says nothing, is cut without a word.
    for bytes in [&b""[..], &[0x80, 0x2e, 1], b"\0", b"\x16\x03\x01"] {
        let mut other = open();
        other.send(bytes).unwrap();
        // A reset where bytes of ours were left unread.
        assert!(other.read_to_end().map_or(true, |answer| answer.is_empty()), "{bytes:?}");
    }
    assert!(is_served(&server, &files));
}

#[test]
fn old_versions_are_refused() {
    let dir = TempDir::new().unwrap();
    let server = Server::start_with(&Files::make(&dir).arguments());
    let signatures = [0, 12, 0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1];
    for version in [[3, 0], [3, 1], [3, 2]] {
        // What a client says first: its version, 32 random bytes, no session, one cipher suite, no compression, and
        // which signatures it knows.
        let hello = [&version[..], &[7; 32], &[0], &[0, 2, 0xc0, 0x13], &[1, 0], &signatures].concat();
        let length = hello.len() as u8;
        let handshake = [&[1, 0, 0, length], &hello[..]].concat();
        let record = [&[22, 3, 1, 0, length + 4], &handshake[..]].concat();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(http::READ_TIMEOUT)).unwrap();
        stream.write_all(&record).unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).unwrap();
        // A fatal alert: protocol_version.
        assert_eq!((answer[0], answer[5], answer[6]), (21, 2, 70), "{version:?}: {answer:?}");
    }
}

#[test]
fn a_server_without_its_files_does_not_start() {
    let dir = TempDir::new().unwrap();
    let files = Files::make(&dir);
    let [_, certificate, _, key] = files.arguments();
    let nowhere = dir.path().join("nowhere.pem");
    let nowhere = nowhere.to_str().unwrap();
    let start = |arguments: &[&str]| {
        let ended = Server::try_start(Arc::new(TempDir::new().unwrap()), arguments).unwrap_err();
        assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
        ended.log
    };
    let log = start(&["--tlscert", nowhere, "--tlskey", key]);
    assert!(log.contains(&format!("failed to load the TLS certificate from {nowhere}")), "{log}");
    let log = start(&["--tlscert", certificate, "--tlskey", nowhere]);
    assert!(log.contains(&format!("failed to load the TLS key from {nowhere}")), "{log}");
    // The files exchanged: neither holds what it should.
    let log = start(&["--tlscert", key, "--tlskey", certificate]);
    assert!(log.contains("failed to load the TLS certificate"), "{log}");
    let log = start(&["--tlscert", certificate]);
    assert!(log.contains("TLS needs a certificate and a key"), "{log}");
    // Two that don't belong together.
    let other = TempDir::new().unwrap();
    let log = start(&["--tlscert", certificate, "--tlskey", Files::make(&other).key.to_str().unwrap()]);
    assert!(log.contains("the TLS certificate and key can't be used"), "{log}");
    for (mode, shown) in [(0o644, "0644"), (0o604, "0604")] {
        files.set_key_mode(mode);
        let log = start(&files.arguments());
        assert!(log.contains(&format!("everybody on this machine can read it (mode {shown})")), "{log}");
    }
    files.set_key_mode(0o640);
    Server::start_with(&files.arguments());
}

#[test]
fn a_renewed_certificate_is_served_without_a_restart() {
    let dir = TempDir::new().unwrap();
    let mut files = Files::make(&dir);
    let server = Server::start_with(&files.arguments());
    assert!(is_served(&server, &files));
    let mut open = Connection::open(server.address(), client(Some(&files), &[&TLS12])).unwrap();
    assert_eq!(open.post(question().as_bytes()).unwrap().status, 200);
    // By itself when the files change, and on SIGHUP at once.
    for signalled in [false, true] {
        let renewed = Files::make(&dir);
        if signalled {
            server.signal(Signal::HUP);
        }
        wait::until_true("the new certificate to be served", || is_served(&server, &renewed));
        assert!(!is_served(&server, &files), "the old one is still served");
        files = renewed;
        // A connection from before goes on.
        assert_eq!(open.post(question().as_bytes()).unwrap().status, 200);
    }
    // The signal alone is enough: nothing has changed since.
    let readings = || server.log().matches("the TLS certificate was read again").count();
    let before = readings();
    assert!(before > 0, "{}", server.log());
    server.signal(Signal::HUP);
    wait::until_true("the certificate to be read again", || readings() > before);
}

#[test]
fn a_bad_new_certificate_is_reported_and_the_old_one_stays() {
    let dir = TempDir::new().unwrap();
    let files = Files::make(&dir);
    let server = Server::start_with(&files.arguments());
    let other = TempDir::new().unwrap();
    let good = fs::read(&files.certificate).unwrap();
    let refusals = || server.log().matches("the TLS certificate was not renewed").count();
    let bad: [&dyn Fn(); 4] = [
        &|| fs::write(&files.certificate, "nonsense").unwrap(),
        &|| fs::remove_file(&files.certificate).unwrap(),
        &|| fs::write(&files.certificate, fs::read(&Files::make(&other).certificate).unwrap()).unwrap(),
        &|| files.set_key_mode(0o644),
    ];
    for (number, spoil) in bad.iter().enumerate() {
        fs::write(&files.certificate, &good).unwrap();
        spoil();
        let before = refusals();
        server.signal(Signal::HUP);
        wait::until_true("the bad certificate to be reported", || refusals() > before);
        assert!(is_served(&server, &files), "bad certificate {number}");
    }
    // Once the files are right again they are taken.
    files.set_key_mode(0o600);
    let renewed = Files::make(&dir);
    wait::until_true("the good certificate to be served", || is_served(&server, &renewed));
}
