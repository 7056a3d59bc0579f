//! From an empty server to a colony with people in it, and who may do what (S1, S2, S3, S29, S30).

use crate::shell::Shell;
use crate::support::{PrivateKey, Server, json};
use std::sync::Arc;
use tempfile::TempDir;

#[test]
fn a_colony_is_set_up_by_commands_alone() {
    let mut shell = Shell::new();
    shell.ok(&["server", "status"]);
    shell.ok(&["server", "alive"]);
    let keys = [shell.json(&["key", "generate"]), shell.json(&["security", "generate"])];
    let [owner, user] =
        keys.map(|key| [key["id"].clone(), key["prvkey"].clone()].map(|v| v.as_str().unwrap().to_owned()));
    shell.export("COLONIES_COLONY_NAME", "new");
    shell.export("COLONIES_COLONY_PRVKEY", &owner[1]);
    shell.export("COLONIES_PRVKEY", &user[1]);
    assert_eq!(shell.json(&["key", "id"])["id"], user[0]);

    let line = shell.fails(1, &["colony", "check", "--name", "new"]);
    assert!(line.starts_with("Colony with name <new> does not exists"), "{line}");
    let add = ["colony", "add", "--name", "new", "--colonyid", &owner[0]];
    let ran = shell.ok(&add);
    assert_eq!((ran.value("ColonyName"), ran.value("ColonyID")), ("new".to_owned(), owner[0].clone()));
    assert_eq!(shell.fails(1, &add), "A Colony with name <new> already exists (400)");
    // Scripts wait for this one.
    let line = shell.fails(1, &["colony", "check", "--name", "new"]);
    assert!(line.starts_with("Access denied, not a member of Colony"), "{line}");
    let add = ["user", "add", "--name", "me", "--email", "a@b.se", "--phone", "", "--userid", &user[0]];
    assert_eq!(shell.ok(&add).value("Email"), "a@b.se");
    assert!(shell.fails(1, &add).contains("A user with name <me> already exists"));
    shell.ok(&["colony", "check", "--name", "new"]);

    let names = shell.json(&["colony", "ls"]);
    assert_eq!(names.as_array().unwrap().iter().map(|colony| &colony["name"]).collect::<Vec<_>>(), ["dev", "new"]);
    assert_eq!(shell.json(&["user", "ls"])[0]["name"], "me");
    assert!(shell.ok(&["user", "get", "--name", "me"]).stdout.contains(&user[0]));
    let config = shell.ok(&["config"]).stdout;
    assert!(config.contains(&user[0]) && !config.contains(&user[1]), "ids, not keys: {config}");

    assert!(shell.answering("yes\n", &["user", "remove", "--name", "me"]).stderr.contains("aborted"));
    assert_eq!(shell.json(&["user", "ls"]).as_array().unwrap().len(), 1);
    assert_eq!(shell.answering("YES\n", &["user", "remove", "--name", "me"]).code, Some(0));
    shell.ok(&["colony", "remove", "--name", "new"]);
    assert_eq!(shell.fails(1, &["colony", "remove", "--name", "new"]), "Colony with name <new> not found (400)");
}

#[test]
fn an_empty_list_is_nothing_on_stdout_and_an_empty_list_in_json() {
    let shell = Shell::new();
    for command in [
        &["executor", "ls"][..],
        &["function", "ls"],
        &["process", "psw"],
        &["process", "ps"],
        &["process", "pss"],
        &["process", "psf"],
        &["process", "psc"],
        &["workflow", "psw"],
        &["cron", "ls"],
        &["generator", "ls"],
        &["location", "ls"],
        &["blueprint", "ls"],
        &["blueprint", "definition", "ls"],
        &["fs", "label", "ls"],
        &["fs", "ls", "-l", "/a"],
        &["fs", "snapshot", "ls"],
        &["log", "search", "--text", "x"],
    ] {
        let ran = shell.ok(command);
        assert!(ran.stdout.is_empty() && ran.stderr.starts_with("No ") && ran.stderr.contains("found"), "{ran:?}");
        assert_eq!(shell.json(command), json!([]), "{command:?}");
    }
}

