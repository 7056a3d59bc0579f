//! `getsnapshotmsg`: a snapshot by id or by name (chapter 4, 4.3).

use super::ShownSnapshot;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::ids::SnapshotId;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetSnapshot {
    colonyname: String,
    snapshotid: String,
    name: String,
}

impl ColonyMessage for GetSnapshot {
    const NAME: &'static str = "getsnapshotmsg";
    const TEXTS: Texts = texts!("Failed to get snapshot");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        let (found, selector) = if !self.snapshotid.is_empty() {
            let id = SnapshotId::from_text(&self.snapshotid);
            (id.and_then(|id| state.snapshots.get(&id)), format!("Id <{}>", self.snapshotid))
        } else if !self.name.is_empty() {
            (state.snapshots.by_name(&self.name), format!("name <{}>", self.name))
        } else {
            return Err(Refusal::odd("Failed to get snapshot, malformatted msg"));
        };
        let colony = state.name.clone();
        match found.cloned() {
            Some(snapshot) => Ok(Decision::answer(ShownSnapshot { snapshot, colony })),
            None => {
                Err(Refusal::odd(format!("Snapshot not found with {selector} in Colony <{colony}> does not exists")))
            }
        }
    }
}
