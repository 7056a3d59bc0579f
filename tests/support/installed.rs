//! What tests need of other people's programs: fetched by the first run, kept under the target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory of this name, filled by `make` unless a run before this one did that to its end. `make` must not fail
/// silently.
pub fn once(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // Not `with_extension`: names end with versions.
    let lock = dir.with_file_name(format!("{name}.lock"));
    let complete = dir.join("complete");
    // Test programs may run beside each other; the lock goes with the file.
    let lock = File::create(lock).unwrap();
    lock.lock().unwrap();
    if !complete.exists() {
        // What a run that was interrupted left behind.
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        make(&dir);
        fs::write(complete, "").unwrap();
    }
    dir
}

/// Runs a command that must succeed, and gives what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?} ended with {}:\n{out}\n{err}", output.status);
    out
}
