//! What comes beside the binary: image, compose file, unit, sample settings, dashboard, alerts, installer.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

#[path = "packaging/compose.rs"]
mod compose;
#[path = "packaging/elf.rs"]
mod elf;
#[path = "packaging/image.rs"]
mod image;
#[path = "packaging/install.rs"]
mod install;
#[path = "packaging/migrate.rs"]
mod migrate;
#[path = "packaging/monitoring.rs"]
mod monitoring;

use std::path::{Path, PathBuf};

/// Something in the source.
fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(source(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The binary that is packaged: another one, as a static one, if `COLONIES_PACKAGED_BINARY` names it.
fn binary() -> PathBuf {
    std::env::var_os("COLONIES_PACKAGED_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_colonies").into(), PathBuf::from)
}
