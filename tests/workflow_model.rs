//! Workflows against a model that looks at the whole graph each time, as the reference does (chapter 3, 3.2): random
//! graphs, random ends, put-backs, cancellations and restarts.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use colonies::colony::event::Event;
use colonies::colony::processes::spec_request::SpecRequest;
use colonies::colony::processes::{ProcessEvent, ProcessState, Submission};
use colonies::colony::state::State;
use colonies::colony::workflows::{GraphSubmission, SubmittedNode, WorkflowEvent};
use colonies::crypto::Identity;
use colonies::ids::{GraphId, ProcessId};
use colonies::storage::codec::{self, RecordWriter};
use proptest::prelude::*;
use std::sync::Arc;

const GRAPH: GraphId = GraphId([9; 32]);

fn id(node: usize) -> ProcessId {
    let mut bytes = [0; 32];
    bytes[0] = node as u8 + 1;
    ProcessId(bytes)
}

fn submission(parents: &[Vec<u32>]) -> GraphSubmission {
    let node = |(node, parents): (usize, &Vec<u32>)| {
        let spec =
            format!(r#"{{"nodename":"{node}","maxexectime":10,"maxretries":1,"conditions":{{"executortype":"t"}}}}"#);
        let spec: SpecRequest = colonies::json::decode(spec.as_bytes()).unwrap();
        let (spec, env) = spec.into_node_spec().unwrap();
        let (initiator, initiator_name) = (Identity::from_text("u"), "u".into());
        let process = Submission { id: id(node), initiator, initiator_name, spec: Arc::new(spec), env };
        SubmittedNode { process, parents: parents.clone() }
    };
    let nodes = parents.iter().enumerate().map(node).collect();
    GraphSubmission { id: GRAPH, initiator: Identity::from_text("u"), initiator_name: "u".to_owned(), nodes }
}

/// The obviously right one: no counters, everything is looked at anew.
struct Model {
    parents: Vec<Vec<u32>>,
    states: Vec<ProcessState>,
    waits: Vec<bool>,
    retries: Vec<u32>,
    graph: ProcessState,
}

impl Model {
    fn new(parents: Vec<Vec<u32>>) -> Model {
        Model {
            states: vec![ProcessState::Waiting; parents.len()],
            waits: parents.iter().map(|parents| !parents.is_empty()).collect(),
            retries: vec![0; parents.len()],
            graph: ProcessState::Waiting,
            parents,
        }
    }

    fn parents_are(&self, node: usize, state: ProcessState) -> impl Iterator<Item = bool> {
        self.parents[node].iter().map(move |&parent| self.states[parent as usize] == state)
    }

    fn resolve(&mut self) {
        for node in 0..self.states.len() {
            if self.states[node] == ProcessState::Waiting
                && self.parents_are(node, ProcessState::Successful).all(|yes| yes)
            {
                self.waits[node] = false;
            }
        }
        let someone_has_a_failed_parent =
            (0..self.states.len()).any(|node| self.parents_are(node, ProcessState::Failed).any(|yes| yes));
        if someone_has_a_failed_parent {
            self.states.fill(ProcessState::Failed);
        }
        let any = |state| self.states.contains(&state);
        self.graph = if any(ProcessState::Failed) {
            ProcessState::Failed
        } else if any(ProcessState::Cancelled) {
            ProcessState::Cancelled
        } else if self.states.iter().all(|state| *state == ProcessState::Successful) {
            ProcessState::Successful
        } else if any(ProcessState::Successful) || any(ProcessState::Running) {
            ProcessState::Running
        } else {
            ProcessState::Waiting
        };
    }
}

#[derive(Clone, Debug)]
enum Step {
    Assign(usize),
    Succeed(usize),
    Fail(usize),
    Expire(usize),
    PutBack(usize),
    Cancel,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let node = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 16));
    let step = prop_oneof![
        12 => node.clone().prop_map(Step::Assign),
        10 => node.clone().prop_map(Step::Succeed),
        1 => node.clone().prop_map(Step::Fail),
        2 => node.clone().prop_map(Step::Expire),
        2 => node.prop_map(Step::PutBack),
        1 => Just(Step::Cancel),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 0..60)
}

fn graphs() -> impl Strategy<Value = Vec<Vec<u32>>> {
    (1usize..10).prop_flat_map(|nodes| {
        // Only earlier nodes are parents, so that there is no cycle; repetitions are allowed.
        let parents = |node: usize| prop::collection::vec(0..node.max(1) as u32, 0..if node == 0 { 1 } else { 4 });
        (0..nodes).map(parents).collect::<Vec<_>>()
    })
}

struct Real {
    state: State,
    log: Vec<Vec<u8>>,
}

impl Real {
    fn apply(&mut self, event: Event) {
        let number = self.log.len() as u64 + 1;
        let mut record = RecordWriter::new(number as i64 * 1_000);
        record.add(&event);
        self.log.push(record.into_bytes());
        self.state.apply(event, number as i64 * 1_000, number);
    }

