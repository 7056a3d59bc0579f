//! `colonies wal`: the log of a server that is stopped, looked at and cut.

mod dump;
mod inspect;
mod repair;
mod verify;

use super::connection::Global;
use super::progress::Progress;
use ::wal::inspection::{End, Inspection};
use ::wal::{Offline, OpenError, Storage};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Commands about the log in a data directory. None of them works while a server runs on it.
#[derive(Subcommand)]
pub enum WalCommand {
    /// Show what is in the log: its segments, its streams, and how it ends
    ///
    /// Reads the whole log and changes nothing. A segment is a file of the log; a batch is what was written and synced at
    /// once; a stream is the server's own history (0) or that of one colony, and its last record is EPOCH/NUMBER. The
    /// exit code is 0 whether the log is good or not: `colonies wal verify` is for scripts.
    Inspect(inspect::Inspect),
    /// Check every byte of the log and say what is bad first
    ///
    /// Reads the whole log and checks every checksum, as a start of the server does, and changes nothing. A torn end is
    /// a write that was never finished, as after a crash; nothing that was acknowledged is in it, and the next start
    /// cuts it. Damage is where something that had been durable can't be read any more; a start is refused.
    ///
    /// The exit code is 0 if a server would start on the log, and 1 if it would not.
    Verify(verify::Verify),
    /// Print the records of the log, oldest first
    ///
    /// A record is what one turn of a colony (or of the server itself, in stream 0) has decided: its time and its
    /// events. With --json each record is one line of JSON. Of a damaged log all that is good before the damage is
    /// printed; then the exit code is 1.
    Dump(dump::Dump),
    /// Cut the log at a place and lose what is behind it; keeps copies
    ///
    /// For a damaged log of which there is no better copy. `colonies wal verify` says where the good part ends, and
    /// that is where to cut. Everything behind is lost to the server, and kept in files that end in .torn. What is lost
    /// is said before it is done. Stop the server and copy the directory first.
    Repair(repair::Repair),
}

/// Where the log is.
#[derive(Args)]
pub struct DataDir {
    /// Data directory of the server; its log is in wal/
    #[arg(long, env = "COLONIES_DATADIR", default_value = "colonies-data")]
    datadir: PathBuf,
}

impl WalCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match self {
            WalCommand::Inspect(command) => command.run(global),
            WalCommand::Verify(command) => command.run(global),
            WalCommand::Dump(command) => command.run(global),
            WalCommand::Repair(command) => command.run(global),
        }
    }
}

impl DataDir {
    /// The log's directory.
    fn log(&self) -> PathBuf {
        self.datadir.join("wal")
    }

    /// Locks the log and reads all of it.
    ///
    /// # Errors
    /// Where there is none, where a server runs on it, or where it can't be read.
    fn read(&self, storage: Arc<dyn Storage>) -> anyhow::Result<(Offline, Inspection)> {
        let dir = self.log();
        let nothing =
            || format!("there is no log in {}: does --datadir name a server's data directory?", dir.display());
        if !dir.is_dir() {
            bail!(nothing());
        }
        let log = match Offline::lock(&dir, storage) {
            Err(OpenError::Locked { dir, holder }) => bail!(
                "{} is in use by another process ({holder}): stop it first, or work on a copy; what is being written \
                 while it is read would look torn or damaged",
                dir.display()
            ),
            locked => locked?,
        };
        let mut shown = Progress::start();
        let inspection = log.inspect(&mut |done, total| shown.show("reading the log", done, total))?;
        drop(shown);
        let inspection = inspection.with_context(nothing)?;
        Ok((log, inspection))
    }
}

/// The name of a segment, as `repair` takes it.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// How the log ends, in a sentence or two.
fn verdict(inspection: &Inspection) -> String {
    match &inspection.end {
        End::Closed => "the log is good, and was closed in order".to_owned(),
        End::Open => "the log is good; it was not closed in order, as after a crash".to_owned(),
        End::Torn(torn) => format!(
            "the log ends in a torn write, as after a crash: {} at byte {} ({} bytes), where batch {} should be: {}. \
             Nothing behind it proves that it was ever synced, so it is no damage: the next start of the server keeps a \
             copy and cuts it",
            torn.file.display(),
            torn.offset,
            torn.bytes,
            torn.batch,
            torn.seen
        ),
        End::Damaged(error @ OpenError::TooNew { .. }) => format!("a start is refused: {error}"),
        End::Damaged(error) => format!("the log is damaged, and a start is refused: {error}"),
    }
}

/// Where to cut a damaged log: behind the last good batch. `None` if there is none, or nothing is damaged.
fn good_until(inspection: &Inspection) -> Option<String> {
    if !matches!(
        inspection.end,
        End::Damaged(OpenError::Corrupt { .. } | OpenError::Missing { .. } | OpenError::EndMissing { .. })
    ) {
        return None;
    }
    let good = inspection.segments.iter().rev().find(|segment| segment.batches > 0)?;
    Some(format!("{}:{}", name(&good.path), good.end))
}
