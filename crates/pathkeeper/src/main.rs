//! Pathkeeper.
fn main() {}
