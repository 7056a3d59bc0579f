//! `source docker-compose.env; docker-compose up`, without the containers: the service's command with its environment,
//! as the compose file has them; in the image's own files where that can be done.

use super::image::{Image, instruction, last_stage};
use super::{binary, read, source};
use crate::support::wait;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

type Environment = BTreeMap<String, String>;

/// What a shell has after `source docker-compose.env`.
fn sourced() -> Environment {
    let mut shell = Command::new("sh");
    shell.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/home/somebody");
    let output = shell.args(["-c", ". ./docker-compose.env && env -0"]).current_dir(source(".")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split('\0').filter_map(pair).filter(|(name, _)| name != "PATH" && name != "HOME").collect()
}

/// A text of the compose file with `${NAME}` replaced, as Compose does it. A name that is not set is no empty text here.
fn interpolated(text: &str, environment: &Environment) -> String {
    let mut parts = text.split("${");
    let mut whole = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap();
        whole.push_str(environment.get(name).unwrap_or_else(|| panic!("docker-compose.env does not set {name}")));
        whole.push_str(rest);
    }
    whole
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn compose() -> Value {
    serde_yaml_ng::from_str(&read("docker-compose.yml")).unwrap()
}

/// Where the service runs.
enum Place {
    /// On this machine, with the volume in a directory.
    Here(TempDir),
    /// In the image's files.
    Image(Image),
}

impl Place {
    /// The image's program, not started yet.
    fn program(&self) -> Command {
        match self {
            Place::Here(_) => {
                let mut command = Command::new(binary());
                command.env_clear();
                command
            }
            Place::Image(image) => image.program(),
        }
    }

    /// What the volume is called there that the image has at `inside`.
    fn volume<'a>(&'a self, inside: &'a str) -> &'a str {
        match self {
            Place::Here(volume) => volume.path().to_str().unwrap(),
            Place::Image(_) => inside,
        }
    }
}

/// The service as a process; killed when dropped.
struct Service<'a> {
    place: &'a Place,
    child: Child,
    port: u16,
}

impl Service<'_> {
    /// Starts what `docker-compose up` would.
    fn up<'a>(place: &'a Place, environment: &Environment) -> Service<'a> {
        let compose = compose();
        let services = compose["services"].as_object().unwrap();
        assert_eq!(services.len(), 1, "one service where the reference has six");
        let service = services.values().next().unwrap();
        let mounts = texts(&service["volumes"]);
        let [mount] = &mounts[..] else { panic!("one volume: {mounts:?}") };
        let (name, inside) = mount.split_once(':').unwrap();
        assert!(compose["volumes"].as_object().unwrap().contains_key(name));
        assert_eq!(instruction("VOLUME"), format!("[\"{inside}\"]"));
        let port = interpolated(&texts(&service["ports"])[0], environment);
        let (outside, within) = port.split_once(':').unwrap();
        assert_eq!(outside, within);

        let mut command = place.program();
        for (name, value) in service["environment"].as_object().unwrap() {
            command.env(name, interpolated(value.as_str().unwrap(), environment));
        }
        for argument in texts(&service["command"]) {
            let argument = interpolated(&argument, environment);
            command.arg(if argument == inside { place.volume(inside) } else { &argument });
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Service { place, child, port: within.parse().unwrap() }
    }

    /// Waits until its health check is content.
    fn wait_until_healthy(&self, environment: &Environment) {
        let compose = compose();
        let check = texts(&compose["services"]["colonies-server"]["healthcheck"]["test"]);
        assert_eq!(check[..2], ["CMD".to_owned(), "/colonies".to_owned()]);
        let inside = &compose["services"]["colonies-server"]["environment"];
        wait::until_true("the health check", || {
            let mut command = self.place.program();
            command.args(&check[2..]).stdout(Stdio::null()).stderr(Stdio::null());
            for (name, value) in inside.as_object().unwrap() {
                command.env(name, interpolated(value.as_str().unwrap(), environment));
            }
            command.status().unwrap().success()
        });
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The environment of somebody who has another port, since 50080 may be taken here.
fn environment() -> Environment {
    let mut environment = sourced();
    assert_eq!(environment["COLONIES_SERVER_PORT"], "50080");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    environment.insert("COLONIES_SERVER_PORT".to_owned(), free.to_string());
    environment
}

/// The command line in the second terminal, which has sourced the same file.
fn colonies(environment: &Environment, arguments: &[&str]) -> (String, String) {
    let output = Command::new(binary()).env_clear().envs(environment).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    (out, err)
}

#[test]
fn hello_world_after_source_and_up() {
    hello_world(&Place::Here(TempDir::new().unwrap()));
}

/// The same in the files of the image and nothing else, as its user.
#[test]
fn hello_world_in_the_image() {
    match Image::assemble() {
        Ok(image) => hello_world(&Place::Image(image)),
        Err(why) => eprintln!("left out: {why}"),
    }
}

fn hello_world(place: &Place) {
    let environment = environment();
    let service = Service::up(place, &environment);
    service.wait_until_healthy(&environment);
    // From outside of the container it is reached too.
    TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], service.port))).unwrap();

    assert_eq!(colonies(&environment, &["executor", "ls"]).0, "", "colony and user are there, executors not yet");
    let (_, key) = colonies(&environment, &["key", "generate"]);
    let value = |name: &str| key.split(&format!(" {name}=")).nth(1).unwrap().split_whitespace().next().unwrap();
    let (id, prvkey) = (value("Id"), value("PrvKey"));
    let kind = "helloworld-executor";
    colonies(&environment, &["executor", "add", "--executorid", id, "--name", kind, "--type", kind, "--approve"]);
    let (_, submitted) = colonies(&environment, &["function", "exec", "--func", "helloworld", "--targettype", kind]);
    let process = submitted.split("ProcessId=").nth(1).unwrap().trim();
    colonies(&environment, &["process", "assign", "--timeout", "10", "--prvkey", prvkey]);
    colonies(&environment, &["process", "close", "-p", process, "--out", "helloworld", "--prvkey", prvkey]);
    assert_eq!(colonies(&environment, &["process", "get", "-p", process, "--out"]).0, "helloworld\n");

    // `docker-compose restart`: the volume keeps everything.
    drop(service);
    let again = Service::up(place, &environment);
    again.wait_until_healthy(&environment);
    assert_eq!(colonies(&environment, &["process", "get", "-p", process, "--out"]).0, "helloworld\n");
}

