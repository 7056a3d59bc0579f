//! Files, labels and snapshots as the server knows them; the object store is not asked.

use crate::shell::Shell;
use crate::support::json;
use colonies::client::{File, Reference, S3Object};

fn add(shell: &Shell, label: &str, name: &str) {
    let s3object = S3Object { server: "store".to_owned(), secretkey: "geheim".to_owned(), ..S3Object::default() };
    let file = File {
        colonyname: "dev".to_owned(),
        label: label.to_owned(),
        name: name.to_owned(),
        size: 17,
        checksum: "c0ffee".to_owned(),
        checksumalg: "SHA256".to_owned(),
        reference: Reference { protocol: "s3".to_owned(), s3object },
        ..File::default()
    };
    shell.client().add_file(&shell.colony.user, &file).unwrap();
}

#[test]
fn files_and_labels_are_shown_and_removed() {
    let shell = Shell::new();
    for (label, name) in [("/src", "a.txt"), ("/src", "a.txt"), ("/src/sub", "b.txt"), ("/other", "c.txt")] {
        add(&shell, label, name);
    }
    let labels = shell.json(&["fs", "label", "ls"]);
    assert_eq!(labels[1], json!({ "name": "/src", "files": 2 }));
    let table = shell.ok(&["fs", "ls", "-l", "src"]).stdout;
    assert!(table.contains("a.txt") && table.contains("17 B") && table.contains("│ 2 "), "{table}");
    let info = shell.ok(&["fs", "info", "-n", "a.txt", "-l", "src/"]).stdout;
    assert!(info.matches("Filename").count() == 2 && info.contains("c0ffee") && !info.contains("geheim"), "{info}");
    assert!(shell.fails(1, &["fs", "info", "-n", "no.txt", "-l", "/src"]).contains("Failed to get file"));
    assert!(shell.fails(1, &["fs", "info"]).contains("--fileid"));

    let id = shell.ok(&["fs", "snapshot", "create", "-l", "/src", "-n", "snap"]).value("SnapshotId");
    let snapshot = shell.ok(&["fs", "snapshot", "info", "-n", "snap"]).stdout;
    assert!(snapshot.contains(&id) && snapshot.contains("b.txt") && !snapshot.contains("c.txt"), "{snapshot}");
    shell.write(
        "job.json",
        r#"{"funcname":"f","fs":{"snapshots":[{"label":"/src","dir":"/in"}]},"conditions":{"executortype":"cli"}}"#,
    );
    let process = shell.json(&["function", "submit", "--spec", "job.json", "--snapshot"]);
    let made = process["spec"]["fs"]["snapshots"][0]["snapshotid"].as_str().unwrap().to_owned();
    assert_eq!(shell.json(&["fs", "snapshot", "info", "-i", &made])["fileids"].as_array().unwrap().len(), 2);

    let exec = ["function", "exec", "--func", "f", "--targettype", "cli", "--snapshots", "/src/sub:/in,/other:/more"];
    let process = shell.json(&[&exec[..], &["--snapshot"]].concat());
    let mounts = &process["spec"]["fs"]["snapshots"];
    assert_eq!(
        (&mounts[0]["label"], &mounts[0]["dir"], &mounts[1]["dir"]),
        (&"/src/sub".into(), &"/in".into(), &"/more".into())
    );
    let made = mounts[0]["snapshotid"].as_str().unwrap();
    assert_eq!(shell.json(&["fs", "snapshot", "info", "-i", made])["fileids"].as_array().unwrap().len(), 1);
    assert_eq!(shell.json(&exec)["spec"]["fs"]["snapshots"][0]["snapshotid"], "");
    assert!(shell.fails(2, &["function", "exec", "--func", "f", "--snapshot"]).contains("--snapshots"));

    shell.ok(&["fs", "remove", "-n", "a.txt", "-l", "/src"]);
    assert!(!shell.ok(&["fs", "snapshot", "info", "-n", "snap"]).stdout.contains("a.txt"), "its record is gone");
    shell.ok(&["fs", "snapshot", "remove", "-n", "snap"]);
    shell.ok(&["fs", "snapshot", "removeall", "--yes"]);
    assert_eq!(shell.json(&["fs", "snapshot", "ls"]), json!([]));
    shell.ok(&["fs", "label", "remove", "-l", "/src", "--yes"]);
    assert_eq!(shell.json(&["fs", "label", "ls"]), json!([{ "name": "/other", "files": 1 }]));
}
