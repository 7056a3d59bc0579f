use super::*;
use crate::colony::Options;
use crate::colony::crons::{Cron, CronEvent, CronStart};
use crate::colony::logs::LogEvent;
use crate::colony::matching::Record;
use crate::colony::processes::Submission;
use crate::colony::processes::spec_request::SpecRequest;
use crate::colony::starter::Starter;
use crate::colony::state::State;
use crate::colony::workflows::{GraphSubmission, SubmittedNode};
use crate::crypto::Identity;
use crate::ids::CronId;
use std::sync::Arc;

const POLICY: u64 = 100;

struct Room;

impl Record for Room {
    fn has_room(&self) -> bool {
        true
    }
    fn add(&mut self, _: &Event) {}
}

fn at(seconds: u64) -> Moment {
    Moment { now: seconds as i64 * 1_000_000_000, monotonic: seconds * 1_000_000, number: 1 }
}

fn kept_for(seconds: u64) -> Arc<Options> {
    Arc::new(Options { retention: Some(Duration::from_secs(seconds)), ..Options::default() })
}

fn colony() -> Colony {
    let mut colony = Colony::new(State::default(), kept_for(POLICY));
    colony.start_timers(at(0), 0);
    colony
}

fn turn(colony: &mut Colony, seconds: u64, events: Vec<Event>) {
    events.into_iter().for_each(|event| colony.apply(event, at(seconds).now, 1));
    colony.settle(at(seconds), &mut Room);
}

fn id(number: usize) -> ProcessId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    ProcessId(id)
}

fn submission(number: usize) -> Submission {
    let (spec, env) = SpecRequest::default().into_spec().expect("a good specification");
    Submission {
        id: id(number),
        initiator: Identity::from_text("u"),
        initiator_name: "u".into(),
        spec: Arc::new(spec),
        env,
    }
}

fn submitted(number: usize) -> Event {
    Event::Process(ProcessEvent::Submitted(Box::new(submission(number))))
}

fn assigned(number: usize) -> Event {
    Event::Process(ProcessEvent::Assigned { id: id(number), executor: Identity::from_text("e") })
}

fn succeeded(number: usize) -> Event {
    Event::Process(ProcessEvent::ClosedSuccessful { id: id(number), out: None })
}

fn failed(number: usize) -> Event {
    Event::Process(ProcessEvent::ClosedFailed { id: id(number), errors: Vec::new() })
}

/// A workflow of these nodes, none of which depends on another.
fn graph(number: u8, nodes: &[usize]) -> GraphSubmission {
    let node = |&node: &usize| SubmittedNode { process: submission(node), parents: Vec::new() };
    GraphSubmission {
        id: GraphId([number; 32]),
        initiator: Identity::from_text("u"),
        initiator_name: "u".to_owned(),
        nodes: nodes.iter().map(node).collect(),
    }
}

fn said(number: usize) -> Event {
    Event::Log(LogEvent { process: Some(id(number)), executor: "e".to_owned(), message: "said".to_owned() })
}

/// Carries out the sweep of this moment, all of its turns; how many processes, workflows and lines are left.
fn sweep(colony: &mut Colony, seconds: u64) -> (usize, usize, usize) {
    while colony.retention.next_sweep().is_some_and(|due| due <= at(seconds).monotonic) {
        let events = colony.expire_old(at(seconds));
        turn(colony, seconds, events);
    }
    let state = &colony.state;
    let lines = state.logs.of_executor("e", crate::colony::logs::LogRange::Oldest, usize::MAX).len();
    (state.processes.len(), state.workflows.ids(None).len(), lines)
}

#[test]
fn what_succeeded_and_what_was_said_goes_when_it_is_old_enough() {
    let mut colony = colony();
    // 0 waits, 1 runs, 2 failed, 3 was cancelled, 4 succeeded early, 5 late although it was submitted first.
    let all = [5, 0, 1, 2, 3, 4];
    turn(&mut colony, 1, all.map(submitted).to_vec());
    turn(&mut colony, 2, [1, 2, 4, 5].map(assigned).to_vec());
    turn(&mut colony, 3, vec![said(4), failed(2), succeeded(4)]);
    turn(&mut colony, 4, vec![Event::Process(ProcessEvent::Cancelled(id(3)))]);
    turn(&mut colony, 50, vec![said(5), succeeded(5)]);
    assert_eq!(sweep(&mut colony, 103), (6, 0, 2), "not old enough");
    assert_eq!(sweep(&mut colony, 140), (6, 0, 2), "not due");
    assert_eq!(sweep(&mut colony, 163), (4, 0, 0));
    assert!((0..4).all(|number| colony.state.processes.get(&id(number)).is_some()));
    assert_eq!(sweep(&mut colony, 99_999), (4, 0, 0), "the rest is never removed");
}

