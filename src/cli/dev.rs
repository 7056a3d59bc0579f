//! `colonies dev`: a server with a colony, a user and keys that are known to everybody.

use super::port::DEFAULT_PORT;
use super::{open_files, signals};
use crate::client::{Client, ClientError};
use crate::colony::Options;
use crate::crypto::PrivateKey;
use crate::startup::{self, Settings, cores};
use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

/// The development keys that all tutorials of the reference use: public, and good for nothing else (chapter 6).
const SERVER_KEY: &str = "fcc79953d8a751bf41db661592dc34d30004b1a651ffa0725b03ac227641499d";
const COLONY_KEY: &str = "ba949fa134981372d6da62b6a56f336ab4d843b22c02a4257dcf7d0d73097514";
const USER_KEY: &str = "ddf7f7791208083b6a9ed975a72684f6406a269cfa36f1b1c32045c0a71fff05";
const COLONY: &str = "dev";
const USER: &str = "myuser";

/// A development server: colony `dev`, user `myuser`, the well-known development keys. Not for production: everybody
/// knows the keys.
#[derive(Args)]
#[command(after_help = "Colony `dev`, user `myuser`, and the keys of the reference's tutorials: everybody knows\n\
                        them, so this is for trying only. What to export is printed at the start.")]
pub struct Dev {
    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, env = "COLONIES_SERVER_PORT", default_value_t = DEFAULT_PORT)]
    port: u16,
    /// Directory for everything durable
    #[arg(long, default_value = "colonies-dev")]
    datadir: PathBuf,
    /// Carry one hello-world process through the colony and print its way
    #[arg(long)]
    hello: bool,
    /// Take the colony's name and the keys from COLONIES_COLONY_NAME, COLONIES_SERVER_PRVKEY, COLONIES_COLONY_PRVKEY and
    /// COLONIES_PRVKEY where they are set, as in a compose file
    #[arg(long)]
    from_environment: bool,
}

/// The colony of the server, and the keys of those in it.
struct Cast {
    colony: String,
    server_key: PrivateKey,
    colony_key: PrivateKey,
    user_key: PrivateKey,
}

impl Cast {
    /// What everybody knows, or, where that is wanted, what the environment says in its place.
    fn choose(from_environment: bool) -> anyhow::Result<Cast> {
        let choose = |variable: &str, known: &str| {
            let said = from_environment.then(|| std::env::var(variable).ok()).flatten();
            said.filter(|said| !said.trim().is_empty()).unwrap_or_else(|| known.to_owned())
        };
        let key = |variable: &str, known: &str| {
            let text = choose(variable, known);
            PrivateKey::from_text(text.trim()).with_context(|| format!("{variable} holds no private key"))
        };
        Ok(Cast {
            colony: choose("COLONIES_COLONY_NAME", COLONY),
            server_key: key("COLONIES_SERVER_PRVKEY", SERVER_KEY)?,
            colony_key: key("COLONIES_COLONY_PRVKEY", COLONY_KEY)?,
            user_key: key("COLONIES_PRVKEY", USER_KEY)?,
        })
    }
}

impl Dev {
    /// Runs it.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let cast = Cast::choose(self.from_environment)?;
        let files = open_files::raise_limit();
        let workers = cores();
        let connections = open_files::connections_per_worker(files, workers);
        let settings = Settings {
            server_id: Some(cast.server_key.id()),
            options: Options { allow_reregister: true, ..Options::default() },
            ..Settings::new(SocketAddr::new(self.host, self.port), self.datadir.clone(), workers, connections)
        };
        actix_rt::System::new().block_on(async move {
            let mut signals = signals::Signals::catch()?;
            let running = signals.while_starting(startup::start(settings)).await?;
            let address = running.address;
            if running.owner != cast.server_key.id() {
                return Err(anyhow!(
                    "{} belongs to a server with another owner; choose another --datadir",
                    self.datadir.display()
                ));
            }
            let (hello, exports) = (self.hello, !self.from_environment);
            let prepared = actix_rt::task::spawn_blocking(move || {
                let client = Client::new(&format!("http://{address}"));
                prepare(&client, &cast)?;
                if exports {
                    print_exports(address);
                }
                if hello { say_hello(&client, &cast) } else { Ok(()) }
            });
            prepared.await.context("preparing the development colony failed")??;
            println!("Serving on http://{address} until Ctrl-C. Everything is kept in {}.", self.datadir.display());
            Ok(signals::serve_until_signalled(running, signals).await)
        })
    }
}

