//! The work that changes of blueprints make: ordinary processes for reconcilers, in the record of the change itself
//! (chapter 5, 6), the crons that ask them again and again, and the locations that blueprints name.

use super::model::{Blueprint, Handler};
use super::reconcile_cron::{self, ReconcileCron, Step};
use crate::colony::Colony;
use crate::colony::crons::rhythm::next_run;
use crate::colony::crons::{Cron, CronEvent};
use crate::colony::event::Event;
use crate::colony::locations::{Location, LocationEvent};
use crate::colony::message::Turn;
use crate::colony::processes::spec::{Conditions, FunctionSpec};
use crate::colony::processes::{ProcessEvent, Rendering, Submission};
use crate::colony::starter::Starter;
use crate::crypto::Identity;
use crate::hexadecimal;
use crate::ids::{CronId, IdSource, ProcessId};
use crate::json::RawJson;
use crate::refusal::Refusal;
use crate::time::{Nanos, Time};
use std::sync::Arc;

/// What a reconciler is asked to do about a blueprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Bring it about.
    Reconcile,
    /// Bring it about afresh.
    ForcedReconcile,
    /// Take away what belongs to it; it is gone.
    CleanUp,
}

/// The process that asks a reconciler. Its initiator is the caller, whose name is empty for the colony's owner.
///
/// # Errors
/// 503 where too much waits already, but for a clean-up: there are no more of those than there were blueprints.
pub fn process(
    turn: &mut Turn<'_>,
    handler: &Handler,
    blueprint: &Blueprint,
    task: Task,
) -> Result<(ProcessId, Event), Refusal> {
    let spec = spec(handler, blueprint, task);
    if task != Task::CleanUp {
        turn.colony.check_room(1)?;
        turn.colony.check_bytes(spec.bytes())?;
    }
    let state = &turn.colony.state;
    let id = ProcessId::new(state.incarnation, turn.now, turn.ids.random());
    let submission = Submission {
        id,
        initiator: turn.caller.clone(),
        initiator_name: state.initiator_name(turn.caller).unwrap_or_default().into(),
        spec: Arc::new(spec),
        env: Default::default(),
    };
    Ok((id, Event::Process(ProcessEvent::Submitted(Box::new(submission)))))
}

fn spec(handler: &Handler, blueprint: &Blueprint, task: Task) -> FunctionSpec {
    let function = match task {
        Task::CleanUp => "cleanup",
        Task::Reconcile | Task::ForcedReconcile => &handler.function_name,
    };
    let mut kwargs = serde_json::Map::new();
    kwargs.insert("blueprintName".to_owned(), blueprint.name().into());
    if task == Task::ForcedReconcile {
        kwargs.insert("force".to_owned(), true.into());
    }
    kwargs.insert("kind".to_owned(), blueprint.kind.as_str().into());
    FunctionSpec {
        node_name: format!("{}-{function}", handler.executor_type).into(),
        func_name: function.into(),
        args: RawJson::empty_list(),
        kwargs: RawJson::from_text(serde_json::Value::Object(kwargs).to_string()).unwrap_or_else(RawJson::empty_object),
        priority: 0,
        max_wait_seconds: 0,
        max_exec_seconds: -1,
        max_retries: -1,
        conditions: Conditions {
            executor_type: handler.executor_type.as_str().into(),
            location_name: blueprint.metadata.locationname.as_str().into(),
            ..Conditions::default()
        },
        label: "".into(),
        fs: None,
        channels: Box::new([]),
        rendering: Rendering::default(),
    }
}

/// The location that a blueprint names, where there is none of that name yet.
///
/// # Errors
/// 400 where there are too many locations.
pub fn missing_location(turn: &mut Turn<'_>, blueprint: &Blueprint) -> Result<Option<Event>, Refusal> {
    let name = &blueprint.metadata.locationname;
    let locations = &turn.colony.state.locations;
    if name.is_empty() || locations.get(name).is_some() {
        return Ok(None);
    }
    turn.colony.check_count("failed to create location", "locations", locations.len())?;
    let location = Location {
        locationid: hexadecimal::encode(turn.ids.random()),
        name: name.clone(),
        colonyname: turn.colony.state.name.to_string(),
        description: format!("Auto-created from blueprint {}", blueprint.name()),
        long: 0.0,
        lat: 0.0,
    };
    Ok(Some(Event::Location(LocationEvent::Added(location))))
}

/// The reconciliation crons that follow from a blueprint's change from `before` to `after`, in the same record.
pub fn follow(turn: &mut Turn<'_>, before: Option<&Blueprint>, after: Option<&Blueprint>, events: &mut Vec<Event>) {
    let state = &turn.colony.state;
    let definition = after.and_then(|after| state.blueprints.definition_of(&after.kind));
    let handler = definition.map(|definition| &definition.spec.handler);
    for step in reconcile_cron::steps(&state.name, &state.blueprints, before, after, handler) {
        match step {
            Step::Remove(name) => {
                let cron = state.crons.named(&name);
                events.extend(cron.map(|cron| Event::Cron(CronEvent::Removed(cron.id))));
            }
            Step::Ensure(wanted) if !state.crons.has_name(&wanted.name) => {
                let cron = cron_of(turn.colony, turn.caller, wanted, turn.now, turn.ids);
                events.push(Event::Cron(CronEvent::Added(Box::new(cron))));
            }
            Step::Ensure(_) => {}
        }
    }
}

/// A reconciliation cron of this caller. It goes on when the caller is removed; the colony's owner is nobody in it, so its
/// crons start in an empty name.
fn cron_of(colony: &Colony, caller: &Identity, wanted: ReconcileCron, now: Nanos, ids: &mut dyn IdSource) -> Cron {
    let name = colony.state.initiator_name(caller).unwrap_or_default().into();
    let mut cron = Cron {
        id: CronId::new(colony.state.incarnation, now, ids.random()),
        starter: Starter { id: caller.clone(), name, must_be_member: false },
        name: wanted.name.into(),
        expression: "".into(),
        interval: wanted.interval,
        random: false,
        waits: true,
        workflow: wanted.workflow_spec.into(),
        next_run: Time::UNSET,
        last_run: Time::UNSET,
        previous: None,
        anchor: Time::from_nanos(now),
    };
    cron.next_run = next_run(&cron, cron.anchor, &colony.options.zone, ids.random());
    cron
}
