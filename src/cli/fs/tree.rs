//! A label and a directory: the same tree in two places.

use super::canonical;
use super::store::PART;
use crate::client::Client;
use crate::crypto::PrivateKey;
use crate::object_store::{Digest, digest_of};
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The file in a directory that says which label it belongs to.
const MARK: &str = ".cfs";

/// Where a file is: its label and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The label.
    pub label: String,
    /// The name.
    pub name: String,
}

/// A file as the server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Bytes.
    pub size: i64,
    /// SHA-256.
    pub checksum: String,
    /// The object with its contents.
    pub object: String,
}

/// Files of a directory.
pub type LocalTree = BTreeMap<Place, Digest>;

/// Files of a label.
pub type RemoteTree = BTreeMap<Place, Remote>;

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Mark {
    label: String,
}

/// The label that is meant: the one given, or the directory's own.
///
/// # Errors
/// Where there is neither.
pub fn label_of(given: Option<&str>, dir: &Path) -> anyhow::Result<String> {
    if let Some(label) = given {
        return Ok(canonical(label));
    }
    let path = dir.join(MARK);
    if !path.exists() {
        bail!("no label is named, and {} has no {MARK} file: give --label", dir.display());
    }
    let mark: Mark = super::super::given::read_file(&path)?;
    Ok(canonical(&mark.label))
}

/// Writes into a directory which label it belongs to.
///
/// # Errors
/// Where it can't be written.
pub fn mark(dir: &Path, label: &str) -> anyhow::Result<()> {
    let text = serde_json::to_string(&Mark { label: label.to_owned() })?;
    let path = dir.join(MARK);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The files of a directory and what is below it, read to the end. Links are not followed.
///
/// # Errors
/// Where something can't be read, or has a name that is no text.
pub fn local(dir: &Path, label: &str) -> anyhow::Result<LocalTree> {
    let mut tree = LocalTree::new();
    let mut left = vec![(dir.to_owned(), label.to_owned())];
    while let Some((dir, label)) = left.pop() {
        let cannot = || format!("cannot read {}", dir.display());
        for entry in fs::read_dir(&dir).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            let Ok(name) = entry.file_name().into_string() else {
                bail!("{} has a name that is not UTF-8: rename it", entry.path().display());
            };
            let kind = entry.file_type().with_context(cannot)?;
            if kind.is_dir() {
                let label = if label == "/" { format!("/{name}") } else { format!("{label}/{name}") };
                left.push((entry.path(), label));
            } else if kind.is_file() && name != MARK && !name.ends_with(PART) {
                let path = entry.path();
                let read = || File::open(&path).and_then(|file| digest_of(file, |_| Ok(())));
                let digest = read().with_context(|| format!("cannot read {}", path.display()))?;
                tree.insert(Place { label: label.clone(), name }, digest);
            }
        }
    }
    Ok(tree)
}

/// The files of a label and those below it.
///
/// # Errors
/// The client's.
pub fn remote(client: &Client, member: &PrivateKey, colony: &str, label: &str) -> anyhow::Result<RemoteTree> {
    let mut tree = RemoteTree::new();
    for found in client.labels(member, colony, label)? {
        if below(&found.name, label).is_none() {
            continue;
        }
        for file in client.files(member, colony, &found.name)? {
            let place = Place { label: found.name.clone(), name: file.name };
            tree.insert(place, Remote { size: file.size, checksum: file.checksum, object: file.s3filename });
        }
    }
    Ok(tree)
}

/// What of a label is below another, without slashes around it: empty for that label itself.
fn below<'a>(label: &'a str, root: &str) -> Option<&'a str> {
    let rest = label.strip_prefix(root.trim_end_matches('/'))?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

impl Place {
    /// Where the file is on this machine, when `root` is at `dir`.
    ///
    /// # Errors
    /// Where its label or name would lead elsewhere: both come from whoever added the file.
    pub fn path(&self, root: &str, dir: &Path) -> anyhow::Result<PathBuf> {
        let Some(rest) = below(&self.label, root) else {
            bail!("label {} is not below {root}", self.label);
        };
        let parts = rest.split('/').filter(|_| !rest.is_empty()).chain([self.name.as_str()]);
        let mut path = dir.to_owned();
        for part in parts {
            if matches!(part, "" | "." | "..") || part.contains(['/', '\0']) {
                bail!("{}/{} is no name for a file here: refused", self.label, self.name);
            }
            path.push(part);
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(label: &str, name: &str) -> Option<PathBuf> {
        let place = Place { label: label.to_owned(), name: name.to_owned() };
        place.path("/src", Path::new("dir")).ok()
    }

    #[test]
    fn places_lead_into_the_directory_or_nowhere() {
        assert_eq!(path("/src", "a"), Some("dir/a".into()));
        assert_eq!(path("/src/x/y", "a"), Some("dir/x/y/a".into()));
        for (label, name) in [
            ("/src", ".."),
            ("/src", ""),
            ("/src", "x/../../a"),
            ("/src", "/etc/passwd"),
            ("/src/..", "a"),
            ("/src//x", "a"),
            ("/src2", "a"),
            ("/other", "a"),
        ] {
            assert_eq!(path(label, name), None, "{label} {name}");
        }
        let root = Place { label: "/x".to_owned(), name: "a".to_owned() };
        assert_eq!(root.path("/", Path::new("dir")).ok(), Some("dir/x/a".into()));
    }
}
