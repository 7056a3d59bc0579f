//! `submitworkflowspecmsg`: a member submits a workflow (chapter 3, 4.1).

use super::layout::ShownGraph;
use super::spec::WorkflowSpec;
use super::{GraphSubmission, WorkflowEvent};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::processes::spec_request::SpecRequest;
use crate::ids::{GraphId, ProcessId};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SubmitWorkflow {
    spec: Option<Box<WorkflowSpec>>,
}

impl ColonyMessage for SubmitWorkflow {
    const NAME: &'static str = "submitworkflowspecmsg";
    // The double k is the reference's.
    const TEXTS: Texts = texts!("Failed to submit workkflow", "Failed to submit workflow");
    const ACCESS: Access = Access::Member;

    fn check(&self) -> Result<(), Refusal> {
        match &self.spec {
            Some(_) => Ok(()),
            None => Err(Refusal::bad_request("Failed to submit workflow, msg.WorkflowSpec is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.spec.as_ref().map_or("", |spec| &spec.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let spec = self.spec.unwrap_or_default();
        let state = &turn.colony.state;
        turn.colony.check_room(spec.functionspecs.len())?;
        turn.colony.check_bytes(spec.functionspecs.iter().map(SpecRequest::bytes).sum())?;
        let Some(name) = state.initiator_name(turn.caller) else {
            return Err(Refusal::odd("Could not derive InitiatorName"));
        };
        let (ids, incarnation, now) = (&mut *turn.ids, state.incarnation, turn.now);
        let id = GraphId::new(incarnation, now, ids.random());
        let fresh = || ProcessId::new(incarnation, now, ids.random());
        let nodes = spec.into_nodes(turn.caller, name, turn.colony.options.bounds, fresh)?;
        let order = nodes.iter().map(|node| node.process.id).collect();
        let submission = GraphSubmission { id, initiator: turn.caller.clone(), initiator_name: name.to_owned(), nodes };
        let events = vec![Event::Workflow(WorkflowEvent::Submitted(Box::new(submission)))];
        Ok(Decision::reply(events, move |colony| {
            let workflow = colony.state.workflows.get(&id);
            Box::new(workflow.map(|workflow| ShownGraph::submitted(workflow, &colony.state.name, order)))
        }))
    }
}
