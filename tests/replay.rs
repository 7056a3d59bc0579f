//! Random histories of a colony, without server, disk or clock: the live state and the one that replaying its records
//! gives are equal, and a naive scheduler agrees about every process and every poll.

#![allow(clippy::unwrap_used)]

#[path = "replay/model.rs"]
mod model;
#[path = "replay/shell.rs"]
mod shell;

use colonies::colony::Colony;
use colonies::colony::processes::queue::{Offer, fold_location};
use colonies::crypto::{Identity, PrivateKey};
use colonies::refusal::Refusal;
use model::{Answer, Model, Needs, Poll, Process};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use shell::{Outcome, Shell, Told};

const COLONY: &str = "colony";
/// By number; 0 is none. Upper and lower case are the same place.
const LOCATIONS: [&str; 3] = ["", "lund", "oslo"];
/// Kind and location of each executor.
const EXECUTORS: [(usize, usize); 4] = [(0, 0), (0, 1), (0, 2), (1, 1)];

#[derive(Clone, Debug)]
enum Op {
    Submit { kind: usize, names: Vec<usize>, location: usize, cpu: i64, memory: i64, priority: i64, limits: [i64; 3] },
    Ask { executor: usize, seconds: i64, cpu: Option<i64>, memory: Option<i64> },
    Close { process: Index, by: usize, right: bool, well: bool },
    Say { process: Index, attribute: bool },
    Leave(Index),
    HearOfLeavers,
    Sync,
    Pause(bool),
    Owner { what: usize, executor: usize },
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Op> {
    let submit = (0..2usize, vec(0..4usize, 0..3), 0..3usize, 0..3i64, 0..3i64, -1..2i64, [0..3i64, 0..3i64, -1..3i64])
        .prop_map(|(kind, names, location, cpu, memory, priority, limits)| {
            // Mostly anyone and anywhere, or hardly anything is ever handed out.
            let (names, location) = if cpu == 0 { (names, location) } else { (Vec::new(), 0) };
            Op::Submit { kind: kind * usize::from(priority == 1), names, location, cpu, memory, priority, limits }
        });
    let ask = (0..4usize, prop_oneof![Just(-1i64), 1..4i64], option::of(0..3i64), option::of(0..3i64))
        .prop_map(|(executor, seconds, cpu, memory)| Op::Ask { executor, seconds, cpu, memory });
    let close = (any::<Index>(), 0..4usize, prop::bool::weighted(0.8), any::<bool>())
        .prop_map(|(process, by, right, well)| Op::Close { process, by, right, well });
    prop_oneof![
        6 => submit,
        7 => ask,
        4 => close,
        1 => (any::<Index>(), any::<bool>()).prop_map(|(process, attribute)| Op::Say { process, attribute }),
        2 => any::<Index>().prop_map(Op::Leave),
        1 => Just(Op::HearOfLeavers),
        4 => Just(Op::Sync),
        1 => prop::bool::weighted(0.4).prop_map(Op::Pause),
        2 => (0..6usize, 0..4usize).prop_map(|(what, executor)| Op::Owner { what, executor }),
        3 => (0..150u64).prop_map(|tens| Op::Wait(tens * 10)),
    ]
}

fn key(n: u8) -> Identity {
    PrivateKey::from_text(&hex::encode([n + 1; 32])).unwrap().id()
}

/// The colony, its model, and who is there.
struct World {
    shell: Shell,
    model: Model,
    owner: Identity,
    user: Identity,
    executors: [Identity; 4],
    /// How often something was said, for keys that differ.
    said: usize,
}

fn amount(number: i64, unit: &str) -> String {
    format!("{number}{unit}")
}

impl World {
    fn new() -> World {
        let (owner, user) = (key(0), key(1));
        let shell = Shell::new(COLONY, &owner);
        let executors = [2, 3, 4, 5].map(key);
        let mut world = World { shell, model: Model::default(), owner, user, executors, said: 0 };
        let user = json!({ "colonyname": COLONY, "userid": world.user.to_string(), "name": "user" });
        world.owned(json!({ "msgtype": "addusermsg", "user": user }));
        for executor in 0..4 {
            world.add(executor);
            world.owner_says("approveexecutormsg", executor);
            world.model.approved[executor] = true;
        }
        world
    }