#[test]
fn executors_are_added_approved_and_removed() {
    let shell = Shell::new();
    shell.write("executor.json", r#"{"executortype":"cli","capabilities":{"hardware":[{"model":"m","cpu":"4000m"}]}}"#);
    let id = PrivateKey::generate().id().to_string();
    let line = shell.fails(1, &["executor", "add", "--executorid", &id, "--spec", "executor.json"]);
    assert!(line.contains("give --name"), "{line}");
    shell.ok(&["executor", "add", "--executorid", &id, "--spec", "executor.json", "--name", "e"]);
    assert_eq!(shell.json(&["executor", "ls"])[0]["state"], 0);
    shell.ok(&["executor", "approve", "--name", "e"]);
    let table = shell.ok(&["executor", "get", "--name", "e"]).stdout;
    assert!(table.contains("Approved") && table.contains("4000m") && table.contains(&id), "{table}");
    shell.ok(&["executor", "reject", "--name", "e"]);
    assert!(shell.ok(&["executor", "ls", "--all"]).stdout.contains("Rejected"));
    shell.ok(&["executor", "remove", "--name", "e"]);
    shell.ok(&["executor", "remove", "--name", "e"]);
    assert_eq!(shell.ok(&["executor", "ls"]).stdout, "");
    assert!(shell.ok(&["executor", "ls", "--all"]).stdout.contains("Unregistered"));

    let create =
        ["executor", "create", "--keypath", "key", "--idpath", "id", "--name", "made", "--type", "cli", "--approve"];
    shell.ok(&create);
    let key = PrivateKey::from_text(&std::fs::read_to_string(shell.path("key")).unwrap()).unwrap();
    assert_eq!(std::fs::read_to_string(shell.path("id")).unwrap(), key.id().to_string());
    assert_eq!(shell.json(&["executor", "get", "--name", "made"])["executorid"], key.id().to_string());
    // A key is never overwritten.
    assert!(shell.fails(1, &create).contains("cannot make key"));
}

#[test]
fn keys_are_changed_and_the_old_ones_stop_working() {
    let mut shell = Shell::new();
    let new = PrivateKey::generate();
    let id = new.id().to_string();
    shell.ok(&["user", "chid", "--userid", &id]);
    assert!(shell.fails(1, &["user", "ls"]).contains("Access denied"));
    shell.export("COLONIES_PRVKEY", &new.reveal());
    shell.ok(&["user", "ls"]);
    let executor = shell.executor("e");
    let other = PrivateKey::generate();
    let other_id = other.id().to_string();
    shell.ok(&["executor", "chid", "--executorid", &other_id, "--prvkey", &executor.reveal()]);
    assert_eq!(shell.json(&["executor", "get", "--name", "e"])["executorid"], other_id);
    shell.ok(&["colony", "chid", "--colonyid", &other_id]);
    assert!(shell.fails(1, &["process", "pause"]).contains("Access denied"));
    shell.export("COLONIES_COLONY_PRVKEY", &other.reveal());
    shell.ok(&["process", "pause"]);
    shell.ok(&["server", "chid", "--serverid", &other_id]);
    assert!(shell.fails(1, &["server", "stats"]).contains("not server owner"));
    shell.export("COLONIES_SERVER_PRVKEY", &other.reveal());
    assert_eq!(shell.json(&["server", "stats"])["colonies"], 1);
    shell.ok(&["cluster", "info"]);
}

#[test]
fn flags_for_parts_that_are_not_there_are_accepted() {
    let server = Server::start_with(&["--initdb", "--dbhost", "db", "--etcdname", "e", "--relayport", "2381"]);
    assert!(server.log().contains("not used"), "{}", server.log());
    let shell = Shell::on(server);
    let ran = shell.ok(&["database", "create", "--dbhost", "db"]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.lines().count()), ("", 1));
    shell.ok(&["location", "add", "--name", "home", "--desc", "d", "--long", "-1.5", "--lat", "2"]);
    assert!(shell.ok(&["location", "get", "--name", "home"]).stdout.contains("-1.5000"));
    shell.ok(&["location", "remove", "--name", "home", "--yes"]);
}

#[test]
fn what_a_server_can_not_be_or_read_keeps_it_from_starting() {
    let start = |arguments: &[&str]| Server::try_start(Arc::new(TempDir::new().unwrap()), arguments);
    let nodes = "a=h:1:2:3,b=h:4:5:6";
    for (arguments, why) in [
        (["--initial-cluster", nodes], "names 2 nodes"),
        (["--stale-executor-duration", "soon"], "not a number of seconds"),
        (["--cron-checker-period", "5s"], "not a number of milliseconds"),
    ] {
        let log = start(&arguments).unwrap_err().log;
        assert!(log.contains(why), "{log}");
    }
    // As in the reference, this one is passed over.
    let server = start(&["--cleanup-interval", "often"]).unwrap();
    assert!(server.log().contains("'often' is no number of seconds"), "{}", server.log());
    let empty =
        [("COLONIES_STALE_EXECUTOR_DURATION", ""), ("COLONIES_CRON_CHECKER_PERIOD", ""), ("COLONIES_DB_TYPE", "x")];
    let one = ["--initial-cluster", "a=h:1:2:3"];
    let server = Server::try_start_in(Arc::new(TempDir::new().unwrap()), &one, &empty).unwrap();
    assert!(server.log().contains("--initial-cluster COLONIES_DB_TYPE"), "{}", server.log());
}
