//! `colonies fs snapshot`.

use super::super::confirm::confirm;
use super::super::connection::Session;
use super::super::table::{Grid, when};
use super::moved::Moved;
use super::store::Store;
use super::{bytes_of, canonical, download};
use crate::client::{ClientError, File, FileSelector, Snapshot, SnapshotSelector};
use anyhow::bail;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum SnapshotCommand {
    /// Make a snapshot of a label and what is below it
    Create {
        /// The label
        #[arg(short, long)]
        label: String,
        /// Name of the snapshot
        #[arg(short = 'n', long, alias = "name")]
        snapshotname: String,
    },
    /// Show a snapshot and its files
    Info(Which),
    /// Download the files of a snapshot
    Download {
        #[command(flatten)]
        which: Which,
        /// Directory to write them into
        #[arg(short, long)]
        dir: PathBuf,
    },
    /// List all snapshots
    #[command(alias = "list")]
    Ls,
    /// Remove a snapshot; its files stay
    Remove(Which),
    /// Remove all snapshots; their files stay
    Removeall {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Id of the snapshot
    #[arg(short = 'i', long)]
    snapshotid: Option<String>,
    /// Name of the snapshot
    #[arg(short = 'n', long, alias = "name")]
    snapshotname: Option<String>,
}

impl Which {
    fn selector(&self) -> SnapshotSelector<'_> {
        match (&self.snapshotid, &self.snapshotname) {
            (Some(id), _) => SnapshotSelector::Id(id),
            (None, name) => SnapshotSelector::Name(name.as_deref().unwrap_or_default()),
        }
    }
}

impl SnapshotCommand {
    pub fn run(self, session: &Session) -> anyhow::Result<()> {
        let (client, member, colony, out) = (&session.client, session.member()?, session.colony()?, session.out);
        match self {
            SnapshotCommand::Create { label, snapshotname } => {
                let label = canonical(&label);
                let snapshot = client.create_snapshot(&member, colony, &label, &snapshotname)?;
                let about =
                    [("Label", label.as_str()), ("SnapshotId", &snapshot.snapshotid), ("SnapshotName", &snapshotname)];
                out.made("Snapshot created", &about, &snapshot)?;
            }
            SnapshotCommand::Info(which) => {
                let snapshot = client.snapshot(&member, colony, which.selector())?;
                let files = if out.json { Vec::new() } else { files(session, &snapshot)? };
                out.show(&snapshot, || vec![about(&snapshot), contents(&files)])?;
            }
            SnapshotCommand::Download { which, dir } => {
                let snapshot = client.snapshot(&member, colony, which.selector())?;
                let files = files(session, &snapshot)?;
                if files.len() < snapshot.fileids.len() {
                    bail!("{} files of the snapshot were removed since", snapshot.fileids.len() - files.len());
                }
                let store = Store::from_environment()?;
                let moved = Moved::of(files.iter().map(bytes_of).sum());
                let mut downloads = files.iter().map(|file| download(&store, file, &snapshot.label, &dir, &moved));
                downloads.try_for_each(|downloaded| downloaded.map(|_| ()))?;
                drop(moved);
                let about = [("Dir", dir.display().to_string()), ("Files", files.len().to_string())];
                let about: Vec<_> = about.iter().map(|(key, value)| (*key, value.as_str())).collect();
                out.made("Downloaded snapshot", &about, &snapshot)?;
            }
            SnapshotCommand::Ls => {
                let snapshots = client.snapshots(&member, colony)?;
                out.list(&snapshots, "No snapshots found", || {
                    let mut grid = Grid::with_headers(&["NAME", "SNAPSHOTID", "LABEL", "FILES", "ADDED"]);
                    for one in &snapshots {
                        let files = one.fileids.len().to_string();
                        grid.row([&one.name, &one.snapshotid, &one.label, &files, &when(one.added)]);
                    }
                    grid
                })?;
            }
            SnapshotCommand::Remove(which) => {
                client.remove_snapshot(&member, colony, which.selector())?;
                let about = match which.selector() {
                    SnapshotSelector::Id(id) => ("SnapshotId", id),
                    SnapshotSelector::Name(name) => ("SnapshotName", name),
                };
                out.done("Snapshot removed", &[about])?;
            }
            SnapshotCommand::Removeall { yes } => {
                confirm(&format!("Remove all snapshots of colony <{colony}>?"), yes)?;
                client.remove_all_snapshots(&member, colony)?;
                out.done("Removed all snapshots", &[("ColonyName", colony)])?;
            }
        }
        Ok(())
    }
}

/// The files of a snapshot; those that were removed since are left out.
fn files(session: &Session, snapshot: &Snapshot) -> anyhow::Result<Vec<File>> {
    let (member, colony) = (session.member()?, session.colony()?);
    let mut files = Vec::new();
    for id in &snapshot.fileids {
        match session.client.file(&member, colony, FileSelector::Id(id), true) {
            Ok(found) => files.extend(found),
            Err(ClientError::Refused { status: 400 | 404, .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(files)
}

fn contents(files: &[File]) -> Grid {
    let mut grid = Grid::with_headers(&["FILENAME", "LABEL", "FILEID", "ADDED"]);
    files.iter().for_each(|file| grid.row([&file.name, &file.label, &file.fileid, &when(file.added)]));
    grid
}

fn about(snapshot: &Snapshot) -> Grid {
    Grid::of_pairs("Snapshot")
        .pair("SnapshotId", &snapshot.snapshotid)
        .pair("Name", &snapshot.name)
        .pair("Label", &snapshot.label)
        .pair("Colony", &snapshot.colonyname)
        .pair("Files", snapshot.fileids.len())
        .pair("Added", when(snapshot.added))
}
