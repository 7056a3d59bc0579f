//! `getcolonymsg`: the colony (chapter 1, 7.4).

use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::crypto::Identity;
use crate::refusal::Refusal;
use crate::texts;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetColony {
    colonyname: String,
}

/// A colony as it is shown.
#[derive(Serialize)]
pub struct ShownColony {
    /// Its owner's id.
    pub colonyid: Identity,
    /// Its name.
    pub name: Arc<str>,
}

impl ColonyMessage for GetColony {
    const NAME: &'static str = "getcolonymsg";
    const TEXTS: Texts = texts!("Failed to get colony");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        Ok(Decision::answer(ShownColony { colonyid: state.owner.clone(), name: state.name.clone() }))
    }
}
