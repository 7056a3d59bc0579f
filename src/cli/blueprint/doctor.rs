//! `colonies blueprint doctor`: what keeps blueprints from being reconciled.

use super::super::connection::Session;
use super::super::output::{note, print};
use super::reconciles;
use crate::client::{Blueprint, BlueprintDefinition, Cron, Executor, FunctionSpec, WorkflowSpec};
use crate::crypto::PrivateKey;
use clap::Args;
use serde::Serialize;

/// Crons that are looked through.
const CRONS: i64 = 1_000;

/// Seconds between two starts of a cron that is made to fix something.
const INTERVAL: i64 = 60;

#[derive(Args)]
pub struct Doctor {
    /// This blueprint only
    #[arg(long)]
    name: Option<String>,
    /// Add crons that are missing, and have blueprints reconciled
    #[arg(long)]
    fix: bool,
}

/// What was looked at, and whether it is as it should be.
#[derive(Serialize)]
struct Finding {
    blueprint: String,
    ok: bool,
    what: String,
    #[serde(skip)]
    missing_cron: Option<String>,
}

impl Doctor {
    pub fn run(self, session: &Session) -> anyhow::Result<()> {
        let (client, member, colony) = (&session.client, session.member()?, session.colony()?);
        let blueprints = match &self.name {
            Some(name) => vec![client.blueprint(&member, colony, name)?],
            None => client.blueprints(&member, colony, "")?,
        };
        let definitions = client.blueprint_definitions(&member, colony)?;
        let executors = client.executors(&member, colony)?;
        let crons = client.crons(&member, colony, CRONS)?;
        let mut findings = Vec::new();
        for blueprint in &blueprints {
            let definition = definitions.iter().find(|definition| definition.declares() == blueprint.kind);
            let found = examine(blueprint, definition, &executors, &crons);
            if self.fix
                && let Some(definition) = definition
            {
                fix(session, &member, blueprint, definition, &found)?;
            }
            findings.extend(found);
        }
        if session.out.json {
            return Ok(session.out.show(&findings, Vec::new)?);
        }
        print(&report(&findings))?;
        Ok(())
    }
}

fn report(findings: &[Finding]) -> String {
    let mut text = String::new();
    let mut current = None;
    for finding in findings {
        if current != Some(&finding.blueprint) {
            text.push_str(&format!("=== {} ===\n", finding.blueprint));
            current = Some(&finding.blueprint);
        }
        let word = if finding.ok { "OK" } else { "ERROR" };
        text.push_str(&format!("  [{word}] {}\n", finding.what));
    }
    let issues = findings.iter().filter(|finding| !finding.ok).count();
    text.push_str(&format!("\nFound {issues} issue(s)\n"));
    text
}

/// Looks at one blueprint.
fn examine(
    blueprint: &Blueprint,
    definition: Option<&BlueprintDefinition>,
    executors: &[Executor],
    crons: &[Cron],
) -> Vec<Finding> {
    let finding = |ok: bool, good: String, bad: String| Finding {
        blueprint: blueprint.metadata.name.clone(),
        ok,
        what: if ok { good } else { bad },
        missing_cron: None,
    };
    let kind = &blueprint.kind;
    let Some(definition) = definition else {
        return vec![finding(false, String::new(), format!("No definition declares kind '{kind}'"))];
    };
    let location = &blueprint.metadata.locationname;
    let handler = &definition.spec.handler.executor_type;
    let mut findings = Vec::new();
    if !location.is_empty() {
        let there = executors.iter().any(|one| reconciles(one) && one.locationname == *location);
        let good = format!("Reconciler found at location '{location}'");
        findings.push(finding(there, good, format!("No reconciler found at location '{location}'")));
    }
    let of_type = executors.iter().any(|one| reconciles(one) && one.executortype == *handler);
    let good = format!("Executor of type '{handler}' found");
    findings.push(finding(of_type, good, format!("No approved executor of type '{handler}' found")));
    let cron = cron_name(kind, location);
    let starts = crons.iter().any(|one| one.name == cron);
    let good = format!("Reconciliation cron '{cron}' exists");
    let mut of_cron = finding(starts, good, format!("No reconciliation cron '{cron}'"));
    of_cron.missing_cron = (!starts).then_some(cron);
    findings.push(of_cron);
    findings
}

fn cron_name(kind: &str, location: &str) -> String {
    if location.is_empty() { format!("reconcile-{kind}") } else { format!("reconcile-{kind}-{location}") }
}

fn fix(
    session: &Session,
    member: &PrivateKey,
    blueprint: &Blueprint,
    definition: &BlueprintDefinition,
    findings: &[Finding],
) -> anyhow::Result<()> {
    let (client, colony, handler) = (&session.client, session.colony()?, &definition.spec.handler);
    for name in findings.iter().filter_map(|finding| finding.missing_cron.as_ref()) {
        let mut spec = FunctionSpec::new(colony, &handler.executor_type, &handler.function_name);
        spec.nodename = "reconcile".to_owned();
        spec.kwargs.insert("kind".to_owned(), blueprint.kind.clone().into());
        spec.conditions.locationname.clone_from(&blueprint.metadata.locationname);
        let workflow = WorkflowSpec { colonyname: colony.to_owned(), functionspecs: vec![spec] };
        let cron = Cron {
            colonyname: colony.to_owned(),
            name: name.clone(),
            interval: INTERVAL,
            waitforprevprocessgraph: true,
            workflowspec: serde_json::to_string(&workflow)?,
            ..Cron::default()
        };
        // Blueprints of one kind and location share a cron: the first has made it.
        match client.add_cron(member, &cron) {
            Ok(cron) => note("Cron added", &[("CronID", &cron.cronid), ("CronName", name)]),
            Err(error) if error.to_string().contains("already exists") => {}
            Err(error) => return Err(error.into()),
        }
    }
    if findings.iter().any(|finding| !finding.ok) {
        let process = client.reconcile_blueprint(member, colony, &blueprint.metadata.name, false)?;
        note("Reconciliation process submitted", &[("ProcessId", &process.processid)]);
    }
    Ok(())
}
