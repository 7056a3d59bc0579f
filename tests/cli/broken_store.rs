//! An object store that refuses, is out of reach, breaks off, or has something else than was put there.

use crate::relay::{Relay, Trouble};
use crate::shell::Shell;
use crate::support::object_store::{ACCESS_KEY, SECRET_KEY};
use crate::sync::{BUCKET, UP, large, my_files, shell_with_store};
use std::fs;

const DOWN: [&str; 7] = ["fs", "sync", "-l", "mine", "-d", "copy", "--yes"];

/// The one line of a command that the store's trouble makes fail; it names no secret, not even with all logs.
#[track_caller]
fn fails(shell: &Shell, arguments: &[&str]) -> String {
    let line = shell.fails(1, arguments);
    for secret in [SECRET_KEY, "another-secret"] {
        assert!(!line.contains(secret), "{line}");
        let logged = shell.command(arguments).env("RUST_LOG", "trace").output().unwrap();
        let logged = String::from_utf8_lossy(&logged.stderr).into_owned();
        assert!(!logged.contains(secret), "{logged}");
    }
    line
}

/// A shell whose way to the object store is a relay, with a large file to move.
fn shell_with_relay() -> (Shell, crate::support::object_store::ObjectStore, Relay) {
    let (mut shell, store) = shell_with_store();
    let relay = Relay::to(store.address());
    shell.export("AWS_S3_ENDPOINT", &relay.address().to_string());
    fs::create_dir(shell.path("mine")).unwrap();
    fs::write(shell.path("mine/large"), large()).unwrap();
    (shell, store, relay)
}

