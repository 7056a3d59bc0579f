//! The command line over TLS.

use crate::shell::command;
use crate::support::Server;
use crate::support::tls::Files;
use tempfile::TempDir;

#[test]
fn a_certificate_is_checked_unless_that_is_waived() {
    let dir = TempDir::new().unwrap();
    let files = Files::make(&dir);
    let (certificate, key) = (files.certificate.to_str().unwrap(), files.key.to_str().unwrap());
    let server = Server::start_with(&["--tlscert", certificate, "--tlskey", key]);
    let port = server.address().port().to_string();
    let status = |more: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["server", "status", "--host", "localhost", "--port", &port][..], more].concat();
        command(&arguments).env("COLONIES_TLS", "true").envs(variables.iter().copied()).output().unwrap()
    };
    let refused = status(&[], &[]);
    let line = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && line.contains("--skip-tls-verify"), "{line}");
    assert!(status(&["--skip-tls-verify"], &[]).status.success());
    let trusting = status(&[], &[("SSL_CERT_FILE", certificate)]);
    assert!(trusting.status.success(), "{trusting:?}");
}
