//! The tests of the pages, which need Node, a browser and, once, what npm's registry has: types that are checked, and a browser that is driven.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Result, bail};

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

/// `cargo xtask screenshots`.
///
/// # Errors
/// Why there can be none.
pub fn screenshots(root: &Path) -> Result<ExitCode> {
    if let Some(why) = obstacle(root) {
        bail!("no pictures can be taken: {why}");
    }
    if !root.join("target/debug/pathkeeper").exists() && std::env::var_os("PATHKEEPER").is_none() {
        bail!(
            "no pictures can be taken: there is no debug build of the program; cargo build -p pathkeeper makes one"
        );
    }
    let taken = cmd::passes(&mut script(root, "tests/ui/screenshots.mjs"))?;
    Ok(if taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn node(root: &Path) -> Command {
    script(root, RUN)
}

fn script(root: &Path, path: &str) -> Command {
    let mut node = Command::new("node");
    node.arg(root.join(path)).current_dir(root);
    node
}
