//! A restart: everything of every capability is there, whether it comes from the log alone, from a checkpoint alone or
//! from both, and clients that wait come back by themselves (scenario S36).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;
use support::{Colony, PrivateKey, Server, Value, json, wait};

/// A colony with something of everything in it.
struct Scene {
    colony: Colony,
    worker: PrivateKey,
    running: String,
    blueprint: String,
    generator: String,
}

/// Bytes of output that a process is given to make the log grow.
const BALLAST_BYTES: usize = 400_000;

impl Scene {
    fn new(server: &Server) -> Scene {
        let colony = Colony::new(server);
        let worker = colony.executor("worker");
        colony.add_executor("pending", &PrivateKey::generate(), json!({}));
        colony.executor("rejected");
        colony.owner_says("rejectexecutormsg", "rejected").ok();
        colony.executor("removed");
        colony.owner_says("removeexecutormsg", "removed").ok();
        let mut scene =
            Scene { colony, worker, running: String::new(), blueprint: String::new(), generator: String::new() };
        scene.processes();
        scene.workflows();
        scene.files();
        scene.starters();
        scene.blueprints();
        scene.colony.owner_does("pauseassignmentsmsg").ok();
        scene
    }

    fn owned(&self, message: Value) -> Value {
        self.call(&self.colony.owner, message)
    }

    fn used(&self, message: Value) -> Value {
        self.call(&self.colony.user, message)
    }

    fn worked(&self, message: Value) -> Value {
        self.call(&self.worker, message)
    }

    fn call(&self, key: &PrivateKey, message: Value) -> Value {
        self.colony.client.call(key, &in_colony(&self.colony, message)).ok()
    }

    /// Processes in all states, with what they carry.
    fn processes(&mut self) {
        let name = &self.colony.name;
        self.owned(json!({ "msgtype": "addlocationmsg", "location": { "name": "here", "colonyname": name } }));
        let function = json!({ "executorname": "worker", "colonyname": name, "funcname": "f" });
        self.worked(json!({ "msgtype": "addfunctionmsg", "fun": function }));
        let spec = json!({ "kwargs": { "b": [1.50, "ä"], "a": null }, "env": { "KEY": "value" }, "maxexectime": 3_600,
                           "channels": ["ch"], "label": "labelled" });
        let ids: Vec<String> = (0..4).map(|_| self.colony.submit(spec.clone(), json!({}))).collect();
        for _ in 0..3 {
            self.colony.assign(&self.worker, 5).ok();
        }
        let attribute =
            json!({ "targetid": ids[0], "targetcolonyname": name, "attributetype": 1, "key": "k", "value": "v" });
        self.worked(json!({ "msgtype": "addattributemsg", "attribute": attribute }));
        self.worked(json!({ "msgtype": "addlogmsg", "processid": ids[0], "message": "said by a process" }));
        self.worked(json!({ "msgtype": "addexecutorlogmsg", "executorname": "worker", "message": "said of itself" }));
        self.colony.close(&self.worker, &ids[0]).ok();
        self.worked(json!({ "msgtype": "closefailedmsg", "processid": ids[1], "errors": ["no", "never"] }));
        self.running = ids[2].clone();
        let cancelled = self.colony.submit_any();
        self.used(json!({ "msgtype": "cancelprocessmsg", "processid": cancelled }));
    }

    fn workflows(&self) {
        let node = |name: &str, after: &[&str]| {
            json!({ "nodename": name, "funcname": "f", "priority": 9,
                    "conditions": { "executortype": support::colony::TYPE, "dependencies": after } })
        };
        let specs = json!([node("a", &[]), node("b", &["a"]), node("c", &["a", "b"])]);
        let spec = json!({ "colonyname": self.colony.name, "functionspecs": specs });
        for _ in 0..2 {
            self.used(json!({ "msgtype": "submitworkflowspecmsg", "spec": spec }));
        }
        let first = self.colony.assign(&self.worker, 5).ok();
        let message =
            json!({ "msgtype": "closesuccessfulmsg", "processid": first["processid"], "out": ["of the first node"] });
        self.worked(message);
        self.colony.assign(&self.worker, 5).ok();
    }

    fn files(&self) {
        let name = &self.colony.name;
        for size in [1, 2] {
            let file = json!({ "colonyname": name, "label": "/l/deep", "name": "f", "size": size, "checksum": "c",
                "checksumalg": "SHA256", "ref": { "protocol": "s3", "s3object": {
                    "server": "s3.invalid", "port": 443, "object": "o", "bucket": "b" } } });
            self.used(json!({ "msgtype": "addfilemsg", "file": file }));
        }
        self.used(json!({ "msgtype": "createsnapshotmsg", "colonyname": name, "label": "/l/deep", "name": "frozen" }));
    }

