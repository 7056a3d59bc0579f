//! A blueprint's life (S33, S34).

use crate::shell::Shell;
use crate::support::json;

const DEFINITION: &str = r#"{"kind":"BlueprintDefinition","metadata":{"name":"web"},"spec":{"group":"g","version":"v1",
    "names":{"kind":"Web","plural":"webs","singular":"web"},"scope":"Namespaced",
    "schema":{"type":"object","properties":{"image":{"type":"string"},"replicas":{"type":"number"}},"required":["image"]},
    "handler":{"executorType":"web-reconciler","functionName":"reconcile"}}}"#;

const BLUEPRINT: &str = r#"{"kind":"Web","metadata":{"name":"site","locationname":"home"},
    "spec":{"image":"nginx:1.21","replicas":2}}"#;

#[test]
fn a_blueprint_is_defined_changed_reconciled_and_removed() {
    let shell = Shell::new();
    shell.write("def.json", DEFINITION);
    shell.write("bp.json", BLUEPRINT);
    assert!(shell.fails(1, &["blueprint", "add", "--spec", "bp.json"]).contains("not found in namespace"));
    shell.ok(&["blueprint", "definition", "add", "--spec", "def.json"]);
    let table = shell.ok(&["blueprint", "definition", "get", "--name", "web"]).stdout;
    assert!(table.contains("web-reconciler") && table.contains("image"), "{table}");
    assert_eq!(shell.json(&["blueprint", "definition", "ls"])[0]["spec"]["names"]["kind"], "Web");

    shell.ok(&["blueprint", "add", "--spec", "bp.json"]);
    assert!(shell.ok(&["blueprint", "ls", "--kind", "Web"]).stdout.contains("site"));
    assert!(shell.ok(&["blueprint", "get", "--name", "site"]).stdout.contains("nginx:1.21"));
    let set =
        |key: &str, value: &str| shell.run(&["blueprint", "set", "--name", "site", "--key", key, "--value", value]);
    let ran = set("spec.replicas", "5");
    assert!(ran.code == Some(0) && ran.stderr.contains("Reconciliation process submitted"), "{ran:?}");
    let ran = set("spec.image", "7");
    assert!(ran.code == Some(1) && ran.stderr.contains("validation failed"), "{ran:?}");
    assert_eq!(
        shell.json(&["blueprint", "get", "--name", "site"])["spec"],
        json!({"image": "nginx:1.21", "replicas": 5})
    );
    shell.ok(&["blueprint", "update", "--spec", "bp.json"]);

    let changes = shell.json(&["blueprint", "history", "--name", "site"]);
    let generations: Vec<_> = changes.as_array().unwrap().iter().map(|change| change["generation"].clone()).collect();
    assert_eq!(generations, [2, 1, 0]);
    assert!(shell.ok(&["blueprint", "history", "--name", "site"]).stdout.contains("user: user"));
    let change = shell.ok(&["blueprint", "history", "--name", "site", "-g", "1"]).stdout;
    assert!(change.contains("replicas") && change.contains('5'), "{change}");
    let process = shell.ok(&["blueprint", "reconcile", "--name", "site", "--force"]).value("ProcessId");
    assert_eq!(shell.json(&["process", "get", "-p", &process])["spec"]["kwargs"]["force"], true);

    let report = shell.ok(&["blueprint", "doctor"]).stdout;
    assert!(report.contains("[ERROR] No reconciler found at location 'home'"), "{report}");
    assert!(report.contains("[OK] Reconciliation cron 'reconcile-Web-home' exists"), "{report}");
    assert!(report.ends_with("Found 2 issue(s)\n"), "{report}");
    let cron = shell.json(&["cron", "ls"])[0]["cronid"].as_str().unwrap().to_owned();
    shell.ok(&["cron", "remove", "--cronid", &cron]);
    shell.ok(&["blueprint", "doctor", "--fix"]);
    assert_eq!(shell.json(&["cron", "ls"])[0]["name"], "reconcile-Web-home");
    assert!(shell.ok(&["blueprint", "log"]).stderr.contains("No reconcilers found"));

    shell.ok(&["blueprint", "remove", "--name", "site"]);
    shell.ok(&["blueprint", "definition", "remove", "--name", "web"]);
    assert_eq!(shell.json(&["blueprint", "definition", "ls"]), json!([]));
}
