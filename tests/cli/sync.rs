//! Files between a directory, a label and an object store (S17, S19, S20).

use crate::shell::Shell;
use crate::store::MemoryStore;
use std::fs;

fn shell_with_store() -> (Shell, MemoryStore) {
    let mut shell = Shell::new();
    let (store, address) = MemoryStore::start();
    for (name, value) in [
        ("AWS_S3_ENDPOINT", address.to_string().as_str()),
        ("AWS_S3_ACCESSKEY", "access"),
        ("AWS_S3_SECRETKEY", "secret"),
        ("AWS_S3_BUCKET", "new-bucket"),
        ("AWS_S3_TLS", "false"),
    ] {
        shell.export(name, value);
    }
    (shell, store)
}

/// A directory with a file, an empty one, and one below.
fn my_files(shell: &Shell) {
    fs::create_dir_all(shell.path("mine/sub")).unwrap();
    shell.write("mine/a.txt", "hi");
    shell.write("mine/empty", "");
    shell.write("mine/sub/b.txt", "ho");
}

const UP: [&str; 7] = ["fs", "sync", "-l", "mine", "-d", "mine", "--yes"];

#[test]
fn a_directory_goes_up_and_comes_down_the_same() {
    let (shell, store) = shell_with_store();
    my_files(&shell);
    let dry = shell.json(&["fs", "sync", "-l", "mine", "-d", "mine", "--dry"]);
    assert_eq!((&dry["upload"], &dry["download"]), (&3.into(), &0.into()));
    let plans = shell.ok(&["fs", "sync", "-l", "mine", "-d", "mine", "--dry", "--syncplans"]).stdout;
    assert!(plans.contains("These files will be uploaded") && plans.contains("/mine/sub"), "{plans}");
    assert!(store.contents().is_empty(), "dry is dry");
    assert_eq!(shell.answering("no\n", &UP[..6]).code, Some(1));
    shell.ok(&UP);
    assert_eq!(store.contents(), [b"hi", b"ho"], "the empty file is only registered");
    assert_eq!(shell.ok(&UP).value("Upload"), "0");

    shell.ok(&["fs", "sync", "-l", "/mine/", "-d", "copy", "--yes"]);
    for (name, text) in [("a.txt", "hi"), ("empty", ""), ("sub/b.txt", "ho")] {
        assert_eq!(fs::read_to_string(shell.path("copy").join(name)).unwrap(), text);
    }
    // The directories know their labels now.
    assert!(fs::read_to_string(shell.path("copy/sub/.cfs")).unwrap().contains("/mine/sub"));
    assert_eq!(shell.ok(&["fs", "sync", "-d", "copy", "--yes"]).value("Download"), "0");
    assert!(shell.fails(1, &["fs", "sync", "-d", "nowhere", "--yes"]).contains("--label"));
}

#[test]
fn where_both_sides_differ_one_is_kept() {
    let (shell, _store) = shell_with_store();
    my_files(&shell);
    shell.ok(&UP);
    shell.ok(&["fs", "sync", "-l", "mine", "-d", "copy", "--yes"]);
    shell.write("mine/a.txt", "changed");
    assert_eq!(shell.ok(&UP).value("Conflicts"), "1");
    let table = shell.ok(&["fs", "ls", "-l", "mine"]).stdout;
    assert!(table.contains("REVISIONS") && table.contains("│ 2 "), "{table}");
    shell.ok(&["fs", "sync", "-d", "copy", "--yes", "--keeplocal=false"]);
    assert_eq!(fs::read_to_string(shell.path("copy/a.txt")).unwrap(), "changed");

    shell.write("copy/extra", "x");
    assert_eq!(shell.ok(&["fs", "clean", "-d", "copy", "--dry"]).value("Files"), "1");
    shell.ok(&["fs", "clean", "-d", "copy", "--yes"]);
    assert!(!shell.path("copy/extra").exists() && shell.path("copy/a.txt").exists());
}

#[test]
fn files_and_snapshots_are_downloaded_and_removed_with_their_contents() {
    let (shell, store) = shell_with_store();
    my_files(&shell);
    shell.ok(&UP);
    shell.ok(&["fs", "snapshot", "create", "-l", "mine", "-n", "before"]);
    shell.write("mine/a.txt", "changed");
    shell.ok(&UP);
    shell.ok(&["fs", "snapshot", "download", "-n", "before", "-d", "frozen"]);
    assert_eq!(fs::read_to_string(shell.path("frozen/a.txt")).unwrap(), "hi");
    assert_eq!(fs::read_to_string(shell.path("frozen/sub/b.txt")).unwrap(), "ho");
    shell.ok(&["fs", "get", "-n", "a.txt", "-l", "mine", "-d", "got"]);
    assert_eq!(fs::read_to_string(shell.path("got/a.txt")).unwrap(), "changed");

    shell.ok(&["fs", "remove", "-n", "a.txt", "-l", "mine"]);
    assert_eq!(store.contents(), [b"ho"], "both revisions are gone");
    let line = shell.fails(1, &["fs", "snapshot", "download", "-n", "before", "-d", "again"]);
    assert!(line.contains("1 files of the snapshot were removed since"), "{line}");
    shell.ok(&["fs", "label", "remove", "-l", "mine", "--yes"]);
    assert!(store.contents().is_empty());
    assert!(shell.fails(1, &["fs", "get", "-n", "a.txt", "-l", "mine"]).contains("Failed to get file"));
}

#[test]
fn damaged_contents_do_not_arrive() {
    let (mut shell, store) = shell_with_store();
    my_files(&shell);
    shell.ok(&UP);
    store.damage(|contents| contents[0] = b'!');
    let get = ["fs", "get", "-n", "a.txt", "-l", "mine", "-d", "got"];
    let line = shell.fails(1, &get);
    assert!(line.contains("got/a.txt") && line.contains("checksum differs"), "{line}");
    store.damage(|contents| contents.push(b'!'));
    assert!(shell.fails(1, &get).contains("size differs"));
    assert_eq!(fs::read_dir(shell.path("got")).unwrap().count(), 0, "nothing is left behind");
    shell.export("AWS_S3_ACCESSKEY", "wrong");
    let line = shell.fails(1, &["fs", "sync", "-l", "mine", "-d", "copy", "--yes"]);
    assert!(line.contains("the object store refused") && line.contains("InvalidAccessKeyId (403)"), "{line}");
    shell.export("AWS_S3_BUCKET", "");
    let line = shell.fails(1, &["fs", "get", "-n", "a.txt", "-l", "mine"]);
    assert!(line.starts_with("AWS_S3_BUCKET is not set"), "{line}");
}
