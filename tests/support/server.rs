//! A server in a process of its own.

use super::PrivateKey;
use super::wait::{self, PATIENCE};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;
use tempfile::TempDir;

/// The key of the server's owner in all tests: the one that development set-ups ship.
pub fn server_owner() -> PrivateKey {
    PrivateKey::from_text("fcc79953d8a751bf41db661592dc34d30004b1a651ffa0725b03ac227641499d").unwrap()
}

/// A server process; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    dir: Arc<TempDir>,
    arguments: Vec<String>,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// A server that ended instead of serving.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub log: String,
}

impl Server {
    /// A server on a new data directory and a free port.
    pub fn start() -> Server {
        Server::start_with(&[])
    }

    /// The same with further arguments.
    pub fn start_with(arguments: &[&str]) -> Server {
        let dir = Arc::new(TempDir::with_prefix("colonies-").unwrap());
        Server::try_start(dir, arguments).unwrap()
    }

    /// A server on this data directory, or what it said before it ended.
    pub fn try_start(dir: Arc<TempDir>, arguments: &[&str]) -> Result<Server, Ended> {
        Server::try_start_in(dir, arguments, &[])
    }

    /// The same with these variables in its environment.
    pub fn try_start_in(dir: Arc<TempDir>, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Server, Ended> {
        let mut command = command(dir.path(), arguments);
        let mut child = command.envs(environment.iter().copied()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let reader = follow(&mut child, log.clone());
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Server { child, address: unknown, dir, arguments, log, reader: Some(reader) };
        match wait::until("the server to serve or to end", || server.progress()) {
            Progress::Serving(address) => {
                server.address = address;
                Ok(server)
            }
            Progress::Ended(status) => {
                server.read_to_end();
                Err(Ended { status, log: server.log() })
            }
        }
    }

    fn progress(&mut self) -> Option<Progress> {
        let status = self.child.try_wait().unwrap();
        let address = self.log.lock().unwrap().lines().find_map(serving);
        address.map(Progress::Serving).or(status.map(Progress::Ended))
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on clients reach it through something in between.
    pub fn reach_through(&mut self, address: SocketAddr) {
        self.address = address;
    }

    pub fn dir(&self) -> Arc<TempDir> {
        self.dir.clone()
    }

    /// What it has written to stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Milliseconds that its start took, as it says.
    pub fn start_milliseconds(&self) -> u64 {
        self.start_figure("milliseconds")
    }

    /// A figure of the line that says that it serves.
    pub fn start_figure(&self, name: &str) -> u64 {
        let log = self.log();
        let line = log.lines().find(|line| line.contains(" serving ")).unwrap();
        let (_, rest) = line.split_once(&format!(" {name}=")).unwrap();
        rest.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.read_to_end();
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        let begin = Instant::now();
        let status = wait::until("the server to end", || self.child.try_wait().unwrap());
        assert!(begin.elapsed() < PATIENCE);
        self.read_to_end();
        status
    }

    /// Another server process on the same directory with the same arguments; this one must have ended.
    pub fn again(&self) -> Result<Server, Ended> {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        Server::try_start(self.dir.clone(), &arguments)
    }

    /// The same on the port that this one had, for clients that know nothing but that.
    pub fn again_on_its_port(&self) -> Result<Server, Ended> {
        if self.arguments.iter().any(|argument| argument == "--port") {
            return self.again();
        }
        let port = self.address.port().to_string();
        let arguments = self.arguments.iter().map(String::as_str).chain(["--port", &port]);
        Server::try_start(self.dir.clone(), &arguments.collect::<Vec<_>>())
    }

    /// `kill -9` and a start on the same directory.
    pub fn crash_and_restart(&mut self) {
        self.kill();
        *self = self.again().unwrap();
    }

    /// SIGTERM, an orderly end, and a start on the same directory.
    pub fn stop_and_restart(&mut self) {
        self.signal(Signal::TERM);
        assert!(self.wait().success(), "{}", self.log());
        *self = self.again().unwrap();
    }

    fn read_to_end(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.read_to_end();
        if std::thread::panicking() {
            eprintln!("the log of server {}:\n{}", self.child.id(), self.log());
        }
    }
}

enum Progress {
    Serving(SocketAddr),
    Ended(ExitStatus),
}

/// The command that starts a server, without anything of this process's environment; on a free port unless told.
pub fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_colonies"));
    let owner = server_owner().id().to_string();
    command.env_clear().env("NO_COLOR", "1").args(["server", "start", "--host", "127.0.0.1"]);
    if !arguments.contains(&"--port") {
        command.args(["--port", "0"]);
    }
    command.arg("--datadir").arg(dir).args(["--serverid", &owner]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// The files of the log, oldest first.
pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("wal")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|kind| kind == "log")).collect();
    files.sort();
    files
}

fn follow(child: &mut Child, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || {
        for line in stderr.lines() {
            let Ok(line) = line else { return };
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    })
}

/// The address in the line that says that the server serves.
fn serving(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(" serving address=")?;
    rest.split(' ').next()?.parse().ok()
}
