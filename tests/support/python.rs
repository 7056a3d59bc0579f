//! Python with the client, as it is published.
//!
//! The first run makes a virtual environment under the target directory, which needs `python3` with `venv` and a
//! package index; later runs use it again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

const PACKAGE: &str = "pycolonies==1.0.25";

/// The interpreter of the virtual environment.
pub static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE.replace("==", "-"));
    let (python, complete) = (dir.join("bin/python"), dir.join("complete"));
    // Test programs may run beside each other; the lock goes with the file.
    let lock = File::create(dir.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !complete.exists() {
        // What a run that was interrupted left behind.
        let _ = fs::remove_dir_all(&dir);
        run(Command::new("python3").args(["-m", "venv"]).arg(&dir));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]));
        fs::write(complete, "").unwrap();
    }
    python
});

/// Runs a command that must succeed, and gives what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?} ended with {}:\n{out}\n{err}", output.status);
    out
}