#[test]
fn the_age_counts_from_the_end() {
    let mut colony = colony();
    turn(&mut colony, 1, vec![submitted(0), submitted(1)]);
    turn(&mut colony, 500, vec![assigned(0), assigned(1), succeeded(0)]);
    turn(&mut colony, 570, vec![succeeded(1)]);
    assert_eq!(sweep(&mut colony, 600), (2, 0, 0), "as old as it may be");
    assert_eq!(sweep(&mut colony, 660), (1, 0, 0));
    assert!(colony.state.processes.get(&id(1)).is_some());
}

#[test]
fn a_workflow_goes_as_a_whole_and_only_when_it_succeeded() {
    let mut colony = colony();
    let submitted = |graph| Event::Workflow(WorkflowEvent::Submitted(Box::new(graph)));
    let graphs = [graph(1, &[10, 11]), graph(2, &[20, 21]), graph(3, &[30, 31]), graph(4, &[40])];
    turn(&mut colony, 1, graphs.map(submitted).to_vec());
    turn(&mut colony, 2, [10, 11, 20, 21, 30, 31, 40].map(assigned).to_vec());
    // The first succeeds, the second runs on, the third fails, the fourth is cancelled after its success.
    turn(&mut colony, 3, vec![succeeded(10), succeeded(11), succeeded(20), succeeded(30), failed(31), succeeded(40)]);
    turn(&mut colony, 4, vec![Event::Workflow(WorkflowEvent::Cancelled(GraphId([4; 32])))]);
    assert_eq!(sweep(&mut colony, 200), (5, 3, 0));
    assert!(colony.state.workflows.get(&GraphId([1; 32])).is_none());
    // The age counts from the end of the workflow.
    turn(&mut colony, 250, vec![succeeded(21)]);
    assert_eq!(sweep(&mut colony, 300), (5, 3, 0));
    assert_eq!(sweep(&mut colony, 361), (3, 2, 0));
}

#[test]
fn the_workflow_that_a_cron_started_last_stays() {
    let mut colony = colony();
    let cron = Cron {
        id: CronId([1; 32]),
        starter: Starter { id: Identity::from_text("u"), name: "u".into(), is_user: true },
        name: "c".into(),
        expression: "".into(),
        interval: 1,
        random: false,
        waits: false,
        workflow: "".into(),
        next_run: Time::UNSET,
        last_run: Time::UNSET,
        previous: None,
        anchor: Time::UNSET,
    };
    let started = |graph| {
        let start = CronStart { id: CronId([1; 32]), graph, next: Time::UNSET, anchor: Time::UNSET };
        Event::Cron(CronEvent::Started(Box::new(start)))
    };
    turn(&mut colony, 1, vec![Event::Cron(CronEvent::Added(Box::new(cron))), started(graph(1, &[1]))]);
    turn(&mut colony, 2, vec![assigned(1), succeeded(1)]);
    for seconds in [200, 300, 400] {
        assert_eq!(sweep(&mut colony, seconds), (1, 1, 0), "the next one is given what it put out");
    }
    turn(&mut colony, 401, vec![started(graph(2, &[2]))]);
    assert_eq!(sweep(&mut colony, 500), (1, 1, 0), "another is the latest now");
    assert!(colony.state.workflows.get(&GraphId([2; 32])).is_some());
}

#[test]
fn much_is_removed_in_turns_and_what_is_gone_already_costs_none() {
    let mut colony = colony();
    let count = 2 * limits::REMOVALS_A_TURN + 10;
    for number in 0..count {
        turn(&mut colony, 1, vec![submitted(number), assigned(number), said(number), succeeded(number)]);
    }
    turn(&mut colony, 2, (0..10).map(|number| Event::Process(ProcessEvent::Removed(id(number)))).collect());
    for expected in [limits::REMOVALS_A_TURN, limits::REMOVALS_A_TURN] {
        let events = colony.expire_old(at(200));
        assert_eq!(events.len(), expected);
        turn(&mut colony, 200, events);
        assert_eq!(colony.retention.next_sweep(), Some(at(200).monotonic), "at once");
    }
    assert_eq!(sweep(&mut colony, 200), (0, 0, 0));
    assert_eq!(colony.retention.next_sweep(), Some(at(260).monotonic));
}

#[test]
fn a_restart_forgets_nothing_and_without_a_policy_nothing_goes() {
    let mut before = Colony::new(State::default(), Arc::new(Options::default()));
    before.start_timers(at(0), 0);
    let submitted_graph = Event::Workflow(WorkflowEvent::Submitted(Box::new(graph(1, &[1]))));
    turn(&mut before, 1, vec![submitted(0), submitted_graph, assigned(0), assigned(1), said(0)]);
    turn(&mut before, 2, vec![succeeded(0), succeeded(1)]);
    assert_eq!(sweep(&mut before, 99_999), (2, 1, 1));
    let mut after = Colony::new(before.state, kept_for(POLICY));
    after.start_timers(at(150), 0);
    assert_eq!(sweep(&mut after, 150), (0, 0, 0));
}
