//! Work from submit to result (S4, S5, S7 to S12, S35).

use crate::shell::Shell;
use crate::support::{PrivateKey, Value, json, wait};
use colonies::client::Process;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

const ECHO: &str = r#"{"funcname":"echo","args":["hello",12],"kwargs":{"k":"v"},"label":"mylabel",
    "maxexectime":55,"maxretries":3,"conditions":{"executortype":"cli","mem":"10Gi","cpu":"1000m"}}"#;

/// An executor takes one process and does with it what `work` says.
fn work_on_one(shell: &Shell, key: &PrivateKey, work: impl FnOnce(&Process) + Send) {
    let process = shell.client().assign(key, "dev", wait::PATIENCE).unwrap().unwrap();
    work(&process);
}

#[test]
fn a_followed_job_prints_its_log_in_order_and_succeeds() {
    let shell = Shell::new();
    let key = shell.executor("worker");
    shell.write("echo.json", ECHO);
    std::thread::scope(|threads| {
        let follower = threads.spawn(|| shell.ok(&["function", "submit", "--spec", "echo.json", "--follow"]));
        work_on_one(&shell, &key, |process| {
            let client = shell.client();
            for line in ["line1\n", "line2\n", "line3 without an end"] {
                client.add_log(&key, &process.processid, line).unwrap();
            }
            client.close_successful(&key, &process.processid, &[json!("done")]).unwrap();
        });
        let ran = follower.join().unwrap();
        assert_eq!(ran.stdout, "line1\nline2\nline3 without an end");
        assert!(ran.stderr.contains("Process finished successfully ProcessId="), "{ran:?}");
    });
}

#[test]
fn waiting_prints_the_output_and_a_failure_is_exit_code_1() {
    let shell = Shell::new();
    let key = shell.executor("worker");
    let exec = [
        "function",
        "exec",
        "--func",
        "echo",
        "--args",
        "a,\"b,c\"",
        "--kwargs",
        "image:nginx:1.21",
        "--env",
        "MODE=fast",
        "--targettype",
        "cli",
        "--wait",
        "--out",
    ];
    std::thread::scope(|threads| {
        let waiter = threads.spawn(|| shell.ok(&exec));
        work_on_one(&shell, &key, |process| {
            assert_eq!(process.spec.args, [json!("a"), json!("b,c")]);
            assert_eq!(process.spec.kwargs["image"], "nginx:1.21");
            assert_eq!(process.spec.env["MODE"], "fast");
            shell.client().close_successful(&key, &process.processid, &process.spec.args).unwrap();
        });
        assert_eq!(waiter.join().unwrap().stdout, "a b,c\n");

        let waiter = threads.spawn(|| shell.run(&exec));
        work_on_one(&shell, &key, |process| {
            shell.client().close_failed(&key, &process.processid, &["bad".to_owned(), "worse".to_owned()]).unwrap();
        });
        let ran = waiter.join().unwrap();
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
        assert!(ran.stderr.ends_with(" failed: bad; worse\n"), "{ran:?}");
    });
}

#[test]
fn a_cancelled_job_ends_its_follower() {
    let shell = Shell::new();
    let exec = ["function", "exec", "--func", "f", "--targetname", "nobody", "--follow"];
    std::thread::scope(|threads| {
        let follower = threads.spawn(|| shell.run(&exec));
        let waiting = || shell.json(&["process", "psw"]).as_array().unwrap().first().cloned();
        let process = wait::until("the process to wait", waiting);
        assert_eq!(process["spec"]["conditions"]["executornames"], json!(["nobody"]));
        shell.ok(&["process", "cancel", "-p", process["processid"].as_str().unwrap()]);
        let ran = follower.join().unwrap();
        assert!(ran.code == Some(1) && ran.stderr.contains("was cancelled"), "{ran:?}");
    });
    assert_eq!(shell.json(&["process", "psc"]).as_array().unwrap().len(), 1);
}

