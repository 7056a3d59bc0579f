//! `packaging/migrate.py`: a colony goes from one server to another with everybody's keys.

use super::{binary, source};
use crate::support::{Colony, Server, server_owner};
use serde_json::{Value, json};
use std::process::{Command, Output};
use tempfile::TempDir;

struct Side<'a> {
    server: &'a Server,
    keys: &'a [(&'static str, String)],
    dir: &'a TempDir,
}

impl Side<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        let port = self.server.address().port().to_string();
        let mut command = Command::new(binary());
        command.env_clear().envs(self.keys.iter().cloned()).current_dir(self.dir.path());
        command.env("COLONIES_SERVER_PORT", port).args(arguments).output().unwrap()
    }

    fn ok(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }
}

#[test]
fn a_colony_moves_with_everybodys_keys() {
    let (old, new, dir) = (Server::start(), Server::start(), TempDir::new().unwrap());
    let colony = Colony::named(&old, "dev");
    let executor = colony.executor("worker");
    let keys = [
        ("COLONIES_COLONY_NAME", "dev".to_owned()),
        ("COLONIES_SERVER_PRVKEY", server_owner().reveal().to_string()),
        ("COLONIES_COLONY_PRVKEY", colony.owner.reveal().to_string()),
        ("COLONIES_PRVKEY", colony.user.reveal().to_string()),
    ];
    let on = |server| Side { server, keys: &keys, dir: &dir };
    let (from, to) = (on(&old), on(&new));
    std::fs::write(
        dir.path().join("wf.json"),
        json!([{"nodename": "n", "funcname": "f", "conditions": {"executortype": "t"}}]).to_string(),
    )
    .unwrap();
    from.ok(&["location", "add", "--name", "home", "--desc", "d", "--long=-1.5", "--lat", "2"]);
    from.ok(&["cron", "add", "--name", "c", "--cron", "59 3 15 * * MON", "--spec", "wf.json", "--waitprevious"]);
    from.ok(&["cron", "add", "--name", "often", "--interval", "3600", "--spec", "wf.json", "--random"]);
    from.ok(&["generator", "add", "--name", "g", "--trigger", "5", "--timeout", "10", "--spec", "wf.json"]);
    colony.submit_any();

    let migrate = || {
        let mut command = Command::new("python3");
        command.arg(source("packaging/migrate.py")).arg("--colonies").arg(binary());
        command.args(["--from", &format!("http://{}", old.address()), "--to", &format!("http://{}", new.address())]);
        let output = command.envs(keys.iter().cloned()).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = migrate();
    assert!(said.contains("added    executor worker") && said.contains("1 processes wait"), "{said}");
    // Once more adds nothing, also after one that was interrupted.
    assert!(!migrate().contains("added"), "everything is there");

    for list in [&["colony", "ls"][..], &["user", "ls"], &["location", "ls"]] {
        let without_ids = |mut list: Value| {
            list.as_array_mut().unwrap().iter_mut().for_each(|one| one["locationid"] = Value::Null);
            list
        };
        assert_eq!(without_ids(to.ok(list)), without_ids(from.ok(list)), "{list:?}");
    }
    let same = |list: &[&str], members: &[&str]| {
        let pick = |side: &Side<'_>| {
            let rows = side.ok(list);
            let mut rows: Vec<Vec<Value>> = rows
                .as_array()
                .unwrap()
                .iter()
                .map(|row| members.iter().map(|&member| row[member].clone()).collect())
                .collect();
            rows.sort_by_key(|row| row[0].to_string());
            rows
        };
        assert_eq!(pick(&to), pick(&from), "{list:?}");
    };
    same(&["executor", "ls"], &["executorname", "executorid", "executortype", "state", "capabilities"]);
    same(&["cron", "ls"], &["name", "cronexpression", "interval", "random", "waitforprevprocessgraph"]);
    same(&["generator", "ls"], &["name", "trigger", "timeout"]);

    // The executor's own key works on the new server.
    to.ok(&["function", "exec", "--func", "f", "--targetname", "worker"]);
    to.ok(&["process", "assign", "--timeout", "10", "--prvkey", &executor.reveal()]);
}
