//! `colonies backup` and `colonies restore`.

use super::connection::Global;
use super::output::Output;
use super::progress::Progress;
use crate::storage::backup;
use clap::Args;
use std::path::PathBuf;

/// Copy a server's data directory, while it runs or not
///
/// The copy is what the server would find after a crash at one moment while it was made: all that had been acknowledged
/// before is in it. It is checked, and a list of its files with their checksums is written last; without that list it is
/// not complete. While the copy is made, what has ended stays in the server's memory; everything else goes on.
///
/// Must be run on the server's machine, by a user who may read the data directory.
#[derive(Args)]
pub struct Backup {
    /// Data directory of the server
    #[arg(long, env = "COLONIES_DATADIR", default_value = "colonies-data")]
    datadir: PathBuf,
    /// Where the copy goes: a directory that is empty or not there yet
    #[arg(long)]
    to: PathBuf,
}

/// Make a data directory of a backup
///
/// Every file is checked against the backup's list. Then start the server on the new directory. What happened after the
/// backup is not there any more; executors that hold work of then are refused when they close it, and ask anew.
#[derive(Args)]
pub struct Restore {
    /// The backup
    #[arg(long)]
    from: PathBuf,
    /// The data directory to make: one that is empty or not there yet
    #[arg(long, env = "COLONIES_DATADIR", default_value = "colonies-data")]
    datadir: PathBuf,
}

impl Backup {
    /// Makes a backup.
    ///
    /// # Errors
    /// Says why there is none.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let mut shown = Progress::start();
        let list = backup::back_up(&self.datadir, &self.to, &mut |what, done, total| shown.show(what, done, total))?;
        drop(shown);
        done(global, "Backup made", &[("Of", &self.datadir), ("To", &self.to)], &list)
    }
}

impl Restore {
    /// Puts a backup into a data directory.
    ///
    /// # Errors
    /// Says why it was not.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let mut shown = Progress::start();
        let list = backup::restore(&self.from, &self.datadir, &mut |what, done, total| shown.show(what, done, total))?;
        drop(shown);
        done(global, "Backup restored", &[("From", &self.from), ("To", &self.datadir)], &list)
    }
}

fn done(global: &Global, what: &str, paths: &[(&str, &PathBuf)], list: &backup::List) -> anyhow::Result<()> {
    let (files, bytes) = (list.files.len().to_string(), list.bytes().to_string());
    let paths: Vec<(&str, String)> = paths.iter().map(|(name, path)| (*name, path.display().to_string())).collect();
    let mut about: Vec<(&str, &str)> = paths.iter().map(|(name, path)| (*name, path.as_str())).collect();
    about.extend([("Files", files.as_str()), ("Bytes", bytes.as_str())]);
    Ok(Output::new(global).done(what, &about)?)
}
