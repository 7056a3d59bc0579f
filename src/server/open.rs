//! The two messages that anyone may send, unsigned (chapter 1, 12.1 and 12.2).

use crate::colony::message::{Answer, Texts};
use crate::texts;
use serde::Serialize;

/// The version that this build has.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The texts of `versionmsg`; `getserverinfomsg` never fails.
pub const VERSION_TEXTS: Texts = texts!("Failed to get server version");

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMessage {
    /// `versionmsg`.
    Version,
    /// `getserverinfomsg`.
    ServerInfo,
}

/// What the server says of itself.
#[derive(Clone, Debug, Default)]
pub struct ServerInfo {
    /// The address that it listens on.
    pub host: String,
    /// The port that it listens on.
    pub port: u16,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// When it was built; empty in builds that were not stamped.
    pub build_time: String,
}

#[derive(Serialize)]
struct Version {
    buildversion: &'static str,
    buildtime: String,
    msgtype: &'static str,
}

#[derive(Serialize)]
struct Info {
    buildversion: &'static str,
    buildtime: String,
    backends: [Backend; 1],
}

#[derive(Serialize)]
struct Backend {
    #[serde(rename = "type")]
    kind: &'static str,
    port: u16,
    #[serde(skip_serializing_if = "String::is_empty")]
    host: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tls: bool,
}

impl ServerInfo {
    /// The answer to one of the two.
    pub fn answer(&self, message: OpenMessage) -> Box<dyn Answer> {
        match message {
            OpenMessage::Version => {
                Box::new(Version { buildversion: VERSION, buildtime: self.build_time.clone(), msgtype: "versionmsg" })
            }
            OpenMessage::ServerInfo => Box::new(Info {
                buildversion: VERSION,
                buildtime: self.build_time.clone(),
                backends: [Backend { kind: "http", port: self.port, host: self.host.clone(), tls: self.tls }],
            }),
        }
    }
}
