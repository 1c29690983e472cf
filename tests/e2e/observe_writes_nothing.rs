//! An observing agent writes nothing outside its state and run directories, starts no program, and asks
//! device-mapper only questions: seen by strace, from its start to its end.
//!
//! Needs strace and the right to trace; `cargo xtask test` skips it by its module's name where either is missing.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use pathkeeper_api::paths;
use pathkeeper_engine::sim::{DaemonMode, Op, PathSet};
use rustix::process::{Pid, Signal, kill_process};

use crate::node::{self, Node};
use crate::trace::{self, Allowed, Seen};

/// strace that writes to `log` and runs what is added as arguments.
fn strace(log: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-s", "4096", "-e", "signal=none", "-e", trace::CALLS, "-o"]).arg(log);
    strace.stdin(Stdio::null());
    strace
}

/// A program under strace.
struct Traced {
    strace: Child,
}

impl Traced {
    fn start(mut command: Command) -> Self {
        Self { strace: command.spawn().unwrap() }
    }

    /// The traced program: strace's only child.
    fn pid(&self) -> Pid {
        let strace = self.strace.id();
        let children = std::fs::read_to_string(format!("/proc/{strace}/task/{strace}/children")).unwrap();
        Pid::from_raw(children.trim().parse().unwrap()).unwrap()
    }

    /// Asks the program to end, as systemd does. strace ends with the program's own status.
    fn stop(mut self) -> ExitStatus {
        kill_process(self.pid(), Signal::TERM).unwrap();
        self.strace.wait().unwrap()
    }
}

impl Drop for Traced {
    /// A test that fails must not leave an agent behind. It is gone already where the test has stopped it.
    fn drop(&mut self) {
        if self.strace.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = kill_process(self.pid(), Signal::KILL);
            let _ = self.strace.wait();
        }
    }
}

fn judge(log: &Path, folders: &[PathBuf]) -> Seen {
    let text = std::fs::read_to_string(log).unwrap();
    let allowed =
        Allowed { folders, files: &["/dev/null", "/dev/mapper/control"], working_dir: Path::new("/") };
    trace::judge(&text, &allowed)
}

/// The instrument itself: a program that writes once at home and three times elsewhere is caught three times.
#[test]
#[ignore = "needs strace: cargo xtask test"]
fn a_program_that_writes_is_caught() {
    let dir = tempfile::tempdir().unwrap();
    let (home, other, log) = (dir.path().join("home"), dir.path().join("other"), dir.path().join("log"));
    std::fs::create_dir(&home).unwrap();
    std::fs::create_dir(&other).unwrap();
    let script = r#"echo 1 > "$1/a"; echo 2 > "$2/a"; (cd "$2" && echo 3 > b); echo 4 >> "$2/a""#;
    let status = strace(&log)
        .current_dir("/")
        .args(["sh", "-c", script, "sh"])
        .arg(&home)
        .arg(&other)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let seen = judge(&log, std::slice::from_ref(&home));
    let writes = seen.violations.iter().filter(|line| line.contains("openat")).count();
    assert_eq!(writes, 3, "{:#?}", seen.violations);
    assert_eq!(seen.allowed_writes, 1);
}

/// The agent from its start to its end: reads, a fault, a hung and a stopped multipathd, every kind of request.
#[test]
#[ignore = "needs strace: cargo xtask test"]
fn an_observing_agent_writes_at_home_alone() {
    let mut node = Node::new();
    let log = node.path("trace");
    let mut command = strace(&log);
    command.arg(node::program()).arg("agent");
    node.agent(&mut command);
    let agent = Traced::start(command);

    node.until(paths::READYZ, "");
    node.until(paths::STATUS, r#""cluster-state":"optimal""#);
    for path in [paths::NODES, paths::VERSION, paths::OPENAPI, paths::METRICS, paths::HEALTHZ, paths::STATUS]
    {
        let (status, _) = node.get(path).unwrap();
        assert_eq!(status, 200, "{path}");
    }
    let disks = paths::NODE_DISKS.replace("{node}", node::NAME);
    assert_eq!(node.get(&disks).unwrap().0, 200, "{disks}");
    assert!(node.first_bytes(paths::EVENTS).starts_with("HTTP/1.1 200"));

    node.apply(&Op::Path { node: 0, lun: 0, path: 0, set: PathSet::Fail });
    node.until(paths::STATUS, r#""cluster-state":"degraded""#);
    node.daemon_becomes(DaemonMode::Hung);
    node.until(paths::STATUS, "MULTIPATHD_HUNG");
    node.daemon_becomes(DaemonMode::Running);
    node.until(paths::STATUS, r#""cluster-state":"optimal""#);
    assert_eq!(node.daemon().asked().changes(), 0, "an observer asks for nothing that changes something");
    assert!(node.daemon().asked().commands() > 3);

    let status = agent.stop();
    assert!(status.success(), "told to end, the agent ended with {status}");
    let seen = judge(&log, &[node.path("state"), node.path("run")]);
    assert!(seen.violations.is_empty(), "{:#?}", seen.violations);
    // The trace did see the agent at its work: its own socket, the kernel's events, multipathd's socket, sysfs.
    assert!(seen.allowed_writes >= 1, "{} calls, and none of them made the agent's socket", seen.calls);
    let text = std::fs::read_to_string(&log).unwrap();
    let saw = |call: &str, what: &str| text.lines().any(|line| line.contains(call) && line.contains(what));
    assert!(saw("bind(", "AF_NETLINK"));
    assert!(saw("connect(", "multipathd.socket"));
    assert!(saw("open", &node.path("sys").to_string_lossy()));
}
