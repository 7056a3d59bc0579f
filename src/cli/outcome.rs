//! `--wait`, `--follow` and `--out`: what came of a process that was submitted.

use super::connection::Session;
use super::output::{note, print};
use super::table;
use crate::client::{Log, Process, ProcessState};
use crate::crypto::PrivateKey;
use anyhow::bail;
use clap::Args;
use std::io::{self, Write};

/// Flags of commands that submit a process.
#[derive(Args)]
pub struct Outcome {
    /// Wait until the process has ended
    #[arg(long)]
    wait: bool,
    /// Print the log of the process until it has ended
    #[arg(long)]
    follow: bool,
    /// Print the output when the process is done; waits for it
    #[arg(long)]
    out: bool,
}

impl Outcome {
    /// Waits for what the flags ask for. With `--json` the process is printed once, as it is at the end.
    ///
    /// # Errors
    /// Where the process failed or was cancelled, or can't be seen any more.
    pub fn await_end(&self, session: &Session, member: &PrivateKey, submitted: &Process) -> anyhow::Result<()> {
        let id = &submitted.processid;
        let about = [("ProcessId", id.as_str())];
        note("Process submitted", &about);
        let ended = if self.follow {
            note("Printing logs from process", &about);
            session.client.follow_process(member, id, |log| print_line(session, log))?
        } else if self.wait || self.out {
            match session.client.wait_for_end(member, id, None)? {
                Some(ended) => ended,
                None => bail!("process {id} has not ended"),
            }
        } else {
            return Ok(session.out.show(submitted, Vec::new)?);
        };
        report(session, &ended, self.out)
    }
}

/// Says how a process ended, with its output where `out` says so. With `--json` the process is printed.
///
/// # Errors
/// Where the process failed or was cancelled.
pub fn report(session: &Session, ended: &Process, out: bool) -> anyhow::Result<()> {
    let id = &ended.processid;
    session.out.show(ended, Vec::new)?;
    match ended.state() {
        Some(ProcessState::Successful) => {
            note("Process finished successfully", &[("ProcessId", id)]);
            if out && !session.out.json {
                print(&format!("{}\n", table::values(&ended.out)))?;
            }
            Ok(())
        }
        Some(ProcessState::Cancelled) => bail!("process {id} was cancelled"),
        _ if ended.errors.is_empty() => bail!("process {id} failed"),
        _ => bail!("process {id} failed: {}", ended.errors.join("; ")),
    }
}

/// Prints a line of a log as it was written. With `--json` stdout is for the answer.
fn print_line(session: &Session, log: &Log) -> anyhow::Result<()> {
    if session.out.json {
        io::stderr().lock().write_all(log.message.as_bytes())?;
        return Ok(());
    }
    Ok(print(&log.message)?)
}
