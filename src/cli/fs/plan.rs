//! What makes a label and a directory the same.

use super::tree::{LocalTree, Place, RemoteTree};
use serde::Serialize;

/// What is to be done, place by place.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Here and not there.
    pub upload: Vec<Place>,
    /// There and not here.
    pub download: Vec<Place>,
    /// Different on both sides, and what is here shall be kept.
    pub replace_remote: Vec<Place>,
    /// Different on both sides, and what is there shall be kept.
    pub replace_local: Vec<Place>,
}

/// How much is to be done.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Counts {
    /// Files to upload, those that replace others included.
    pub upload: usize,
    /// Files to download, those that replace others included.
    pub download: usize,
    /// Files that differ on both sides.
    pub conflicts: usize,
}

impl Plan {
    /// Compares by SHA-256.
    pub fn of(local: &LocalTree, remote: &RemoteTree, keep_local: bool) -> Plan {
        let mut plan = Plan::default();
        for (place, here) in local {
            match remote.get(place) {
                None => plan.upload.push(place.clone()),
                Some(there) if there.checksum == here.sha256 => {}
                Some(_) if keep_local => plan.replace_remote.push(place.clone()),
                Some(_) => plan.replace_local.push(place.clone()),
            }
        }
        plan.download = remote.keys().filter(|place| !local.contains_key(place)).cloned().collect();
        plan
    }

    /// How much it is.
    pub fn counts(&self) -> Counts {
        Counts {
            upload: self.upload.len() + self.replace_remote.len(),
            download: self.download.len() + self.replace_local.len(),
            conflicts: self.replace_remote.len() + self.replace_local.len(),
        }
    }

    /// Bytes to move.
    pub fn bytes(&self, local: &LocalTree, remote: &RemoteTree) -> u64 {
        let up = self.upload.iter().chain(&self.replace_remote);
        let down = self.download.iter().chain(&self.replace_local);
        let up = up.filter_map(|place| local.get(place)).map(|here| here.size);
        let down = down.filter_map(|place| remote.get(place)).map(|there| u64::try_from(there.size).unwrap_or(0));
        up.chain(down).sum()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Plan::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Remote;
    use super::*;
    use crate::object_store::Digest;

    fn place(name: &str) -> Place {
        Place { label: "/src".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn both_sides_become_the_same() {
        let digest = |sha256: &str| Digest { size: 1, sha256: sha256.to_owned() };
        let there = |checksum: &str| Remote { size: 1, checksum: checksum.to_owned(), object: String::new() };
        let local =
            [("new", "1"), ("same", "2"), ("changed", "3")].map(|(name, sum)| (place(name), digest(sum))).into();
        let remote =
            [("same", "2"), ("changed", "4"), ("old", "5")].map(|(name, sum)| (place(name), there(sum))).into();
        let plan = Plan::of(&local, &remote, true);
        let expected = Plan {
            upload: vec![place("new")],
            download: vec![place("old")],
            replace_remote: vec![place("changed")],
            replace_local: vec![],
        };
        assert_eq!(plan, expected);
        assert_eq!(plan.counts(), Counts { upload: 2, download: 1, conflicts: 1 });
        let plan = Plan::of(&local, &remote, false);
        assert_eq!((plan.replace_local, plan.replace_remote), (vec![place("changed")], vec![]));
        assert!(Plan::of(&LocalTree::new(), &RemoteTree::new(), true).is_empty());
    }
}
