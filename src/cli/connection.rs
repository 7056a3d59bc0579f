//! Where the server is, whose keys sign, and which colony is meant: flags first, then the environment.

use super::key_file;
use super::output::{Output, note};
use super::port::port_of_environment;
use crate::client::{Client, Contact, Trust};
use crate::crypto::PrivateKey;
use anyhow::{Context, bail};
use clap::Args;

/// Flags of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub json: bool,
    /// Use plain HTTP although COLONIES_TLS says otherwise
    #[arg(long, global = true)]
    pub insecure: bool,
    /// Take any TLS certificate of the server, also one that nobody vouches for
    #[arg(long, global = true)]
    pub skip_tls_verify: bool,
    /// Log more
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// Flags of every command that talks to a server.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// Host of the server; localhost unless given
    #[arg(long, global = true, env = "COLONIES_SERVER_HOST")]
    host: Option<String>,
    /// Port of the server, else COLONIES_SERVER_HTTP_PORT or COLONIES_SERVER_PORT; 50080 unless given
    #[arg(long, global = true)]
    port: Option<u16>,
    /// Private key of the user or executor that asks, or @FILE with it; as for the other keys
    #[arg(long, global = true, env = "COLONIES_PRVKEY", hide_env_values = true)]
    prvkey: Option<String>,
    /// Private key of the colony's owner
    #[arg(long, global = true, env = "COLONIES_COLONY_PRVKEY", hide_env_values = true)]
    colonyprvkey: Option<String>,
    /// Private key of the server's owner
    #[arg(long, global = true, env = "COLONIES_SERVER_PRVKEY", hide_env_values = true)]
    serverprvkey: Option<String>,
}

/// Flags of every command about something in a colony.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub struct InColony {
    #[command(flatten)]
    connection: Connection,
    /// Name of the colony
    #[arg(long, alias = "colonyid", global = true, env = "COLONIES_COLONY_NAME")]
    colonyname: Option<String>,
}

/// A server, and who asks.
pub struct Session {
    /// The server.
    pub client: Client,
    /// Where answers go.
    pub out: Output,
    connection: Connection,
    colony: Option<String>,
}

impl Connection {
    /// A session without a colony.
    ///
    /// # Errors
    /// Where the address makes no sense.
    pub fn session(self, global: &Global) -> anyhow::Result<Session> {
        self.session_in(global, None)
    }

    /// A session in this colony, if one is named.
    ///
    /// # Errors
    /// Where the address makes no sense.
    pub fn session_in(self, global: &Global, colony: Option<String>) -> anyhow::Result<Session> {
        let trust = if global.skip_tls_verify { Trust::Anyone } else { Trust::Certificates };
        let client = Client::trusting(&self.url(global)?, trust).persistent(tell_of_contact);
        Ok(Session { client, out: Output::new(global), connection: self, colony })
    }

    /// The server's address, as in `http://localhost:50080`.
    ///
    /// # Errors
    /// Where the environment's port is none.
    pub fn url(&self, global: &Global) -> anyhow::Result<String> {
        let host = self.host.as_deref().filter(|host| !host.is_empty()).unwrap_or("localhost");
        let port = match self.port {
            Some(port) => port,
            None => port_of_environment()?.unwrap_or(super::port::DEFAULT_PORT),
        };
        let scheme = if uses_tls(host, global) { "https" } else { "http" };
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Ok(format!("{scheme}://{host}:{port}"))
    }
}

impl InColony {
    /// A session in the colony.
    ///
    /// # Errors
    /// Where the address makes no sense.
    pub fn session(self, global: &Global) -> anyhow::Result<Session> {
        self.connection.session_in(global, self.colonyname)
    }
}

/// Whether to use TLS: as `COLONIES_TLS` says, else unless the server is on this machine.
fn uses_tls(host: &str, global: &Global) -> bool {
    let said = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<bool>().ok());
    let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    !global.insecure && said("COLONIES_TLS").unwrap_or(!local)
}

impl Session {
    /// The key of the user or executor that asks.
    ///
    /// # Errors
    /// Where there is none.
    pub fn member(&self) -> anyhow::Result<PrivateKey> {
        key(self.connection.prvkey.as_deref(), "COLONIES_PRVKEY", "--prvkey", "a user or executor")
    }

    /// Whether a colony is named, and a key to ask about it with.
    pub fn names_a_member(&self) -> bool {
        let is_given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
        is_given(&self.colony) && is_given(&self.connection.prvkey)
    }

    /// The key of the colony's owner.
    ///
    /// # Errors
    /// Where there is none.
    pub fn colony_owner(&self) -> anyhow::Result<PrivateKey> {
        key(self.connection.colonyprvkey.as_deref(), "COLONIES_COLONY_PRVKEY", "--colonyprvkey", "the colony's owner")
    }

    /// The key of the server's owner.
    ///
    /// # Errors
    /// Where there is none.
    pub fn server_owner(&self) -> anyhow::Result<PrivateKey> {
        key(self.connection.serverprvkey.as_deref(), "COLONIES_SERVER_PRVKEY", "--serverprvkey", "the server's owner")
    }

    /// The colony's name.
    ///
    /// # Errors
    /// Where none is named.
    pub fn colony(&self) -> anyhow::Result<&str> {
        self.colony_or(None)
    }

    /// This name, or else the colony's of the environment.
    ///
    /// # Errors
    /// Where none is named.
    pub fn colony_or<'a>(&'a self, name: Option<&'a str>) -> anyhow::Result<&'a str> {
        let given = [name, self.colony.as_deref()].into_iter().flatten().find(|name| !name.is_empty());
        given.context("no colony is named: export COLONIES_COLONY_NAME, or give --colonyname")
    }
}

/// Says that the server is away, and that it is back, while a command waits for something.
fn tell_of_contact(contact: Contact<'_>) {
    match contact {
        Contact::Lost(error) => {
            note("Lost the server, asking again until it answers", &[("Reason", &error.to_string())])
        }
        Contact::Regained => note("The server answers again", &[]),
    }
}

/// Reads a key. A mistyped key is a secret too, so that no message repeats it.
fn key(given: Option<&str>, variable: &str, flag: &str, whose: &str) -> anyhow::Result<PrivateKey> {
    let Some(text) = given.map(str::trim).filter(|text| !text.is_empty()) else {
        bail!("{variable} is not set: export it with the private key of {whose}, or give {flag}");
    };
    let text = key_file::resolve(text).with_context(|| format!("{flag} ({variable})"))?;
    PrivateKey::from_text(&text).with_context(|| format!("{flag} ({variable}) holds no private key"))
}
