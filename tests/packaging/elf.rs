//! What the packaged binary needs of the machine that it comes to.

use super::binary;
use std::path::Path;
use std::process::Command;

/// Bytes that a release binary may have.
const LARGEST: u64 = 25_000_000;

/// The shared libraries that a program names, and whether it names a loader for them.
fn needs(program: &Path) -> (Vec<String>, bool) {
    // Of the binutils, without which nothing here could have been linked.
    let output = Command::new("readelf").args(["--wide", "--dynamic", "--program-headers"]).arg(program).output();
    let output = output.unwrap_or_else(|error| panic!("readelf: {error}"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("LOAD"), "{text}");
    let libraries = text.lines().filter(|line| line.contains("(NEEDED)"));
    let libraries = libraries.map(|line| line.split(['[', ']']).nth(1).unwrap().to_owned()).collect();
    (libraries, text.contains("INTERP"))
}

/// Whether a program needs no file beside its own.
pub fn is_static(program: &Path) -> bool {
    needs(program) == (Vec::new(), false)
}

/// What is not static needs the parts of the C library and no other. Where this fails with libgcc_s, the C compiler has
/// no static one, which `build.rs` looks for.
#[test]
fn the_binary_needs_the_c_library_at_most() {
    let (libraries, loader) = needs(&binary());
    let other: Vec<_> =
        libraries.iter().filter(|name| !["libc.", "libm.", "ld-linux"].iter().any(|c| name.starts_with(c))).collect();
    assert!(other.is_empty(), "{other:?} beside the C library");
    assert_eq!(loader, !libraries.is_empty());
}

#[test]
fn a_packaged_binary_is_no_larger_than_it_may_be() {
    // The one that tests are made with is not what is packaged.
    if std::env::var_os("COLONIES_PACKAGED_BINARY").is_some() {
        let size = binary().metadata().unwrap().len();
        assert!(size <= LARGEST, "{size} bytes");
    }
}
