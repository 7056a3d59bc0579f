//! `getgeneratorsmsg`: the generators of a colony in the order in which they were added (chapter 3, 5.3). Empty is
//! `null`.

use super::GeneratorAnswer;
use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetGenerators {
    colonyname: String,
    count: i64,
}

impl ColonyMessage for GetGenerators {
    const NAME: &'static str = "getgeneratorsmsg";
    const TEXTS: Texts = texts!("Failed to get generators");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        let Ok(count) = usize::try_from(self.count) else {
            return Err(Refusal::bad_request("Failed to get generators, count must not be negative"));
        };
        let generators = state.generators.iter().take(count);
        let answers = generators.map(|generator| GeneratorAnswer::plain(generator, &state.name));
        Ok(Decision::answer(NullIfEmpty(answers.collect())))
    }
}
