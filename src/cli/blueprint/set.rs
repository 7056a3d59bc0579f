//! `colonies blueprint set`.

use super::super::connection::Session;
use super::super::output::note;
use super::said;
use crate::client::ClientError;
use anyhow::bail;
use clap::Args;
use serde_json::{Map, Value};

#[derive(Args)]
pub struct Set {
    /// Name of the blueprint
    #[arg(long)]
    name: String,
    /// Which value, as in spec.replicas
    #[arg(long)]
    key: String,
    /// The new value: JSON, or a text that needs no quotes
    #[arg(long, allow_hyphen_values = true)]
    value: String,
}

impl Set {
    pub fn run(self, session: &Session) -> anyhow::Result<()> {
        let (client, member, colony) = (&session.client, session.member()?, session.colony()?);
        let mut blueprint = client.blueprint(&member, colony, &self.name)?;
        let value = serde_json::from_str(&self.value).unwrap_or(Value::String(self.value));
        set(&mut blueprint.spec, &self.key, value)?;
        let updated = client.update_blueprint(&member, &blueprint)?;
        said(session, "Blueprint updated", &updated)?;
        match client.reconcile_blueprint(&member, colony, &self.name, false) {
            Ok(process) => {
                let about = [("Name", self.name.as_str()), ("ProcessId", &process.processid)];
                note("Reconciliation process submitted", &about);
                Ok(())
            }
            // A kind that nobody reconciles is changed all the same.
            Err(ClientError::Refused { status: 400, message }) => {
                note("Not reconciled", &[("Reason", &message)]);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Sets the value at a path like `spec.a.b`; objects on the way are made.
fn set(spec: &mut Map<String, Value>, path: &str, value: Value) -> anyhow::Result<()> {
    let mut parts = path.split('.').skip_while(|part| *part == "spec").peekable();
    let mut object = spec;
    loop {
        let Some(part) = parts.next().filter(|part| !part.is_empty()) else {
            bail!("{path} names no value: try for example --key spec.replicas");
        };
        if parts.peek().is_none() {
            object.insert(part.to_owned(), value);
            return Ok(());
        }
        let next = object.entry(part).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(next) = next else {
            bail!("{part} in {path} is no object");
        };
        object = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_to_a_value() {
        let mut spec = Map::new();
        set(&mut spec, "spec.replicas", json!(5)).expect("a path");
        set(&mut spec, "env.MODE", json!("fast")).expect("a path");
        assert_eq!(Value::Object(spec.clone()), json!({ "replicas": 5, "env": { "MODE": "fast" } }));
        for path in ["spec", "spec.", "", "replicas.x", "a..b"] {
            assert!(set(&mut spec, path, json!(1)).is_err(), "{path}");
        }
    }
}