    fn replayed(&self) -> State {
        let mut state = State::default();
        for (record, number) in self.log.iter().zip(1..) {
            let (now, events) = codec::decode::<Event>(record).unwrap();
            events.into_iter().for_each(|event| state.apply(event, now, number));
        }
        state
    }
}

/// One record may hold both: the second was decided before the first was carried out.
#[test]
fn what_was_to_expire_in_the_turn_of_a_failure_stays_failed() {
    let mut real = Real { state: State::default(), log: Vec::new() };
    let parents = [vec![], vec![], vec![0]];
    real.apply(Event::Workflow(WorkflowEvent::Submitted(Box::new(submission(&parents)))));
    for node in [0, 1] {
        let executor = Identity::from_text("e");
        real.apply(Event::Process(ProcessEvent::Assigned { id: id(node), executor }));
    }
    real.apply(Event::Process(ProcessEvent::ClosedFailed { id: id(0), errors: Vec::new() }));
    for late in [ProcessEvent::ExecExpired(id(1)), ProcessEvent::Revoked(id(1)), ProcessEvent::WaitExpired(id(2))] {
        real.apply(Event::Process(late));
        for node in 0..3 {
            let process = real.state.processes.get(&id(node)).unwrap();
            assert_eq!((process.state, process.retries, process.errors.len()), (ProcessState::Failed, 0, 0));
        }
        assert_eq!(real.state.workflows.get(&GRAPH).unwrap().state, ProcessState::Failed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_workflow_is_what_the_model_says(parents in graphs(), steps in steps()) {
        let mut parents = parents;
        parents[0].clear();
        let mut real = Real { state: State::default(), log: Vec::new() };
        real.apply(Event::Workflow(WorkflowEvent::Submitted(Box::new(submission(&parents)))));
        let mut model = Model::new(parents);
        for step in steps {
            let count = model.states.len();
            let running = |node: usize| Some(node % count).filter(|&n| model.states[n] == ProcessState::Running);
            match step {
                Step::Assign(node) => {
                    let node = node % count;
                    let ready = model.states[node] == ProcessState::Waiting && !model.waits[node];
                    let process = real.state.processes.get(&id(node)).unwrap();
                    prop_assert_eq!(process.is_ready(), ready);
                    if ready {
                        let executor = Identity::from_text("e");
                        real.apply(Event::Process(ProcessEvent::Assigned { id: id(node), executor }));
                        model.states[node] = ProcessState::Running;
                        model.resolve();
                    }
                }
                Step::Succeed(node) => if let Some(node) = running(node) {
                    let out = colonies::json::RawJson::from_text(format!("[{node}]"));
                    real.apply(Event::Process(ProcessEvent::ClosedSuccessful { id: id(node), out }));
                    model.states[node] = ProcessState::Successful;
                    model.resolve();
                },
                Step::Fail(node) => if let Some(node) = running(node) {
                    real.apply(Event::Process(ProcessEvent::ClosedFailed { id: id(node), errors: vec!["no".to_owned()] }));
                    model.states[node] = ProcessState::Failed;
                    model.resolve();
                },
                Step::Expire(node) => if let Some(node) = running(node) {
                    real.apply(Event::Process(ProcessEvent::ExecExpired(id(node))));
                    if model.retries[node] == 1 {
                        model.states[node] = ProcessState::Failed;
                        model.resolve();
                    } else {
                        model.retries[node] += 1;
                        model.states[node] = ProcessState::Waiting;
                    }
                },
                Step::PutBack(node) => if let Some(node) = running(node) {
                    real.apply(Event::Process(ProcessEvent::Revoked(id(node))));
                    model.states[node] = ProcessState::Waiting;
                },
                Step::Cancel => {
                    real.apply(Event::Workflow(WorkflowEvent::Cancelled(GRAPH)));
                    for state in &mut model.states {
                        if !state.is_final() {
                            *state = ProcessState::Cancelled;
                        }
                    }
                    model.graph = ProcessState::Cancelled;
                }
                Step::Restart => {
                    let replayed = real.replayed();
                    prop_assert!(replayed == real.state, "the replayed state differs from the live one");
                    real.state = replayed;
                }
            }
            prop_assert_eq!(real.state.workflows.get(&GRAPH).unwrap().state, model.graph);
            for node in 0..count {
                let process = real.state.processes.get(&id(node)).unwrap();
                prop_assert_eq!(process.state, model.states[node], "node {}", node);
                prop_assert_eq!(process.waits_for_parents, model.waits[node], "node {}", node);
                if process.state == ProcessState::Running && !model.parents[node].is_empty() {
                    let input: Vec<String> = model.parents[node].iter().map(u32::to_string).collect();
                    let input = format!("[{}]", input.join(","));
                    prop_assert_eq!(process.input.text(), input.as_str());
                }
            }
            for state in ProcessState::ALL {
                let expected = model.states.iter().filter(|other| **other == state).count();
                prop_assert_eq!(real.state.processes.count(state), expected);
            }
        }
    }
}
