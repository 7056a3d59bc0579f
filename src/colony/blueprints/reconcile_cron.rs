//! The crons that have blueprints reconciled once a minute (chapter 5, 6.2): what they are called, what they run, and
//! when one is added or removed. Nothing here knows how crons are kept.

use super::Blueprints;
use super::model::{Blueprint, Handler};
use serde::Serialize;
use std::collections::BTreeMap;

/// Seconds from one run to the next, whatever the handler asks for.
pub const INTERVAL: i32 = 60;

/// The name of the cron for blueprints of this kind at this location. Two pairs may share one (`W` at `x`, `W-x`
/// anywhere); it is kept as long as a blueprint of either is there.
pub fn name(kind: &str, location: &str) -> String {
    if location.is_empty() { format!("reconcile-{kind}") } else { format!("reconcile-{kind}-{location}") }
}

/// A reconciliation cron as it is to be added: without a cron expression, not at random, and it waits for its previous
/// workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct ReconcileCron {
    /// Its name.
    pub name: String,
    /// Seconds.
    pub interval: i32,
    /// What it runs, as JSON text: the reference's own, member by member.
    pub workflow_spec: String,
}

/// What is to be done about crons.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// This one is added, unless the colony has one of this name, whoever made it: then that one serves.
    Ensure(ReconcileCron),
    /// The one of this name is removed, if it is there, whoever made it.
    Remove(String),
}

/// What a blueprint's change from `before` to `after` asks for: added (no `before`), removed (no `after`), or of another
/// kind or location. `blueprints` is how they are before the change, `handler` that of the kind afterwards.
pub fn steps(
    colony: &str,
    blueprints: &Blueprints,
    before: Option<&Blueprint>,
    after: Option<&Blueprint>,
    handler: Option<&Handler>,
) -> Vec<Step> {
    let cron = |blueprint: &Blueprint| name(&blueprint.kind, &blueprint.metadata.locationname);
    let (old, new) = (before.map(cron), after.map(cron));
    let mut steps = Vec::new();
    if let Some(old) = &old
        && new.as_ref() != Some(old)
        && blueprints.sharing_cron(old) <= 1
    {
        steps.push(Step::Remove(old.clone()));
    }
    // An update that moves nothing does not bring back a cron that somebody removed.
    if let (Some(after), Some(name), Some(handler)) = (after, new.clone(), handler)
        && old != new
        && handler.is_complete()
    {
        let location = &after.metadata.locationname;
        let workflow_spec = workflow_spec(colony, &after.kind, location, handler);
        steps.push(Step::Ensure(ReconcileCron { name, interval: INTERVAL, workflow_spec }));
    }
    steps
}

#[derive(Serialize)]
struct Workflow<'a> {
    colonyname: &'a str,
    functionspecs: [Function<'a>; 1],
}

#[derive(Serialize)]
struct Function<'a> {
    nodename: String,
    funcname: &'a str,
    args: [(); 0],
    kwargs: BTreeMap<&'a str, &'a str>,
    priority: i32,
    maxwaittime: i32,
    maxexectime: i32,
    maxretries: i32,
    conditions: Conditions<'a>,
    label: &'a str,
    fs: Files<'a>,
    env: Nothing,
}

#[derive(Serialize)]
struct Conditions<'a> {
    colonyname: &'a str,
    executornames: (),
    executortype: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    locationname: &'a str,
    dependencies: (),
    nodes: i32,
    cpu: &'a str,
    processes: i32,
    processespernode: i32,
    mem: &'a str,
    storage: &'a str,
    gpu: Gpu<'a>,
    walltime: i32,
}

#[derive(Serialize)]
struct Gpu<'a> {
    name: &'a str,
    mem: &'a str,
    count: i32,
    nodecount: i32,
}

#[derive(Serialize)]
struct Files<'a> {
    mount: &'a str,
    snapshots: (),
    dirs: (),
}

#[derive(Serialize)]
struct Nothing {}

