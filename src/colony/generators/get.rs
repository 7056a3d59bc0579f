//! `getgeneratormsg`: a generator by id, with the size of its queue (chapter 3, 5.3).

use super::GeneratorAnswer;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetGenerator {
    generatorid: String,
}

impl ColonyMessage for GetGenerator {
    const NAME: &'static str = "getgeneratormsg";
    const TEXTS: Texts = texts!("Failed to get generator");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Generator(&self.generatorid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to get generator, generator is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(generator) = turn.generator(&self.generatorid) else {
            return Err(ColonyMessage::unknown(&self));
        };
        let period = turn.colony.options.generator_checker_period;
        Ok(Decision::answer(GeneratorAnswer::full(generator, &turn.colony.state.name, period)))
    }
}
