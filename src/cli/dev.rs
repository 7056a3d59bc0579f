//! `colonies dev`.

use clap::Args;
use std::process::ExitCode;

/// A development server.
#[derive(Args)]
pub struct Dev {}

impl Dev {
    /// Runs it.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        Ok(ExitCode::SUCCESS)
    }
}