#[test]
fn damaged_contents_do_not_arrive() {
    let (shell, store) = shell_with_store();
    my_files(&shell);
    shell.ok(&UP);
    let damage = |how: &dyn Fn(&mut Vec<u8>)| {
        for object in store.objects(BUCKET) {
            let mut contents = fs::read(&object).unwrap();
            how(&mut contents);
            fs::write(&object, contents).unwrap();
        }
    };
    damage(&|contents| contents[0] = b'!');
    let get = ["fs", "get", "-n", "a.txt", "-l", "mine", "-d", "got"];
    let line = fails(&shell, &get);
    assert!(line.contains("got/a.txt") && line.contains("checksum differs"), "{line}");
    let line = fails(&shell, &DOWN);
    assert!(line.contains("checksum differs") && !shell.path("copy/a.txt").exists(), "{line}");
    damage(&|contents| contents.push(b'!'));
    assert!(fails(&shell, &get).contains("size differs"));
    damage(&|contents| contents.truncate(1));
    assert!(fails(&shell, &get).contains("size differs"));
    assert_eq!(fs::read_dir(shell.path("got")).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_store_that_refuses_says_why() {
    let (mut shell, store) = shell_with_store();
    my_files(&shell);
    let get = ["fs", "get", "-n", "a.txt", "-l", "mine", "-d", "got"];
    shell.export("AWS_S3_ACCESSKEY", "nobody");
    let line = fails(&shell, &UP);
    assert!(line.contains("the object store refused") && line.contains("AWS_S3_ACCESSKEY"), "{line}");
    shell.export("AWS_S3_ACCESSKEY", ACCESS_KEY);
    shell.export("AWS_S3_SECRETKEY", "another-secret");
    let line = fails(&shell, &UP);
    assert!(line.contains("(403)") && line.contains("AWS_S3_SECRETKEY"), "{line}");
    assert!(!store.bucket(BUCKET).exists());
    shell.export("AWS_S3_SECRETKEY", SECRET_KEY);
    shell.ok(&UP);

    shell.export("AWS_S3_SECRETKEY", "another-secret");
    let line = fails(&shell, &get);
    assert!(line.contains("SignatureDoesNotMatch (403)") && line.contains("AWS_S3_SECRETKEY"), "{line}");
    let line = fails(&shell, &["fs", "remove", "-n", "a.txt", "-l", "mine"]);
    assert!(line.contains("SignatureDoesNotMatch (403)"), "{line}");
    shell.export("AWS_S3_SECRETKEY", SECRET_KEY);
    for bucket in ["no-such-bucket", "No Bucket!"] {
        shell.export("AWS_S3_BUCKET", bucket);
        let line = fails(&shell, &["fs", "get", "-n", "b.txt", "-l", "mine/sub", "-d", "got"]);
        assert!(line.contains("got/b.txt") && line.contains(bucket) && line.contains("AWS_S3_BUCKET"), "{line}");
    }
    let line = fails(&shell, &["fs", "sync", "-l", "new", "-d", "mine", "--yes"]);
    assert!(line.contains("InvalidBucketName (400)") && line.contains("AWS_S3_BUCKET"), "{line}");
    for (name, value) in [("AWS_S3_BUCKET", BUCKET), ("AWS_S3_ACCESSKEY", ACCESS_KEY), ("AWS_S3_SECRETKEY", SECRET_KEY)]
    {
        shell.export(name, "");
        let line = fails(&shell, &["fs", "get", "-n", "b.txt", "-l", "mine/sub", "-d", "got"]);
        assert!(line.starts_with(&format!("{name} is not set")), "{line}");
        shell.export(name, value);
    }
}

#[test]
fn a_store_out_of_reach_is_named() {
    let (mut shell, store) = shell_with_store();
    my_files(&shell);
    shell.ok(&UP);
    let port = store.address();
    drop(store);
    let line = fails(&shell, &DOWN);
    assert!(line.contains(&format!("cannot reach the object store at http://{port}")), "{line}");
    assert!(line.contains("AWS_S3_ENDPOINT") && !line.contains("COLONIES_SERVER_HOST"), "{line}");
    // A server that speaks, but not TLS.
    shell.export("AWS_S3_ENDPOINT", &shell.server.address().to_string());
    shell.export("AWS_S3_TLS", "true");
    let line = fails(&shell, &DOWN);
    assert!(line.contains("cannot reach the object store at https://") && line.contains("AWS_S3_TLS"), "{line}");
}

#[test]
fn a_download_that_broke_off_goes_on() {
    let (shell, _store, relay) = shell_with_relay();
    shell.ok(&UP);
    relay.disturb_down(Trouble { cut_after: Some(100_000), ..Trouble::default() });
    let line = shell.fails(1, &DOWN);
    assert!(line.contains("copy/large") && line.contains("the next try goes on"), "{line}");
    assert!(!shell.path("copy/large").exists(), "whole or not at all");
    let parts: Vec<_> = fs::read_dir(shell.path("copy")).unwrap().map(|entry| entry.unwrap()).collect();
    let [part] = &parts[..] else { panic!("{parts:?}") };
    let came = part.metadata().unwrap().len() as usize;
    assert!(came > 0 && came <= 100_000, "{came}");
    // What is there of it is no file of the directory.
    assert_eq!(shell.json(&[&DOWN[..6], &["--dry"]].concat())["upload"], 0);
    relay.disturb_down(Trouble::default());
    relay.carried();
    shell.ok(&DOWN);
    let carried = relay.carried();
    assert!((large().len() - came..large().len()).contains(&carried), "{carried} bytes beside {came}");
    assert_eq!(fs::read(shell.path("copy/large")).unwrap(), large());
    let names: Vec<_> = fs::read_dir(shell.path("copy")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the file and .cfs: {names:?}");
}

/// A byte that changed on its way down is found at the end, and nothing of that try is used again.
#[test]
fn what_changes_on_its_way_is_noticed() {
    let (shell, store, relay) = shell_with_relay();
    let flipped = Trouble { flip: Some(150_000), ..Trouble::default() };
    relay.disturb_up(flipped);
    let line = shell.fails(1, &UP);
    assert!(line.contains("the object store refused") && line.contains("large"), "{line}");
    assert_eq!(store.contents(BUCKET), [b""; 0], "what was signed did not come");
    assert_eq!(shell.json(&["fs", "label", "ls"]), crate::support::json!([]), "nor is it known");
    relay.disturb_up(Trouble::default());
    shell.ok(&UP);
    relay.disturb_down(flipped);
    let line = shell.fails(1, &DOWN);
    assert!(line.contains("checksum differs"), "{line}");
    relay.disturb_down(Trouble::default());
    shell.ok(&DOWN);
    assert_eq!(fs::read(shell.path("copy/large")).unwrap(), large());
}

#[test]
fn an_upload_that_broke_off_is_no_file_and_is_done_again() {
    let (shell, store, relay) = shell_with_relay();
    shell.write("mine/small", "small");
    relay.disturb_up(Trouble { cut_after: Some(100_000), ..Trouble::default() });
    let line = shell.fails(1, &UP);
    assert!(line.contains("/mine/large") && line.contains("object store"), "{line}");
    assert!(!store.contents(BUCKET).iter().any(|contents| contents.starts_with(&large()[..1000])));
    let table = shell.run(&["fs", "ls", "-l", "mine"]).stdout;
    assert!(!table.contains("large"), "{table}");
    relay.disturb_up(Trouble::default());
    shell.ok(&UP);
    let mut expected = [large(), b"small".to_vec()];
    expected.sort();
    assert_eq!(store.contents(BUCKET), expected, "what went up is not sent again");
    assert_eq!(shell.ok(&UP).value("Upload"), "0");
}
