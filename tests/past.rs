//! Random histories of two colonies, one of which gives what has ended to a real history store: whatever is asked, both
//! say the same, also after crashes between any two steps of archiving.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "past/archived.rs"]
mod archived;
#[allow(dead_code)]
#[path = "replay/shell.rs"]
mod shell;

use archived::Archived;
use colonies::crypto::{Identity, PrivateKey};
use colonies::refusal::Refusal;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use shell::{Outcome, Shell, Told};

const COLONY: &str = "colony";

#[derive(Clone, Debug)]
enum Op {
    Submit { kind: usize, env: bool },
    Workflow { nodes: usize, chain: bool },
    Run { well: bool },
    Say(Index),
    CloseAgain(Index),
    Remove(Index),
    RemoveWorkflow(Index),
    CancelWorkflow(Index),
    RemoveAll { state: i64, workflows: bool },
    Wait(u64),
    Archive(usize),
    Crash,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => (0..2usize, any::<bool>()).prop_map(|(kind, env)| Op::Submit { kind, env }),
        2 => (1..4usize, any::<bool>()).prop_map(|(nodes, chain)| Op::Workflow { nodes, chain }),
        12 => prop::bool::weighted(0.8).prop_map(|well| Op::Run { well }),
        3 => any::<Index>().prop_map(Op::Say),
        2 => any::<Index>().prop_map(Op::CloseAgain),
        2 => any::<Index>().prop_map(Op::Remove),
        1 => any::<Index>().prop_map(Op::RemoveWorkflow),
        1 => any::<Index>().prop_map(Op::CancelWorkflow),
        1 => (prop_oneof![Just(-1i64), Just(2), Just(3)], any::<bool>())
            .prop_map(|(state, workflows)| Op::RemoveAll { state, workflows }),
        3 => (1..8u64).prop_map(|seconds| Op::Wait(seconds * 1_000)),
        12 => (1..4usize).prop_map(Op::Archive),
        1 => Just(Op::Crash),
    ];
    vec(op, 1..60)
}

/// The two colonies, and what is known of both.
struct Twins {
    plain: Shell,
    archived: Archived,
    owner: Identity,
    user: Identity,
    executor: Identity,
    processes: Vec<String>,
    workflows: Vec<String>,
}

impl Twins {
    fn new() -> Twins {
        let id = |n: u8| PrivateKey::from_text(&format!("{n:02x}").repeat(32)).unwrap().id();
        let (owner, user, executor) = (id(1), id(2), id(3));
        let (plain, archived) = (Shell::new(COLONY, &owner), Archived::new(COLONY, &owner));
        let mut twins = Twins { plain, archived, owner, user, executor, processes: Vec::new(), workflows: Vec::new() };
        let (owner, user) = (twins.owner.clone(), twins.user.to_string());
        let user = json!({ "colonyname": COLONY, "userid": user, "name": "user" });
        twins.both(&owner, &json!({ "msgtype": "addusermsg", "user": user })).unwrap();
        let executor = json!({ "executorname": "e", "executorid": twins.executor.to_string(), "executortype": "t",
                               "colonyname": COLONY });
        twins.both(&owner, &json!({ "msgtype": "addexecutormsg", "executor": executor })).unwrap();
        let approve = json!({ "msgtype": "approveexecutormsg", "colonyname": COLONY, "executorname": "e" });
        twins.both(&owner, &approve).unwrap();
        twins
    }

    /// A message to both; they must say the same.
    fn both(&mut self, caller: &Identity, message: &Value) -> Result<Value, Refusal> {
        self.plain.pass(1);
        self.archived.shell.pass(1);
        let plain = self.plain.call(caller, message).map(value);
        let archived = self.archived.call(caller, message).map(value);
        match (&plain, &archived) {
            (Ok(plain), Ok(archived)) => assert_eq!(plain, archived, "{message}"),
            (Err(plain), Err(archived)) => {
                assert_eq!((plain.status, &plain.message), (archived.status, &archived.message), "{message}");
            }
            _ => panic!("{message}: {plain:?} without a store, {archived:?} with one"),
        }
        plain
    }

