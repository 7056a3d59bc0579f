//! Crons and generators at work, in turns as the actor gives them, with clocks that the tests set.

use super::*;
use crate::colony::Options;
use crate::colony::matching::{Moment, Record};
use crate::colony::message::{ColonyMessage, Decision, Turn};
use crate::colony::processes::{ProcessEvent, ProcessState};
use crate::colony::state::State;
use crate::colony::users::{User, UserEvent};
use crate::colony::workflows::WorkflowEvent;
use crate::colony::{crons, generators};
use crate::crypto::Identity;
use crate::ids::ProcessId;
use crate::json::RawJson;
use crate::refusal::Refusal;
use serde_json::{Value, json};
use std::sync::Arc;

const SECOND: Nanos = 1_000_000_000;
/// 2026-11-24T00:00:00Z.
const START: Nanos = 1_795_478_400 * SECOND;

struct Ids(u64);

impl IdSource for Ids {
    fn random(&mut self) -> [u8; 32] {
        self.0 += 1;
        let mut id = [0; 32];
        id[24..].copy_from_slice(&self.0.to_be_bytes());
        id
    }
}

#[derive(Default)]
struct Sink(Vec<Event>);

impl Record for Sink {
    fn has_room(&self) -> bool {
        true
    }
    fn add(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
}

/// A colony, its log and its clock.
struct Rig {
    colony: Colony,
    log: Vec<(Nanos, Vec<Event>)>,
    ids: Ids,
    wall: Nanos,
    user: Identity,
}

impl Rig {
    fn new() -> Rig {
        let mut rig = Rig {
            colony: Colony::new(State::default(), Arc::new(Options::default())),
            log: Vec::new(),
            ids: Ids(0),
            wall: START,
            user: Identity::from_text("u"),
        };
        let user = User { userid: rig.user.clone(), name: "u".into(), ..User::default() };
        let founded = Event::Founded { name: "c".into(), owner: Identity::from_text("o"), incarnation: 7 };
        rig.record(vec![founded, Event::User(UserEvent::Added(user))]);
        rig
    }

    fn at(&self) -> Moment {
        let now = self.colony.next_turn(self.wall);
        Moment { now, monotonic: (self.wall / 1_000) as u64, number: self.log.len() as u64 + 1 }
    }

    fn record(&mut self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let at = self.at();
        let mut sink = Sink(events.clone());
        events.into_iter().for_each(|event| self.colony.apply(event, at.now, at.number));
        self.colony.settle(at, &mut sink);
        self.log.push((at.now, sink.0));
    }

    fn send<M: ColonyMessage>(&mut self, request: Value) -> Result<Value, Refusal> {
        let message: M = crate::json::decode(request.to_string().as_bytes()).expect("a request");
        let now = self.at().now;
        let caller = self.user.clone();
        let mut turn = Turn { colony: &self.colony, caller: &caller, now, ids: &mut self.ids };
        let Decision::Reply(reply) = message.decide(&mut turn)? else { panic!("a reply") };
        self.record(reply.events);
        let json = (reply.answer)(&self.colony).json().expect("JSON");
        Ok(serde_json::from_slice(&json).expect("JSON"))
    }

    fn add_cron(&mut self, cron: Value) -> String {
        let mut request = json!({"colonyname": "c", "name": "x", "interval": -1, "workflowspec": workflow("a")});
        request.as_object_mut().expect("an object").extend(cron.as_object().expect("an object").clone());
        let reply = self.send::<crons::add::AddCron>(json!({ "cron": request })).expect("a cron");
        reply["cronid"].as_str().expect("an id").to_owned()
    }

    fn cron(&mut self, id: &str) -> Value {
        self.send::<crons::get::GetCron>(json!({ "cronid": id })).expect("the cron")
    }

    fn add_generator(&mut self, trigger: i32, timeout: i32) -> String {
        let request = json!({"colonyname": "c", "name": "g", "workflowspec": workflow("a"), "trigger": trigger, "timeout": timeout});
        let reply = self.send::<generators::add::AddGenerator>(json!({ "generator": request })).expect("a generator");
        reply["generatorid"].as_str().expect("an id").to_owned()
    }

    fn pack(&mut self, id: &str, arg: &str) {
        self.send::<generators::pack::PackGenerator>(json!({"generatorid": id, "arg": arg})).expect("packed");
    }

