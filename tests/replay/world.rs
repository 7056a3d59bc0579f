//! A colony, its naive model and its records, and the commands that all of them carry out.

use super::model::{Answer, Model, Needs, Poll, Process};
use super::ops::{Demand, Op};
use super::shell::{Outcome, Shell, Told};
use colonies::colony::Colony;
use colonies::colony::processes::queue::{Offer, fold_location};
use colonies::colony::processes::{ListFilter, ProcessState, Processes};
use colonies::colony::state::State;
use colonies::crypto::{Identity, PrivateKey};
use colonies::refusal::Refusal;
use proptest::sample::Index;
use serde_json::{Value, json};

const COLONY: &str = "colony";
/// By number; 0 is none. Upper and lower case are the same place.
const LOCATIONS: [&str; 3] = ["", "lund", "oslo"];
/// Kind and location of each executor.
const EXECUTORS: [(usize, usize); 4] = [(0, 0), (0, 1), (0, 2), (1, 1)];

fn key(n: usize) -> Identity {
    let mut bytes = [1; 32];
    bytes[..8].copy_from_slice(&(n as u64 + 1).to_be_bytes());
    PrivateKey::from_text(&hex::encode(bytes)).unwrap().id()
}

/// The colony, its model, what its records make, and who is there.
pub struct World {
    pub shell: Shell,
    pub model: Model,
    /// Kept up with the records as they come.
    twin: State,
    owner: Identity,
    user: Identity,
    /// All keys that executors ever had; which of them is whose now stands in the model.
    keys: Vec<Identity>,
    /// How often something was said, for keys that differ.
    said: usize,
}

fn amount(number: i64, unit: &str) -> String {
    format!("{number}{unit}")
}

impl World {
    pub fn new() -> World {
        let (owner, user) = (key(0), key(1));
        let shell = Shell::new(COLONY, &owner);
        let mut model = Model::default();
        model.keys = [0, 1, 2, 3];
        let keys = [2, 3, 4, 5].map(key).to_vec();
        let mut world = World { shell, model, twin: State::default(), owner, user, keys, said: 0 };
        let user = json!({ "colonyname": COLONY, "userid": world.user.to_string(), "name": "user" });
        world.owned(json!({ "msgtype": "addusermsg", "user": user }));
        for executor in 0..4 {
            world.add(executor);
            world.owner_says("approveexecutormsg", executor);
            world.model.approved[executor] = true;
        }
        world
    }

    fn key_of(&self, executor: usize) -> Identity {
        self.keys[self.model.keys[executor]].clone()
    }

    fn owned(&mut self, message: Value) {
        let owner = self.owner.clone();
        assert!(matches!(self.shell.call(&owner, &message), Ok(Told::Answer(_))), "{message}");
    }

    /// A message of the user: its answer, if it is let through.
    fn used(&mut self, message: Value) -> Result<Value, Refusal> {
        let user = self.user.clone();
        match self.shell.call(&user, &message)? {
            Told::Answer(answer) => Ok(answer),
            Told::Asking(_) => panic!("{message} waits"),
        }
    }

    fn owner_says(&mut self, msgtype: &str, executor: usize) {
        self.owned(json!({ "msgtype": msgtype, "colonyname": COLONY, "executorname": format!("e{executor}") }));
    }

    fn add(&mut self, executor: usize) {
        let (kind, location) = EXECUTORS[executor];
        let record = json!({
            "executorname": format!("e{executor}"), "executorid": self.key_of(executor).to_string(),
            "executortype": format!("t{kind}"), "colonyname": COLONY, "locationname": LOCATIONS[location],
        });
        self.owned(json!({ "msgtype": "addexecutormsg", "executor": record }));
    }