    fn owned(&mut self, message: Value) {
        let owner = self.owner.clone();
        assert!(matches!(self.shell.call(&owner, &message), Ok(Told::Answer(_))), "{message}");
    }

    fn owner_says(&mut self, msgtype: &str, executor: usize) {
        self.owned(json!({ "msgtype": msgtype, "colonyname": COLONY, "executorname": format!("e{executor}") }));
    }

    fn add(&mut self, executor: usize) {
        let (kind, location) = EXECUTORS[executor];
        let record = json!({
            "executorname": format!("e{executor}"), "executorid": self.executors[executor].to_string(),
            "executortype": format!("t{kind}"), "colonyname": COLONY, "locationname": LOCATIONS[location],
        });
        self.owned(json!({ "msgtype": "addexecutormsg", "executor": record }));
    }

    fn carry_out(&mut self, op: &Op) {
        match op {
            Op::Submit { kind, names, location, cpu, memory, priority, limits } => {
                let names_of = |names: &[usize]| names.iter().map(|n| format!("e{n}")).collect::<Vec<_>>();
                let message = json!({ "msgtype": "submitfuncspecmsg", "spec": {
                    "funcname": "f", "priority": priority, "maxwaittime": limits[0], "maxexectime": limits[1],
                    "maxretries": limits[2], "env": { "a": "b" },
                    "conditions": {
                        "colonyname": COLONY, "executortype": format!("t{kind}"), "executornames": names_of(names),
                        "locationname": LOCATIONS[*location].to_uppercase(), "cpu": amount(*cpu, "m"),
                        "mem": amount(*memory, "Mi"),
                    },
                } });
                let (at, user) = (self.shell.moment(), self.user.clone());
                let Ok(Told::Answer(shown)) = self.shell.call(&user, &message) else { panic!("{message}") };
                let id = shown["processid"].as_str().unwrap().to_owned();
                let needs =
                    Needs { kind: *kind, names: names.clone(), location: *location, cpu: *cpu, memory: *memory };
                self.model.submit(Process::new(id, needs, *priority, *limits, at), at);
            }
            Op::Ask { executor, seconds, cpu, memory } => self.ask(*executor, *seconds, *cpu, *memory),
            Op::Close { process, by, right, well } => self.close(process, *by, *right, *well),
            Op::Say { process, attribute } => self.say(process, *attribute),
            Op::Leave(poll) => {
                if !self.shell.polls.is_empty() {
                    let poll = poll.index(self.shell.polls.len());
                    self.shell.leave(poll);
                    self.model.leave(poll);
                }
            }
            Op::HearOfLeavers => {
                let at = self.shell.moment();
                let leavers = self.shell.hear_of_leavers();
                self.model.hear_of(&leavers, at);
            }
            Op::Sync => {
                self.shell.sync();
                self.model.sync();
                self.compare_answers();
            }
            Op::Pause(pause) => {
                let at = self.shell.moment();
                let msgtype = if *pause { "pauseassignmentsmsg" } else { "resumeassignmentsmsg" };
                let before = self.shell.records.len();
                self.owned(json!({ "msgtype": msgtype, "colonyname": COLONY }));
                // Resuming what is not paused may do nothing at all.
                if self.shell.records.len() > before || *pause {
                    self.model.pause(*pause, at);
                }
            }
            Op::Owner { what, executor } => {
                let at = self.shell.moment();
                match what {
                    0 => self.owner_says("rejectexecutormsg", *executor),
                    1 => self.owner_says("removeexecutormsg", *executor),
                    2 => self.add(*executor),
                    _ => self.owner_says("approveexecutormsg", *executor),
                }
                self.model.set_approved(*executor, *what > 2, at);
            }
            Op::Wait(millis) => {
                self.shell.pass(*millis);
                let at = self.shell.moment();
                self.shell.tick();
                self.model.tick(at);
            }
        }
    }