#[test]
fn the_env_file_has_the_names_that_scripts_of_the_reference_use() {
    let environment = sourced();
    for name in [
        "TZ",
        "LANG",
        "COLONIES_TLS",
        "COLONIES_SERVER_TLS",
        "COLONIES_SERVER_HOST",
        "COLONIES_SERVER_PORT",
        "COLONIES_SERVER_ID",
        "COLONIES_SERVER_PRVKEY",
        "COLONIES_COLONY_NAME",
        "COLONIES_COLONY_ID",
        "COLONIES_COLONY_PRVKEY",
        "COLONIES_ID",
        "COLONIES_PRVKEY",
        "COLONIES_EXECUTOR_NAME",
        "COLONIES_MONITOR_PORT",
        "COLONIES_MONITOR_INTERVAL",
    ] {
        assert!(environment.get(name).is_some_and(|value| !value.is_empty()), "{name}");
    }
    // Each id is that of its key.
    for (id, key) in [("SERVER_ID", "SERVER_PRVKEY"), ("COLONY_ID", "COLONY_PRVKEY"), ("ID", "PRVKEY")] {
        let [id, key] = [id, key].map(|name| &environment[&format!("COLONIES_{name}")]);
        assert_eq!(crate::support::PrivateKey::from_text(key).unwrap().id().to_string(), *id);
    }
}

#[test]
fn the_image_is_one_static_file_that_is_not_run_by_root() {
    assert_eq!(instruction("FROM"), "scratch");
    assert_eq!(instruction("USER"), "65532:65532");
    assert_eq!(instruction("ENTRYPOINT"), "[\"/colonies\"]");
    let compose = compose();
    let service = &compose["services"]["colonies-server"];
    assert_eq!(service["build"]["dockerfile"], "packaging/Dockerfile");
    assert_eq!((&service["read_only"], &service["cap_drop"][0]), (&true.into(), &"ALL".into()));
    // The volume's owner is whoever runs it.
    let owned = "--from=build --chown=65532:65532 /image/data /var/lib/colonies";
    assert!(last_stage().iter().any(|(name, rest)| name == "COPY" && rest == owned));
    // What is copied into the build is there.
    let text = read("packaging/Dockerfile");
    for line in text.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--")) {
        let mut words: Vec<_> = line.split_whitespace().collect();
        words.pop();
        assert!(words.iter().all(|word| source(word).exists()), "{line}");
    }
}
