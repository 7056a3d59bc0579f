//! `addgeneratormsg`: a member adds a generator (chapter 3, 5.3).

use super::{GeneratorAnswer, GeneratorEvent, GeneratorSpec};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::ids::GeneratorId;
use crate::refusal::Refusal;
use crate::texts;
use crate::time::Time;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddGenerator {
    generator: Option<Box<GeneratorRequest>>,
}

/// A generator as it is sent; the rest is the server's.
#[derive(Deserialize, Default)]
#[serde(default)]
struct GeneratorRequest {
    colonyname: String,
    name: String,
    workflowspec: String,
    trigger: i64,
    timeout: i64,
    // Read so that a wrong type is refused.
    #[serde(rename = "generatorid")]
    _generatorid: String,
    #[serde(rename = "initiatorid")]
    _initiatorid: String,
    #[serde(rename = "initiatorname")]
    _initiatorname: String,
    #[serde(rename = "firstpack")]
    _firstpack: Time,
    #[serde(rename = "lastrun")]
    _lastrun: Time,
    #[serde(rename = "queuesize")]
    _queuesize: i64,
    #[serde(rename = "checkerperiod")]
    _checkerperiod: i64,
}

const PREFIX: &str = "Failed to add generator";

impl ColonyMessage for AddGenerator {
    const NAME: &'static str = "addgeneratormsg";
    const TEXTS: Texts = texts!("Failed to add generator");
    const ACCESS: Access = Access::Member;

    fn check(&self) -> Result<(), Refusal> {
        match &self.generator {
            Some(_) => Ok(()),
            None => Err(Refusal::bad_request("Failed to add generator, msg.Generator is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.generator.as_ref().map_or("", |generator| &generator.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let request = self.generator.unwrap_or_default();
        let state = &turn.colony.state;
        turn.colony.check_workflow(&request.workflowspec, PREFIX)?;
        if request.name.contains('\0') {
            return Err(Refusal::bad_request(format!("{PREFIX}, name contains a zero byte")));
        }
        if state.generators.named(&request.name).is_some() {
            return Err(Refusal::bad_request(format!(
                "Generator with name <{}> in Colony <{}> already exists",
                request.name, state.name
            )));
        }
        // The reference divides by it, and one below zero would never start anything.
        if request.trigger <= 0 {
            return Err(Refusal::bad_request(format!("{PREFIX}, trigger must be larger than 0")));
        }
        let (trigger, timeout) = (narrow("trigger", request.trigger)?, narrow("timeout", request.timeout)?);
        let Some(starter) = turn.colony.starter(turn.caller) else {
            return Err(Refusal::odd("Failed to resolve initiator"));
        };
        turn.colony.check_count(PREFIX, "generators", state.generators.len())?;
        turn.colony.check_bytes(request.workflowspec.len() + request.name.len())?;
        let id = GeneratorId::new(state.incarnation, turn.now, turn.ids.random());
        let spec = GeneratorSpec {
            id,
            starter,
            name: request.name.into(),
            workflow: request.workflowspec.into(),
            trigger,
            timeout,
        };
        let events = vec![Event::Generator(GeneratorEvent::Added(Box::new(spec)))];
        Ok(Decision::reply(events, move |colony| {
            let generator = colony.state.generators.get(&id);
            Box::new(generator.map(|generator| GeneratorAnswer::plain(generator, &colony.state.name)))
        }))
    }
}

fn narrow(member: &str, value: i64) -> Result<i32, Refusal> {
    i32::try_from(value)
        .map_err(|_| Refusal::bad_request(format!("{PREFIX}, value {value} is out of range for {member}")))
}