    fn ask(&mut self, executor: usize, seconds: i64, cpu: Option<i64>, memory: Option<i64>) {
        let message = json!({
            "msgtype": "assignprocessmsg", "colonyname": COLONY, "timeout": seconds,
            "availablecpu": cpu.map_or(String::new(), |cpu| amount(cpu, "m")),
            "availablemem": memory.map_or(String::new(), |memory| amount(memory, "Mi")),
        });
        let (at, caller) = (self.shell.moment(), self.executors[executor].clone());
        match self.shell.call(&caller, &message) {
            Ok(Told::Asking(number)) => {
                assert!(self.model.approved[executor]);
                let (kind, location) = EXECUTORS[executor];
                let until = at.monotonic + seconds.max(0) as u64 * 1_000_000;
                let poll = Poll { number, executor, kind, location, cpu, memory, until, left: false };
                self.model.poll(poll, seconds > 0, at);
            }
            Ok(Told::Answer(answer)) => panic!("a poll was answered with {answer}"),
            Err(Refusal { status: 403, .. }) => assert!(!self.model.approved[executor]),
            Err(Refusal { status: 503, .. }) => assert!(self.model.paused && seconds < 0),
            Err(refusal) => panic!("{refusal:?}"),
        }
    }

    fn close(&mut self, process: &Index, by: usize, right: bool, well: bool) {
        let Some(place) = self.pick(process) else { return };
        let at = self.shell.moment();
        let known = self.model.processes[place].clone();
        let by = known.executor.filter(|_| right).unwrap_or(by);
        let msgtype = if well { "closesuccessfulmsg" } else { "closefailedmsg" };
        let message = json!({ "msgtype": msgtype, "processid": known.id, "out": [by], "errors": ["no"] });
        let caller = self.executors[by].clone();
        let may = self.model.approved[by] && known.executor == Some(by);
        let closed = self.shell.call(&caller, &message).is_ok();
        assert_eq!(closed, may && (known.state == 1 || known.state == 2 && well), "closing {known:?} by {by}");
        if closed && known.state == 1 {
            self.model.close(place, if well { 2 } else { 3 }, at);
        }
    }

    fn say(&mut self, process: &Index, attribute: bool) {
        let Some(place) = self.pick(process) else { return };
        let Process { id, executor: Some(by), state: 1, .. } = self.model.processes[place].clone() else { return };
        self.said += 1;
        let text = format!("said {}", self.said);
        let message = if attribute {
            json!({ "msgtype": "addattributemsg", "attribute": {
                "targetid": id, "targetcolonyname": COLONY, "attributetype": 1, "key": text, "value": "v",
            } })
        } else {
            json!({ "msgtype": "addlogmsg", "processid": id, "message": text })
        };
        let caller = self.executors[by].clone();
        assert_eq!(self.shell.call(&caller, &message).is_ok(), self.model.approved[by]);
    }

    fn pick(&self, process: &Index) -> Option<usize> {
        let count = self.model.processes.len();
        (count > 0).then(|| process.index(count))
    }

    /// Every process is where the model has it.
    fn compare_processes(&self) {
        let processes = &self.shell.colony.state.processes;
        assert_eq!(processes.len(), self.model.processes.len());
        for (live, known) in processes.iter().zip(&self.model.processes) {
            assert_eq!(live.id.to_string(), known.id);
            let executor = known.executor.map(|executor| &self.executors[executor]);
            let live_executor = live.executor.as_ref();
            assert_eq!(
                (live.state as u8, live_executor, i64::from(live.retries)),
                (known.state, executor, known.retries),
                "process {}",
                known.id
            );
        }
    }

