//! Who may send what: every message of the table, from every role, over HTTP (chapter 1, 5).
//!
//! A new message needs a line in `access_matrix/templates.rs`; its access rule is read from the table, so that the rule
//! beside the message and what is served cannot part.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

#[path = "access_matrix/templates.rs"]
mod templates;

use colonies::colony::access::Access;
use colonies::rpc::dispatch::{Entry, TABLE};
use support::{Colony, PrivateKey, Reply, Server, Value, json, server_owner};

/// Whoever may knock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    ServerOwner,
    ColonyOwner,
    User,
    /// An approved executor that holds nothing.
    Idle,
    /// The approved executor that holds the running process.
    Assigned,
    Pending,
    Rejected,
    Removed,
    Stranger,
    /// A user of another colony.
    Neighbour,
    /// The owner of another colony.
    OtherOwner,
}

use Role::{
    Assigned, ColonyOwner, Idle, Neighbour, OtherOwner, Pending, Rejected, Removed, ServerOwner, Stranger, User,
};

const ROLES: [Role; 11] =
    [ServerOwner, ColonyOwner, User, Idle, Assigned, Pending, Rejected, Removed, Stranger, Neighbour, OtherOwner];

/// A colony in which everything is there that a message may be about.
struct Scene {
    colony: Colony,
    other: Colony,
    idle: PrivateKey,
    assigned: PrivateKey,
    pending: PrivateKey,
    rejected: PrivateKey,
    removed: PrivateKey,
    stranger: PrivateKey,
    running: String,
    waiting: String,
    function: String,
    attribute: String,
    /// A workflow of two nodes, of which the first runs at the assigned executor.
    graph: String,
    node: String,
    /// A workflow that nobody has begun.
    waiting_graph: String,
    cron: String,
    generator: String,
    file: String,
    blueprint: String,
}

/// What a scene has beside processes.
struct Made {
    graph: String,
    node: String,
    /// A workflow that nobody has begun.
    waiting_graph: String,
    cron: String,
    generator: String,
    file: String,
    blueprint: String,
}

impl Made {
    fn by(colony: &Colony, assigned: &PrivateKey) -> Made {
        let say = |key: &PrivateKey, msgtype: &str, mut message: Value| {
            message["msgtype"] = msgtype.into();
            colony.client.call(key, &message).ok()
        };
        let text = |reply: &Value, member: &str| reply[member].as_str().unwrap().to_owned();
        let conditions = json!({ "executortype": support::colony::TYPE, "executornames": ["assigned"] });
        let nodes = json!([
            { "nodename": "a", "conditions": conditions },
            { "nodename": "b", "conditions": { "executortype": "nobody", "dependencies": ["a"] } },
        ]);
        let spec = json!({ "colonyname": colony.name, "functionspecs": nodes });
        let graph = say(&colony.user, "submitworkflowspecmsg", json!({ "spec": spec }));
        let node = colony.assign(assigned, 5).ok();
        let spec = json!({ "colonyname": colony.name, "functionspecs": [templates::node()] });
        let waiting = say(&colony.user, "submitworkflowspecmsg", json!({ "spec": spec }));
        let cron = say(&colony.user, "addcronmsg", json!({ "cron": templates::cron(&colony.name, "cron") }));
        let generator = json!({ "generator": templates::generator(&colony.name, "generator") });
        let generator = say(&colony.user, "addgeneratormsg", generator);
        let file = say(&colony.user, "addfilemsg", json!({ "file": templates::file(&colony.name, "file") }));
        let snapshot = json!({ "colonyname": colony.name, "label": "/l", "name": "snapshot" });
        say(&colony.user, "createsnapshotmsg", snapshot);
        for name in ["definition", "spare"] {
            let definition = json!({ "blueprintdefinition": templates::definition(&colony.name, name) });
            say(&colony.owner, "addblueprintdefinitionmsg", definition);
        }
        let blueprint = json!({ "blueprint": templates::blueprint(&colony.name, "blueprint") });
        let blueprint = say(&colony.user, "addblueprintmsg", blueprint);
        Made {
            graph: text(&graph, "processgraphid"),
            node: text(&node, "processid"),
            waiting_graph: text(&waiting, "processgraphid"),
            cron: text(&cron, "cronid"),
            generator: text(&generator, "generatorid"),
            file: text(&file, "fileid"),
            blueprint: text(&blueprint, "blueprintid"),
        }
    }
}

