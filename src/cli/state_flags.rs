//! `--waiting`, `--successful`, `--failed` and `--cancelled`.

use crate::client::ProcessState;
use clap::Args;

/// Which state is meant; all of them where none is given.
#[derive(Args)]
#[group(multiple = false)]
pub struct StateFlags {
    /// Waiting ones only
    #[arg(long)]
    waiting: bool,
    /// Successful ones only
    #[arg(long)]
    successful: bool,
    /// Failed ones only
    #[arg(long)]
    failed: bool,
    /// Cancelled ones only
    #[arg(long)]
    cancelled: bool,
}

impl StateFlags {
    /// The state, and the word for it.
    pub fn chosen(&self) -> (Option<ProcessState>, &'static str) {
        match self {
            StateFlags { waiting: true, .. } => (Some(ProcessState::Waiting), "waiting"),
            StateFlags { successful: true, .. } => (Some(ProcessState::Successful), "successful"),
            StateFlags { failed: true, .. } => (Some(ProcessState::Failed), "failed"),
            StateFlags { cancelled: true, .. } => (Some(ProcessState::Cancelled), "cancelled"),
            StateFlags { .. } => (None, "all"),
        }
    }
}
