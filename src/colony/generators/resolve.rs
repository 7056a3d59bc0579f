//! `resolvegeneratormsg`: a generator by name (chapter 3, 5.3).

use super::GeneratorAnswer;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ResolveGenerator {
    colonyname: String,
    generatorname: String,
}

impl ColonyMessage for ResolveGenerator {
    const NAME: &'static str = "resolvegeneratormsg";
    const TEXTS: Texts = texts!("Failed to resolve generator");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to resolve generator, generator is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        match state.generators.named(&self.generatorname) {
            Some(generator) => Ok(Decision::answer(GeneratorAnswer::plain(generator, &state.name))),
            None => Err(ColonyMessage::unknown(&self)),
        }
    }
}
