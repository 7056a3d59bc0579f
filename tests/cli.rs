//! The command line: the built binary against a real server process (chapter 6, section 7).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

#[path = "cli/blueprints.rs"]
mod blueprints;
#[path = "cli/bootstrap.rs"]
mod bootstrap;
#[path = "cli/broken_store.rs"]
mod broken_store;
#[path = "cli/failures.rs"]
mod failures;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/jobs.rs"]
mod jobs;
#[path = "cli/keys.rs"]
mod keys;
#[path = "cli/manual.rs"]
mod manual;
#[path = "cli/monitor.rs"]
mod monitor;
#[path = "cli/relay.rs"]
mod relay;
#[path = "cli/scenarios.rs"]
mod scenarios;
#[path = "cli/secure.rs"]
mod secure;
#[path = "cli/shell.rs"]
mod shell;
#[path = "cli/sync.rs"]
mod sync;
#[path = "cli/top.rs"]
mod top;
#[path = "cli/waiting.rs"]
mod waiting;
#[path = "cli/workflows.rs"]
mod workflows;
