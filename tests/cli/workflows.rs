//! Workflows, crons and generators (S23, S25, S26).

use crate::shell::Shell;
use crate::support::{PrivateKey, json, wait};
use serde_json::Value;

const TWO: &str = r#"[{"nodename":"gen","funcname":"gen","conditions":{"executortype":"cli"}},
    {"nodename":"sum","funcname":"sum","conditions":{"executortype":"cli","dependencies":["gen"]}}]"#;

const ONE: &str = r#"[{"nodename":"only","funcname":"f","conditions":{"executortype":"cli"}}]"#;

fn close_one(shell: &Shell, key: &PrivateKey) -> Vec<Value> {
    let client = shell.client();
    let process = client.assign(key, "dev", wait::PATIENCE).unwrap().unwrap();
    let out = if process.spec.funcname == "gen" { vec![json!(2), json!(3)] } else { process.input.clone() };
    client.close_successful(key, &process.processid, &out).unwrap();
    out
}

#[test]
fn a_workflow_hands_output_on_and_is_waited_for() {
    let shell = Shell::new();
    let key = shell.executor("worker");
    shell.write("wf.json", TWO);
    std::thread::scope(|threads| {
        let waiter = threads.spawn(|| shell.ok(&["workflow", "submit", "--spec", "wf.json", "--wait"]));
        assert_eq!(close_one(&shell, &key), [json!(2), json!(3)]);
        assert_eq!(close_one(&shell, &key), [json!(2), json!(3)], "the input is the parent's output");
        let ran = waiter.join().unwrap();
        assert!(ran.stderr.contains("Workflow finished successfully"), "{ran:?}");
        let id = ran.value("WorkflowID");
        let table = shell.ok(&["workflow", "get", "--workflowid", &id]).stdout;
        assert!(table.contains("Successful") && table.contains("Process of node sum"), "{table}");
        assert_eq!(shell.json(&["workflow", "get", "--workflowid", &id])["state"], 2);
        assert_eq!(shell.json(&["workflow", "pss"])[0]["processgraphid"], id);
        shell.ok(&["workflow", "remove", "--workflowid", &id]);
        assert_eq!(shell.json(&["workflow", "pss"]), json!([]));
    });
}

#[test]
fn workflows_are_cancelled_and_removed() {
    let shell = Shell::new();
    shell.write("wf.json", TWO);
    let id = shell.ok(&["workflow", "submit", "--spec", "wf.json"]).value("WorkflowID");
    assert!(shell.ok(&["workflow", "psw"]).stdout.contains(&id));
    shell.ok(&["workflow", "cancel", "--workflowid", &id]);
    assert_eq!(shell.json(&["workflow", "psc"])[0]["processgraphid"], id);
    shell.ok(&["workflow", "removeall", "--cancelled", "--yes"]);
    assert_eq!(shell.json(&["workflow", "psc"]), json!([]));
    assert!(shell.fails(1, &["workflow", "get", "--workflowid", "nope"]).contains("graph is nil"));
    shell.write("bad.json", r#"[{"nodename":"a","conditions":{"dependencies":["x"]}}]"#);
    assert!(shell.fails(1, &["workflow", "submit", "--spec", "bad.json"]).contains("invalid dependencies"));
    shell.write("one.json", r#"{"funcname":"f"}"#);
    assert!(shell.fails(1, &["workflow", "submit", "--spec", "one.json"]).contains("colonies function submit"));
}

#[test]
fn a_cron_is_added_shown_run_and_removed() {
    let shell = Shell::new();
    shell.write("wf.json", ONE);
    let add = ["cron", "add", "--name", "c", "--cron", "0 0 3 1 1 *", "--spec", "wf.json", "--waitprevious"];
    let id = shell.ok(&add).value("CronID");
    assert!(shell.fails(1, &add).contains("Cron with name <c> in Colony <dev> already exists"));
    assert!(shell.ok(&["cron", "ls"]).stdout.contains(&id));
    let table = shell.ok(&["cron", "get", "--cronid", &id]).stdout;
    assert!(table.contains("0 0 3 1 1 *") && table.contains("only"), "{table}");
    shell.ok(&["cron", "run", "--cronid", &id]);
    let started = || shell.json(&["workflow", "psw"]).as_array().unwrap().first().map(|_| ());
    wait::until("the cron to start", started);
    let bad = ["cron", "add", "--name", "d", "--spec", "wf.json"];
    assert!(shell.fails(1, &bad).contains("--interval"));
    assert!(shell.fails(1, &[&bad[..], &["--cron", "bad"]].concat()).contains("expected exactly 6 fields"));
    let id2 = shell.ok(&["cron", "add", "--name", "d", "--spec", "wf.json", "--interval", "3600"]).value("CronID");
    for id in [&id, &id2] {
        shell.ok(&["cron", "delete", "--cronid", id]);
    }
    assert_eq!(shell.json(&["cron", "ls"]), json!([]));
}

#[test]
fn a_generator_starts_a_workflow_with_what_was_packed() {
    let shell = Shell::new();
    shell.write("wf.json", ONE);
    let add = ["generator", "add", "--name", "g", "--trigger", "3", "--spec", "wf.json"];
    let id = shell.ok(&add).value("GeneratorID");
    for arg in ["a", "b"] {
        shell.ok(&["generator", "pack", "--generatorid", &id, "--arg", arg]);
    }
    assert_eq!(shell.json(&["generator", "get", "--generatorid", &id])["queuesize"], 2);
    assert!(shell.ok(&["generator", "get", "--generatorid", &id]).stdout.contains("QueueSize"));
    shell.ok(&["generator", "pack", "--generatorid", &id, "--arg", "c"]);
    let started = || shell.json(&["process", "psw"]).as_array().unwrap().first().cloned();
    let process = wait::until("the generator to start", started);
    assert_eq!(process["spec"]["args"], json!(["a", "b", "c"]));
    assert_eq!(shell.json(&["generator", "ls"])[0]["generatorid"], id);
    shell.ok(&["generator", "remove", "--generatorid", &id]);
    assert_eq!(shell.json(&["generator", "ls"]), json!([]));
}
