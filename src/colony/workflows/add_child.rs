//! `addchildmsg`: an executor adds a node to the workflow of a process that it runs (chapter 3, 4.7).

use super::{ChildPlace, ChildSubmission, WorkflowEvent};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::processes::spec_request::SpecRequest;
use crate::colony::processes::{ProcessAnswer, ProcessState, Submission};
use crate::ids::ProcessId;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use std::sync::Arc;

/// The request. `processgraphid` is not looked at: the parent's workflow counts.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddChild {
    parentprocessid: String,
    childprocessid: String,
    spec: Option<Box<SpecRequest>>,
    insert: bool,
    // Read so that a wrong type is refused.
    #[serde(rename = "processgraphid")]
    _processgraphid: String,
}

impl ColonyMessage for AddChild {
    const NAME: &'static str = "addchildmsg";
    const TEXTS: Texts = texts!("Failed to add child to processgraph");
    const ACCESS: Access = Access::AssignedExecutor;

    fn check(&self) -> Result<(), Refusal> {
        match &self.spec {
            Some(_) => Ok(()),
            None => Err(Refusal::bad_request("Failed to add child to processgraph, msg.FunctionSpec is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.spec.as_ref().map_or("", |spec| &spec.conditions.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let parent_id = &self.parentprocessid;
        let running = turn.process(parent_id).filter(|parent| parent.state == ProcessState::Running);
        let Some(parent) = running else {
            return Err(Refusal::bad_request(format!("Process with Id {parent_id} is not running")));
        };
        if !parent.is_with(turn.caller) {
            return Err(Refusal::bad_request(format!(
                "Process with Id {parent_id} is not assigned to executor with Id {}",
                turn.caller
            )));
        }
        let workflow = parent.graph.and_then(|graph| turn.colony.state.workflows.get(&graph));
        let Some(workflow) = workflow else {
            return Err(Refusal::bad_request(format!("Process with Id {parent_id} does not belong to a processgraph")));
        };
        if workflow.len() >= turn.colony.options.bounds.graph_nodes {
            return Err(Refusal::bad_request("Failed to add child to processgraph, it has too many nodes"));
        }
        let place = match (self.insert, self.childprocessid.as_str()) {
            (true, _) => ChildPlace::Between,
            (false, "") => ChildPlace::Beside,
            (false, below) => {
                let known = ProcessId::from_text(below).filter(|below| workflow.links(below).is_some());
                let waiting = known.filter(|_| turn.process(below).is_some_and(|p| p.waits_for_parents));
                match waiting {
                    Some(below) if below != parent.id && !workflow.is_above(&below, &parent.id) => {
                        ChildPlace::Above(below)
                    }
                    _ => {
                        return Err(Refusal::bad_request(format!(
                            "Failed to add child to processgraph, process with Id {below} can't wait for it"
                        )));
                    }
                }
            }
        };
        turn.colony.check_room(1)?;
        let (graph, parent) = (workflow.id, parent.id);
        let spec = self.spec.unwrap_or_default();
        turn.colony.check_bytes(spec.bytes())?;
        let (spec, env) = spec.into_child_spec()?;
        let state = &turn.colony.state;
        let id = ProcessId::new(state.incarnation, turn.now, turn.ids.random());
        // The reference leaves an added node's initiator empty.
        let process = Submission {
            id,
            initiator: crate::crypto::Identity::default(),
            initiator_name: "".into(),
            spec: Arc::new(spec),
            env,
        };
        let child = ChildSubmission { graph, parent, process, place };
        let events = vec![Event::Workflow(WorkflowEvent::ChildAdded(Box::new(child)))];
        Ok(Decision::reply(events, move |colony| ProcessAnswer::of(colony, &id)))
    }
}
