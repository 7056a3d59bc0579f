//! Help, completions and manual pages.

use crate::shell::{Ran, command};
use crate::support::Value;
use std::process::Output;

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = run(&["completion", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains("colonies") && script.contains("psw"), "{shell}");
    }
}

#[test]
fn every_command_has_a_page_and_help() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().to_str().unwrap();
    assert!(run(&["man", "--dir", path]).status.success());
    let mut pages = 0;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let page = std::fs::read_to_string(entry.path()).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{:?}", entry.path());
        pages += 1;
    }
    assert!(pages > 100, "{pages} pages");
    let help = String::from_utf8(run(&["function", "submit", "--help"]).stdout).unwrap();
    for shown in ["--spec", "--follow", "--json", "COLONIES_PRVKEY", "COLONIES_SERVER_HOST"] {
        assert!(help.contains(shown), "no {shown}: {help}");
    }
}

#[test]
fn help_shows_no_key() {
    let key = "ddf7f7791208083b6a9ed975a72684f6406a269cfa36f1b1c32045c0a71fff05";
    let mut command = command(&["colony", "ls", "--help"]);
    for variable in ["COLONIES_PRVKEY", "COLONIES_COLONY_PRVKEY", "COLONIES_SERVER_PRVKEY"] {
        command.env(variable, key);
    }
    let output = command.output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("COLONIES_SERVER_PRVKEY") && !help.contains(key), "{help}");
}

#[test]
fn what_needs_no_server_needs_no_environment() {
    let version = run(&["version", "--json"]);
    let version: Value = serde_json::from_slice(&version.stdout).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(run(&["key", "generate"]).status.success());
    let output = run(&["key", "id", "--prvkey", "ddf7f7791208083b6a9ed975a72684f6406a269cfa36f1b1c32045c0a71fff05"]);
    let ran = Ran { code: None, stdout: String::new(), stderr: String::from_utf8(output.stderr).unwrap() };
    assert_eq!(ran.value("Id"), "3fc05cf3df4b494e95d6a3d297a34f19938f7daa7422ab0d4f794454133341ac");
    assert!(run(&["config"]).status.success());
}
