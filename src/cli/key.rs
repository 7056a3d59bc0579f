//! `colonies key`: private keys and their ids.

use super::connection::Global;
use super::key_file;
use super::output::Output;
use crate::crypto::PrivateKey;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// Private keys and the ids that follow from them; needs no server.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Make a private key and show it with its id
    Generate(Generate),
    /// Show the id of a private key
    Id(Id),
}

/// Where it goes.
#[derive(Args)]
pub struct Generate {
    /// File to write the key into, for its owner alone, instead of showing it; COLONIES_PRVKEY=@FILE then uses it
    #[arg(long)]
    keypath: Option<PathBuf>,
}

/// The key.
#[derive(Args)]
pub struct Id {
    /// The private key, or @FILE with it
    #[arg(long, env = "COLONIES_PRVKEY", hide_env_values = true)]
    prvkey: Option<String>,
}

impl KeyCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let out = Output::new(global);
        match self {
            KeyCommand::Generate(Generate { keypath: Some(path) }) => {
                let key = PrivateKey::generate();
                key_file::write(&path, &key.reveal())?;
                let (id, path) = (key.id().to_string(), path.display().to_string());
                Ok(out.done("Generated new private key", &[("Id", &id), ("KeyPath", &path)])?)
            }
            KeyCommand::Generate(Generate { keypath: None }) => {
                let key = PrivateKey::generate();
                let (id, text) = (key.id().to_string(), key.reveal());
                let about = [("Id", id.as_str()), ("PrvKey", text.as_str())];
                Ok(out.made("Generated new private key", &about, &json!({ "id": id, "prvkey": *text }))?)
            }
            KeyCommand::Id(Id { prvkey }) => {
                let Some(text) = prvkey.filter(|text| !text.is_empty()) else {
                    bail!("no private key is given: give --prvkey, or export COLONIES_PRVKEY");
                };
                let text = key_file::resolve(&text).context("--prvkey (COLONIES_PRVKEY)")?;
                let key = PrivateKey::from_text(&text).context("--prvkey (COLONIES_PRVKEY)")?;
                Ok(out.done("Corresponding Id for the given private key", &[("Id", &key.id().to_string())])?)
            }
        }
    }
}
