//! `colonies top`: on a terminal, and elsewhere.

use crate::shell::Shell;
use std::process::Command;

#[test]
fn one_frame_is_printed_where_there_is_no_terminal() {
    let shell = Shell::new();
    shell.executor("worker");
    for _ in 0..3 {
        shell.ok(&["function", "exec", "--func", "f", "--targettype", "cli"]);
    }
    let frame = shell.ok(&["top", "--once"]).stdout;
    let words = |name: &str| {
        let line = frame.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("no {name}: {frame}"));
        line.replace('│', "").split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert!(frame.starts_with("http://127.0.0.1:") && frame.contains(", ready, up "), "{frame}");
    assert_eq!(words("processes of the server"), "processes of the server 3 0 0 0 0");
    assert_eq!(words("processes of dev"), "processes of dev 3 0 0 0 0");
    assert!(words("worker").starts_with("worker cli Approved"), "{frame}");
    assert!(!frame.contains('\u{1b}'), "no escapes: {frame:?}");

    let figures = shell.json(&["top"]);
    assert_eq!(figures["queues"][0]["counts"][0], 3);
    assert_eq!(figures["executors"][0]["name"], "worker");
    assert!(figures["rates"]["requests"].as_f64().unwrap() > 0.0, "it asks itself: {figures}");
}

#[test]
fn without_a_key_the_server_is_shown_alone() {
    let mut shell = Shell::new();
    shell.export("COLONIES_PRVKEY", "");
    let frame = shell.ok(&["top", "--once"]).stdout;
    assert!(frame.contains("processes of the server") && !frame.contains("processes of dev"), "{frame}");
    shell.export("COLONIES_SERVER_PORT", "1");
    assert!(shell.fails(1, &["top"]).contains("cannot reach the server"));
}

/// Runs a command in a terminal of its own, types `q` when `mark` has been drawn, and prints what was drawn.
const IN_A_TERMINAL: &str = r#"
import fcntl, os, pty, select, struct, sys, termios, time
mark, command = sys.argv[1].encode(), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
drawn, typed, end = b"", False, time.monotonic() + 60
while time.monotonic() < end:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            drawn += os.read(terminal, 65536)
        except OSError:
            break
    if mark in drawn and not typed:
        os.write(terminal, b"q")
        typed = True
else:
    os.kill(pid, 9)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(drawn)
sys.exit(status if typed else 99)
"#;

#[test]
fn a_terminal_gets_a_live_view_that_q_ends() {
    let shell = Shell::new();
    shell.executor("worker");
    let mut command = Command::new("python3");
    command.args(["-c", IN_A_TERMINAL, "Latencies", env!("CARGO_BIN_EXE_colonies"), "top"]);
    command.envs(shell.variables.iter().cloned()).env("TERM", "xterm-256color");
    let output = command.output().unwrap();
    let drawn = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {drawn:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
    for shown in ["Queues", "Rates", "Latencies", "worker", "q quits"] {
        assert!(drawn.contains(shown), "no {shown}: {drawn:?}");
    }
    // The screen is taken and given back.
    let (taken, given_back) = ("\u{1b}[?1049h", "\u{1b}[?1049l");
    assert!(drawn.contains(taken) && drawn.rfind(given_back) > drawn.rfind(taken), "{drawn:?}");
}
