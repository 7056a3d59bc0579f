//! A dashboard from another origin in a real browser: it may post to `/api` with JSON's content type, which takes a
//! preflight, read the reply, and open the websocket (chapter 1, 1.3).
//!
//! Needs Chromium. Where it is not there, the test is passed over with a note, unless `COLONIES_BROWSER_TESTS` is set:
//! then it fails.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use support::{Colony, Server, Value, envelope, json};
use tempfile::TempDir;

/// How long a browser may take to start on a busy machine and to say what it saw.
const PATIENCE: Duration = Duration::from_secs(120);

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).flat_map(|dir| NAMES.map(|name| dir.join(name))).find(|file| file.is_file())
}

/// Does everything that a dashboard does, and posts what it saw to its own origin.
fn page(server: SocketAddr, request: &str, subscription: &str) -> String {
    let script = r#"
const said = {origin: location.origin};
const opened = async () => {
  const socket = new WebSocket("ws://SERVER/pubsub");
  await new Promise((done, failed) => { socket.onopen = done; socket.onerror = () => failed("the websocket failed"); });
  const answered = new Promise((done, failed) => {
    socket.onmessage = (event) => done(event.data);
    socket.onclose = () => failed("the websocket closed");
  });
  socket.send(SUBSCRIPTION);
  return JSON.parse(await answered);
};
const post = async () => {
  const reply = await fetch("http://SERVER/api", {
    method: "POST", headers: {"Content-Type": "application/json"}, body: REQUEST,
  });
  return {status: reply.status, body: JSON.parse(await reply.text())};
};
const refused = async () => (await fetch("http://SERVER/api", {method: "POST", body: "{}"})).status;
(async () => {
  for (const [name, act] of Object.entries({post, refused, opened})) {
    try { said[name] = await act(); } catch (error) { said[name] = {error: String(error)}; }
  }
  await fetch("/said", {method: "POST", body: JSON.stringify(said)});
})();
"#;
    let quoted = |text: &str| Value::from(text).to_string();
    let script = script.replace("SERVER", &server.to_string());
    let script = script.replace("SUBSCRIPTION", &quoted(subscription)).replace("REQUEST", &quoted(request));
    format!("<!doctype html><title>dashboard</title><script>{script}</script>")
}

/// Serves the page on an origin of its own and passes on what the page posts.
fn serve(listener: TcpListener, page: String, said: Sender<Value>) {
    for stream in listener.incoming() {
        let (page, said) = (page.clone(), said.clone());
        std::thread::spawn(move || {
            // A browser opens connections in advance and drops them again.
            let _ = answer(stream?, &page, &said);
            std::io::Result::Ok(())
        });
    }
}

fn answer(mut stream: TcpStream, page: &str, said: &Sender<Value>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut head, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line.trim_end().is_empty() {
            break;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
        head.push(line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (status, text) = match head.first().map_or("", String::as_str) {
        line if line.starts_with("get / ") => ("200 OK", page),
        line if line.starts_with("post /said ") => {
            // Nobody listens any more when the test is over.
            let _ = said.send(serde_json::from_slice(&body)?);
            ("200 OK", "")
        }
        _ => ("404 Not Found", ""),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    )?;
    stream.write_all(text.as_bytes())
}

/// A browser; ended when dropped.
struct Browser(Child);

impl Browser {
    fn open(program: &PathBuf, profile: &TempDir, address: SocketAddr) -> Browser {
        let mut command = Command::new(program);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.args(["--disable-dev-shm-usage", "--remote-debugging-port=0"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg(format!("http://{address}/"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Browser(command.spawn().unwrap())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_page_from_elsewhere_can_post_and_listen() {
    let Some(program) = chromium() else {
        let wanted = std::env::var_os("COLONIES_BROWSER_TESTS").is_some();
        assert!(!wanted, "COLONIES_BROWSER_TESTS is set, and none of {NAMES:?} is on the PATH");
        eprintln!("not run: none of {NAMES:?} is on the PATH; set COLONIES_BROWSER_TESTS to fail instead");
        return;
    };
    let server = Server::start();
    let colony = Colony::new(&server);
    let process = colony.submit_any();
    let request = envelope(&colony.user, &json!({"msgtype": "getprocessmsg", "processid": process}));
    // The process waits already, so the event comes at once.
    let subscription = json!({"msgtype": "subscribeprocessmsg", "processid": process, "state": 0, "timeout": 60,
        "executortype": support::colony::TYPE, "colonyname": colony.name});
    let page = page(server.address(), &request, &envelope(&colony.user, &subscription));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || serve(listener, page, tell));

    let profile = TempDir::with_prefix("colonies-browser-").unwrap();
    let browser = Browser::open(&program, &profile, address);
    let said = told.recv_timeout(PATIENCE).expect("the page says what it saw");
    drop(browser);
    assert_eq!(said["origin"], format!("http://{address}"), "{said}");
    let reply = support::Reply::of(
        u16::try_from(said["post"]["status"].as_u64().unwrap_or_default()).unwrap(),
        &said["post"]["body"].to_string(),
    );
    assert_eq!(reply.ok()["processid"], process);
    assert_eq!(said["refused"], 403, "a refusal can be read, too: {said}");
    assert_eq!(said["opened"]["payloadtype"], "subscribeprocessmsg", "{said}");
}
