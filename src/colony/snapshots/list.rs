//! `getsnapshotsmsg`: the snapshots of a colony, the newest first (chapter 4, 4.4).

use super::{ShownSnapshot, Snapshot};
use crate::colony::access::Access;
use crate::colony::listing::fitting;
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetSnapshots {
    colonyname: String,
}

impl ColonyMessage for GetSnapshots {
    const NAME: &'static str = "getsnapshotsmsg";
    const TEXTS: Texts = texts!("Failed to get snapshots");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        let listed = fitting(state.snapshots.newest_first(), |snapshot: &&Snapshot| snapshot.shown_bytes());
        let shown = listed.map(|snapshot| ShownSnapshot { snapshot: snapshot.clone(), colony: state.name.clone() });
        Ok(Decision::answer(NullIfEmpty(shown.collect())))
    }
}