#[test]
fn an_executor_works_by_commands() {
    let shell = Shell::new();
    let key = shell.executor("worker");
    let key = key.reveal();
    let as_executor = ["--prvkey", key.as_str()];
    shell.write("echo.json", ECHO);
    shell.ok(&[&["function", "register", "--name", "worker", "--func", "echo"][..], &as_executor].concat());
    let id = shell.ok(&["function", "submit", "--spec", "echo.json"]).value("ProcessId");
    let table = shell.ok(&["process", "psw", "-i"]).stdout;
    for shown in [id.as_str(), "echo", "hello 12", "k:v", "SUBMISSION TIME", "cli", "user", "mylabel"] {
        assert!(table.contains(shown), "no {shown}: {table}");
    }
    assert_eq!(shell.json(&["process", "psw", "--label", "other"]), json!([]));
    let ran = shell.ok(&[&["process", "assign", "--timeout", "20"][..], &as_executor].concat());
    assert_eq!(ran.value("ProcessId"), id);
    assert!(shell.ok(&["process", "ps"]).stdout.contains("worker"), "the executor is named");
    let ran = shell.ok(&[&["process", "assign", "--timeout", "0"][..], &as_executor].concat());
    assert!(ran.stderr.contains("No process available"), "{ran:?}");

    shell.ok(&[&["log", "add", "-p", &id, "-m", "careful now\n"][..], &as_executor].concat());
    assert_eq!(shell.ok(&["log", "get", "-p", &id]).stdout, "careful now\n");
    assert_eq!(shell.ok(&["log", "get", "-e", "worker", "--latest"]).stdout, "careful now\n");
    assert!(shell.ok(&["log", "search", "--text", "careful", "-d", "30"]).stdout.contains(&id));
    assert_eq!(shell.json(&["log", "get", "-p", &id])[0]["message"], "careful now\n");
    let add = ["attribute", "add", "-p", &id, "--key", "result", "--value", "42"];
    let attribute = shell.ok(&[&add[..], &as_executor].concat()).value("AttributeID");
    assert!(shell.ok(&["attribute", "get", "--attributeid", &attribute]).stdout.contains("result"));

    assert!(shell.fails(1, &["process", "close", "-p", &id]).contains("not allowed to close process as successful"));
    shell.ok(&[&["process", "close", "-p", &id, "--out", "42,hej"][..], &as_executor].concat());
    assert_eq!(shell.ok(&["process", "get", "-p", &id, "--out"]).stdout, "42 hej\n");
    let table = shell.ok(&["process", "get", "-p", &id]).stdout;
    for shown in ["Successful", "42 hej", "1000m", "10240Mi", "result"] {
        assert!(table.contains(shown), "no {shown}: {table}");
    }
    assert_eq!(shell.json(&["process", "get", "-p", &id])["state"], 2);
    assert!(shell.ok(&["function", "ls"]).stdout.contains("Function: echo"));
    assert_eq!(shell.json(&["colony", "stats"])["successfulprocesses"], 1);
    shell.ok(&["process", "remove", "-p", &id]);
    assert!(shell.fails(1, &["process", "get", "-p", &id]).contains("process not found"));
}

#[test]
fn a_queue_is_listed_paused_and_emptied() {
    let shell = Shell::new();
    shell.write("echo.json", ECHO);
    for _ in 0..3 {
        shell.ok(&["function", "submit", "--spec", "echo.json"]);
    }
    let count = |list: &str| shell.json(&["process", list]).as_array().unwrap().len();
    assert_eq!(count("psw"), 3);
    assert_eq!(shell.json(&["process", "psw", "--count", "2"]).as_array().unwrap().len(), 2);
    shell.ok(&["process", "pause"]);
    assert!(shell.ok(&["process", "status"]).stderr.contains("PAUSED"));
    assert_eq!(shell.json(&["process", "status"])["ispaused"], true);
    shell.ok(&["process", "resume"]);
    assert!(shell.ok(&["process", "status"]).stderr.contains("ACTIVE"));
    let remove = ["process", "removeall", "--waiting"];
    assert_eq!(shell.answering("", &remove).code, Some(1), "the end of the input is a no");
    assert_eq!(count("psw"), 3);
    assert_eq!(shell.answering("YES\n", &remove).code, Some(0));
    assert_eq!(count("psw"), 0);
    assert!(shell.fails(2, &["process", "removeall", "--waiting", "--failed"]).contains("cannot be used with"));
}

