//! Python with the client, as it is published.
//!
//! The first run makes a virtual environment under the target directory, which needs `python3` with `venv` and a
//! package index; later runs use it again.

use super::installed::{once, run};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

const PACKAGE: &str = "pycolonies==1.0.25";

/// The interpreter of the virtual environment.
pub static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let python = |dir: &std::path::Path| dir.join("bin/python");
    let dir = once(&PACKAGE.replace("==", "-"), |dir| {
        run(Command::new("python3").args(["-m", "venv"]).arg(dir));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE];
        run(Command::new(python(dir)).args(pip));
    });
    python(&dir)
});
