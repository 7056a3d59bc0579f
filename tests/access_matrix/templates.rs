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
        "getprocessmsg" | "cancelprocessmsg" | "removeprocessmsg" => json!({ "processid": scene.running }),
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
        _ => return None,
    };
    request["msgtype"] = name.into();
    if request.get("colonyname").is_none() {
        request["colonyname"] = colony.as_str().into();
    }
    Some(request)
}