impl Scene {
    fn new(server: &Server) -> Scene {
        let (colony, other) = (Colony::new(server), Colony::new(server));
        let (idle, assigned) = (colony.executor("idle"), colony.executor("assigned"));
        let (rejected, removed) = (colony.executor("rejected"), colony.executor("removed"));
        let pending = PrivateKey::generate();
        colony.add_executor("pending", &pending, json!({}));
        colony.owner_says("rejectexecutormsg", "rejected").ok();
        colony.owner_says("removeexecutormsg", "removed").ok();
        let function = json!({ "executorname": "idle", "colonyname": colony.name, "funcname": "f" });
        let function = colony.client.call(&idle, &json!({ "msgtype": "addfunctionmsg", "fun": function })).ok();
        let spec = json!({ "env": { "a": "b" }, "channels": ["ch"] });
        let made = Made::by(&colony, &assigned);
        let running = colony.submit(spec.clone(), json!({}));
        let process = colony.assign(&assigned, 5).ok();
        assert_eq!(process["processid"], running);
        let log = json!({ "msgtype": "addlogmsg", "processid": running, "message": "begun" });
        colony.client.call(&assigned, &log).ok();
        // One that waits, for whoever may ask for work.
        let waiting = colony.submit(spec, json!({}));
        Scene {
            waiting,
            idle,
            assigned,
            pending,
            rejected,
            removed,
            stranger: PrivateKey::generate(),
            function: function["functionid"].as_str().unwrap().to_owned(),
            attribute: process["attributes"][0]["attributeid"].as_str().unwrap().to_owned(),
            running,
            graph: made.graph,
            node: made.node,
            waiting_graph: made.waiting_graph,
            cron: made.cron,
            generator: made.generator,
            file: made.file,
            blueprint: made.blueprint,
            colony,
            other,
        }
    }

    fn key(&self, role: Role) -> PrivateKey {
        match role {
            ServerOwner => server_owner(),
            ColonyOwner => self.colony.owner.clone(),
            User => self.colony.user.clone(),
            Idle => self.idle.clone(),
            Assigned => self.assigned.clone(),
            Pending => self.pending.clone(),
            Rejected => self.rejected.clone(),
            Removed => self.removed.clone(),
            Stranger => self.stranger.clone(),
            Neighbour => self.other.user.clone(),
            OtherOwner => self.other.owner.clone(),
        }
    }

    fn say(&self, entry: &Entry, role: Role) -> Reply {
        let request = templates::request(entry.name, self);
        let request = request.unwrap_or_else(|| panic!("{} has no line in access_matrix/templates.rs", entry.name));
        self.colony.client.call(&self.key(role), &request)
    }

    /// Everything that a member and the server's owner can see.
    fn everything(&self) -> Value {
        let name = &self.colony.name;
        let mut seen = vec![self.colony.client.call(&server_owner(), &json!({ "msgtype": "getcoloniesmsg" })).ok()];
        let mut look = |mut message: Value| {
            message["colonyname"] = name.as_str().into();
            seen.push(self.colony.client.call(&self.colony.user, &message).ok());
        };
        let lists = ["getcolonystatsmsg", "getusersmsg", "getexecutorsmsg", "getfunctionsmsg", "getpausestatusmsg"];
        lists.iter().for_each(|list| look(json!({ "msgtype": list })));
        (0..5).for_each(|state| look(json!({ "msgtype": "getprocessesmsg", "state": state, "count": 100 })));
        look(json!({ "msgtype": "getlogsmsg", "processid": self.running, "count": 100 }));
        (0..5).for_each(|state| look(json!({ "msgtype": "getprocessgraphsmsg", "state": state, "count": 100 })));
        let lists = ["getcronsmsg", "getgeneratorsmsg"];
        lists.iter().for_each(|list| look(json!({ "msgtype": list, "count": 100 })));
        let lists = ["getlocationsmsg", "getfilelabelsmsg", "getsnapshotsmsg", "getblueprintdefinitionsmsg"];
        lists.iter().for_each(|list| look(json!({ "msgtype": list })));
        look(json!({ "msgtype": "getfilesmsg", "label": "/l" }));
        look(json!({ "msgtype": "getblueprintsmsg", "namespace": name }));
        seen.into()
    }

    /// The texts with which the rules of chapter 1, 5.2 refuse.
    fn refusal(&self, access: Access) -> String {
        match access {
            Access::ServerOwner => "Access denied, not server owner".to_owned(),
            Access::ColonyOwner | Access::MemberOrOwner => "Access denied, not colony owner".to_owned(),
            _ => format!("Access denied, not a member of Colony with name <{}>", self.colony.name),
        }
    }
}

/// What a rule makes of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It may.
    May,
    /// It is let in, and the message itself refuses it.
    NotThisOne,
    /// The rule refuses it.
    Refused,
}

fn verdict(access: Access, role: Role) -> Verdict {
    let (may, let_in): (&[Role], &[Role]) = match access {
        Access::Anyone => (&ROLES, &[]),
        Access::ServerOwner => (&[ServerOwner], &[]),
        Access::ColonyOwner => (&[ColonyOwner], &[]),
        Access::Member => (&[User, Idle, Assigned], &[]),
        Access::MemberOrOwner => (&[ColonyOwner, User, Idle, Assigned], &[]),
        Access::Joining => (&[User, Idle, Assigned, Pending], &[]),
        Access::AssignedExecutor => (&[Assigned], &[User, Idle]),
        // The running process is the user's.
        Access::Party => (&[User, Assigned], &[Idle]),
        // What these are about belongs to the idle executor, or to whoever asks.
        Access::Executor => (&[Idle], &[User, Assigned]),
        Access::Itself => (&[], &[User, Idle, Assigned, Pending]),
    };
    if may.contains(&role) {
        Verdict::May
    } else if let_in.contains(&role) {
        Verdict::NotThisOne
    } else {
        Verdict::Refused
    }
}

