//! `colonies fs`: files, whose records the server has and whose contents are in an object store.

mod moved;
mod plan;
mod snapshot;
mod store;
mod sync;
mod tree;

use super::confirm::confirm;
use super::connection::{Global, InColony, Session};
use super::output::note;
use super::table::{Grid, when};
use crate::client::{File, FileSelector};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use moved::Moved;
use std::path::{Path, PathBuf};
use store::Store;
use tree::Place;

/// Where contents are.
const STORES: &str = "The server keeps records; contents are in the store that the environment names:
  AWS_S3_ENDPOINT=file:///path   a directory
  AWS_S3_ENDPOINT=host:port      a store that speaks S3, with AWS_S3_BUCKET, AWS_S3_ACCESSKEY,
                                 AWS_S3_SECRETKEY and, where needed, AWS_S3_REGION,
                                 AWS_S3_TLS=true and AWS_S3_SKIPVERIFY=true";

/// Files, labels and snapshots.
#[derive(Args)]
#[command(after_help = STORES)]
pub struct FsGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: FsCommand,
}

#[derive(Subcommand)]
enum FsCommand {
    /// List and remove labels, under which files are kept
    #[command(subcommand)]
    Label(LabelCommand),
    /// Make, show, download and remove snapshots of labels
    #[command(subcommand)]
    Snapshot(snapshot::SnapshotCommand),
    /// List the files of a label
    #[command(alias = "list")]
    Ls {
        /// The label, as in /src
        #[arg(short, long)]
        label: String,
    },
    /// Show all revisions of a file
    Info(WhichFile),
    /// Make a label and a directory the same: upload what is only here, download what is only there
    Sync(sync::Sync),
    /// Remove local files that are not in a label
    Clean(sync::Clean),
    /// Download a file
    Get {
        #[command(flatten)]
        file: WhichFile,
        /// Directory to write it into
        #[arg(short, long, default_value = ".")]
        dir: PathBuf,
    },
    /// Remove a file, and its contents where AWS_S3_ENDPOINT names the object store
    Remove(WhichFile),
}

#[derive(Subcommand)]
enum LabelCommand {
    /// List all labels
    #[command(alias = "list")]
    Ls,
    /// Remove all files of the labels that begin with this one, and their contents where AWS_S3_ENDPOINT names the
    /// object store
    Remove {
        /// The label
        #[arg(short, long)]
        label: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args)]
struct WhichFile {
    /// Id of the file
    #[arg(short = 'i', long, conflicts_with_all = ["name", "label"])]
    fileid: Option<String>,
    /// Name of the file; with --label
    #[arg(short, long, requires = "label")]
    name: Option<String>,
    /// Label of the file; with --name
    #[arg(short, long, requires = "name")]
    label: Option<String>,
}

impl WhichFile {
    fn selected<T>(&self, then: impl FnOnce(FileSelector<'_>) -> anyhow::Result<T>) -> anyhow::Result<T> {
        match (&self.fileid, &self.name, &self.label) {
            (Some(id), ..) => then(FileSelector::Id(id)),
            (None, Some(name), Some(label)) => then(FileSelector::Name { label: &canonical(label), name }),
            _ => bail!("no file is named: give --fileid, or --name and --label"),
        }
    }
}

/// A label as clients write it: one slash before it, none behind.
fn canonical(label: &str) -> String {
    format!("/{}", label.trim_matches('/'))
}

impl FsGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        let (client, member, colony, out) = (&session.client, session.member()?, session.colony()?, session.out);
        match self.command {
            FsCommand::Snapshot(command) => command.run(&session)?,
            FsCommand::Label(LabelCommand::Ls) => {
                let labels = client.labels(&member, colony, "")?;
                out.list(&labels, "No labels found", || {
                    let mut grid = Grid::with_headers(&["LABEL", "FILES"]);
                    labels.iter().for_each(|label| grid.row([&label.name, &label.files.to_string()]));
                    grid
                })?;
            }
            FsCommand::Label(LabelCommand::Remove { label, yes }) => remove_label(&session, &canonical(&label), yes)?,
            FsCommand::Ls { label } => {
                let label = canonical(&label);
                let files = client.files(&member, colony, &label)?;
                // What people are shown beside that takes a question a file.
                let revisions =
                    |name: &str| client.file(&member, colony, FileSelector::Name { label: &label, name }, false);
                let revisions: Vec<_> = match out.json {
                    true => Vec::new(),
                    false => files.iter().map(|file| revisions(&file.name)).collect::<Result<_, _>>()?,
                };
                out.list(&files, "No files found", || list(&revisions))?;
            }
            FsCommand::Info(which) => {
                let revisions = which.selected(|file| Ok(client.file(&member, colony, file, false)?))?;
                out.show(&revisions, || revisions.iter().map(details).collect())?;
            }
            FsCommand::Sync(sync) => sync.run(&session)?,
            FsCommand::Clean(clean) => clean.run(&session)?,
            FsCommand::Get { file: which, dir } => {
                let found = which.selected(|file| Ok(client.file(&member, colony, file, true)?))?;
                let file = found.first().context("there is no such file")?;
                let moved = Moved::of(bytes_of(file));
                let path = download(&Store::from_environment()?, file, &file.label, &dir, &moved)?;
                out.made("Downloaded file", &[("File", &path.display().to_string())], file)?;
            }
            FsCommand::Remove(which) => which.selected(|file| {
                let store = Store::if_any()?;
                // The server takes the removal of what is not there for done, but not this question.
                let revisions = client.file(&member, colony, file, false)?;
                client.remove_file(&member, colony, file)?;
                let what = remove_contents(store.as_ref(), &revisions)?;
                let about = match file {
                    FileSelector::Id(id) => vec![("FileID", id)],
                    FileSelector::Name { label, name } => vec![("Label", label), ("Name", name)],
                };
                Ok(out.done(&format!("Removed file{what}"), &about)?)
            })?,
        }
        Ok(())
    }
}