    fn run(&mut self, op: Op) {
        let (user, owner, executor) = (self.user.clone(), self.owner.clone(), self.executor.clone());
        match op {
            Op::Submit { kind, env } => {
                let env = if env { json!({ "k": "v" }) } else { json!({}) };
                let spec = json!({ "funcname": "f", "maxwaittime": -1, "maxexectime": -1, "env": env, "label": (["", "l"][kind]),
                                   "conditions": { "colonyname": COLONY, "executortype": "t" } });
                let process = self.both(&user, &json!({ "msgtype": "submitfuncspecmsg", "spec": spec })).unwrap();
                self.processes.push(process["processid"].as_str().unwrap().to_owned());
            }
            Op::Workflow { nodes, chain } => {
                let node = |n: usize| {
                    let dependencies: Vec<String> =
                        if chain && n > 0 { vec![format!("n{}", n - 1)] } else { Vec::new() };
                    json!({ "nodename": format!("n{n}"), "funcname": "f", "maxwaittime": -1, "maxexectime": -1,
                            "conditions": { "colonyname": COLONY, "executortype": "t", "dependencies": dependencies } })
                };
                let specs: Vec<Value> = (0..nodes).map(node).collect();
                let spec = json!({ "colonyname": COLONY, "functionspecs": specs });
                let graph = self.both(&user, &json!({ "msgtype": "submitworkflowspecmsg", "spec": spec })).unwrap();
                self.workflows.push(graph["processgraphid"].as_str().unwrap().to_owned());
                let ids = graph["processids"].as_array().unwrap().iter();
                self.processes.extend(ids.map(|id| id.as_str().unwrap().to_owned()));
            }
            Op::Run { well } => {
                let Some(id) = self.assigned() else { return };
                let line = json!({ "msgtype": "addlogmsg", "processid": id, "message": format!("a line of {id}") });
                self.both(&executor, &line).unwrap();
                let end = if well {
                    json!({ "msgtype": "closesuccessfulmsg", "processid": id, "out": [id] })
                } else {
                    json!({ "msgtype": "closefailedmsg", "processid": id, "errors": ["e"] })
                };
                self.both(&executor, &end).unwrap();
            }
            Op::Say(which) => {
                let Some(id) = self.process(&which) else { return };
                // Mostly to one that does not run any more.
                let said = json!({ "msgtype": "addlogmsg", "processid": id, "message": "too late" });
                self.both(&executor, &said).ok();
            }
            Op::CloseAgain(which) => {
                let Some(id) = self.process(&which) else { return };
                self.both(&executor, &json!({ "msgtype": "closesuccessfulmsg", "processid": id, "out": ["b"] })).ok();
            }
            Op::Remove(which) => {
                let Some(id) = self.process(&which) else { return };
                self.both(&user, &json!({ "msgtype": "removeprocessmsg", "processid": id })).ok();
            }
            Op::RemoveWorkflow(which) => self.on_workflow(&which, "removeprocessgraphmsg"),
            Op::CancelWorkflow(which) => self.on_workflow(&which, "cancelprocessgraphmsg"),
            Op::RemoveAll { state, workflows } => {
                let name = if workflows { "removeallprocessgraphsmsg" } else { "removeallprocessesmsg" };
                let message = json!({ "msgtype": name, "colonyname": COLONY, "state": state });
                self.both(&owner, &message).unwrap();
            }
            Op::Wait(millis) => {
                self.plain.pass(millis);
                self.archived.shell.pass(millis);
            }
            Op::Archive(steps) => (0..steps).for_each(|_| self.archived.step()),
            Op::Crash => self.archived.crash(),
        }
    }

    /// The process that the executor is given.
    fn assigned(&mut self) -> Option<String> {
        let (poll, executor) =
            (json!({ "msgtype": "assignprocessmsg", "colonyname": COLONY, "timeout": -1 }), &self.executor);
        let given = [&mut self.plain, &mut self.archived.shell].map(|shell| {
            shell.pass(1);
            let Ok(Told::Asking(poll)) = shell.call(executor, &poll) else { panic!("it may ask") };
            shell.sync();
            match shell.polls[poll].outcome.clone() {
                Some(Outcome::Process(id)) => Some(id),
                outcome => {
                    assert_eq!(outcome, Some(Outcome::Refused(404)));
                    None
                }
            }
        });
        assert_eq!(given[0], given[1]);
        given.into_iter().next().flatten()
    }

    fn process(&self, which: &Index) -> Option<String> {
        (!self.processes.is_empty()).then(|| which.get(&self.processes).clone())
    }

    fn on_workflow(&mut self, which: &Index, name: &str) {
        if !self.workflows.is_empty() {
            let id = which.get(&self.workflows).clone();
            let user = self.user.clone();
            self.both(&user, &json!({ "msgtype": name, "processgraphid": id })).ok();
        }
    }

