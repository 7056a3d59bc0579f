//! `colonies key`: private keys and their ids.

use super::connection::Global;
use super::output::Output;
use crate::crypto::PrivateKey;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::json;

/// Private keys and the ids that follow from them; needs no server.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Make a private key and show it with its id
    Generate,
    /// Show the id of a private key
    Id(Id),
}

/// The key.
#[derive(Args)]
pub struct Id {
    /// The private key
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
            KeyCommand::Generate => {
                let key = PrivateKey::generate();
                let (id, text) = (key.id().to_string(), key.reveal());
                let about = [("Id", id.as_str()), ("PrvKey", text.as_str())];
                Ok(out.made("Generated new private key", &about, &json!({ "id": id, "prvkey": *text }))?)
            }
            KeyCommand::Id(Id { prvkey }) => {
                let Some(text) = prvkey.filter(|text| !text.is_empty()) else {
                    bail!("no private key is given: give --prvkey, or export COLONIES_PRVKEY");
                };
                let key = PrivateKey::from_text(text.trim()).context("--prvkey (COLONIES_PRVKEY)")?;
                Ok(out.done("Corresponding Id for the given private key", &[("Id", &key.id().to_string())])?)
            }
        }
    }
}
