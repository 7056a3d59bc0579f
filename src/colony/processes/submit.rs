//! `submitfuncspecmsg`: a member submits a process (chapter 2, 4).

use super::spec_request::SpecRequest;
use super::{ProcessAnswer, ProcessEvent, Submission};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::ids::ProcessId;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use std::sync::Arc;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SubmitFuncSpec {
    spec: Option<Box<SpecRequest>>,
}

impl ColonyMessage for SubmitFuncSpec {
    const NAME: &'static str = "submitfuncspecmsg";
    const TEXTS: Texts = texts!("Failed to submit process", "Failed to submit process spec");
    const ACCESS: Access = Access::Member;

    fn check(&self) -> Result<(), Refusal> {
        match &self.spec {
            Some(_) => Ok(()),
            None => Err(Refusal::bad_request("Failed to submit process spec, msg.FunctionSpec is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.spec.as_ref().map_or("", |spec| &spec.conditions.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let (spec, env) = self.spec.unwrap_or_default().into_spec()?;
        turn.colony.check_room(1)?;
        turn.colony.check_bytes(spec.bytes())?;
        let state = &turn.colony.state;
        let Some(initiator_name) = state.initiator_name(turn.caller) else {
            return Err(Refusal::odd("Could not derive InitiatorName"));
        };
        let id = ProcessId::new(state.incarnation, turn.now, turn.ids.random());
        let submission = Submission {
            id,
            initiator: turn.caller.clone(),
            initiator_name: initiator_name.into(),
            spec: Arc::new(spec),
            env,
        };
        let events = vec![Event::Process(ProcessEvent::Submitted(Box::new(submission)))];
        Ok(Decision::reply(events, move |colony| ProcessAnswer::of(colony, &id)))
    }
}
