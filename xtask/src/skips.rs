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
    Part { tests: "etcd", obstacle: no_etcd },
    Part { tests: "observe_writes_nothing", obstacle: no_tracing },
    Part { tests: "pmxcfs", obstacle: no_libqb },
    Part { tests: "prometheus", obstacle: no_prometheus },
    Part { tests: "proxmox_plugin", obstacle: no_perl },
    Part { tests: "real_kernel", obstacle: no_virtual_machine },
    Part { tests: "several_hosts", obstacle: no_several_hosts },
    Part { tests: "systemd_analyze", obstacle: no_systemd_analyze },
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

/// It needs no systemd that runs.
fn no_systemd_analyze(_: &Path) -> Option<String> {
    (!cmd::on_path("systemd-analyze"))
        .then(|| "systemd-analyze (package systemd) is not installed".to_owned())
}

/// Three members on loopback, and etcdctl to give them users.
fn no_etcd(_: &Path) -> Option<String> {
    let absent: Vec<&str> =
        ["etcd", "etcdctl"].into_iter().filter(|program| !cmd::on_path(program)).collect();
    (!absent.is_empty()).then(|| format!("not installed: {}", absent.join(", ")))
}

/// promtool reads pages and runs the rules' tests; the server answers the dashboard's queries.
fn no_prometheus(_: &Path) -> Option<String> {
    let absent: Vec<&str> =
        ["prometheus", "promtool"].into_iter().filter(|program| !cmd::on_path(program)).collect();
    (!absent.is_empty()).then(|| format!("not installed: {}", absent.join(", ")))
}

/// The plug-in and its tests use modules that come with perl, and not with Debian's perl-base.
fn no_perl(_: &Path) -> Option<String> {
    let mut perl = Command::new("perl");
    perl.args(["-MJSON::PP", "-MTest::More", "-e", "1"]);
    perl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let works = perl.status().is_ok_and(|status| status.success());
    (!works).then(|| "perl with its modules is not installed".to_owned())
}

/// The store loads it, and so does the server that stands for a pmxcfs; its rings are files in shared memory.
fn no_libqb(_: &Path) -> Option<String> {
    if !cmd::library_is_there("libqb.so.100") {
        return Some("libqb.so.100 is not installed (libqb100)".to_owned());
    }
    (!Path::new("/dev/shm").is_dir()).then(|| "there is no shared memory (/dev/shm)".to_owned())
}

/// Hosts are network namespaces with a cable to a bridge, and on each is a member of etcd. A container may forbid the
/// namespaces even to root, and a kernel may lack bridges, so one of each is made.
fn no_several_hosts(root: &Path) -> Option<String> {
    if !cmd::on_path("ip") || !cmd::on_path("tc") {
        return Some("iproute2 is not installed".to_owned());
    }
    if let Some(reason) = no_etcd(root) {
        return Some(reason);
    }
    let name = format!("pathkeeper-xtask-{}", std::process::id());
    let ip = |words: &[&str]| {
        let output = Command::new("ip").args(words).stdin(Stdio::null()).output();
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    let tried = ip(&["netns", "add", &name])
        .and_then(|()| {
            ip(&["-n", &name, "link", "add", "name", "end0", "type", "veth", "peer", "name", "end1"])
        })
        .and_then(|()| ip(&["-n", &name, "link", "add", "name", "switch", "type", "bridge"]));
    let _ = ip(&["netns", "delete", &name]);
    tried.err().map(|error| format!("network namespaces cannot be made (root can, as a rule): {error}"))
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
