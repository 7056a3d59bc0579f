//! A request for every message, so that nothing but the caller's role can be wrong with it.

use super::Scene;
use crate::support::{PrivateKey, Value, json};

/// The request of this name in a scene; `None` for a message that nobody has written a request for yet.
pub fn request(name: &str, scene: &Scene) -> Option<Value> {
    let colony = &scene.colony.name;
    let id = || PrivateKey::generate().id().to_string();
    let mut request = match name {
        "versionmsg" | "getserverinfomsg" | "getcoloniesmsg" | "getstatisticsmsg" | "getclustermsg" => json!({}),
        "addcolonymsg" => json!({ "colony": { "colonyid": id(), "name": "another" } }),
        "changeserveridmsg" => json!({ "serverid": id() }),
        "removecolonymsg"
        | "getcolonymsg"
        | "getcolonystatsmsg"
        | "pauseassignmentsmsg"
        | "resumeassignmentsmsg"
        | "getpausestatusmsg"
        | "getusersmsg"
        | "getexecutorsmsg"
        | "getlocationsmsg" => json!({}),
        "changecolonyidmsg" => json!({ "colonyid": id() }),
        "addusermsg" => json!({ "user": { "colonyname": colony, "userid": id(), "name": "new" } }),
        "getusermsg" | "removeusermsg" => json!({ "name": "user" }),
        "getuserbyidmsg" => json!({ "userid": scene.colony.user.id().to_string() }),
        "changeuseridmsg" => json!({ "userid": id() }),
        "addexecutormsg" => json!({ "executor": {
            "executorname": "new", "executorid": id(), "executortype": "t", "colonyname": colony,
        } }),
        "getexecutormsg" | "approveexecutormsg" | "rejectexecutormsg" | "removeexecutormsg" => {
            json!({ "executorname": "idle" })
        }
        "getexecutorbyidmsg" => json!({ "executorid": scene.idle.id().to_string() }),
        "reportallocationmsg" => json!({ "executorname": "idle", "allocations": { "projects": {} } }),
        "updateexecutormsg" => json!({ "executorname": "idle", "capabilities": { "hardware": [], "software": [] } }),
        "changeexecutoridmsg" => json!({ "executorid": id() }),
        "addlocationmsg" => json!({ "location": { "name": "new", "colonyname": colony } }),
        "getlocationmsg" | "removelocationmsg" => json!({ "name": "nowhere" }),
        "addfunctionmsg" => json!({ "fun": { "executorname": "idle", "colonyname": colony, "funcname": "new" } }),
        "getfunctionsmsg" | "getfunctionsbyexecutormsg" => json!({ "executorname": "idle" }),
        "removefunctionmsg" => json!({ "functionid": scene.function }),
        "submitfuncspecmsg" => scene.colony.submission(json!({}), json!({})),
        "assignprocessmsg" => json!({ "timeout": -1 }),
        "closesuccessfulmsg" | "setoutputmsg" => json!({ "processid": scene.running, "out": [1] }),
        "closefailedmsg" => json!({ "processid": scene.running, "errors": ["no"] }),
        "getprocessmsg" | "cancelprocessmsg" => json!({ "processid": scene.running }),
        "removeprocessmsg" => json!({ "processid": scene.waiting }),
        "getprocessesmsg" => json!({ "state": 0, "count": 10 }),
        "getprocesshistmsg" => json!({ "state": 0, "seconds": 100 }),
        "removeallprocessesmsg" => json!({ "state": -1 }),
        "addattributemsg" => json!({ "attribute": {
            "targetid": scene.running, "targetcolonyname": colony, "attributetype": 1, "key": "k", "value": "v",
        } }),
        "getattributemsg" => json!({ "attributeid": scene.attribute }),
        "channelappendmsg" | "channelreadmsg" => json!({ "processid": scene.running, "name": "ch" }),
        "addlogmsg" => json!({ "processid": scene.running, "message": "said" }),
        "addexecutorlogmsg" => json!({ "executorname": "idle", "message": "said" }),
        "getlogsmsg" => json!({ "processid": scene.running, "count": 10 }),
        "searchlogsmsg" => json!({ "text": "said", "days": 1, "count": 10 }),
        "submitworkflowspecmsg" => json!({ "spec": { "colonyname": colony, "functionspecs": [node()] } }),
        "getprocessgraphmsg" | "cancelprocessgraphmsg" => json!({ "processgraphid": scene.graph }),
        "removeprocessgraphmsg" => json!({ "processgraphid": scene.waiting_graph }),
        "getprocessgraphsmsg" => json!({ "state": 1, "count": 10 }),
        "removeallprocessgraphsmsg" => json!({ "state": -1 }),
        "addchildmsg" => {
            let spec = json!({ "nodename": "child", "conditions": { "executortype": "nobody", "colonyname": colony } });
            json!({ "processgraphid": scene.graph, "parentprocessid": scene.node, "spec": spec })
        }
        "addcronmsg" => json!({ "cron": cron(colony, "new") }),
        "getcronmsg" | "runcronmsg" | "removecronmsg" => json!({ "cronid": scene.cron }),
        "getcronsmsg" | "getgeneratorsmsg" => json!({ "count": 10 }),
        "addgeneratormsg" => json!({ "generator": generator(colony, "new") }),
        "getgeneratormsg" | "removegeneratormsg" => json!({ "generatorid": scene.generator }),
        "packgeneratormsg" => json!({ "generatorid": scene.generator, "arg": "packed" }),
        "resolvegeneratormsg" => json!({ "generatorname": "generator" }),
        "addfilemsg" => json!({ "file": file(colony, "new") }),
        "getfilemsg" | "removefilemsg" => json!({ "fileid": scene.file }),
        "getfilesmsg" => json!({ "label": "/l" }),
        "getfilelabelsmsg" | "getsnapshotsmsg" | "removeallsnapshotmsg" | "getblueprintdefinitionsmsg" => json!({}),
        "createsnapshotmsg" => json!({ "label": "/l", "name": "new" }),
        "getsnapshotmsg" | "removesnapshotmsg" => json!({ "name": "snapshot" }),
        "addblueprintdefinitionmsg" => json!({ "blueprintdefinition": definition(colony, "new") }),
        "getblueprintdefinitionmsg" => json!({ "name": "spare" }),
        "removeblueprintdefinitionmsg" => json!({ "namespace": colony, "name": "spare" }),
        "addblueprintmsg" => json!({ "blueprint": blueprint(colony, "new") }),
        "updateblueprintmsg" => json!({ "blueprint": blueprint(colony, "blueprint"), "forcegeneration": true }),
        "getblueprintmsg" | "removeblueprintmsg" | "reconcileblueprintmsg" => {
            json!({ "namespace": colony, "name": "blueprint" })
        }
        "getblueprintsmsg" => json!({ "namespace": colony }),
        "updateblueprintstatusmsg" => json!({ "blueprintname": "blueprint", "status": { "ready": true } }),
        "getblueprinthistorymsg" => json!({ "blueprintid": scene.blueprint }),
        _ => return None,
    };
    request["msgtype"] = name.into();
    if request.get("colonyname").is_none() {
        request["colonyname"] = colony.as_str().into();
    }
    Some(request)
}

