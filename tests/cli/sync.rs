//! Files between a directory, a label and an object store (S17, S19, S20).

use crate::shell::Shell;
use crate::support::installed::run;
use crate::support::object_store::{ACCESS_KEY, ObjectStore, SECRET_KEY};
use crate::support::python::PYTHON;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The bucket that is exported; nobody has made it.
pub const BUCKET: &str = "new-bucket";

/// A shell that knows an object store.
pub fn shell_with_store() -> (Shell, ObjectStore) {
    let (mut shell, store) = (Shell::new(), ObjectStore::start());
    for (name, value) in [
        ("AWS_S3_ENDPOINT", store.address().to_string().as_str()),
        ("AWS_S3_ACCESSKEY", ACCESS_KEY),
        ("AWS_S3_SECRETKEY", SECRET_KEY),
        ("AWS_S3_BUCKET", BUCKET),
        ("AWS_S3_TLS", "false"),
    ] {
        shell.export(name, value);
    }
    (shell, store)
}

/// A directory with a file, an empty one, and one below.
pub fn my_files(shell: &Shell) {
    fs::create_dir_all(shell.path("mine/sub")).unwrap();
    shell.write("mine/a.txt", "hi");
    shell.write("mine/empty", "");
    shell.write("mine/sub/b.txt", "ho");
}

pub const UP: [&str; 7] = ["fs", "sync", "-l", "mine", "-d", "mine", "--yes"];

#[test]
fn a_directory_goes_up_and_comes_down_the_same() {
    let (shell, store) = shell_with_store();
    my_files(&shell);
    let dry = shell.json(&["fs", "sync", "-l", "mine", "-d", "mine", "--dry"]);
    assert_eq!((&dry["upload"], &dry["download"]), (&3.into(), &0.into()));
    let plans = shell.ok(&["fs", "sync", "-l", "mine", "-d", "mine", "--dry", "--syncplans"]).stdout;
    assert!(plans.contains("These files will be uploaded") && plans.contains("/mine/sub"), "{plans}");
    assert!(store.contents(BUCKET).is_empty(), "dry is dry");
    assert_eq!(shell.answering("no\n", &UP[..6]).code, Some(1));
    shell.ok(&UP);
    assert_eq!(store.contents(BUCKET), [b"hi", b"ho"], "the empty file is only registered");
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

/// More files than are on their way at once, one of them large, with names that have to be encoded.
#[test]
fn many_files_and_a_large_one_go_up_and_come_down() {
    let (shell, store) = shell_with_store();
    fs::create_dir(shell.path("mine")).unwrap();
    let contents = |n: usize| if n == 0 { large().repeat(60) } else { format!("contents {n}").repeat(n).into_bytes() };
    let name = |n: usize| format!("n\u{e4}me + {n}%.txt");
    for n in 0..30 {
        fs::write(shell.path("mine").join(name(n)), contents(n)).unwrap();
    }
    assert_eq!(shell.ok(&UP).value("Upload"), "30");
    assert_eq!(store.objects(BUCKET).len(), 30);
    shell.ok(&["fs", "sync", "-l", "mine", "-d", "copy", "--yes"]);
    for n in 0..30 {
        assert!(fs::read(shell.path("copy").join(name(n))).unwrap() == contents(n), "{n}");
    }
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
    assert_eq!(store.contents(BUCKET), [b"ho"], "both revisions are gone");
    let line = shell.fails(1, &["fs", "snapshot", "download", "-n", "before", "-d", "again"]);
    assert!(line.contains("1 files of the snapshot were removed since"), "{line}");
    shell.ok(&["fs", "label", "remove", "-l", "mine", "--yes"]);
    assert!(store.contents(BUCKET).is_empty());
    assert!(shell.fails(1, &["fs", "get", "-n", "a.txt", "-l", "mine"]).contains("Failed to get file"));
}

/// A file of a few reads.
pub fn large() -> Vec<u8> {
    (0..300_000_u32).map(|n| (n % 251) as u8).collect()
}

/// The Python client, whose S3 is another's: each finds what the other has put there.
#[test]
fn the_python_client_shares_the_store() {
    let (mut shell, _store) = shell_with_store();
    shell.export("AWS_S3_REGION", "us-east-1");
    shell.export("AWS_S3_SKIPVERIFY", "false");
    my_files(&shell);
    shell.ok(&UP);
    let mut command = Command::new(&*PYTHON);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pycolonies/files.py"));
    let address = shell.server.address();
    command.args([&address.ip().to_string(), &address.port().to_string(), "dev"]);
    command.envs(shell.variables.iter().map(|(name, value)| (name, value))).current_dir(shell.path("."));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("NO_PROXY", "127.0.0.1");
    assert!(run(&mut command).ends_with("done\n"));

    assert_eq!(shell.ok(&UP).value("Download"), "2");
    assert_eq!(fs::read_to_string(shell.path("mine/python.txt")).unwrap(), "from python");
    assert!(fs::read(shell.path("mine/large-of-python")).unwrap() == fs::read(shell.path("large-of-python")).unwrap());
}

#[test]
fn a_directory_can_be_the_store() {
    let mut shell = Shell::new();
    let store = shell.path("store");
    shell.export("AWS_S3_ENDPOINT", &format!("file://{}", store.display()));
    my_files(&shell);
    fs::write(shell.path("mine/large"), large()).unwrap();
    shell.ok(&UP);
    let objects =
        || fs::read_dir(store.join("colonyfs")).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    assert_eq!(objects().len(), 3, "the empty file is only registered");
    shell.ok(&["fs", "sync", "-l", "mine", "-d", "copy", "--yes"]);
    for name in ["a.txt", "empty", "sub/b.txt", "large"] {
        let [mine, copy] = ["mine", "copy"].map(|dir| fs::read(shell.path(dir).join(name)).unwrap());
        assert_eq!(mine, copy, "{name}");
    }
    let info = shell.json(&["fs", "info", "-n", "a.txt", "-l", "mine"]);
    assert_eq!(info[0]["ref"]["s3object"]["server"], format!("file://{}", store.display()), "{info}");

    // A part of a download goes on, and what was damaged does not arrive.
    let object = shell.json(&["fs", "info", "-n", "large", "-l", "mine"])[0]["ref"]["s3object"]["object"].clone();
    let object = object.as_str().unwrap().to_owned();
    let get = ["fs", "get", "-n", "large", "-l", "mine", "-d", "got"];
    fs::create_dir(shell.path("got")).unwrap();
    let part = format!("got/.large.{}.cfs-part", &object[..16]);
    fs::write(shell.path(&part), &large()[..1000]).unwrap();
    shell.ok(&get);
    assert_eq!(fs::read(shell.path("got/large")).unwrap(), large());
    let mut damaged = large();
    damaged[5] ^= 1;
    fs::write(store.join("colonyfs").join(&object), damaged).unwrap();
    assert!(shell.fails(1, &get).contains("checksum differs"));
    assert_eq!(fs::read(shell.path("got/large")).unwrap(), large(), "what was there stays");
    fs::remove_file(store.join("colonyfs").join(&object)).unwrap();
    assert!(shell.fails(1, &get).contains("cannot read"));
    assert!(!shell.path(&part).exists());

    shell.ok(&["fs", "label", "remove", "-l", "mine", "--yes"]);
    assert!(objects().is_empty());
    shell.export("AWS_S3_ENDPOINT", "file://relative");
    assert!(shell.fails(1, &UP).contains("AWS_S3_ENDPOINT names no directory"));
}
