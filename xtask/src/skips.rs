//! What this machine cannot run, found out before the test run: skipped by name, loudly, and counted.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{cmd, vm};

/// A part of the tests that needs more than Rust.
struct Part {
    /// Tests whose path holds this text.
    tests: &'static str,
    /// Why it cannot run here; `None` if it can.
    obstacle: fn(&Path) -> Option<String>,
}

const PARTS: &[Part] = &[
    Part { tests: "browser", obstacle: no_browser },
    Part { tests: "observe_writes_nothing", obstacle: no_tracing },
    Part { tests: "real_kernel", obstacle: no_virtual_machine },
];

/// A skipped part: the tests' name and the reason.
pub struct Skip {
    /// Tests whose path holds this text.
    pub tests: &'static str,
    /// Why.
    pub reason: String,
}

/// The parts that cannot run here. What a part needs and can be built is built, which may take a minute.
pub fn find(root: &Path) -> Vec<Skip> {
    let skip = |part: &Part| (part.obstacle)(root).map(|reason| Skip { tests: part.tests, reason });
    PARTS.iter().filter_map(skip).collect()
}

/// Builds the image of the test machine; what hinders that hinders the tests.
fn no_virtual_machine(root: &Path) -> Option<String> {
    vm::build(root).err().map(|error| format!("the virtual machine cannot be built: {error:#}"))
}

/// Any other browser would do; this one is what Debian has and what can be asked without a screen.
fn no_browser(_: &Path) -> Option<String> {
    (!cmd::on_path("chromium")).then(|| "chromium is not installed".to_owned())
}

/// A container may forbid ptrace; strace then starts and fails.
fn no_tracing(_: &Path) -> Option<String> {
    if !cmd::on_path("strace") {
        return Some("strace is not installed".to_owned());
    }
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-o", "/dev/null", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let works = strace.status().is_ok_and(|status| status.success());
    (!works).then(|| "strace cannot trace here (ptrace is forbidden)".to_owned())
}
