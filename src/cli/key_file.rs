//! Private keys in files: written for their owner's eyes alone, and refused where others could have read them.

use anyhow::{Context, bail};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// What is before the name of a file in the place of a key.
const MARK: char = '@';

/// Bytes of a file that may hold a key: 64 digits and some white space.
const MAX_BYTES: u64 = 256;

/// Mode bits of a file that its group or others may use.
const OTHERS: u32 = 0o077;

/// The key that is meant: what was given, or, after an `@`, what is in the file of that name.
///
/// # Errors
/// Where the file can't be read, or others than its owner can.
pub fn resolve(given: &str) -> anyhow::Result<String> {
    match given.trim().strip_prefix(MARK) {
        Some(path) => read(Path::new(path)),
        None => Ok(given.trim().to_owned()),
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read the key in {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    let mode = file.metadata().with_context(cannot)?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        bail!(
            "others than its owner can use the key in {} (mode {mode:04o}): chmod 600, and change the key if anybody may \
             have read it",
            path.display()
        );
    }
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).with_context(cannot)?;
    Ok(text.trim().to_owned())
}

/// Writes a private key into a file that was not there: a key that is overwritten is gone for good. Only its owner may
/// read it.
///
/// # Errors
/// Where there is such a file, or it can't be written.
pub fn write(path: &Path, key: &str) -> anyhow::Result<()> {
    write_new(path, key, 0o600)
}

/// The same for an id, which is no secret.
///
/// # Errors
/// As for a key.
pub fn write_id(path: &Path, id: &str) -> anyhow::Result<()> {
    write_new(path, id, 0o644)
}

fn write_new(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = file.with_context(|| format!("cannot make {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}
