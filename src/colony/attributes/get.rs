//! `getattributemsg`: an attribute by id (chapter 2, 8.2).

use super::AttributeAnswer;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::ids::AttributeId;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetAttribute {
    attributeid: String,
}

impl ColonyMessage for GetAttribute {
    const NAME: &'static str = "getattributemsg";
    const TEXTS: Texts = texts!("Failed to get attribute");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Attribute(&self.attributeid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::bad_request("Attribute does not exists")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let found = AttributeId::from_text(&self.attributeid).and_then(|id| turn.colony.state.processes.attribute(&id));
        let Some((process, attribute)) = found else {
            return Err(ColonyMessage::unknown(&self));
        };
        let answer = AttributeAnswer::new(attribute.clone(), process);
        Ok(Decision::answer(answer).revealing(process.changed))
    }
}