fn remove_label(session: &Session, label: &str, yes: bool) -> anyhow::Result<()> {
    let (client, member, colony) = (&session.client, session.member()?, session.colony()?);
    let labels = client.labels(&member, colony, label)?;
    if labels.is_empty() {
        note("No labels found", &[("Label", label)]);
        return Ok(());
    }
    let store = Store::if_any()?;
    let names: Vec<_> = labels.iter().map(|label| label.name.as_str()).collect();
    confirm(&format!("Remove all files of {}?", names.join(", ")), yes)?;
    let (mut removed, mut what) = (0, "");
    for name in names {
        for file in client.files(&member, colony, name)? {
            let file = FileSelector::Name { label: name, name: &file.name };
            let revisions = client.file(&member, colony, file, false)?;
            client.remove_file(&member, colony, file)?;
            what = remove_contents(store.as_ref(), &revisions)?;
            removed += 1;
        }
    }
    let about = [("Files", removed.to_string()), ("Label", label.to_owned())];
    let about: Vec<_> = about.iter().map(|(key, value)| (*key, value.as_str())).collect();
    Ok(session.out.done(&format!("Removed files{what}"), &about)?)
}

/// Removes what revisions contain, after their records: contents that nobody finds do less harm than a file without
/// any. What is to be said about it.
fn remove_contents(store: Option<&Store>, revisions: &[File]) -> anyhow::Result<&'static str> {
    match store {
        Some(store) => store.remove(revisions).map(|()| ""),
        None => Ok(" from the server; contents stay in the object store, which AWS_S3_ENDPOINT does not name"),
    }
}

/// Downloads a revision to where it is below `root`.
fn download(store: &Store, file: &File, root: &str, dir: &Path, moved: &Moved) -> anyhow::Result<PathBuf> {
    let path = Place { label: file.label.clone(), name: file.name.clone() }.path(root, dir)?;
    store.get(&file.reference.s3object.object, file.size, &file.checksum, &path, moved)?;
    Ok(path)
}

fn bytes_of(file: &File) -> u64 {
    u64::try_from(file.size).unwrap_or(0)
}

/// A row a file, of its revisions.
fn list(files: &[Vec<File>]) -> Grid {
    let mut grid = Grid::with_headers(&["FILENAME", "SIZE", "LATEST ID", "ADDED", "REVISIONS"]);
    for revisions in files {
        if let Some(latest) = revisions.first() {
            let (size, count) = (format!("{} B", latest.size), revisions.len().to_string());
            grid.row([&latest.name, &size, &latest.fileid, &when(latest.added), &count]);
        }
    }
    grid
}

fn details(file: &File) -> Grid {
    let object = &file.reference.s3object;
    let hidden = |secret: &str| "*".repeat(secret.len().min(8));
    Grid::of_pairs("File")
        .pair("Filename", &file.name)
        .pair("FileId", &file.fileid)
        .pair("Added", when(file.added))
        .pair("Sequence Number", file.sequencenr)
        .pair("Label", &file.label)
        .pair("Colony", &file.colonyname)
        .pair("Size", format!("{} B", file.size))
        .pair("Checksum", &file.checksum)
        .pair("Checksum Alg", &file.checksumalg)
        .pair("Protocol", &file.reference.protocol)
        .pair("S3 Endpoint", format!("{}:{}", object.server, object.port))
        .pair("S3 TLS", object.tls)
        .pair("S3 Region", &object.region)
        .pair("S3 Bucket", &object.bucket)
        .pair("S3 Object", &object.object)
        .pair("S3 Accesskey", hidden(&object.accesskey))
        .pair("S3 Secretkey", hidden(&object.secretkey))
        .pair("Encryption Key", hidden(&object.encryptionkey))
        .pair("Encryption Alg", &object.encryptionalg)
}
