//! `removegeneratormsg`: a member removes a generator and its arguments (chapter 3, 5.3). What it started goes on.

use super::GeneratorEvent;
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
pub struct RemoveGenerator {
    generatorid: String,
}

impl ColonyMessage for RemoveGenerator {
    const NAME: &'static str = "removegeneratormsg";
    const TEXTS: Texts = texts!("Failed to remove generator");
    const ACCESS: Access = Access::Member;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Generator(&self.generatorid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to remove generator, generator is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        match turn.generator(&self.generatorid) {
            Some(generator) => Ok(Decision::done(vec![Event::Generator(GeneratorEvent::Removed(generator.spec.id))])),
            None => Err(ColonyMessage::unknown(&self)),
        }
    }
}
