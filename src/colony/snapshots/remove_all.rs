//! `removeallsnapshotmsg`: a member removes all snapshots of a colony; the files stay (chapter 4, 4.6).

use super::SnapshotEvent;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use wal::Class;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RemoveAllSnapshots {
    colonyname: String,
}

impl ColonyMessage for RemoveAllSnapshots {
    const NAME: &'static str = "removeallsnapshotmsg";
    const TEXTS: Texts = texts!("Failed to remove snapshot");
    const ACCESS: Access = Access::Member;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let is_empty = turn.colony.state.snapshots.is_empty();
        Ok(Decision::done(if is_empty { Vec::new() } else { vec![Event::Snapshot(SnapshotEvent::AllRemoved)] }))
    }
}
