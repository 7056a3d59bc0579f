//! `changecolonyidmsg`: a colony's owner changes its key (chapter 1, 11).

use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::names::check_id;
use crate::crypto::Identity;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ChangeColonyId {
    colonyname: String,
    colonyid: Identity,
}

impl ColonyMessage for ChangeColonyId {
    const NAME: &'static str = "changecolonyidmsg";
    const TEXTS: Texts = texts!("Failed to change colony Id");
    const ACCESS: Access = Access::ColonyOwner;
    const ECHOES: bool = true;

    fn check(&self) -> Result<(), Refusal> {
        if self.colonyid.is_empty() {
            return Err(Refusal::bad_request("Failed to change colony Id, colony Id is empty"));
        }
        Ok(())
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, _: &mut Turn<'_>) -> Result<Decision, Refusal> {
        if self.colonyid.len() != 64 {
            return Err(Refusal::bad_request("Failed to change colony Id, new colony Id is not 64 characters"));
        }
        check_id("Failed to change colony Id", "new colony Id", &self.colonyid)?;
        Ok(Decision::done(vec![Event::OwnerChanged(self.colonyid)]))
    }
}
