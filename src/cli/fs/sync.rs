//! `colonies fs sync` and `colonies fs clean`.

use super::moved::Moved;
use super::plan::Plan;
use super::store::Store;
use super::tree::{LocalTree, Place, RemoteTree, label_of, local, mark, remote};
use crate::cli::confirm::agree;
use crate::cli::connection::Session;
use crate::cli::output::note;
use crate::cli::table::Grid;
use crate::client::File;
use anyhow::{Context, bail};
use clap::{ArgAction, Args};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

/// Files that are on their way at once.
const TRANSFERS: usize = 8;

#[derive(Args)]
pub struct Sync {
    #[command(flatten)]
    trees: Trees,
    /// Where both sides differ, keep what is here
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    keeplocal: bool,
    /// Show every file that would be moved
    #[arg(long)]
    syncplans: bool,
    /// What moves files; only s3 is there
    #[arg(long, default_value = "s3", value_parser = ["s3"], hide = true)]
    driver: String,
}

#[derive(Args)]
pub struct Clean {
    #[command(flatten)]
    trees: Trees,
    /// Show every file that would be removed
    #[arg(long)]
    cleanplans: bool,
}

#[derive(Args)]
struct Trees {
    /// The directory
    #[arg(short, long)]
    dir: PathBuf,
    /// The label, as in /src; the one in the directory's .cfs file unless given
    #[arg(short, long)]
    label: Option<String>,
    /// Do nothing, say only how much it would be
    #[arg(long)]
    dry: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Say nothing that is not wrong
    #[arg(long = "quite", visible_alias = "quiet", requires = "yes")]
    quiet: bool,
}

impl Sync {
    pub fn run(self, session: &Session) -> anyhow::Result<()> {
        let Sync { trees: Trees { dir, label, dry, yes, quiet }, keeplocal, syncplans, driver: _ } = self;
        let label = label_of(label.as_deref(), &dir)?;
        if !dry {
            std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        }
        let (member, colony) = (session.member()?, session.colony()?);
        let here = if dir.exists() { local(&dir, &label)? } else { LocalTree::new() };
        let there = remote(&session.client, &member, colony, &label)?;
        let plan = Plan::of(&here, &there, keeplocal);
        if syncplans && !session.out.json {
            session.out.show(&(), || tables(&plan, &here, &there))?;
        }
        let counts = plan.counts();
        let numbers = [counts.upload, counts.download, counts.conflicts].map(|number| number.to_string());
        let about =
            [("Label", label.as_str()), ("Upload", &numbers[0]), ("Download", &numbers[1]), ("Conflicts", &numbers[2])];
        if dry {
            return Ok(session.out.made("Synchronizing would be", &about, &counts)?);
        }
        if !plan.is_empty() {
            let (upload, download) = (&numbers[0], &numbers[1]);
            agree(
                &format!("Upload {upload} and download {download} files between {} and {label}?", dir.display()),
                yes,
            )?;
            let store = Store::from_environment()?;
            if counts.upload > 0 {
                store.make_bucket()?;
            }
            let moved = Moved::of(plan.bytes(&here, &there));
            let transfer =
                Transfer { session, store: &store, dir: &dir, label: &label, here: &here, there: &there, moved };
            let up = plan.upload.iter().chain(&plan.replace_remote).map(|place| (place, Direction::Up));
            let down = plan.download.iter().chain(&plan.replace_local).map(|place| (place, Direction::Down));
            transfer.all(up.chain(down))?;
        }
        for (dir, label) in directories(&here, &there, &label, &dir)? {
            mark(&dir, &label)?;
        }
        if quiet { Ok(()) } else { Ok(session.out.made("Synchronized", &about, &counts)?) }
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// What all files on their way have in common.
struct Transfer<'a> {
    session: &'a Session,
    store: &'a Store,
    dir: &'a Path,
    label: &'a str,
    here: &'a LocalTree,
    there: &'a RemoteTree,
    moved: Moved,
}

impl Transfer<'_> {
    /// Moves files, several at once. After the first that fails no other is begun.
    fn all<'p>(&self, places: impl Iterator<Item = (&'p Place, Direction)> + Send) -> anyhow::Result<()> {
        let left = Mutex::new(places);
        let failure = Mutex::new(None);
        let next = || {
            let stop = failure.lock().is_ok_and(|failure| failure.is_some());
            if stop { None } else { left.lock().ok()?.next() }
        };
        thread::scope(|threads| {
            for _ in 0..TRANSFERS {
                threads.spawn(|| {
                    while let Some((place, direction)) = next() {
                        let moved = match direction {
                            Direction::Up => self.up(place),
                            Direction::Down => self.down(place),
                        };
                        if let Err(error) = moved
                            && let Ok(mut failure) = failure.lock()
                        {
                            let error = error.context(format!("{}/{}", place.label, place.name));
                            failure.get_or_insert(error);
                        }
                    }
                });
            }
        });
        match failure.into_inner() {
            Ok(None) => Ok(()),
            Ok(Some(error)) => Err(error),
            Err(_) => bail!("moving a file failed"),
        }
    }

    fn up(&self, place: &Place) -> anyhow::Result<()> {
        let digest = self.here.get(place).context("the file is not here")?;
        let reference = self.store.put(&place.path(self.label, self.dir)?, digest, &self.moved)?;
        let file = File {
            colonyname: self.session.colony()?.to_owned(),
            label: place.label.clone(),
            name: place.name.clone(),
            size: i64::try_from(digest.size)?,
            checksum: digest.sha256.clone(),
            checksumalg: "SHA256".to_owned(),
            reference,
            ..File::default()
        };
        self.session.client.add_file(&self.session.member()?, &file)?;
        Ok(())
    }

    fn down(&self, place: &Place) -> anyhow::Result<()> {
        let file = self.there.get(place).context("the file is not there")?;
        let path = place.path(self.label, self.dir)?;
        self.store.get(&file.object, file.size, &file.checksum, &path, &self.moved)
    }
}

