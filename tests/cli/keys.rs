//! Private keys in files.

use crate::shell::Shell;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn keys_in_files_are_for_their_owner_alone() {
    let mut shell = Shell::new();
    let made = shell.ok(&["key", "generate", "--keypath", "user.key"]);
    let path = shell.path("user.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let key = fs::read_to_string(&path).unwrap();
    assert!(key.len() == 64 && !made.stderr.contains(&key), "the key is in the file only");
    assert!(shell.fails(1, &["key", "generate", "--keypath", "user.key"]).contains("cannot make user.key"));
    assert_eq!(fs::read_to_string(&path).unwrap(), key, "never overwritten");

    shell.ok(&["user", "add", "--name", "me", "--userid", &made.value("Id"), "--email", "", "--phone", ""]);
    shell.export("COLONIES_PRVKEY", "@user.key");
    shell.ok(&["user", "ls"]);
    assert_eq!(shell.ok(&["key", "id"]).value("Id"), made.value("Id"));
    shell.ok(&["user", "ls", "--prvkey", &format!("@{}", path.display())]);
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let line = shell.fails(1, &["user", "ls"]);
        assert!(line.contains("COLONIES_PRVKEY") && line.contains("chmod 600") && !line.contains(&key), "{line}");
    }
    shell.export("COLONIES_PRVKEY", "@nowhere");
    assert!(shell.fails(1, &["user", "ls"]).contains("cannot read the key in nowhere"));
}