fn workflow_spec(colony: &str, kind: &str, location: &str, handler: &Handler) -> String {
    let workflow = Workflow {
        colonyname: colony,
        functionspecs: [Function {
            nodename: format!("{}-{}", handler.executor_type, handler.function_name),
            funcname: &handler.function_name,
            args: [],
            kwargs: BTreeMap::from([("kind", kind)]),
            priority: 0,
            maxwaittime: 0,
            maxexectime: -1,
            maxretries: -1,
            conditions: Conditions {
                colonyname: colony,
                executornames: (),
                executortype: &handler.executor_type,
                locationname: location,
                dependencies: (),
                nodes: 0,
                cpu: "",
                processes: 0,
                processespernode: 0,
                mem: "",
                storage: "",
                gpu: Gpu { name: "", mem: "", count: 0, nodecount: 0 },
                walltime: 0,
            },
            label: "",
            fs: Files { mount: "", snapshots: (), dirs: () },
            env: Nothing {},
        }],
    };
    let text = serde_json::to_string(&workflow).expect("plain values and string keys can always be written");
    // Go escapes these in every JSON text; outside of strings they do not occur.
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::super::{BlueprintEvent, Change};
    use super::*;
    use crate::colony::state::Changes;
    use crate::crypto::Identity;
    use crate::time::Time;

    fn handler() -> Handler {
        Handler { executor_type: "docker-reconciler".into(), function_name: "reconcile".into(), reconcile_interval: 7 }
    }

    fn blueprint(name: &str, kind: &str, location: &str) -> Blueprint {
        let mut blueprint = Blueprint { blueprintid: name.into(), kind: kind.into(), ..Blueprint::default() };
        blueprint.metadata.name = name.into();
        blueprint.metadata.locationname = location.into();
        blueprint
    }

    fn with(present: &[&Blueprint]) -> Blueprints {
        let mut blueprints = Blueprints::default();
        for blueprint in present {
            let change = Change { id: [0; 16], by: Identity::default() };
            let event = BlueprintEvent::Added { blueprint: Box::new((*blueprint).clone()), change };
            blueprints.apply(event, Time::EPOCH, &mut Changes::default());
        }
        blueprints
    }

    #[test]
    fn the_workflow_is_the_recorded_one() {
        assert_eq!(
            workflow_spec("dev-bp", "ExecutorDeployment", "edge", &handler()),
            r#"{"colonyname":"dev-bp","functionspecs":[{"nodename":"docker-reconciler-reconcile","funcname":"reconcile","args":[],"kwargs":{"kind":"ExecutorDeployment"},"priority":0,"maxwaittime":0,"maxexectime":-1,"maxretries":-1,"conditions":{"colonyname":"dev-bp","executornames":null,"executortype":"docker-reconciler","locationname":"edge","dependencies":null,"nodes":0,"cpu":"","processes":0,"processespernode":0,"mem":"","storage":"","gpu":{"name":"","mem":"","count":0,"nodecount":0},"walltime":0},"label":"","fs":{"mount":"","snapshots":null,"dirs":null},"env":{}}]}"#
        );
        let anywhere = workflow_spec("c", "<K>", "", &handler());
        assert!(!anywhere.contains("locationname") && anywhere.contains("\\u003cK\\u003e"), "{anywhere}");
    }

    #[test]
    fn the_last_one_of_a_pair_takes_the_cron_along() {
        let (a, b) = (blueprint("a", "K", "x"), blueprint("b", "K", "x"));
        let remove = Step::Remove("reconcile-K-x".into());
        assert_eq!(steps("c", &with(&[&a, &b]), Some(&a), None, Some(&handler())), vec![]);
        assert_eq!(steps("c", &with(&[&a]), Some(&a), None, None), vec![remove]);
    }

    #[test]
    fn pairs_that_share_a_name_share_the_cron() {
        let (a, b) = (blueprint("a", "K", "x"), blueprint("b", "K-x", ""));
        assert_eq!(steps("c", &with(&[&a, &b]), Some(&a), None, Some(&handler())), vec![]);
    }

    #[test]
    fn a_cron_is_added_for_a_complete_handler_only() {
        let a = blueprint("a", "K", "");
        let added = steps("c", &with(&[]), None, Some(&a), Some(&handler()));
        let [Step::Ensure(cron)] = added.as_slice() else {
            panic!("{added:?}");
        };
        assert_eq!((cron.name.as_str(), cron.interval), ("reconcile-K", 60));
        let half = Handler { function_name: String::new(), ..handler() };
        assert_eq!(steps("c", &with(&[]), None, Some(&a), Some(&half)), vec![]);
        assert_eq!(steps("c", &with(&[]), None, Some(&a), None), vec![]);
    }

    #[test]
    fn a_move_takes_the_cron_along() {
        let (a, moved) = (blueprint("a", "K", "x"), blueprint("a", "K", "X"));
        let taken = steps("c", &with(&[&a]), Some(&a), Some(&moved), Some(&handler()));
        assert_eq!(taken.len(), 2, "{taken:?}");
        assert_eq!(taken[0], Step::Remove("reconcile-K-x".into()));
        assert_eq!(steps("c", &with(&[&a]), Some(&a), Some(&a), Some(&handler())), vec![]);
    }
}