#[test]
fn a_log_is_followed_until_its_reader_goes() {
    let shell = Shell::new();
    let key = shell.executor("worker");
    shell.write("echo.json", ECHO);
    let id = shell.ok(&["function", "submit", "--spec", "echo.json"]).value("ProcessId");
    work_on_one(&shell, &key, |_| {});
    let mut follower = shell.command(&["log", "get", "-p", &id, "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    for line in ["one", "two"] {
        shell.client().add_log(&key, &id, &format!("{line}\n")).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), line);
    }
    drop(lines);
    shell.client().add_log(&key, &id, "nobody reads this\n").unwrap();
    let status = wait::until("the follower to end", || follower.try_wait().unwrap());
    assert_eq!(status.code(), Some(1), "its reader has gone");
}

#[test]
fn both_sides_talk_on_a_channel() {
    let shell = Shell::new();
    let key = shell.executor("worker");
    shell.write("chat.json", r#"{"funcname":"chat","channels":["chat"],"conditions":{"executortype":"cli"}}"#);
    let id = shell.ok(&["function", "submit", "--spec", "chat.json"]).value("ProcessId");
    work_on_one(&shell, &key, |_| {});
    let key = key.reveal();
    let send = |msg: &str, more: &[&str]| {
        shell.ok(&[&["channel", "send", "-p", &id, "-n", "chat", "-m", msg][..], more].concat());
    };
    send("hi", &["--sequence", "1"]);
    let mut reader =
        shell.command(&["channel", "read", "-p", &id, "-n", "chat", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(reader.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "hi");
    send("ho", &["--inreplyto", "1", "--prvkey", &key]);
    assert_eq!(lines.next().unwrap().unwrap(), "ho");
    let said = shell.json(&["channel", "read", "-p", &id, "-n", "chat", "--skip", "1"]);
    assert_eq!((&said[0]["payload"], &said[0]["inreplyto"]), (&json!("aG8="), &json!(1)), "{said}");
    shell.ok(&["process", "close", "-p", &id, "--prvkey", &key]);
    let status = wait::until("the reader to end with the process", || reader.try_wait().unwrap());
    assert!(status.success());
    assert!(shell.fails(1, &["channel", "read", "-p", &id, "-n", "chat"]).contains("Channel not found"));
}

#[test]
fn what_is_no_specification_is_refused_with_its_line() {
    let shell = Shell::new();
    shell.write("broken.json", "{\n  \"funcname\" \"echo\"\n}\n");
    let line = shell.fails(1, &["function", "submit", "--spec", "broken.json"]);
    assert!(
        line.contains("broken.json") && line.contains("line 2") && line.contains("\"funcname\" \"echo\""),
        "{line}"
    );
    shell.write("list.json", "[]");
    assert!(shell.fails(1, &["function", "submit", "--spec", "list.json"]).contains("colonies workflow submit"));
    assert!(shell.fails(1, &["function", "submit", "--spec", "no.json"]).contains("cannot read no.json"));
    shell.write("cut.json", r#"{"funcname":"f","args":"#);
    assert!(shell.fails(1, &["workflow", "submit", "--spec", "cut.json"]).contains("EOF"));
}

#[test]
fn a_wait_has_an_end() {
    let shell = Shell::new();
    let submitted = shell.colony.submit_any();
    let waited = shell.client().wait_for_end(&shell.colony.user, &submitted, Some(Duration::from_millis(30)));
    assert_eq!(waited.unwrap(), None);
    let unknown: Result<Vec<Value>, _> = shell.client().process(&shell.colony.user, "nope").map(|process| process.out);
    assert!(unknown.unwrap_err().is_refused_with(404));
}
