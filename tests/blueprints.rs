//! Blueprints that are refused: the documented text, and nothing of them is stored, before and after a crash.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::ErrorKind;
use std::net::TcpListener;
use std::thread;
use support::{Client, Colony, PrivateKey, Reply, Server, Value, json, server_owner};

/// Says it as this caller.
fn say(colony: &Colony, key: &PrivateKey, msgtype: &str, mut message: Value) -> Reply {
    message["msgtype"] = msgtype.into();
    colony.client.call(key, &message)
}

/// One with a schema has a handler, whose work and cron would be seen; one without stays quiet.
fn definition(colony: &Colony, name: &str, kind: &str, schema: &Value) -> Value {
    let handler = if schema.is_null() { "" } else { "nobody" };
    json!({ "blueprintdefinition": { "metadata": { "name": name, "colonyname": colony.name },
        "spec": { "names": { "kind": kind }, "schema": schema,
            "handler": { "executorType": handler, "functionName": "reconcile" } } } })
}

fn define(colony: &Colony, name: &str, kind: &str, schema: &Value) -> Value {
    say(colony, &colony.owner, "addblueprintdefinitionmsg", definition(colony, name, kind, schema)).ok()
}

fn blueprint(colony: &Colony, name: &str, kind: &str, spec: &Value) -> Value {
    let metadata = json!({ "name": name, "colonyname": colony.name, "locationname": format!("at-{name}") });
    json!({ "blueprint": { "kind": kind, "metadata": metadata, "spec": spec } })
}

fn add(colony: &Colony, name: &str, kind: &str, spec: &Value) -> Reply {
    say(colony, &colony.user, "addblueprintmsg", blueprint(colony, name, kind, spec))
}

fn update(colony: &Colony, name: &str, kind: &str, spec: &Value) -> Reply {
    say(colony, &colony.user, "updateblueprintmsg", blueprint(colony, name, kind, spec))
}

fn remove(colony: &Colony, name: &str) -> Reply {
    say(colony, &colony.user, "removeblueprintmsg", json!({ "namespace": colony.name, "name": name }))
}

fn undefine(colony: &Colony, name: &str) -> Reply {
    let message = json!({ "namespace": colony.name, "name": name });
    say(colony, &colony.owner, "removeblueprintdefinitionmsg", message)
}

fn get(colony: &Colony, name: &str) -> Reply {
    say(colony, &colony.user, "getblueprintmsg", json!({ "namespace": colony.name, "name": name }))
}

/// Everything that a message about a blueprint may change.
fn stored(colony: &Colony) -> Value {
    let ask = |msgtype, more| say(colony, &colony.user, msgtype, more).ok();
    let name = &colony.name;
    let blueprints = ask("getblueprintsmsg", json!({ "namespace": name }));
    let ids = blueprints.as_array().into_iter().flatten().map(|blueprint| &blueprint["blueprintid"]);
    let histories: Vec<Value> =
        ids.map(|id| ask("getblueprinthistorymsg", json!({ "blueprintid": id, "limit": 0 }))).collect();
    json!({
        "histories": histories,
        "blueprints": blueprints,
        "definitions": ask("getblueprintdefinitionsmsg", json!({ "colonyname": name })),
        "locations": ask("getlocationsmsg", json!({ "colonyname": name })),
        "crons": ask("getcronsmsg", json!({ "colonyname": name, "count": 1_000 })),
        "statistics": colony.statistics(),
    })
}

