//! The `colonies` binary.
fn main() {}