/// Adds colony and user where they are not there yet.
fn prepare(client: &Client, cast: &Cast) -> anyhow::Result<()> {
    let colony = json!({"msgtype": "addcolonymsg", "colony": {"colonyid": cast.colony_key.id(), "name": cast.colony}});
    unless_there(client.send(&cast.server_key, &colony)).context("adding the development colony")?;
    let user = json!({"msgtype": "addusermsg", "user":
        {"colonyname": cast.colony, "userid": cast.user_key.id(), "name": USER, "email": "", "phone": ""}});
    unless_there(client.send(&cast.colony_key, &user)).context("adding the development user")
}

/// That something is there already is what was wanted.
fn unless_there(outcome: Result<Value, ClientError>) -> anyhow::Result<()> {
    match outcome {
        Ok(_) => Ok(()),
        Err(ClientError::Refused { status: 400, message }) if message.contains("already exists") => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn print_exports(address: SocketAddr) {
    let host = if address.ip().is_unspecified() { "localhost".to_owned() } else { address.ip().to_string() };
    println!("# Development keys: known to everybody, so for this machine only.");
    for (name, value) in [
        ("COLONIES_SERVER_HOST", host.as_str()),
        ("COLONIES_SERVER_PORT", &address.port().to_string()),
        ("COLONIES_TLS", "false"),
        ("COLONIES_SERVER_TLS", "false"),
        ("COLONIES_SERVER_PRVKEY", SERVER_KEY),
        ("COLONIES_COLONY_NAME", COLONY),
        ("COLONIES_COLONY_PRVKEY", COLONY_KEY),
        ("COLONIES_PRVKEY", USER_KEY),
        ("COLONIES_EXECUTOR_NAME", "myexecutor"),
    ] {
        println!("export {name}=\"{value}\"");
    }
    println!();
}

/// The main job, once: an executor registers and waits, a user submits, the executor answers, the user reads.
fn say_hello(client: &Client, cast: &Cast) -> anyhow::Result<()> {
    const EXECUTOR: &str = "hello-executor";
    let colony = cast.colony.as_str();
    let executor_key = PrivateKey::generate();
    let add = json!({"msgtype": "addexecutormsg", "executor": {"executorid": executor_key.id(),
        "executorname": EXECUTOR, "executortype": EXECUTOR, "colonyname": colony}});
    client.send(&cast.colony_key, &add).context("registering the executor")?;
    let named = |message: &str| json!({"msgtype": message, "colonyname": colony, "executorname": EXECUTOR});
    client.send(&cast.colony_key, &named("approveexecutormsg")).context("approving the executor")?;
    println!("registered   executor {EXECUTOR}, approved by the owner of colony {colony}");

    let spec = json!({"funcname": "hello", "args": ["world"], "maxexectime": 60,
        "conditions": {"colonyname": colony, "executortype": EXECUTOR}});
    let submitted = client.send(&cast.user_key, &json!({"msgtype": "submitfuncspecmsg", "spec": spec}))?;
    let id = text(&submitted, "processid");
    println!("submitted    process {id} by user {USER}: hello(\"world\")");

    let assign = json!({"msgtype": "assignprocessmsg", "colonyname": colony, "timeout": 10});
    let assigned = client.send(&executor_key, &assign).context("waiting for the process")?;
    println!("assigned to  executor {EXECUTOR}: process {}", text(&assigned, "processid"));

    let output = format!("hello {}", assigned["spec"]["args"][0].as_str().unwrap_or_default());
    let close = json!({"msgtype": "closesuccessfulmsg", "processid": text(&assigned, "processid"), "out": [output]});
    client.send(&executor_key, &close).context("closing the process")?;
    println!("closed       by the executor as successful");

    let read = client.send(&cast.user_key, &json!({"msgtype": "getprocessmsg", "processid": id}))?;
    println!("output       {}, read by user {USER}", read["out"]);
    client.send(&cast.colony_key, &named("removeexecutormsg")).context("removing the executor")?;
    println!();
    Ok(())
}

fn text(object: &Value, member: &str) -> String {
    object[member].as_str().unwrap_or_default().to_owned()
}
