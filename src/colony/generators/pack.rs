//! `packgeneratormsg`: a member adds an argument (chapter 3, 5.3). The one that reaches the trigger starts the workflow,
//! in the same record.

use super::GeneratorEvent;
use super::model::arg_weight;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::ids::GeneratorId;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct PackGenerator {
    generatorid: String,
    arg: Box<str>,
}

impl ColonyMessage for PackGenerator {
    const NAME: &'static str = "packgeneratormsg";
    const TEXTS: Texts = texts!("Failed to inc generator", "Failed to increment generator");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Generator(&self.generatorid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::odd("Failed to increment generator, generator is nil")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let colony = turn.colony;
        let id = GeneratorId::from_text(&self.generatorid);
        let Some(generator) = id.and_then(|id| colony.state.generators.get(&id)) else {
            return Err(ColonyMessage::unknown(&self));
        };
        colony.check_bytes(arg_weight(&self.arg))?;
        // What can't be started now waits, and the colony's timer tries again.
        let start = (generator.queue.len() + 1 >= generator.trigger())
            .then(|| colony.start_generator(generator, Some(&self.arg), turn.now, turn.ids).ok())
            .flatten();
        let packed = Event::Generator(GeneratorEvent::Packed { id: generator.spec.id, arg: self.arg });
        Ok(Decision::done([packed].into_iter().chain(start).collect()))
    }
}
