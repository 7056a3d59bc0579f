//! Walk-throughs of the reference's documents that no other file here has (S14 to S16, S18, S19, S22, S28, S31, S36, S39).

use crate::shell::Shell;
use crate::support::{PrivateKey, Server, Value, json, wait};
use colonies::client::Process;
use std::fs;
use std::process::Command;

/// An executor takes one process.
fn take(shell: &Shell, key: &PrivateKey) -> Process {
    shell.client().assign(key, "dev", wait::PATIENCE).unwrap().unwrap()
}

fn close(shell: &Shell, key: &PrivateKey, process: &Process, out: &[Value]) {
    shell.client().close_successful(key, &process.processid, out).unwrap();
}

fn id(object: &Value, member: &str) -> String {
    object[member].as_str().unwrap().to_owned()
}

#[test]
fn work_that_waits_too_long_fails() {
    let shell = Shell::new();
    shell.write("slow.json", r#"{"funcname":"f","maxwaittime":1,"conditions":{"executortype":"nobody"}}"#);
    let ran = shell.run(&["function", "submit", "--spec", "slow.json", "--wait"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("Maximum waiting time limit exceeded"), "{ran:?}");
    assert_eq!(shell.json(&["process", "psf"]).as_array().unwrap().len(), 1);
}

#[test]
fn another_executor_finishes_what_a_dead_one_had() {
    let shell = Shell::new();
    let (dead, alive) = (shell.executor("dead"), shell.executor("alive"));
    let submit = ["function", "exec", "--func", "f", "--targettype", "cli", "--maxexectime", "1", "--maxretries", "3"];
    shell.ok(&submit);
    let taken = take(&shell, &dead);
    let again = take(&shell, &alive);
    assert_eq!((&again.processid, again.retries), (&taken.processid, 1));
    close(&shell, &alive, &again, &[json!("done")]);
    assert!(
        shell.client().close_successful(&dead, &taken.processid, &[]).is_err(),
        "it is not the dead one's any more"
    );
    assert_eq!(shell.ok(&["process", "get", "-p", &taken.processid, "--out"]).stdout, "done\n");
}

#[test]
fn work_waits_for_an_executor_that_comes_late() {
    let shell = Shell::new();
    let exec = ["function", "exec", "--func", "f", "--targettype", "cli", "--wait", "--out"];
    std::thread::scope(|threads| {
        let waiter = threads.spawn(|| shell.ok(&exec));
        wait::until_true("the work to wait", || shell.json(&["process", "psw"]) != json!([]));
        let late = shell.executor("late");
        let process = take(&shell, &late);
        close(&shell, &late, &process, &[json!("at last")]);
        assert_eq!(waiter.join().unwrap().stdout, "at last\n");
    });
}

/// A project whose source and data go up, whose job sees them as they were when it was submitted, and whose result
/// comes down.
#[test]
fn a_job_reads_and_writes_files() {
    let mut shell = Shell::new();
    let store = format!("file://{}", shell.path("store").display());
    shell.export("AWS_S3_ENDPOINT", &store);
    let key = shell.executor("worker");
    for (dir, text) in [("src", "count"), ("data", "one two three")] {
        fs::create_dir_all(shell.path(dir)).unwrap();
        fs::write(shell.path(dir).join("file.txt"), text).unwrap();
        shell.ok(&["fs", "sync", "-l", &format!("/pollinator/p/{dir}"), "-d", dir, "--yes"]);
    }
    let mounts = "/pollinator/p/src:/cfs/src,/pollinator/p/data:/cfs/data";
    let exec =
        ["function", "exec", "--func", "run", "--targettype", "cli", "--snapshots", mounts, "--snapshot", "--follow"];
    std::thread::scope(|threads| {
        let follower = threads.spawn(|| shell.ok(&exec));
        let process = take(&shell, &key);
        // What changes now, the job does not see.
        shell.write("data/file.txt", "changed");
        shell.ok(&["fs", "sync", "-d", "data", "--yes"]);
        let key_text = key.reveal();
        let as_executor = |arguments: &[&str]| shell.ok(&[arguments, &["--prvkey", &key_text]].concat());
        for mount in process.spec.fs.snapshots.iter().flatten() {
            let dir = mount.dir.trim_start_matches('/');
            as_executor(&["fs", "snapshot", "download", "-i", &mount.snapshotid, "-d", dir]);
            as_executor(&["fs", "snapshot", "remove", "-i", &mount.snapshotid]);
        }
        assert_eq!(fs::read_to_string(shell.path("cfs/src/file.txt")).unwrap(), "count");
        let data = fs::read_to_string(shell.path("cfs/data/file.txt")).unwrap();
        fs::create_dir_all(shell.path("cfs/result")).unwrap();
        shell.write("cfs/result/result.txt", &data.split(' ').count().to_string());
        as_executor(&["fs", "sync", "-l", "/pollinator/p/result", "-d", "cfs/result", "--yes"]);
        as_executor(&["log", "add", "-p", &process.processid, "-m", "counted\n"]);
        close(&shell, &key, &process, &[]);
        assert_eq!(follower.join().unwrap().stdout, "counted\n");
    });
    assert_eq!(shell.json(&["fs", "snapshot", "ls"]), json!([]));
    shell.ok(&["fs", "sync", "-l", "/pollinator/p/result", "-d", "result", "--yes"]);
    assert_eq!(fs::read_to_string(shell.path("result/result.txt")).unwrap(), "3");
}

#[test]
fn a_function_can_be_a_file() {
    let mut shell = Shell::new();
    shell.export("AWS_S3_ENDPOINT", &format!("file://{}", shell.path("store").display()));
    let key = shell.executor("faas");
    fs::create_dir(shell.path("functions")).unwrap();
    shell.write("functions/convert.py", "import sys\nprint(float(sys.argv[1]) * 9 / 5 + 32)\n");
    shell.ok(&["fs", "sync", "-l", "/functions", "-d", "functions", "--yes"]);
    shell.write(
        "convert.json",
        r#"{"funcname":"convert.py","args":["21.0"],"maxexectime":60,"conditions":{"executortype":"cli"}}"#,
    );
    let submit = ["function", "submit", "--spec", "convert.json", "--out", "--wait"];
    std::thread::scope(|threads| {
        let waiter = threads.spawn(|| shell.ok(&submit));
        let process = take(&shell, &key);
        shell.ok(&["fs", "get", "-n", &process.spec.funcname, "-l", "/functions", "-d", "work"]);
        let argument = process.spec.args[0].as_str().unwrap();
        let output = Command::new("python3").arg(shell.path("work/convert.py")).arg(argument).output().unwrap();
        close(&shell, &key, &process, &[json!(String::from_utf8(output.stdout).unwrap().trim())]);
        assert_eq!(waiter.join().unwrap().stdout, "69.8\n");
    });
}

/// Two hospitals and a cloud: nodes of different types of executors, long arguments, output as input, and names with
/// colons.
#[test]
fn a_workflow_crosses_sites() {
    let shell = Shell::new();
    let key_of = |name: &str| {
        let key = PrivateKey::generate();
        let id = key.id().to_string();
        shell.ok(&["executor", "add", "--executorid", &id, "--name", name, "--type", name, "--approve"]);
        key
    };
    let (one, two, cloud) = (key_of("hospital1"), key_of("hospital2"), key_of("cloud"));
    let public_key = "k".repeat(5_000);
    let node = |name: &str, kind: &str, on: &[&str]| {
        json!({"nodename": name, "funcname": "f", "kwargs": {"publickey": public_key}, "maxexectime": 60,
               "conditions": {"executortype": kind, "dependencies": on}})
    };
    let workflow = json!([
        node("h1:train", "hospital1", &[]),
        node("h2:train", "hospital2", &[]),
        node("cloud:merge", "cloud", &["h1:train", "h2:train"]),
    ]);
    shell.write("wf.json", &workflow.to_string());
    let graph = shell.json(&["workflow", "submit", "--spec", "wf.json"]);
    let mut secrets = Vec::new();
    for (key, secret) in [(&one, "x".repeat(4_000)), (&two, "y".repeat(4_000))] {
        let process = take(&shell, key);
        assert_eq!(process.spec.kwargs["publickey"], public_key);
        close(&shell, key, &process, &[json!(secret)]);
        secrets.push(json!(secret));
    }
    let merge = take(&shell, &cloud);
    assert_eq!(merge.spec.nodename, "cloud:merge");
    let mut found = merge.input.clone();
    found.sort_by_key(Value::to_string);
    assert_eq!(found, secrets);
    close(&shell, &cloud, &merge, &[json!("merged")]);
    let table = shell.ok(&["workflow", "get", "--workflowid", &id(&graph, "processgraphid")]).stdout;
    assert!(table.contains("cloud:merge") && table.contains("Successful"), "{table}");
}

/// As pods do: killed without a word, back under the same name; or away for good.
#[test]
fn executors_come_back_under_their_name_and_silent_ones_go() {
    let server = Server::start_with(&[
        "--allow-executor-reregister",
        "--stale-executor-duration",
        "1",
        "--cleanup-interval",
        "1",
    ]);
    let shell = Shell::on(server);
    shell.executor("pod");
    let again = shell.executor("pod");
    assert_eq!(shell.json(&["executor", "get", "--name", "pod"])["executorid"], again.id().to_string());
    shell.ok(&["process", "assign", "--timeout", "0", "--prvkey", &again.reveal()]);
    wait::until_true("the silent one to go", || shell.json(&["executor", "ls"]) == json!([]));
    assert!(shell.ok(&["executor", "ls", "--all"]).stdout.contains("Unregistered"));
}

#[test]
fn everything_is_as_before_after_a_restart() {
    let mut shell = Shell::new();
    let key = shell.executor("worker");
    let exec = ["function", "exec", "--func", "f", "--targettype", "cli"];
    for _ in 0..3 {
        shell.ok(&exec);
    }
    let done = take(&shell, &key);
    close(&shell, &key, &done, &[json!("done")]);
    let running = take(&shell, &key);
    shell.write("wf.json", r#"[{"nodename":"n","funcname":"f","conditions":{"executortype":"other"}}]"#);
    shell.ok(&["cron", "add", "--name", "c", "--cron", "59 3 15 * * MON", "--spec", "wf.json", "--waitprevious"]);
    let generator = ["generator", "add", "--name", "g", "--trigger", "3", "--spec", "wf.json"];
    let generator = shell.ok(&generator).value("GeneratorID");
    for argument in ["a", "b"] {
        shell.ok(&["generator", "pack", "--generatorid", &generator, "--arg", argument]);
    }
    shell.ok(&["fs", "snapshot", "create", "-l", "/none", "-n", "snap"]);
    shell.ok(&["process", "pause"]);
    let look = |shell: &Shell| {
        [
            &["process", "psw"][..],
            &["process", "ps"],
            &["process", "pss"],
            &["cron", "ls"],
            &["generator", "get", "--generatorid", &generator],
            &["fs", "snapshot", "ls"],
            &["process", "status"],
            &["user", "ls"],
        ]
        .map(|command| shell.json(command))
    };
    let before = look(&shell);
    assert_eq!(before[6]["ispaused"], true);
    shell.server.kill();
    shell.server = shell.server.again_on_its_port().unwrap();
    assert_eq!(look(&shell), before);

    shell.ok(&["process", "resume"]);
    close(&shell, &key, &running, &[]);
    take(&shell, &key);
    shell.ok(&["generator", "pack", "--generatorid", &generator, "--arg", "c"]);
    wait::until_true("the third argument to start the workflow", || shell.json(&["workflow", "psw"]) != json!([]));
    let started = shell.json(&["process", "psw"]);
    assert_eq!(started[0]["spec"]["args"], json!(["a", "b", "c"]));
}
