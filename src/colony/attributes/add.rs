//! `addattributemsg`: the executor that runs a process gives it an attribute (chapter 2, 8.1).

use super::{Attribute, AttributeAnswer};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::processes::{ProcessEvent, ProcessState};
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddAttribute {
    attribute: AttributeRequest,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AttributeRequest {
    // Read so that a wrong type is refused; computed anew.
    #[serde(rename = "attributeid")]
    _attributeid: String,
    targetid: String,
    targetcolonyname: String,
    #[serde(rename = "targetprocessgraphid")]
    _targetprocessgraphid: String,
    state: i64,
    attributetype: i64,
    key: Box<str>,
    value: Box<str>,
}

impl ColonyMessage for AddAttribute {
    const NAME: &'static str = "addattributemsg";
    const TEXTS: Texts = texts!("Failed to add attribute");
    const ACCESS: Access = Access::AssignedExecutor;

    fn address(&self) -> Address<'_> {
        Address::Process(&self.attribute.targetid)
    }

    fn unknown(&self) -> Refusal {
        Refusal::not_found("Failed to add attribute, process not found")
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Some(process) = turn.process(&self.attribute.targetid) else {
            return Err(ColonyMessage::unknown(&self));
        };
        if process.state != ProcessState::Running {
            return Err(Refusal::forbidden("Failed to add attribute, process is not running"));
        }
        if !process.is_with(turn.caller) {
            let executor = process.executor.as_ref().map(ToString::to_string).unwrap_or_default();
            return Err(Refusal::forbidden(format!(
                "Failed to add attribute, only executor with id <{executor}> is allowed to set attributes"
            )));
        }
        let asked = self.attribute;
        let Ok(kind) = i32::try_from(asked.attributetype) else {
            return Err(Refusal::bad_request("Failed to add attribute, attributetype is out of range"));
        };
        if [&*asked.key, &asked.value, &asked.targetcolonyname].iter().any(|text| text.contains('\0')) {
            return Err(Refusal::bad_request("Failed to add attribute, a text contains a zero byte"));
        }
        // What an earlier attempt set may be set anew, so that a second attempt does not fail at it.
        let taken = process.attributes.iter().any(|other| {
            other.kind == kind && other.key == asked.key && (other.attempt == process.attempt || other.attempt == 0)
        });
        if taken {
            return Err(Refusal::bad_request("Failed to add attribute, the attribute exists already"));
        }
        if process.attributes.len() >= limits::ATTRIBUTES_PER_PROCESS {
            return Err(Refusal::bad_request("Failed to add attribute, the process has too many attributes"));
        }
        turn.colony.check_bytes(asked.key.len() + asked.value.len())?;
        let attribute = Attribute {
            target_colony_name: asked.targetcolonyname.into(),
            state: asked.state,
            kind,
            key: asked.key,
            value: asked.value,
            attempt: process.attempt,
        };
        let shown = AttributeAnswer::new(attribute.clone(), process);
        let event = ProcessEvent::AttributeAdded { id: process.id, attribute };
        Ok(Decision::reply(vec![Event::Process(event)], |_| Box::new(shown)))
    }
}