/// A node that nobody runs.
pub fn node() -> Value {
    json!({ "nodename": "n", "conditions": { "executortype": "nobody" } })
}

/// A cron that does not run by itself while a test does.
pub fn cron(colony: &str, name: &str) -> Value {
    let workflow = json!({ "colonyname": colony, "functionspecs": [node()] }).to_string();
    json!({ "colonyname": colony, "name": name, "interval": 86_400, "workflowspec": workflow })
}

/// A generator that waits for more than a test packs.
pub fn generator(colony: &str, name: &str) -> Value {
    let workflow = json!({ "colonyname": colony, "functionspecs": [node()] }).to_string();
    json!({ "colonyname": colony, "name": name, "trigger": 1_000, "timeout": -1, "workflowspec": workflow })
}

/// A file that is nowhere.
pub fn file(colony: &str, name: &str) -> Value {
    json!({ "colonyname": colony, "label": "/l", "name": name, "size": 1, "checksum": "c", "checksumalg": "SHA256",
        "ref": { "protocol": "s3", "s3object": { "server": "s3.invalid", "port": 443, "object": "o", "bucket": "b" } } })
}

/// A definition of a kind of the same name, whose handler nobody is.
pub fn definition(colony: &str, name: &str) -> Value {
    json!({ "kind": name, "metadata": { "name": name, "colonyname": colony },
        "spec": { "names": { "kind": name }, "handler": { "executorType": "nobody", "functionName": "reconcile" } } })
}

/// A blueprint of the kind `definition`.
pub fn blueprint(colony: &str, name: &str) -> Value {
    json!({ "kind": "definition", "metadata": { "name": name, "colonyname": colony }, "spec": {} })
}
