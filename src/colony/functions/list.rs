//! `getfunctionsmsg`: the functions of a colony or of one of its executors (chapter 2, 9.2).

use crate::colony::access::Access;
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetFunctions {
    colonyname: String,
    executorname: String,
}

impl ColonyMessage for GetFunctions {
    const NAME: &'static str = "getfunctionsmsg";
    const TEXTS: Texts = texts!("Failed to get function");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let functions = &turn.colony.state.functions;
        let listed = if self.executorname.is_empty() {
            functions.iter().cloned().collect()
        } else {
            functions.of(&self.executorname).into_iter().cloned().collect()
        };
        Ok(Decision::answer(NullIfEmpty(listed)))
    }
}