    /// Lets this time pass, looking whenever the timer would.
    fn pass(&mut self, time: Nanos) {
        let end = self.wall + time;
        loop {
            self.start_due();
            let look = self.colony.schedule.next_look(self.wall, (self.wall / 1_000) as u64);
            let next = look.map_or(end, |look| (look as i64 * 1_000).max(self.wall + 1_000_000));
            if next >= end {
                break;
            }
            self.wall = next;
        }
        self.wall = end;
        self.start_due();
    }

    fn start_due(&mut self) {
        self.colony.retry_failed((self.wall / 1_000) as u64);
        while let Some(item) = self.colony.schedule.next_due(self.wall) {
            match self.colony.fire(item, self.at().now, &mut self.ids) {
                Firing::Start(event) => self.record(vec![event]),
                Firing::Blocked(graph) => self.colony.block(item, graph),
                Firing::Nothing => self.colony.drop_due(item),
                Firing::Failed(_) => {
                    self.colony.put_off(item, (self.wall / 1_000) as u64);
                }
            }
        }
    }

    /// Reads the log back, and goes on with that.
    fn restart(&mut self) {
        let mut state = State::default();
        for ((now, events), number) in self.log.iter().zip(1..) {
            events.iter().for_each(|event| state.apply(event.clone(), *now, number));
            state.changes = Default::default();
        }
        assert_eq!(state, self.colony.state);
        self.colony = Colony::new(state, self.colony.options.clone());
        let at = self.at();
        self.colony.start_timers(at, 0);
    }

    fn starts(&self) -> usize {
        self.start_times().len()
    }

    fn start_times(&self) -> Vec<Nanos> {
        let starts = |event: &Event| {
            matches!(
                event,
                Event::Cron(crons::CronEvent::Started(_)) | Event::Generator(generators::GeneratorEvent::Started(_))
            )
        };
        self.log.iter().filter(|(_, events)| events.iter().any(starts)).map(|(now, _)| *now - START).collect()
    }

    /// Arguments of the processes, the oldest first.
    fn args(&self) -> Vec<String> {
        self.colony.state.processes.iter().map(|process| process.spec.args.text().to_owned()).collect()
    }

    fn newest(&self) -> ProcessId {
        self.colony.state.processes.iter().last().map(|process| process.id).expect("a process")
    }

