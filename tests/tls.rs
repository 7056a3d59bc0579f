//! HTTPS with a certificate of the test's own.

#![allow(clippy::unwrap_used)]

mod support;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use support::certificate::Certificate;
use support::{Reply, Server, envelope, http, json, server_owner};
use tempfile::TempDir;

fn client(trusted: Option<CertificateDer<'static>>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    trusted.into_iter().for_each(|certificate| roots.add(certificate).unwrap());
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[test]
fn a_server_with_a_certificate_answers_https() {
    let dir = TempDir::new().unwrap();
    let files = Certificate::for_localhost(dir.path());
    let arguments = ["--tlscert", files.certificate.to_str().unwrap(), "--tlskey", files.key.to_str().unwrap()];
    let server = Server::start_with(&arguments);
    let body = envelope(&server_owner(), &json!({ "msgtype": "getcoloniesmsg" }));
    let ask = |config: ClientConfig| {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(server.address()).unwrap());
        let head = format!("POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        http::read_response(&mut BufReader::new(stream))
    };
    let response = ask(client(Some(files.der))).unwrap();
    assert_eq!(Reply::read(&response).ok(), json!(null));
    // The certificate is the one that was given: without trust in it there is no connection.
    assert!(ask(client(None)).is_err());
    // Plain HTTP gets nothing on this port.
    let mut plain = http::Connection::open(server.address()).unwrap();
    plain.request("GET", "/health", &[], b"").unwrap();
    assert!(plain.read().is_err());
}

#[test]
fn a_server_without_its_files_does_not_start() {
    let dir = TempDir::new().unwrap();
    let files = Certificate::for_localhost(dir.path());
    let (certificate, key) = (files.certificate.to_str().unwrap(), files.key.to_str().unwrap());
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
}
