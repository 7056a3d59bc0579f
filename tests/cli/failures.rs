//! What people see when something is wrong: one line that says what to do, and the exit code.

use crate::shell::Shell;
use crate::support::PrivateKey;

#[test]
fn wrong_usage_is_one_line_and_exit_code_2() {
    let shell = Shell::new();
    let line = shell.fails(2, &["user", "get", "--nme", "x"]);
    assert!(
        line.contains("'--nme'") && line.contains("--name") && line.ends_with("(see colonies user get --help)"),
        "{line}"
    );
    let line = shell.fails(2, &["process", "get"]);
    assert!(line.contains("--processid <PROCESSID>") && line.contains("colonies process get --help"), "{line}");
    let line = shell.fails(2, &["procss", "ps"]);
    assert!(line.contains("'procss'") && line.contains("process"), "{line}");
    let line = shell.fails(2, &["user", "add", "--name", "u", "--userid", "abc"]);
    assert!(line.ends_with("an id has 64 characters, not 3 (see colonies user add --help)"), "{line}");
    shell.write("cut.json", "{\n");
    let line = shell.fails(1, &["function", "submit", "--spec", "cut.json"]);
    assert_eq!(line, "cut.json: EOF while parsing an object at line 2 column 0");
    let line = shell.fails(2, &["process", "psw", "--label", "l", "--executortype", "t"]);
    assert!(line.contains("cannot be used with"), "{line}");
    let line = shell.fails(1, &["function", "exec", "--func", "f"]);
    assert!(line.contains("--targettype"), "{line}");
}

#[test]
fn a_missing_key_names_its_variable() {
    let mut shell = Shell::new();
    for (variable, command) in [
        ("COLONIES_PRVKEY", &["user", "ls"][..]),
        ("COLONIES_COLONY_PRVKEY", &["executor", "approve", "--name", "e"]),
        ("COLONIES_SERVER_PRVKEY", &["colony", "ls"]),
    ] {
        shell.export(variable, "");
        let line = shell.fails(1, command);
        assert!(line.starts_with(&format!("{variable} is not set")) && line.contains("export it"), "{line}");
    }
    let secret = "12ab";
    shell.export("COLONIES_PRVKEY", secret);
    let line = shell.fails(1, &["user", "ls"]);
    assert!(line.contains("COLONIES_PRVKEY") && !line.contains(secret), "{line}");
    shell.export("COLONIES_COLONY_NAME", "");
    let line = shell.fails(1, &["user", "ls"]);
    assert!(line.contains("COLONIES_COLONY_NAME"), "{line}");
}

#[test]
fn an_unreachable_server_is_named_with_a_hint() {
    let mut shell = Shell::new();
    // A port that no test's server gets.
    shell.export("COLONIES_SERVER_PORT", "1");
    let line = shell.fails(1, &["user", "ls"]);
    assert!(line.contains("cannot reach the server at http://127.0.0.1:1: "), "{line}");
    assert!(line.contains("COLONIES_SERVER_HOST") && line.contains("COLONIES_SERVER_PORT"), "{line}");
    shell.export("COLONIES_SERVER_PORT", "many");
    let line = shell.fails(1, &["user", "ls"]);
    assert!(line.contains("COLONIES_SERVER_PORT is not a port: many"), "{line}");
}

#[test]
fn tls_to_a_server_without_it_says_how_to_do_without() {
    let mut shell = Shell::new();
    shell.export("COLONIES_TLS", "true");
    let line = shell.fails(1, &["server", "status"]);
    assert!(line.contains("COLONIES_TLS=false") && line.contains("https://"), "{line}");
    shell.ok(&["server", "status", "--insecure"]);
}

#[test]
fn a_refusal_is_the_servers_text() {
    let mut shell = Shell::new();
    let stranger = PrivateKey::generate();
    shell.export("COLONIES_PRVKEY", &stranger.reveal());
    shell.export("COLONIES_SERVER_PRVKEY", &stranger.reveal());
    let line = shell.fails(1, &["user", "ls"]);
    assert_eq!(line, "Access denied, not a member of Colony with name <dev> (403)");
    let line = shell.fails(1, &["colony", "ls"]);
    assert_eq!(line, "Access denied, not server owner (403)");
}

#[test]
fn flags_win_over_the_environment() {
    let mut shell = Shell::new();
    let (host, port) = (shell.server.address().ip().to_string(), shell.server.address().port().to_string());
    let key = shell.colony.user.reveal();
    let owner = shell.colony.owner.reveal();
    for (name, value) in [
        ("COLONIES_SERVER_HOST", "127.0.0.99"),
        ("COLONIES_SERVER_PORT", "1"),
        ("COLONIES_COLONY_NAME", "other"),
        ("COLONIES_PRVKEY", "wrong"),
        ("COLONIES_COLONY_PRVKEY", "wrong"),
    ] {
        shell.export(name, value);
    }
    let place = ["--host", &host, "--port", &port, "--colonyname", "dev"];
    let ran = shell.ok(&[&["user", "ls"][..], &place, &["--prvkey", &key]].concat());
    assert!(ran.stdout.contains("user"), "{ran:?}");
    shell.ok(&[&["process", "pause", "--colonyprvkey", &owner][..], &place].concat());
    // In front of the command as well as behind it.
    shell.ok(&[&["process"][..], &place, &["--prvkey", &key, "status"]].concat());
}