    /// A cron, and a generator that waits for one more argument.
    fn starters(&mut self) {
        let name = &self.colony.name;
        let node = json!({ "nodename": "n", "conditions": { "executortype": "nobody" } });
        let workflow = json!({ "colonyname": name, "functionspecs": [node] }).to_string();
        let cron = json!({ "colonyname": name, "name": "daily", "interval": 86_400, "workflowspec": workflow });
        self.used(json!({ "msgtype": "addcronmsg", "cron": cron }));
        let generator =
            json!({ "colonyname": name, "name": "batch", "trigger": 3, "timeout": -1, "workflowspec": workflow });
        let generator = self.used(json!({ "msgtype": "addgeneratormsg", "generator": generator }));
        self.generator = generator["generatorid"].as_str().unwrap().to_owned();
        self.pack("one");
        self.pack("two");
    }

    fn pack(&self, arg: &str) {
        self.used(json!({ "msgtype": "packgeneratormsg", "generatorid": self.generator, "arg": arg }));
    }

    fn blueprints(&mut self) {
        let name = &self.colony.name;
        let definition = json!({ "kind": "kind", "metadata": { "name": "kind", "colonyname": name }, "spec": {
            "names": { "kind": "kind" }, "handler": { "executorType": "nobody", "functionName": "reconcile" } } });
        self.owned(json!({ "msgtype": "addblueprintdefinitionmsg", "blueprintdefinition": definition }));
        let blueprint = |replicas: u32| json!({ "kind": "kind", "metadata": { "name": "wanted", "colonyname": name }, "spec": { "replicas": replicas } });
        let added = self.used(json!({ "msgtype": "addblueprintmsg", "blueprint": blueprint(1) }));
        self.blueprint = added["blueprintid"].as_str().unwrap().to_owned();
        self.used(json!({ "msgtype": "updateblueprintmsg", "blueprint": blueprint(2) }));
        let status = json!({ "ready": 1 });
        self.used(json!({ "msgtype": "updateblueprintstatusmsg", "colonyname": name, "blueprintname": "wanted",
                          "status": status }));
    }

    /// All that can be read of the colony.
    fn seen(&self, colony: &Colony) -> BTreeMap<String, Value> {
        let name = &colony.name;
        let mut messages = vec![
            json!({ "msgtype": "getcolonymsg" }),
            json!({ "msgtype": "getcolonystatsmsg" }),
            json!({ "msgtype": "getpausestatusmsg" }),
            json!({ "msgtype": "getusersmsg" }),
            json!({ "msgtype": "getexecutorsmsg" }),
            json!({ "msgtype": "getlocationsmsg" }),
            json!({ "msgtype": "getfunctionsmsg" }),
            json!({ "msgtype": "getfunctionsmsg", "executorname": "worker" }),
            json!({ "msgtype": "getprocessmsg", "processid": self.running }),
            json!({ "msgtype": "getlogsmsg", "executorname": "worker", "count": 100 }),
            json!({ "msgtype": "searchlogsmsg", "text": "said", "days": 1, "count": 100 }),
            json!({ "msgtype": "getcronsmsg", "count": 100 }),
            json!({ "msgtype": "getgeneratorsmsg", "count": 100 }),
            json!({ "msgtype": "getgeneratormsg", "generatorid": self.generator }),
            json!({ "msgtype": "getfilelabelsmsg" }),
            json!({ "msgtype": "getfilesmsg", "label": "/l/deep" }),
            json!({ "msgtype": "getfilemsg", "label": "/l/deep", "name": "f", "latest": false }),
            json!({ "msgtype": "getsnapshotsmsg" }),
            json!({ "msgtype": "getblueprintdefinitionsmsg" }),
            json!({ "msgtype": "getblueprintsmsg", "namespace": name }),
            json!({ "msgtype": "getblueprinthistorymsg", "blueprintid": self.blueprint }),
        ];
        for state in 0..5 {
            messages.push(json!({ "msgtype": "getprocessesmsg", "state": state, "count": 100 }));
            messages.push(json!({ "msgtype": "getprocessgraphsmsg", "state": state, "count": 100 }));
        }
        let read = |message: Value| {
            let what = message.to_string();
            let mut reply = colony.client.call(&colony.user, &in_colony(colony, message));
            forget_signs_of_life(&mut reply.payload);
            (what, json!([reply.status, reply.payload]))
        };
        messages.into_iter().map(read).collect()
    }

    /// What was packed before counts with what is packed now, and who holds work may close it.
    fn goes_on(&self, colony: &Colony) {
        let again = Scene {
            colony: colony.clone(),
            worker: self.worker.clone(),
            running: self.running.clone(),
            blueprint: self.blueprint.clone(),
            generator: self.generator.clone(),
        };
        let before = colony.statistics()["waitingworkflows"].as_i64().unwrap();
        again.pack("three");
        wait::until_true("the generator to start", || {
            colony.statistics()["waitingworkflows"].as_i64().unwrap() == before + 1
        });
        colony.close(&self.worker, &self.running).ok();
        colony.owner_does("resumeassignmentsmsg").ok();
        colony.assign(&self.worker, 5).ok();
    }