/// Records in the log, as a start reports them.
fn records(server: &Server) -> u64 {
    let log = server.log();
    let line = log.lines().find(|line| line.contains(" serving address=")).unwrap();
    let (_, rest) = line.split_once(" records=").unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn every_message_has_a_request() {
    let server = Server::start();
    let scene = Scene::new(&server);
    let missing: Vec<_> =
        TABLE.iter().map(|entry| entry.name).filter(|name| templates::request(name, &scene).is_none()).collect();
    assert!(missing.is_empty(), "no line in access_matrix/templates.rs: {missing:?}");
}

#[test]
fn whoever_may_not_is_refused_and_nothing_happens() {
    let mut server = Server::start();
    let mut scene = Scene::new(&server);
    server.stop_and_restart();
    scene.colony = scene.colony.at(&server);
    let (before, records_before) = (scene.everything(), records(&server));
    let mut refused = 0;
    for entry in TABLE {
        for role in ROLES.into_iter().filter(|&role| verdict(entry.access, role) == Verdict::Refused) {
            let reply = scene.say(entry, role);
            assert_eq!(reply.status, 403, "{} as {role:?}: {reply:?}", entry.name);
            assert_eq!(reply.refused(403), scene.refusal(entry.access), "{} as {role:?}", entry.name);
            refused += 1;
        }
        assert_eq!(scene.everything(), before, "a refused {} changed something", entry.name);
    }
    server.stop_and_restart();
    assert_eq!(records(&server), records_before, "a refused request was logged");
    scene.colony = scene.colony.at(&server);
    assert_eq!(scene.everything(), before);
    assert!(refused > TABLE.len() * 5, "hardly anything was refused: {refused}");
}

#[test]
fn whoever_may_is_let_through() {
    for entry in TABLE {
        // The server's owner gives its right away in one of them.
        let server = Server::start();
        let mut succeeded = false;
        for role in ROLES.into_iter().filter(|&role| verdict(entry.access, role) == Verdict::May) {
            let scene = Scene::new(&server);
            let reply = scene.say(entry, role);
            assert!(!reply.message().starts_with("Access denied"), "{} as {role:?}: {reply:?}", entry.name);
            assert_ne!(reply.status, 403, "{} as {role:?}: {reply:?}", entry.name);
            succeeded |= reply.status == 200;
            if entry.access == Access::Anyone {
                break;
            }
            // The server's owner may have given its right away, and a colony of this name stays.
            if entry.access == Access::ServerOwner {
                return_the_server(&server, &scene, entry);
            }
        }
        let rarely = ["getlocationmsg", "removelocationmsg"].contains(&entry.name) || entry.access == Access::Itself;
        assert!(succeeded || rarely, "{} succeeded for nobody: is its request right?", entry.name);
    }
}

/// Takes back what a message of the server's owner did, so that the next scene can be set up.
fn return_the_server(server: &Server, scene: &Scene, entry: &Entry) {
    if entry.name == "addcolonymsg" {
        let remove = json!({ "msgtype": "removecolonymsg", "colonyname": "another" });
        support::Client::new(server.address()).call(&scene.key(ServerOwner), &remove).ok();
    }
}

/// Whether a message looks itself which of the members may send it.
fn is_of_few(access: Access) -> bool {
    matches!(access, Access::AssignedExecutor | Access::Party | Access::Executor)
}

#[test]
fn a_member_without_the_right_of_this_message_is_refused_by_it() {
    let server = Server::start();
    let scene = Scene::new(&server);
    let before = scene.everything();
    for entry in TABLE.iter().filter(|entry| is_of_few(entry.access)) {
        // Every executor may ask for work.
        let asks = entry.name == "assignprocessmsg";
        let others = ROLES.into_iter().filter(|&role| verdict(entry.access, role) == Verdict::NotThisOne);
        for role in others.filter(|&role| !(asks && role == Assigned)) {
            let reply = scene.say(entry, role);
            // Two messages have another status for it, as the reference has.
            let expected = match entry.name {
                "assignprocessmsg" => 500,
                "addchildmsg" => 400,
                _ => 403,
            };
            assert_eq!(reply.status, expected, "{} as {role:?}: {reply:?}", entry.name);
            assert!(!reply.message().starts_with("Access denied"), "{} as {role:?}: {reply:?}", entry.name);
        }
        assert_eq!(scene.everything(), before, "a refused {} changed something", entry.name);
    }
}