    /// An executor does the newest process.
    fn work(&mut self, out: &str) {
        let id = self.newest();
        let out = RawJson::from_text(out.to_owned());
        self.record(vec![
            Event::Process(ProcessEvent::Assigned { id, executor: Identity::from_text("e") }),
            Event::Process(ProcessEvent::ClosedSuccessful { id, out }),
        ]);
    }
}

fn workflow(node: &str) -> String {
    json!({"functionspecs": [{"nodename": node, "args": ["own"], "conditions": {"executortype": "t"}}]}).to_string()
}

#[test]
fn an_expression_starts_at_each_of_its_times_once() {
    let mut rig = Rig::new();
    let id = rig.add_cron(json!({"cronexpression": "*/5 * * * * *"}));
    rig.pass(21 * SECOND);
    assert_eq!(rig.starts(), 4);
    for (start, slot) in rig.start_times().into_iter().zip([5, 10, 15, 20]) {
        assert!((0..10_000_000).contains(&(start - slot * SECOND)), "{start}");
    }
    rig.restart();
    rig.pass(0);
    assert_eq!(rig.starts(), 4);
    rig.pass(5 * SECOND);
    assert_eq!(rig.starts(), 5);
    rig.send::<crons::remove::RemoveCron>(json!({ "cronid": id })).expect("removed");
    rig.pass(60 * SECOND);
    assert_eq!(rig.starts(), 5);
    rig.restart();
}

#[test]
fn a_restart_right_after_a_start_does_not_start_again_and_what_was_missed_starts_once() {
    let mut rig = Rig::new();
    rig.add_cron(json!({"interval": 10}));
    rig.pass(10 * SECOND + 5_000_000);
    assert_eq!(rig.starts(), 1);
    rig.restart();
    rig.pass(9 * SECOND);
    assert_eq!(rig.starts(), 1);
    // Down for a long time.
    rig.wall += 1_003 * SECOND;
    rig.restart();
    rig.pass(SECOND);
    assert_eq!(rig.starts(), 2);
    // Back in its own phase.
    rig.pass(20 * SECOND);
    let after: Vec<Nanos> = rig.start_times().split_off(2).iter().map(|start| start / SECOND % 10).collect();
    assert_eq!(after, [0, 0]);
}

#[test]
fn crons_of_one_interval_keep_their_distance_over_a_restart() {
    let mut rig = Rig::new();
    for number in 0..10 {
        rig.add_cron(json!({"name": format!("c{number}"), "interval": 60}));
        rig.pass(3 * SECOND);
    }
    rig.wall += 3_600 * SECOND;
    rig.restart();
    rig.pass(0);
    let missed = rig.starts();
    rig.pass(120 * SECOND);
    let mut seconds: Vec<Nanos> = rig.start_times().split_off(missed).iter().map(|start| start / SECOND % 60).collect();
    seconds.sort_unstable();
    seconds.dedup();
    assert_eq!(seconds, (0..10).map(|number| number * 3).collect::<Vec<_>>());
}

#[test]
fn a_clock_that_is_set_back_starts_nothing_twice() {
    let mut rig = Rig::new();
    rig.add_cron(json!({"cronexpression": "0 * * * * *"}));
    rig.add_cron(json!({"name": "y", "interval": 60}));
    rig.pass(301 * SECOND);
    let before = rig.starts();
    assert_eq!(before, 10);
    rig.wall -= 200 * SECOND;
    rig.pass(199 * SECOND);
    assert_eq!(rig.starts(), before);
    rig.pass(62 * SECOND);
    assert_eq!(rig.starts(), before + 2);
    // Forth: once each.
    rig.wall += 86_400 * SECOND;
    rig.pass(SECOND);
    assert_eq!(rig.starts(), before + 4);
    rig.restart();
}

#[test]
fn the_wall_clock_is_looked_at_once_a_minute() {
    let mut rig = Rig::new();
    rig.add_cron(json!({"cronexpression": "@yearly"}));
    let monotonic = 5;
    assert_eq!(rig.colony.schedule.next_look(rig.wall, monotonic), Some(monotonic + 60_000_000));
    // Not pushed on by messages in between.
    assert_eq!(rig.colony.schedule.next_look(rig.wall + SECOND, monotonic + 1_000_000), Some(monotonic + 60_000_000));
}

#[test]
fn one_that_waits_starts_when_its_previous_workflow_has_ended() {
    let mut rig = Rig::new();
    let id = rig.add_cron(json!({"interval": 10, "waitforprevprocessgraph": true}));
    rig.pass(35 * SECOND);
    assert_eq!(rig.starts(), 1);
    rig.work("[1,\"two\"]");
    rig.pass(0);
    assert_eq!(rig.starts(), 2);
    let newest = rig.newest();
    assert_eq!(rig.colony.state.processes.get(&newest).map(|process| process.input.text()), Some("[1,\"two\"]"));
    // By hand it is blocked too, until the workflow is cancelled.
    rig.pass(20 * SECOND);
    rig.restart();
    rig.send::<crons::run::RunCron>(json!({ "cronid": id })).expect("an answer");
    rig.pass(0);
    assert_eq!(rig.starts(), 2);
    let graph = rig.colony.state.processes.get(&newest).and_then(|process| process.graph).expect("a graph");
    rig.record(vec![Event::Workflow(WorkflowEvent::Cancelled(graph))]);
    rig.pass(0);
    assert_eq!(rig.starts(), 3);
    let newest = rig.newest();
    assert_eq!(rig.colony.state.processes.get(&newest).map(|process| process.input.text()), Some("[]"));
    rig.restart();
}

#[test]
fn a_start_by_hand_begins_a_new_interval() {
    let mut rig = Rig::new();
    let id = rig.add_cron(json!({"interval": 100}));
    rig.pass(90 * SECOND);
    let before = rig.send::<crons::run::RunCron>(json!({ "cronid": id })).expect("an answer");
    assert_eq!(before["lastrun"], "0001-01-01T00:00:00Z");
    assert_eq!(rig.cron(&id)["nextrun"], "2026-11-24T00:03:10Z");
    rig.pass(99 * SECOND);
    assert_eq!(rig.starts(), 1);
}

#[test]
fn a_random_one_starts_once_in_each_interval() {
    let mut rig = Rig::new();
    rig.add_cron(json!({"interval": 100, "random": true}));
    rig.pass(1_000 * SECOND);
    let windows: Vec<Nanos> = rig.start_times().iter().map(|start| start / (100 * SECOND)).collect();
    assert_eq!(windows, (0..10).collect::<Vec<_>>());
}

#[test]
fn what_a_removed_user_added_is_tried_again_now_and_then() {
    let mut rig = Rig::new();
    rig.add_cron(json!({"interval": 10}));
    let user = rig.colony.state.users.get("u").cloned().expect("the user");
    rig.record(vec![Event::User(UserEvent::Removed("u".into()))]);
    rig.pass(3_600 * SECOND);
    assert_eq!(rig.starts(), 0);
    rig.record(vec![Event::User(UserEvent::Added(user))]);
    rig.pass(61 * SECOND);
    assert!(rig.starts() > 0);
}

#[test]
fn what_is_added_must_be_startable_and_stay_in_its_colony() {
    let mut rig = Rig::new();
    let other = r#"{"colonyname":"other","functionspecs":[]}"#;
    let twice = r#"{"functionspecs":[{"nodename":"a"},{"nodename":"a"}]}"#;
    for (spec, text) in
        [("null", "workflowspec is null"), ("[", "can't be read"), (other, "<other>"), (twice, "Duplicate nodename: a")]
    {
        let cron = json!({"cron": {"colonyname": "c", "interval": 5, "workflowspec": spec}});
        let refusal = rig.send::<crons::add::AddCron>(cron).expect_err(spec);
        assert!(refusal.status == 400 && refusal.message.contains(text), "{refusal:?}");
        let generator = json!({"generator": {"colonyname": "c", "trigger": 5, "workflowspec": spec}});
        let refusal = rig.send::<generators::add::AddGenerator>(generator).expect_err(spec);
        assert!(refusal.status == 400 && refusal.message.contains(text), "{refusal:?}");
    }
    for trigger in [0, -1] {
        let generator = json!({"generator": {"colonyname": "c", "trigger": trigger, "workflowspec": workflow("a")}});
        assert_eq!(rig.send::<generators::add::AddGenerator>(generator).expect_err("a trigger").status, 400);
    }
    for interval in [0, -2, 1i64 << 40] {
        let cron = json!({"cron": {"colonyname": "c", "interval": interval, "workflowspec": workflow("a")}});
        assert_eq!(rig.send::<crons::add::AddCron>(cron).expect_err("an interval").status, 400);
    }
}

#[test]
fn the_pack_that_reaches_the_trigger_starts_the_workflow_in_its_record() {
    let mut rig = Rig::new();
    let id = rig.add_generator(3, -1);
    for number in 1..=8 {
        rig.pack(&id, &format!("a{number}"));
    }
    rig.pass(3_600 * SECOND);
    assert_eq!(rig.args(), [r#"["a1","a2","a3"]"#, r#"["a4","a5","a6"]"#]);
    assert_eq!(rig.log.iter().filter(|(_, events)| events.len() == 2).count(), 3, "founding and two starts");
    let shown = rig.send::<generators::get::GetGenerator>(json!({ "generatorid": id })).expect("the generator");
    assert_eq!((&shown["queuesize"], &shown["checkerperiod"]), (&json!(2), &json!(1000)));
    rig.restart();
}

#[test]
fn a_timeout_takes_what_there_is_and_a_late_argument_waits_a_moment() {
    let mut rig = Rig::new();
    let id = rig.add_generator(10, 5);
    rig.pack(&id, "a");
    rig.pass(2 * SECOND);
    rig.pack(&id, "b");
    rig.restart();
    rig.pass(2 * SECOND);
    assert_eq!(rig.starts(), 0);
    rig.pass(2 * SECOND);
    assert_eq!(rig.args(), [r#"["a","b"]"#]);
    rig.pass(100 * SECOND);
    rig.pack(&id, "c");
    rig.pack(&id, "d");
    rig.pass(SECOND / 2);
    assert_eq!(rig.starts(), 1);
    rig.pass(SECOND);
    assert_eq!(rig.args(), [r#"["a","b"]"#, r#"["c","d"]"#]);
    rig.restart();
    assert_eq!(rig.colony.state.processes.count(ProcessState::Waiting), 2);
}

#[test]
fn arguments_that_piled_up_go_out_in_order() {
    let mut rig = Rig::new();
    let id = rig.add_generator(2, 0);
    let user = rig.colony.state.users.get("u").cloned().expect("the user");
    rig.record(vec![Event::User(UserEvent::Removed("u".into()))]);
    for arg in ["a", "b", "c", "d", "e"] {
        rig.pack(&id, arg);
    }
    rig.pass(5 * SECOND);
    assert_eq!(rig.starts(), 0);
    rig.restart();
    rig.record(vec![Event::User(UserEvent::Added(user))]);
    rig.pass(61 * SECOND);
    assert_eq!(rig.args(), [r#"["a","b"]"#, r#"["c","d"]"#]);
}