/// Each type with what it takes, and what Go calls everything else.
const VALUES: [(&str, &str, &str); 6] = [
    ("string", r#""text""#, "string"),
    ("number", "1.5", "float64"),
    ("boolean", "false", "bool"),
    ("object", "{}", "map[string]interface {}"),
    ("array", "[]", "[]interface {}"),
    ("null", "null", "<nil>"),
];

/// Schemas, specifications that break them, and how that is said.
fn broken() -> Vec<(Value, Value, String)> {
    let mut cases = Vec::new();
    for (wanted, ..) in VALUES.into_iter().filter(|(wanted, ..)| *wanted != "null") {
        for (_, value, called) in VALUES.into_iter().filter(|(given, ..)| *given != wanted) {
            let value: Value = serde_json::from_str(value).unwrap();
            let article = if wanted.starts_with(['a', 'o']) { "an" } else { "a" };
            let text = format!("field 'v' must be {article} {wanted}, got {called}");
            cases.push((json!({ "properties": { "v": { "type": wanted } } }), json!({ "v": value }), text));
        }
    }
    for (schema, spec, text) in [
        (json!({ "required": ["a", "b"] }), json!({ "a": null }), "required field 'b' is missing"),
        (
            json!({ "required": ["b"], "properties": { "a": { "type": "string" } } }),
            json!({ "a": 1 }),
            "required field 'b' is missing",
        ),
        (json!({ "required": ["v"] }), Value::Null, "required field 'v' is missing"),
        (
            json!({ "properties": { "v": { "type": "array", "items": { "type": "number" } } } }),
            json!({ "v": [1, 2, "3"] }),
            "field 'v[2]' must be a number, got string",
        ),
        (
            json!({ "properties": { "v": { "type": "object", "properties": { "in": { "type": "boolean" } } } } }),
            json!({ "v": { "out": 1, "in": 1 } }),
            "field 'v.in' must be a boolean, got float64",
        ),
        (
            json!({ "properties": { "v": { "type": "string", "enum": ["TCP", "UDP"] } } }),
            json!({ "v": "tcp" }),
            "field 'v' must be one of [TCP UDP], got tcp",
        ),
        (
            json!({ "properties": { "v": { "enum": [{ "a": [1] }, 1e6, null] } } }),
            json!({ "v": { "a": [2] } }),
            "field 'v' must be one of [map[a:[1]] 1e+06 <nil>], got map[a:[2]]",
        ),
        (
            json!({ "properties": { "v": { "type": "array", "enum": [[]], "items": { "type": "string" } } } }),
            json!({ "v": [1] }),
            "field 'v[0]' must be a string, got float64",
        ),
        (
            json!({ "properties": { "v": { "enum": ["<&>"] } } }),
            json!({ "v": "</script>" }),
            "field 'v' must be one of [<&>], got </script>",
        ),
    ] {
        cases.push((schema, spec, text.to_owned()));
    }
    cases
}

#[test]
fn a_specification_that_breaks_its_schema_leaves_nothing_behind() {
    let mut server = Server::start();
    let mut colony = Colony::new(&server);
    let cases = broken();
    for (place, (schema, spec, _)) in cases.iter().enumerate() {
        define(&colony, &format!("d{place}"), &format!("K{place}"), schema);
        // One that was added when nothing was asked of its kind, and is to be changed.
        define(&colony, &format!("free-d{place}"), &format!("free-K{place}"), &Value::Null);
        add(&colony, &format!("old-{place}"), &format!("free-K{place}"), spec).ok();
    }
    let before = stored(&colony);
    for (place, (schema, spec, text)) in cases.iter().enumerate() {
        let (kind, text) = (format!("K{place}"), format!("blueprint validation failed: {text}"));
        assert_eq!(add(&colony, &format!("new-{place}"), &kind, spec).refused(400), text, "{schema}");
        assert_eq!(update(&colony, &format!("old-{place}"), &kind, spec).refused(400), text, "{schema}");
        assert_eq!(get(&colony, &format!("new-{place}")).refused(404), "Blueprint not found");
    }
    assert_eq!(stored(&colony), before);
    server.crash_and_restart();
    colony = colony.at(&server);
    assert_eq!(stored(&colony), before);
}

#[test]
fn what_is_no_blueprint_at_all_leaves_nothing_behind() {
    let server = Server::start();
    let colony = Colony::new(&server);
    define(&colony, "d", "K", &json!({}));
    let before = stored(&colony);
    let invalid = "Failed to add blueprint, invalid JSON";
    for spec in [json!([]), json!("text"), json!(7), json!(true)] {
        assert_eq!(add(&colony, "b", "K", &spec).refused(400), invalid, "{spec}");
    }
    for status in [json!([]), json!("text")] {
        let mut message = blueprint(&colony, "b", "K", &json!({}));
        message["blueprint"]["status"] = status;
        assert_eq!(say(&colony, &colony.user, "addblueprintmsg", message).refused(400), invalid);
    }
    for (schema, what) in [
        (json!("text"), "a text"),
        (json!({ "required": "v" }), "required"),
        (json!({ "required": true }), "required"),
        (json!({ "type": ["string"] }), "type"),
        (json!({ "properties": { "v": true } }), "a property"),
        (json!({ "properties": { "v": { "type": ["string", "null"] } } }), "type of a property"),
        (json!({ "properties": { "v": { "items": [{}] } } }), "items"),
        (json!({ "properties": { "v": { "enum": "one" } } }), "enum"),
    ] {
        let refused = say(&colony, &colony.owner, "addblueprintdefinitionmsg", definition(&colony, "x", "X", &schema));
        assert_eq!(refused.refused(400), "Failed to add blueprint definition, invalid JSON", "{what}");
    }
    assert_eq!(add(&colony, "b", "", &json!({})).refused(400), "blueprint kind is required");
    let unknown = format!("BlueprintDefinition for kind 'k' not found in namespace '{}'", colony.name);
    assert_eq!(add(&colony, "b", "k", &json!({})).refused(400), unknown);
    let nobody = format!("blueprint 'b' not found in namespace '{}'", colony.name);
    assert_eq!(update(&colony, "b", "K", &json!({})).refused(404), nobody);
    assert_eq!(stored(&colony), before);
}

#[test]
fn references_in_schemas_are_neither_followed_nor_kept() {
    let server = Server::start();
    let colony = Colony::new(&server);
    // Where a reference points to: nobody may come.
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let url = format!("http://{}/schema.json", elsewhere.local_addr().unwrap());
    for (place, reference) in [url.as_str(), "#", "#/properties/v", "file:///etc/passwd", ""].into_iter().enumerate() {
        let schema = json!({
            "$schema": url, "$id": url, "$ref": reference, "$defs": { "d": { "$ref": "#/$defs/d" } },
            "properties": {
                "v": { "$ref": reference },
                "list": { "type": "array", "items": { "$ref": reference } },
                "deep": { "type": "object", "properties": { "deep": { "$ref": "#/properties/deep" } } },
            },
        });
        let kind = format!("K{place}");
        let kept = define(&colony, &kind, &kind, &schema);
        let properties = json!({
            "v": {},
            "list": { "type": "array", "items": {} },
            "deep": { "type": "object", "properties": { "deep": {} } },
        });
        assert_eq!(kept["spec"]["schema"], json!({ "properties": properties }));
        // As deep as JSON may be.
        let mut deep = json!({});
        for _ in 0..100 {
            deep = json!({ "deep": deep });
        }
        let spec = json!({ "v": { "v": 1 }, "list": [1, "2", [{}]], "deep": deep });
        assert_eq!(add(&colony, &kind, &kind, &spec).ok()["spec"], spec);
    }
    assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_specification_may_not_keep_the_server_busy() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let choices: Vec<String> = (0..3_000).map(|number| format!("x{number}")).collect();
    define(&colony, "d", "K", &json!({ "properties": { "v": { "type": "array", "items": { "enum": choices } } } }));
    let before = stored(&colony);
    // Nine million comparisons.
    let refused = add(&colony, "b", "K", &json!({ "v": vec!["x2999"; 3_000] }));
    assert_eq!(refused.refused(400), "blueprint validation failed: the specification is too large for its schema");
    assert_eq!(stored(&colony), before);
}

#[test]
fn only_members_report_a_status() {
    let mut server = Server::start();
    let (mut colony, other) = (Colony::new(&server), Colony::new(&server));
    define(&colony, "d", "K", &Value::Null);
    add(&colony, "b", "K", &json!({ "n": 1 })).ok();
    let (member, removed) = (colony.executor("member"), colony.executor("removed"));
    let (waiting, rejected) = (PrivateKey::generate(), colony.executor("rejected"));
    colony.add_executor("waiting", &waiting, json!({}));
    colony.owner_says("rejectexecutormsg", "rejected").ok();
    colony.owner_says("removeexecutormsg", "removed").ok();
    let report = |colony: &Colony, key: &PrivateKey, of: &str, status: Value| {
        let message = json!({ "colonyname": colony.name, "blueprintname": of, "status": status });
        say(colony, key, "updateblueprintstatusmsg", message)
    };
    report(&colony, &member, "b", json!({ "by": "member" })).ok();
    let before = stored(&colony);
    let denied = format!("Access denied, not a member of Colony with name <{}>", colony.name);
    for (who, key) in [
        ("a stranger", &PrivateKey::generate()),
        ("the colony's owner", &colony.owner),
        ("the server's owner", &server_owner()),
        ("a user elsewhere", &other.user),
        ("an executor that is not approved", &waiting),
        ("an executor that was rejected", &rejected),
        ("an executor that was removed", &removed),
    ] {
        assert_eq!(report(&colony, key, "b", json!({ "by": who })).refused(403), denied, "{who}");
        // They do not learn either which blueprints there are.
        assert_eq!(report(&colony, key, "nobody", json!({})).refused(403), denied, "{who}");
    }
    for name in ["", "B", "nobody"] {
        assert_eq!(report(&colony, &member, name, json!({})).refused(404), "Blueprint not found");
    }
    for status in [json!([]), json!("text"), json!(0), json!(false)] {
        let refused = report(&colony, &member, "b", status);
        assert_eq!(refused.refused(400), "Failed to update blueprint status, invalid JSON");
    }
    let elsewhere = json!({ "colonyname": "nowhere", "blueprintname": "b", "status": {} });
    let refused = say(&colony, &member, "updateblueprintstatusmsg", elsewhere);
    assert_eq!(refused.refused(403), "Colony with name <nowhere> does not exists");
    assert_eq!(stored(&colony), before);
    server.crash_and_restart();
    colony = colony.at(&server);
    assert_eq!(get(&colony, "b").ok()["status"], json!({ "by": "member" }));
}

#[test]
fn crons_of_blueprints_need_nobody_to_be_there() {
    let server = Server::start();
    let colony = Colony::new(&server);
    define(&colony, "k", "K", &json!({ "type": "object" }));
    let brief = PrivateKey::generate();
    colony.add_user("brief", &brief);
    for (key, name) in [(&colony.owner, "of-the-owner"), (&brief, "of-a-user")] {
        say(&colony, key, "addblueprintmsg", blueprint(&colony, name, "K", &json!({}))).ok();
    }
    say(&colony, &colony.owner, "removeusermsg", json!({ "colonyname": colony.name, "name": "brief" })).ok();
    let before = colony.statistics();
    assert_eq!(before["waitingprocesses"], 2, "each add asks for one");
    let crons = say(&colony, &colony.user, "getcronsmsg", json!({ "colonyname": colony.name, "count": 10 })).ok();
    for cron in crons.as_array().unwrap() {
        say(&colony, &colony.user, "runcronmsg", json!({ "cronid": cron["cronid"] })).ok();
    }
    support::wait::until_true("the crons' workflows", || colony.statistics()["waitingworkflows"] == 2);
}

#[test]
fn a_definition_stays_under_its_blueprints() {
    let server = Server::start();
    let colony = Colony::new(&server);
    define(&colony, "first", "K", &json!({ "required": ["n"] }));
    // Another of the same kind would be left, and does not count.
    define(&colony, "second", "K", &Value::Null);
    define(&colony, "third", "L", &Value::Null);
    add(&colony, "a", "K", &json!({ "n": 1 })).ok();
    add(&colony, "b", "K", &json!({ "n": 1 })).ok();
    let before = stored(&colony);
    for name in ["first", "second"] {
        let text = format!("cannot remove BlueprintDefinition '{name}': 2 blueprint(s) of kind 'K' still exist");
        assert_eq!(undefine(&colony, name).refused(409), text);
    }
    let text = format!("BlueprintDefinition 'K' not found in namespace '{}'", colony.name);
    assert_eq!(undefine(&colony, "K").refused(404), text);
    assert_eq!(stored(&colony), before);

    // The last blueprint of a kind leaves it by another kind, too.
    remove(&colony, "a").ok();
    update(&colony, "b", "L", &json!({ "n": 1 })).ok();
    undefine(&colony, "first").ok();
    add(&colony, "c", "K", &json!({})).ok();
    assert_eq!(undefine(&colony, "third").refused(409).matches("1 blueprint(s)").count(), 1);
    remove(&colony, "c").ok();
    undefine(&colony, "second").ok();
    let text = format!("BlueprintDefinition for kind 'K' not found in namespace '{}'", colony.name);
    assert_eq!(add(&colony, "d", "K", &json!({})).refused(400), text);
}

#[test]
fn no_blueprint_comes_between_the_count_and_the_removal() {
    let server = Server::start();
    let colony = Colony::new(&server);
    for round in 0..20 {
        let kind = format!("K{round}");
        define(&colony, &kind, &kind, &Value::Null);
        let (adds, removal) = thread::scope(|scope| {
            let adding = (0..3).map(|number| {
                let (colony, kind) = (&colony, &kind);
                scope.spawn(move || {
                    let colony = Colony { client: Client::new(colony.client.address()), ..colony.clone() };
                    add(&colony, &format!("{kind}-{number}"), kind, &json!({})).status
                })
            });
            let adding: Vec<_> = adding.collect();
            let removal = undefine(&colony, &kind).status;
            (adding.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>(), removal)
        });
        let listed =
            say(&colony, &colony.user, "getblueprintsmsg", json!({ "namespace": colony.name, "kind": kind })).ok();
        let left = listed.as_array().map_or(0, Vec::len);
        // It went first, and all of them were refused; or it came too late, and those that were there are there.
        let added = adds.iter().filter(|status| **status == 200).count();
        assert_eq!(left, added, "{adds:?}");
        match removal {
            200 => assert!(adds.iter().all(|status| *status == 400), "{adds:?}"),
            _ => assert!(removal == 409 && added > 0, "{removal} {adds:?}"),
        }
    }
}