/// The directories of all files, with their labels.
fn directories(
    here: &LocalTree,
    there: &RemoteTree,
    root: &str,
    dir: &Path,
) -> anyhow::Result<BTreeSet<(PathBuf, String)>> {
    let mut found = BTreeSet::from([(dir.to_owned(), root.to_owned())]);
    for place in here.keys().chain(there.keys()) {
        if let Some(parent) = place.path(root, dir)?.parent() {
            found.insert((parent.to_owned(), place.label.clone()));
        }
    }
    Ok(found)
}

fn tables(plan: &Plan, here: &LocalTree, there: &RemoteTree) -> Vec<Grid> {
    let table = |title: &str, places: &[Place]| {
        let mut grid = Grid::with_headers(&["FILE", "SIZE", "LABEL"]).titled(title);
        for place in places {
            let here = here.get(place).map(|digest| digest.size.to_string());
            let size = here.or_else(|| there.get(place).map(|file| file.size.to_string())).unwrap_or_default();
            grid.row([&place.name, &format!("{size} B"), &place.label]);
        }
        grid
    };
    [
        ("These files will be uploaded", &plan.upload),
        ("These files will be downloaded", &plan.download),
        ("These files will be replaced at the server", &plan.replace_remote),
        ("These files will be replaced locally", &plan.replace_local),
    ]
    .into_iter()
    .filter(|(_, places)| !places.is_empty())
    .map(|(title, places)| table(title, places))
    .collect()
}

impl Clean {
    pub fn run(self, session: &Session) -> anyhow::Result<()> {
        let Clean { trees: Trees { dir, label, dry, yes, quiet }, cleanplans } = self;
        let label = label_of(label.as_deref(), &dir)?;
        let here = local(&dir, &label)?;
        let there = remote(&session.client, &session.member()?, session.colony()?, &label)?;
        let extra: Vec<_> = here.keys().filter(|place| !there.contains_key(place)).collect();
        if cleanplans && !session.out.json {
            let mut grid = Grid::with_headers(&["FILE", "LABEL"]).titled("These files will be removed here");
            extra.iter().for_each(|place| grid.row([&place.name, &place.label]));
            session.out.show(&(), || vec![grid])?;
        }
        let count = extra.len().to_string();
        let about = [("Files", count.as_str()), ("Label", &label)];
        if dry {
            return Ok(session.out.done("Cleaning would remove", &about)?);
        }
        if extra.is_empty() {
            if !quiet {
                note("Nothing to remove", &about);
            }
            return Ok(());
        }
        agree(&format!("Remove {count} files of {} that are not in {label}?", dir.display()), yes)?;
        for place in extra {
            let path = place.path(&label, &dir)?;
            std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        if quiet { Ok(()) } else { Ok(session.out.done("Removed files that are not in the label", &about)?) }
    }
}
