//! `createsnapshotmsg`: a member takes a snapshot of a label (chapter 4, 4.2).

use super::{ShownSnapshot, Snapshot, SnapshotEvent};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::names::check_text;
use crate::ids::SnapshotId;
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct CreateSnapshot {
    colonyname: String,
    label: String,
    name: String,
}

impl ColonyMessage for CreateSnapshot {
    const NAME: &'static str = "createsnapshotmsg";
    const TEXTS: Texts = texts!("Failed to create snapshot");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let CreateSnapshot { mut label, name, .. } = self;
        let state = &turn.colony.state;
        let colony = &state.name;
        if state.snapshots.by_name(&name).is_some() {
            return Err(Refusal::odd(format!("Snapshot with name <{name}> in Colony <{colony}> already exists")));
        }
        check_text("Failed to create snapshot", "label", &label)?;
        check_text("Failed to create snapshot", "name", &name)?;
        if label.len() + name.len() > limits::FILE_TEXT_BYTES {
            return Err(Refusal::bad_request("Failed to create snapshot, label and name are too long"));
        }
        if state.snapshots.len() >= limits::SNAPSHOTS_PER_COLONY {
            return Err(Refusal::bad_request(format!(
                "Failed to create snapshot, Colony with name <{colony}> has too many snapshots"
            )));
        }
        // One slash goes, no more.
        if label.ends_with('/') {
            label.pop();
        }
        let files = state.files.in_tree(&label).take(limits::SNAPSHOT_FILES + 1).count();
        if files > limits::SNAPSHOT_FILES {
            return Err(Refusal::bad_request(format!("Failed to create snapshot, too many files in <{label}>")));
        }
        turn.colony.check_bytes(Snapshot::bytes_of(&label, &name, files))?;
        let id = SnapshotId::new(state.incarnation, turn.now, turn.ids.random());
        let events = vec![Event::Snapshot(SnapshotEvent::Created { id, label, name })];
        Ok(Decision::reply(events, move |colony| {
            let snapshot = colony.state.snapshots.get(&id).cloned();
            Box::new(snapshot.map(|snapshot| ShownSnapshot { snapshot, colony: colony.state.name.clone() }))
        }))
    }
}