    /// Every poll was told what the model says, or nothing yet.
    fn compare_answers(&self) {
        for (number, poll) in self.shell.polls.iter().enumerate().filter(|(number, _)| !self.shell.left(*number)) {
            let told = self.model.answers.iter().filter(|(other, _)| *other == number).map(|(_, answer)| *answer);
            let told: Vec<_> = told
                .map(|answer| match answer {
                    Answer::Process(place) => Outcome::Process(self.model.processes[place].id.clone()),
                    Answer::Refused(status) => Outcome::Refused(status),
                })
                .collect();
            assert_eq!(poll.outcome.iter().cloned().collect::<Vec<_>>(), told, "poll {number}");
        }
    }

    /// What the records say is what is there, also in queues and lists, which are not recorded.
    fn compare_replayed(&self) {
        let replayed = self.shell.replayed();
        assert_eq!(replayed, self.shell.colony.state);
        let live = &self.shell.colony.state.processes;
        for state in (0..5).filter_map(colonies::colony::processes::ProcessState::from_number) {
            let ids = |processes: &colonies::colony::processes::Processes| {
                let all = processes.list(state, colonies::colony::processes::ListFilter::All, usize::MAX);
                all.iter().map(|(_, process)| process.id).collect::<Vec<_>>()
            };
            assert_eq!(ids(&replayed.processes), ids(live));
            assert_eq!(replayed.processes.count(state), live.count(state));
        }
        for (executor, (kind, location)) in EXECUTORS.into_iter().enumerate() {
            let offer = Offer {
                executor_type: format!("t{kind}").into(),
                executor_name: format!("e{executor}").into(),
                location: fold_location(LOCATIONS[location]),
                cpu: None,
                memory: Some(1 << 20),
            };
            assert_eq!(replayed.processes.first_for(&offer), live.first_for(&offer));
            let held = |colony: &colonies::colony::processes::Processes| {
                colony.held_by(&self.executors[executor]).map(|process| process.id).collect::<Vec<_>>()
            };
            assert_eq!(held(&replayed.processes), held(live));
        }
        // A colony that starts from it can go on.
        let _ = Colony::new(replayed, self.shell.colony.options.clone());
    }
}

fn live_through(history: &[Op]) -> World {
    let mut world = World::new();
    for (number, op) in history.iter().enumerate() {
        world.shell.pass(1);
        world.carry_out(op);
        world.compare_processes();
        if number % 16 == 0 {
            world.compare_replayed();
        }
    }
    world.carry_out(&Op::HearOfLeavers);
    world.carry_out(&Op::Sync);
    world.compare_processes();
    world.compare_replayed();
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn histories_replay_and_a_naive_scheduler_agrees(history in vec(ops(), 1..120)) {
        live_through(&history);
    }
}

/// The histories do reach what they are for; otherwise the property above would say little.
#[test]
fn histories_are_eventful() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut assigned, mut refused, mut retried, mut failed, mut left) = (0, 0, 0, 0, 0);
    for _ in 0..100 {
        let history = vec(ops(), 100).new_tree(&mut runner).unwrap().current();
        let world = live_through(&history);
        for (number, poll) in world.shell.polls.iter().enumerate() {
            left += usize::from(world.shell.left(number));
            assigned += usize::from(matches!(poll.outcome, Some(Outcome::Process(_))));
            refused += usize::from(matches!(poll.outcome, Some(Outcome::Refused(_))));
        }
        retried += world.model.processes.iter().filter(|process| process.retries > 0).count();
        failed += world.model.processes.iter().filter(|process| process.state == 3).count();
    }
    let seen = format!("{assigned} assigned, {refused} refused, {retried} retried, {failed} failed, {left} left");
    assert!(assigned > 300 && refused > 300 && retried > 30 && failed > 30 && left > 30, "{seen}");
}