    /// Makes the log grow, for a checkpoint to be due.
    fn grow(&self) {
        let out = json!(["x".repeat(BALLAST_BYTES)]);
        self.worked(json!({ "msgtype": "setoutputmsg", "processid": self.running, "out": out }));
    }
}

/// The message, for this colony.
fn in_colony(colony: &Colony, mut message: Value) -> Value {
    message["colonyname"] = colony.name.as_str().into();
    message
}

/// When an executor was last heard from is kept in memory only.
fn forget_signs_of_life(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("lastheardfromtime");
            members.values_mut().for_each(forget_signs_of_life);
        }
        Value::Array(elements) => elements.iter_mut().for_each(forget_signs_of_life),
        _ => {}
    }
}

fn checkpoints(server: &Server) -> usize {
    server.log().matches("a checkpoint was made").count()
}

/// Kills the server, starts it again, and compares.
fn compare_after_kill(server: &mut Server, scene: &Scene, more: &[&str], what: &str) -> Server {
    let before = scene.seen(&scene.colony.at(server));
    server.kill();
    let again = Server::try_start(server.dir(), more).unwrap();
    let after = scene.seen(&scene.colony.at(&again));
    for (message, seen) in &before {
        assert_eq!(after.get(message), Some(seen), "{what}: {message}");
    }
    again
}

#[test]
fn everything_is_there_after_a_restart_from_the_log() {
    let mut server = Server::start();
    let scene = Scene::new(&server);
    let again = compare_after_kill(&mut server, &scene, &[], "from the log");
    scene.goes_on(&scene.colony.at(&again));
}

#[test]
fn everything_is_there_after_a_restart_from_a_checkpoint() {
    let often = ["--checkpoint-bytes", "1000000"];
    let mut server = Server::start_with(&often);
    let scene = Scene::new(&server);
    let idle = Colony::new(&server);
    let first = server.dir().path().join("wal/00000000000000000001.log");
    // Until the beginning of the log is not needed any more: two checkpoints, and a segment is full.
    wait::until_true("the log's first segment to go", || {
        scene.grow();
        !first.exists()
    });
    assert!(checkpoints(&server) >= 2, "{}", server.log());
    let mut again = compare_after_kill(&mut server, &scene, &[], "from a checkpoint and the log after it");
    // Another time, with more behind the checkpoint, and with what only the checkpoint has.
    scene_grows_elsewhere(&scene, &again);
    let last = compare_after_kill(&mut again, &scene, &often, "from the same checkpoint with more after it");
    scene.goes_on(&scene.colony.at(&last));
    assert_eq!(idle.at(&last).statistics()["waitingprocesses"], 0);
    idle.at(&last).submit_any();
}

fn scene_grows_elsewhere(scene: &Scene, server: &Server) {
    let colony = scene.colony.at(server);
    (0..20).for_each(|_| {
        colony.submit_any();
    });
}

#[test]
fn a_colony_that_is_removed_is_gone_also_from_checkpoints() {
    let often = ["--checkpoint-bytes", "1000000"];
    let mut server = Server::start_with(&often);
    let scene = Scene::new(&server);
    let removed = Colony::new(&server);
    removed.submit_any();
    let made = checkpoints(&server);
    wait::until_true("a checkpoint", || {
        scene.grow();
        checkpoints(&server) > made
    });
    removed.remove().ok();
    let first = server.dir().path().join("wal/00000000000000000001.log");
    wait::until_true("the log's first segment to go", || {
        scene.grow();
        !first.exists()
    });
    server.kill();
    let again = Server::try_start(server.dir(), &often).unwrap();
    let refused = removed.at(&again).client.call(
        &removed.user,
        &json!({
            "msgtype": "getcolonystatsmsg", "colonyname": removed.name,
        }),
    );
    assert!(refused.error, "{refused:?}");
    let named_again = Colony::named(&again, &removed.name);
    assert_eq!(named_again.statistics()["waitingprocesses"], 0);
}

#[test]
fn colonies_whose_processes_are_alike_are_told_apart_after_a_restart() {
    let mut server = Server::start();
    let colonies = [Colony::new(&server), Colony::new(&server)];
    for colony in &colonies {
        (0..8).for_each(|_| {
            colony.submit_any();
        });
    }
    server.kill();
    let again = Server::try_start(server.dir(), &[]).unwrap();
    for colony in &colonies {
        let colony = colony.at(&again);
        let message = in_colony(&colony, json!({ "msgtype": "getprocessesmsg", "state": 0, "count": 100 }));
        let waiting = colony.client.call(&colony.user, &message).ok();
        let names = waiting.as_array().unwrap().iter().map(|process| &process["spec"]["conditions"]["colonyname"]);
        assert_eq!(names.collect::<Vec<_>>(), vec![colony.name.as_str(); 8]);
    }
}
