//! A shell with its environment: where the server is, the colony, and the keys.

use crate::support::{Colony, PrivateKey, Server, Value, server_owner};
use colonies::client::Client;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A server with a colony and a user, and what is exported for them.
pub struct Shell {
    pub server: Server,
    pub colony: Colony,
    dir: TempDir,
    pub variables: Vec<(String, String)>,
}

/// A command of somebody who has exported nothing.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_colonies"));
    command.env_clear().args(arguments);
    command
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Shell {
    pub fn new() -> Shell {
        Shell::on(Server::start())
    }

    pub fn on(server: Server) -> Shell {
        let colony = Colony::named(&server, "dev");
        let variables = [
            ("COLONIES_SERVER_HOST", server.address().ip().to_string()),
            ("COLONIES_SERVER_PORT", server.address().port().to_string()),
            ("COLONIES_TLS", "false".to_owned()),
            ("COLONIES_COLONY_NAME", "dev".to_owned()),
            ("COLONIES_SERVER_PRVKEY", server_owner().reveal().to_string()),
            ("COLONIES_COLONY_PRVKEY", colony.owner.reveal().to_string()),
            ("COLONIES_PRVKEY", colony.user.reveal().to_string()),
            ("TZ", "UTC".to_owned()),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Shell { server, colony, dir: TempDir::new().unwrap(), variables }
    }

    /// Exports a variable.
    pub fn export(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The command, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// The same with something on its stdin.
    pub fn answering(&self, answer: &str, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }

    /// What a command that must succeed printed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran
    }

    /// The JSON that a command prints with `--json`.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.ok(&[arguments, &["--json"]].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// The one line on stderr of a command that must fail with this code.
    #[track_caller]
    pub fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "a failure prints nothing on stdout");
        let line = ran.stderr.strip_suffix('\n').unwrap_or_default();
        assert!(line.starts_with("colonies: ") && !line.contains('\n'), "not one line: {:?}", ran.stderr);
        line["colonies: ".len()..].to_owned()
    }

    /// Writes a file into the directory that commands run in.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A client of the same server.
    pub fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.server.address()))
    }

    /// Adds and approves an executor of type `cli` through the command line: its key.
    pub fn executor(&self, name: &str) -> PrivateKey {
        let key = PrivateKey::generate();
        let id = key.id().to_string();
        self.ok(&["executor", "add", "--executorid", &id, "--name", name, "--type", "cli", "--approve"]);
        key
    }
}

impl Ran {
    fn of(output: std::process::Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The value after `Key=` on stderr, as scripts look for it.
    #[track_caller]
    pub fn value(&self, key: &str) -> String {
        let mark = format!(" {key}=");
        let (_, rest) = self.stderr.split_once(&mark).unwrap_or_else(|| panic!("no {key}: {self:?}"));
        rest.split_whitespace().next().unwrap_or_default().to_owned()
    }
}