    /// Everything that can be asked.
    fn compare(&mut self) {
        let user = self.user.clone();
        let mut ask = |message: Value| drop(self.both(&user, &message));
        ask(json!({ "msgtype": "getcolonystatsmsg", "colonyname": COLONY }));
        for state in 0..5 {
            for filter in
                [json!({}), json!({ "executortype": "t" }), json!({ "initiator": "user" }), json!({ "label": "l" })]
            {
                for count in [1, 3, 100] {
                    let mut message =
                        json!({ "msgtype": "getprocessesmsg", "colonyname": COLONY, "count": count, "state": state });
                    message.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
                    ask(message);
                }
            }
            ask(json!({ "msgtype": "getprocessgraphsmsg", "colonyname": COLONY, "count": 2, "state": state }));
            ask(json!({ "msgtype": "getprocesshistmsg", "colonyname": COLONY, "seconds": 10, "state": state }));
            ask(json!({ "msgtype": "getprocesshistmsg", "colonyname": COLONY, "seconds": 100_000, "state": state }));
        }
        for text in ["", "line", "a line", "of%7", "x"] {
            ask(json!({ "msgtype": "searchlogsmsg", "colonyname": COLONY, "text": text, "days": 1, "count": 20 }));
        }
        for latest in [false, true] {
            ask(
                json!({ "msgtype": "getlogsmsg", "colonyname": COLONY, "executorname": "e", "count": 3, "latest": latest }),
            );
        }
        let (processes, workflows) = (self.processes.clone(), self.workflows.clone());
        let mut ask = |message: Value| self.both(&user, &message).ok();
        for id in processes {
            ask(json!({ "msgtype": "getlogsmsg", "colonyname": COLONY, "processid": id, "count": 100 }));
            let process = ask(json!({ "msgtype": "getprocessmsg", "processid": id }));
            let attributes = process.as_ref().and_then(|process| process["attributes"].as_array());
            for attribute in attributes.into_iter().flatten() {
                ask(json!({ "msgtype": "getattributemsg", "attributeid": attribute["attributeid"] }));
            }
        }
        for id in workflows {
            ask(json!({ "msgtype": "getprocessgraphmsg", "processgraphid": id }));
            ask(json!({ "msgtype": "getprocessesmsg", "colonyname": COLONY, "count": 100, "state": -1,
                        "processgraphid": id }));
        }
    }
}

fn value(told: Told) -> Value {
    match told {
        Told::Answer(value) => value,
        Told::Asking(_) => json!("asking"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn what_is_past_is_told_like_what_is_present(ops in ops()) {
        let mut twins = Twins::new();
        for (n, op) in ops.into_iter().enumerate() {
            twins.run(op);
            if n % 8 == 7 {
                twins.compare();
            }
        }
        // In the end all that can go has gone, and a crash changes nothing.
        twins.run(Op::Wait(10_000));
        for _ in 0..12 {
            twins.archived.step();
        }
        twins.compare();
        twins.archived.crash();
        twins.compare();
    }
}

#[test]
fn removing_all_spares_what_comes_after_it() {
    let mut twins = Twins::new();
    // More than one batch takes.
    let many = 2 * colonies::limits::REMOVALS_A_BATCH / 9;
    for round in 0..10 {
        for _ in 0..if round == 0 { many } else { 1 } {
            twins.run(Op::Submit { kind: 0, env: false });
            twins.run(Op::Run { well: false });
        }
        twins.run(Op::RemoveAll { state: 3, workflows: false });
        twins.run(Op::Submit { kind: 0, env: false });
        twins.run(Op::Run { well: false });
        twins.processes.drain(..twins.processes.len() - 1);
        twins.run(Op::Wait(10_000));
        twins.run(Op::Archive(1 + round % 4));
    }
    twins.run(Op::Wait(10_000));
    twins.run(Op::Archive(30));
    twins.compare();
}

#[test]
fn a_workflow_that_is_cancelled_while_it_is_written_is_in_one_list() {
    let mut twins = Twins::new();
    twins.run(Op::Workflow { nodes: 1, chain: false });
    twins.run(Op::Run { well: true });
    twins.run(Op::Submit { kind: 0, env: false });
    twins.run(Op::Run { well: true });
    twins.run(Op::Wait(5_000));
    twins.run(Op::Archive(1));
    let (user, id) = (twins.user.clone(), twins.workflows[0].clone());
    twins.both(&user, &json!({ "msgtype": "cancelprocessgraphmsg", "processgraphid": id })).unwrap();
    for _ in 0..6 {
        twins.run(Op::Archive(1));
        twins.compare();
        twins.run(Op::Wait(5_000));
    }
}