    pub fn carry_out(&mut self, op: &Op) {
        match op {
            Op::Submit { names, location, cpu, memory, demand } => {
                let needs =
                    Needs { kind: demand.kind, names: names.clone(), location: *location, cpu: *cpu, memory: *memory };
                let message = json!({ "msgtype": "submitfuncspecmsg", "spec": spec(demand, &needs) });
                let at = self.shell.moment();
                let shown = self.used(message).unwrap();
                let id = shown["processid"].as_str().unwrap().to_owned();
                self.model.submit(Process::new(id, needs, demand.priority, demand.limits, at), at);
            }
            Op::Ask { executor, seconds, cpu, memory } => self.ask(*executor, *seconds, *cpu, *memory),
            Op::Close { process, by, right, well } => self.close(process, *by, *right, *well),
            Op::Say { process, what } => self.say(process, *what),
            Op::Cancel(process) => self.cancel(process),
            Op::Remove(process) => self.remove(process),
            Op::RemoveAll(state, false) => self.remove_all(*state),
            Op::RemoveAll(state, true) => self.remove_all_graphs(*state),
            Op::Workflow(nodes) => self.submit_workflow(nodes),
            Op::AddChild { process, by, between, above, demand } => {
                self.add_child(process, *by, *between, above.as_ref(), demand);
            }
            Op::CancelGraph(graph) => self.cancel_graph(graph),
            Op::RemoveGraph(graph) => self.remove_graph(graph),
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
            Op::Rekey(executor) => self.rekey(*executor),
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
        let (at, caller) = (self.shell.moment(), self.key_of(executor));
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
        // Mostly one that runs, or hardly any workflow comes to its end.
        let running = self.places(Process::runs);
        let any = running.is_empty() || by == 0;
        let place = if any { self.pick(process) } else { Some(running[process.index(running.len())]) };
        let Some(place) = place else { return };
        let at = self.shell.moment();
        let known = self.model.processes[place].clone();
        let by = known.executor.filter(|_| right).unwrap_or(by);
        let msgtype = if well { "closesuccessfulmsg" } else { "closefailedmsg" };
        let message = json!({ "msgtype": msgtype, "processid": known.id, "out": [by], "errors": ["no"] });
        let caller = self.key_of(by);
        let may = self.model.approved[by] && known.executor == Some(by) && known.key == self.model.keys[by];
        let closed = self.shell.call(&caller, &message).is_ok();
        assert_eq!(closed, may && (known.state == 1 || known.state == 2 && well), "closing {known:?} by {by}");
        if closed && known.state == 1 {
            self.model.close(place, if well { 2 } else { 3 }, at);
        }
    }

    fn say(&mut self, process: &Index, what: usize) {
        let Some(place) = self.pick(process) else { return };
        let Process { id, executor: Some(by), state: 1, .. } = self.model.processes[place].clone() else { return };
        self.said += 1;
        let text = format!("said {}", self.said);
        let message = match what {
            0 => json!({ "msgtype": "addattributemsg", "attribute": {
                "targetid": id, "targetcolonyname": COLONY, "attributetype": 1, "key": text, "value": "v",
            } }),
            1 => json!({ "msgtype": "setoutputmsg", "processid": id, "out": [text] }),
            _ => json!({ "msgtype": "addlogmsg", "processid": id, "message": text }),
        };
        let caller = self.key_of(by);
        assert_eq!(self.shell.call(&caller, &message).is_ok(), self.model.approved[by]);
    }

    fn cancel(&mut self, process: &Index) {
        let Some(place) = self.pick(process) else { return };
        let (at, known) = (self.shell.moment(), self.model.processes[place].clone());
        let cancelled = self.used(json!({ "msgtype": "cancelprocessmsg", "processid": known.id })).is_ok();
        assert_eq!(cancelled, known.graph.is_none() && known.state < 2, "cancelling {known:?}");
        if cancelled {
            self.model.close(place, 4, at);
        }
    }

    fn remove(&mut self, process: &Index) {
        let Some(place) = self.pick(process) else { return };
        let (at, known) = (self.shell.moment(), self.model.processes[place].clone());
        let removed = self.used(json!({ "msgtype": "removeprocessmsg", "processid": known.id })).is_ok();
        assert_eq!(removed, known.graph.is_none() && known.state != 1, "removing {known:?}");
        if removed {
            self.model.remove(&[place], at);
        }
    }

    fn remove_all(&mut self, state: i64) {
        let (at, owner) = (self.shell.moment(), self.owner.clone());
        let message = json!({ "msgtype": "removeallprocessesmsg", "colonyname": COLONY, "state": state });
        let removed = self.shell.call(&owner, &message).is_ok();
        assert_eq!(removed, [-1, 0, 2, 3, 4].contains(&state));
        let wanted = |process: &Process| state == -1 || i64::from(process.state) == state;
        if removed {
            let places = self.places(|process| !process.gone && process.graph.is_none() && wanted(process));
            self.model.remove(&places, at);
        }
    }

    fn submit_workflow(&mut self, nodes: &[(Demand, Vec<Index>)]) {
        let at = self.shell.moment();
        let parents = |(node, (_, parents)): (usize, &(Demand, Vec<Index>))| {
            parents.iter().filter(|_| node > 0).map(|parent| parent.index(node.max(1))).collect::<Vec<_>>()
        };
        let parents: Vec<Vec<usize>> = nodes.iter().enumerate().map(parents).collect();
        let needs = |demand: &Demand| Needs { kind: demand.kind, names: Vec::new(), location: 0, cpu: 0, memory: 0 };
        let specs = nodes.iter().zip(&parents).enumerate().map(|(node, ((demand, _), parents))| {
            let mut spec = spec(demand, &needs(demand));
            spec["nodename"] = format!("n{node}").into();
            spec["conditions"]["dependencies"] = parents.iter().map(|parent| format!("n{parent}")).collect();
            spec
        });
        let specs: Vec<Value> = specs.collect();
        let workflow = json!({ "colonyname": COLONY, "functionspecs": specs });
        let shown = self.used(json!({ "msgtype": "submitworkflowspecmsg", "spec": workflow })).unwrap();
        let ids = shown["processids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned());
        let process = |(id, (demand, _)): (String, &(Demand, Vec<Index>))| {
            Process::new(id, needs(demand), demand.priority, demand.limits, at)
        };
        let nodes = ids.zip(nodes).map(process).zip(parents).collect();
        self.model.submit_graph(shown["processgraphid"].as_str().unwrap().to_owned(), nodes, at);
    }

    fn add_child(&mut self, parent: &Index, by: Option<usize>, between: bool, above: Option<&Index>, demand: &Demand) {
        // Mostly below a node that runs, or hardly anything is ever added.
        let running = self.places(|process| process.runs() && process.graph.is_some());
        let place = if running.is_empty() { self.pick(parent) } else { Some(running[parent.index(running.len())]) };
        let Some(place) = place else { return };
        let known = self.model.processes[place].clone();
        let by = by.or(known.executor).unwrap_or(0);
        let node = above.zip(known.graph).map(|(above, graph)| {
            let nodes = &self.model.graphs[graph].nodes;
            nodes[above.index(nodes.len())]
        });
        let needs = Needs { kind: demand.kind, names: Vec::new(), location: 0, cpu: 0, memory: 0 };
        let message = json!({
            "msgtype": "addchildmsg", "parentprocessid": known.id, "insert": between,
            "childprocessid": node.map_or("", |node| &self.model.processes[node].id), "spec": spec(demand, &needs),
        });
        let (at, caller) = (self.shell.moment(), self.key_of(by));
        let told = self.shell.call(&caller, &message);
        let may = self.model.approved[by] && known.state == 1 && known.executor == Some(by) && known.graph.is_some();
        let fits = between || node.is_none_or(|node| self.model.processes[node].waits);
        assert_eq!(told.is_ok(), may && fits, "adding below {known:?} by {by}: {message}");
        if let Ok(Told::Answer(shown)) = told {
            let id = shown["processid"].as_str().unwrap().to_owned();
            let below = if between { self.model.children(place) } else { node.into_iter().collect() };
            let child = Process::new(id, needs, demand.priority, demand.limits, at);
            self.model.add_child(child, place, &below, between, at);
        }
    }

    fn cancel_graph(&mut self, graph: &Index) {
        let Some(graph) = self.pick_graph(graph) else { return };
        let at = self.shell.moment();
        let id = self.model.graphs[graph].id.clone();
        self.used(json!({ "msgtype": "cancelprocessgraphmsg", "processgraphid": id })).unwrap();
        self.model.cancel_graph(graph, at);
    }

    fn remove_graph(&mut self, graph: &Index) {
        let Some(graph) = self.pick_graph(graph) else { return };
        let at = self.shell.moment();
        let known = self.model.graphs[graph].clone();
        let removed = self.used(json!({ "msgtype": "removeprocessgraphmsg", "processgraphid": known.id })).is_ok();
        assert_eq!(removed, known.state != 1, "removing {known:?}");
        if removed {
            self.model.remove_graphs(&[graph], at);
        }
    }

    fn remove_all_graphs(&mut self, state: i64) {
        let (at, owner) = (self.shell.moment(), self.owner.clone());
        let message = json!({ "msgtype": "removeallprocessgraphsmsg", "colonyname": COLONY, "state": state });
        let removed = self.shell.call(&owner, &message).is_ok();
        assert_eq!(removed, [-1, 0, 2, 3, 4].contains(&state));
        if removed {
            let graphs = self.model.graphs.iter().enumerate();
            let wanted = graphs.filter(|(_, graph)| !graph.gone && (state == -1 || i64::from(graph.state) == state));
            let wanted: Vec<usize> = wanted.map(|(place, _)| place).collect();
            self.model.remove_graphs(&wanted, at);
        }
    }

    fn rekey(&mut self, executor: usize) {
        if !self.model.approved[executor] {
            return;
        }
        let (at, before) = (self.shell.moment(), self.key_of(executor));
        self.keys.push(key(2 + self.keys.len()));
        let after = self.keys[self.keys.len() - 1].to_string();
        let message = json!({ "msgtype": "changeexecutoridmsg", "colonyname": COLONY, "executorid": after });
        assert!(self.shell.call(&before, &message).is_ok());
        self.model.rekey(executor, self.keys.len() - 1, at);
    }

    fn places(&self, wanted: impl Fn(&Process) -> bool) -> Vec<usize> {
        (0..self.model.processes.len()).filter(|&place| wanted(&self.model.processes[place])).collect()
    }

    fn pick(&self, process: &Index) -> Option<usize> {
        let places = self.places(|process| !process.gone);
        (!places.is_empty()).then(|| places[process.index(places.len())])
    }

    fn pick_graph(&self, graph: &Index) -> Option<usize> {
        let places: Vec<usize> = (0..self.model.graphs.len()).filter(|&place| !self.model.graphs[place].gone).collect();
        (!places.is_empty()).then(|| places[graph.index(places.len())])
    }

    /// What holds after each command.
    pub fn check(&mut self) {
        self.compare_processes();
        self.compare_graphs();
        self.model.assert_settled();
        self.shell.replay_into(&mut self.twin);
        assert!(self.twin == self.shell.colony.state, "the records make another state than the live one");
    }

    /// Every process is where the model has it, and counted and held as such.
    fn compare_processes(&self) {
        let processes = &self.shell.colony.state.processes;
        let known = self.model.processes.iter().filter(|process| !process.gone);
        assert_eq!(processes.len(), known.clone().count());
        for (live, known) in processes.iter().zip(known.clone()) {
            assert_eq!(live.id.to_string(), known.id);
            let executor = known.executor.map(|_| &self.keys[known.key]);
            assert_eq!(
                (live.state as u8, live.executor.as_ref(), i64::from(live.retries), live.waits_for_parents),
                (known.state, executor, known.retries, known.waits),
                "process {}",
                known.id
            );
        }
        for state in ProcessState::ALL {
            assert_eq!(processes.count(state), known.clone().filter(|known| known.state == state as u8).count());
        }
        for executor in 0..EXECUTORS.len() {
            let key = self.model.keys[executor];
            let held: Vec<String> = processes.held_by(&self.keys[key]).map(|process| process.id.to_string()).collect();
            let owned = known.clone().filter(|known| known.runs() && known.executor == Some(executor));
            assert_eq!(held, owned.map(|known| known.id.clone()).collect::<Vec<_>>(), "held by executor {executor}");
        }
    }

    fn compare_graphs(&self) {
        let workflows = &self.shell.colony.state.workflows;
        let known = self.model.graphs.iter().filter(|graph| !graph.gone);
        let live = workflows.ids(None);
        assert_eq!(live.len(), known.clone().count());
        for (id, known) in live.iter().zip(known.clone()) {
            let live = workflows.get(id).unwrap();
            assert_eq!(
                (id.to_string(), live.state as u8, live.len()),
                (known.id.clone(), known.state, known.nodes.len())
            );
        }
        for state in ProcessState::ALL {
            assert_eq!(workflows.count(state), known.clone().filter(|known| known.state == state as u8).count());
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
    pub fn compare_replayed(&self) {
        let replayed = self.shell.replayed();
        assert_eq!(replayed, self.shell.colony.state);
        let live = &self.shell.colony.state.processes;
        for state in ProcessState::ALL {
            let ids = |processes: &Processes| {
                let all = processes.list(state, ListFilter::All, usize::MAX);
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
        }
        // A colony that starts from it can go on.
        let _ = Colony::new(replayed, self.shell.colony.options.clone());
    }
}

/// A function specification as a client sends it.
fn spec(demand: &Demand, needs: &Needs) -> Value {
    let [max_wait, max_exec, max_retries] = demand.limits;
    json!({
        "funcname": "f", "priority": demand.priority, "maxwaittime": max_wait, "maxexectime": max_exec,
        "maxretries": max_retries, "env": { "a": "b" },
        "conditions": {
            "colonyname": COLONY, "executortype": format!("t{}", needs.kind),
            "executornames": needs.names.iter().map(|n| format!("e{n}")).collect::<Vec<_>>(),
            "locationname": LOCATIONS[needs.location].to_uppercase(), "cpu": amount(needs.cpu, "m"),
            "mem": amount(needs.memory, "Mi"),
        },
    })
}
