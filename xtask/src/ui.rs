//! The tests of the pages, which need Node, a browser and, once, what npm's registry has: types that are checked, and a browser that is driven.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::cmd;

const RUN: &str = "tests/ui/run.mjs";

/// Why they cannot run here. What npm has to give is put below target/, which may take a minute.
pub fn obstacle(root: &Path) -> Option<String> {
    let absent: Vec<&str> =
        ["node", "npm", "chromium"].into_iter().filter(|program| !cmd::on_path(program)).collect();
    if !absent.is_empty() {
        return Some(format!("not installed: {}", absent.join(", ")));
    }
    let mut install = node(root);
    install.arg("--install").stdout(Stdio::null()).stderr(Stdio::null());
    let there = install.status().is_ok_and(|status| status.success());
    (!there).then(|| format!("npm cannot get what they need (node {RUN} --install says why)"))
}

/// Runs all of them against the program that was built.
///
/// # Errors
/// If node cannot be started.
pub fn run(root: &Path) -> Result<bool> {
    cmd::passes(&mut node(root))
}

fn node(root: &Path) -> Command {
    let mut node = Command::new("node");
    node.arg(root.join(RUN)).current_dir(root);
    node
}
