//! `removesnapshotmsg`: a member removes a snapshot; the files stay (chapter 4, 4.5).

use super::SnapshotEvent;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::ids::SnapshotId;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use wal::Class;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RemoveSnapshot {
    colonyname: String,
    snapshotid: String,
    name: String,
}

impl ColonyMessage for RemoveSnapshot {
    const NAME: &'static str = "removesnapshotmsg";
    const TEXTS: Texts = texts!("Failed to remove snapshot");
    const ACCESS: Access = Access::Member;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let snapshots = &turn.colony.state.snapshots;
        let found = if !self.snapshotid.is_empty() {
            SnapshotId::from_text(&self.snapshotid).and_then(|id| snapshots.get(&id))
        } else if !self.name.is_empty() {
            snapshots.by_name(&self.name)
        } else {
            // The typo is the reference's.
            return Err(Refusal::odd("Failed to remove snapsnot, malformatted msg"));
        };
        // What is not there counts as removed.
        let event = found.map(|snapshot| Event::Snapshot(SnapshotEvent::Removed(snapshot.id)));
        Ok(Decision::done(event.into_iter().collect()))
    }
}
