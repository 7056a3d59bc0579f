//! The Rust client `colonyos`, as it is published, doing the main job.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use colonyos::core::{
    Attribute, Colony, Executor, FAILED, Function, FunctionSpec, Log, Process, RUNNING, SUCCESS, WAITING,
};
use colonyos::crypto::{gen_id, gen_prvkey};
use std::time::Duration;
use support::{Server, server_owner};

const TYPE: &str = "rust-executor";

/// A colony with an approved executor.
struct Scene {
    colony: String,
    owner: String,
    executor: String,
}

async fn scene() -> Scene {
    let server = server_owner().reveal().to_string();
    let (colony, owner, executor) = ("rust".to_owned(), gen_prvkey(), gen_prvkey());
    let added = colonyos::add_colony(&Colony::new(&gen_id(&owner), &colony), &server).await.unwrap();
    assert_eq!(added.name, colony);
    let record = Executor::new("worker", &gen_id(&executor), TYPE, &colony);
    colonyos::add_executor(&record, &owner).await.unwrap();
    // Until it is approved it gets nothing.
    let refused = colonyos::assign(&colony, 1, &executor).await.unwrap_err();
    assert!(refused.to_string().contains("not a member of Colony"), "{refused}");
    colonyos::approve_executor(&colony, "worker", &owner).await.unwrap();
    Scene { colony, owner, executor }
}

async fn submit(scene: &Scene) -> Process {
    let mut spec = FunctionSpec::new("echo", TYPE, &scene.colony);
    spec.args = vec!["hello".to_owned()];
    spec.env.insert("NAME".to_owned(), "value".to_owned());
    spec.maxexectime = 60;
    colonyos::submit(&spec, &scene.executor).await.unwrap()
}

#[test]
fn the_main_job_works() {
    let server = Server::start();
    // The crate knows one server, for the whole process.
    colonyos::set_server_url(&format!("http://{}/api", server.address()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let scene = scene().await;
        registers_a_function(&scene).await;
        does_the_work(&scene).await;
        fails(&scene).await;
        subscribes(&scene).await;
        colonyos::remove_executor(&scene.colony, "worker", &scene.owner).await.unwrap();
        colonyos::assign(&scene.colony, 1, &scene.executor).await.unwrap_err();
    });
}

async fn registers_a_function(scene: &Scene) {
    let function: Function = serde_json::from_value(support::json!({
        "executorname": "worker", "executortype": TYPE, "colonyname": scene.colony, "funcname": "echo",
    }))
    .unwrap();
    colonyos::add_function(&function, &scene.executor).await.unwrap();
    let listed = colonyos::get_functions(&scene.colony, &scene.executor).await.unwrap();
    assert_eq!(listed.iter().map(|function| function.funcname.as_str()).collect::<Vec<_>>(), ["echo"]);
}

async fn does_the_work(scene: &Scene) {
    let key = &scene.executor;
    let submitted = submit(scene).await;
    assert_eq!((submitted.state, submitted.initiatorname.as_str()), (WAITING, "worker"));
    let process = colonyos::assign(&scene.colony, 10, key).await.unwrap();
    assert_eq!((&process.processid, process.state), (&submitted.processid, RUNNING));
    assert_eq!((&process.spec.args[0], &process.spec.env["NAME"]), (&"hello".to_owned(), &"value".to_owned()));
    let id = &process.processid;
    let line: Log = serde_json::from_value(support::json!({ "processid": id, "message": "said" })).unwrap();
    colonyos::add_log(&line, key).await.unwrap();
    let logs = colonyos::get_logs(&scene.colony, id, "", 10, 0, key).await.unwrap();
    assert_eq!(logs.iter().map(|line| line.message.as_str()).collect::<Vec<_>>(), ["said"]);
    let attribute = colonyos::add_attr(&Attribute::new(&scene.colony, id, "result", "good"), key).await.unwrap();
    assert_eq!(attribute.value, "good");
    colonyos::close(id, key).await.unwrap();
    let closed = colonyos::get_process(id, key).await.unwrap();
    assert_eq!(closed.state, SUCCESS);
    assert!(closed.attributes.iter().any(|attribute| attribute.key == "result"));
    let listed = colonyos::get_processes(&scene.colony, 10, SUCCESS, key).await.unwrap();
    assert_eq!(listed.len(), 1);
}

async fn fails(scene: &Scene) {
    let submitted = submit(scene).await;
    let process = colonyos::assign(&scene.colony, 10, &scene.executor).await.unwrap();
    colonyos::fail(&process.processid, &scene.executor).await.unwrap();
    assert_eq!(colonyos::get_process(&submitted.processid, &scene.executor).await.unwrap().state, FAILED);
}

async fn subscribes(scene: &Scene) {
    let key = &scene.executor;
    let submitted = submit(scene).await;
    // What is so already is told at once.
    colonyos::subscribe_process(&submitted, WAITING, 10, key).await.unwrap();
    let watching = colonyos::subscribe_process(&submitted, SUCCESS, 60, key);
    let working = async {
        // An executor that waits is given the process although somebody watches it.
        let process = colonyos::assign(&scene.colony, 10, key).await.unwrap();
        colonyos::close(&process.processid, key).await.unwrap();
    };
    let both = async { tokio::join!(watching, working) };
    let (watched, ()) = tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
    watched.unwrap();
    assert_eq!(colonyos::get_process(&submitted.processid, key).await.unwrap().state, SUCCESS);
    let stranger = gen_prvkey();
    let refused = colonyos::subscribe_process(&submitted, SUCCESS, 10, &stranger).await.unwrap_err();
    assert!(refused.to_string().contains("not a member of Colony"), "{refused}");
}
