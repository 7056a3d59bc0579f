//! Links the unwinder into the binary, which then needs nothing but the C library.
//!
//! The standard library asks for `libgcc_s`, a library beside libc. The compiler's own `libgcc_eh` has the same
//! functions to link statically. Since the standard library's wish can't be changed, the linker is shown a `libgcc_s`
//! that consists of it. Where the C compiler has no such library, or none is found, everything stays as it was.

use std::path::Path;
use std::process::Command;
use std::{env, fs, io};

/// A linker's script in place of the shared library; these two are what `gcc -static-libgcc` takes instead of it.
const STATIC: &str = "GROUP ( -lgcc_eh -lgcc )\n";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let has = |name: &str, value: &str| env::var(name).is_ok_and(|found| found.split(',').any(|part| part == value));
    // Static binaries have it within already.
    let shared = is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && !has("CARGO_CFG_TARGET_FEATURE", "crt-static")
        // Another linker than the one that is asked may have no such library.
        && !env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("linker="));
    if shared && let Some(out) = env::var_os("OUT_DIR").filter(|_| compiler_has("libgcc_eh.a")) {
        let dir = Path::new(&out).join("unwinder");
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("libgcc_s.so"), STATIC)?;
        println!("cargo::rustc-link-arg-bins=-L{}", dir.display());
    }
    Ok(())
}

/// Whether the compiler that links finds a library of its own. It prints a path then, and else the name again.
fn compiler_has(library: &str) -> bool {
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let asked = Command::new(linker).arg(format!("-print-file-name={library}")).output();
    asked.is_ok_and(|answer| {
        answer.status.success() && Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_absolute()
    })
}
