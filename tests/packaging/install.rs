//! The installer, the unit and the sample settings.

use super::{binary, read, source};
use crate::support::Server;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

fn install(root: &Path) {
    let mut command = Command::new(source("packaging/install.sh"));
    command.arg(binary()).env("DESTDIR", root).env("PREFIX", "/opt/colonies");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn everything_is_installed_and_settings_stay() {
    let root = TempDir::new().unwrap();
    install(root.path());
    let installed = |path: &str| root.path().join(path);
    for path in [
        "opt/colonies/bin/colonies",
        "opt/colonies/share/man/man1/colonies-server-start.1",
        "opt/colonies/share/bash-completion/completions/colonies",
        "opt/colonies/share/zsh/site-functions/_colonies",
        "opt/colonies/share/fish/vendor_completions.d/colonies.fish",
        "usr/lib/sysusers.d/colonies.conf",
        "etc/colonies/colonies.env",
    ] {
        assert!(installed(path).metadata().is_ok_and(|file| file.len() > 0), "{path}");
    }
    let unit = std::fs::read_to_string(installed("usr/lib/systemd/system/colonies.service")).unwrap();
    assert!(unit.contains("\nExecStart=/opt/colonies/bin/colonies server start\n"), "{unit}");
    std::fs::write(installed("etc/colonies/colonies.env"), "mine").unwrap();
    install(root.path());
    assert_eq!(std::fs::read_to_string(installed("etc/colonies/colonies.env")).unwrap(), "mine");
}

/// Where systemd is at hand it reads the unit itself; elsewhere the settings that matter are looked for.
#[test]
fn the_unit_is_one_that_systemd_takes() {
    let unit = read("packaging/systemd/colonies.service");
    for setting in ["User=colonies", "NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory=colonies"] {
        assert!(unit.lines().any(|line| line == setting), "{setting}");
    }
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("colonies.service");
    std::fs::write(&path, unit.replace("/usr/local/bin/colonies", binary().to_str().unwrap())).unwrap();
    let Ok(output) = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output() else {
        eprintln!("systemd-analyze is not here");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<_> = said.lines().filter(|line| line.contains("colonies.service")).collect();
    assert!(ours.is_empty(), "{said}");
}

/// What the sample shows as the default is the default, and it names every setting.
#[test]
fn the_sample_settings_are_the_servers() {
    let output = Command::new(binary()).args(["server", "start", "--help"]).env_clear().output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let known: BTreeSet<&str> =
        words.split("[env: ").skip(1).filter_map(|rest| rest.split_once('=')).map(|(name, _)| name).collect();
    let sample = read("packaging/colonies.env");
    let mut named = BTreeSet::new();
    for line in sample.lines().filter(|line| line.starts_with('#') && !line.starts_with("# ")) {
        let (name, value) = line[1..].split_once('=').unwrap();
        named.insert(name);
        if let Some((_, rest)) = words.split_once(&format!("[env: {name}=]")) {
            let default = rest.trim_start().strip_prefix("[default: ").and_then(|rest| rest.split_once(']'));
            assert_eq!(value, default.map_or("", |(default, _)| default), "{name}");
        }
    }
    let missing: Vec<_> = known.difference(&named).collect();
    assert!(missing.is_empty(), "not in the sample: {missing:?}");
    // Those that are no flag's.
    for name in ["COLONIES_SERVER_HTTP_PORT", "COLONIES_TLS", "COLONIES_TLSCERT", "COLONIES_TLSKEY", "TZ", "RUST_LOG"] {
        assert!(named.contains(name), "{name}");
    }
    // With all of them set as shown a server starts.
    let settings: Vec<_> = sample
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter_map(|line| line.split_once('='))
        .filter(|(name, value)| !name.contains(' ') && !value.is_empty() && !name.contains("DATADIR"))
        .collect();
    assert!(settings.len() > 15, "{settings:?}");
    Server::try_start_in(Arc::new(TempDir::new().unwrap()), &[], &settings).unwrap();
}
