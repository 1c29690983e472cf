//! What other systems hear: a journal, a Nagios plugin's caller, Checkmk's agent, the node_exporter.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pathkeeper_engine::sim::{DaemonMode, Op, PathSet};

use crate::node::{NAME, Node, program};

/// Longest wait for anything; a hung multipathd takes ten seconds.
const LIMIT: Duration = Duration::from_secs(60);

struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(node: &Node, change: impl FnOnce(&mut Command)) -> Agent {
    let mut command = Command::new(program());
    command.arg("agent").stderr(Stdio::null());
    node.agent(&mut command);
    change(&mut command);
    Agent(command.spawn().unwrap())
}

/// Runs a command that asks the agent by its socket: exit status and standard output.
fn ask(node: &Node, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program())
        .args(arguments)
        .arg("--socket")
        .arg(node.path("run/pathkeeper.sock"))
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// Entries of a journal until one has all of these fields.
fn told(journald: &UnixDatagram, fields: &[&str]) -> String {
    journald.set_read_timeout(Some(LIMIT)).unwrap();
    let mut bytes = vec![0; 1 << 16];
    let mut heard = Vec::new();
    loop {
        let length = journald.recv(&mut bytes).unwrap_or_else(|e| panic!("no {fields:?}: {e}; {heard:?}"));
        let entry = String::from_utf8_lossy(&bytes[..length]).into_owned();
        if fields.iter().all(|field| entry.lines().any(|line| line == *field)) {
            return entry;
        }
        heard.push(entry);
    }
}

#[test]
fn the_journal_hears_each_finding_with_its_fields() {
    let node = Node::new();
    let socket = node.path("journal");
    let journald = UnixDatagram::bind(&socket).unwrap();
    let stderr = std::fs::File::create(node.path("stderr")).unwrap();
    let stream = stderr.metadata().map(|file| format!("{}:{}", file.dev(), file.ino())).unwrap();
    let _agent = start(&node, |command| {
        command.env("JOURNAL_STREAM", stream).env("PATHKEEPER_ROOTS_JOURNAL", &socket).stderr(stderr);
    });
    node.until("/readyz", "ok");
    node.daemon_becomes(DaemonMode::Hung);
    let hung = [
        "CODE=MULTIPATHD_HUNG",
        "NODE=alpha",
        "SEVERITY=error",
        "FINGERPRINT=MULTIPATHD_HUNG alpha",
        "SYSLOG_IDENTIFIER=pathkeeper",
    ];
    let entry = told(&journald, &[&hung[..], &["EVENT=appeared", "PRIORITY=3"]].concat());
    assert!(entry.contains("\nMESSAGE=appeared: MULTIPATHD_HUNG alpha: "), "{entry}");
    assert!(!entry.contains("WWID="), "{entry}");
    node.daemon_becomes(DaemonMode::Running);
    told(&journald, &[&hung[..], &["EVENT=cleared", "PRIORITY=6"]].concat());
    assert_eq!(std::fs::read_to_string(node.path("stderr")).unwrap(), "", "each line is told once");
}

#[test]
fn where_standard_error_is_no_journal_the_fields_stand_in_the_line() {
    let node = Node::new();
    let socket = node.path("journal");
    let journald = UnixDatagram::bind(&socket).unwrap();
    let stderr = std::fs::File::create(node.path("stderr")).unwrap();
    let _agent = start(&node, |command| {
        // Left over from a service whose standard error was sent elsewhere.
        command.env("JOURNAL_STREAM", "8:1").env("PATHKEEPER_ROOTS_JOURNAL", &socket).stderr(stderr);
    });
    node.until("/readyz", "ok");
    node.daemon_becomes(DaemonMode::Hung);
    let began = Instant::now();
    let line = loop {
        let text = std::fs::read_to_string(node.path("stderr")).unwrap();
        match text.lines().find(|line| line.contains("CODE=MULTIPATHD_HUNG")) {
            Some(line) => break line.to_owned(),
            None => assert!(began.elapsed() < LIMIT, "{text}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    for field in ["ERROR", "NODE=alpha", "SEVERITY=error", "EVENT=appeared"] {
        assert!(line.contains(field), "{field}: {line}");
    }
    journald.set_nonblocking(true).unwrap();
    assert!(journald.recv(&mut [0; 1]).is_err());
}

#[test]
fn a_plugin_s_caller_and_checkmk_hear_what_is_wrong_and_that_nobody_answers() {
    let mut node = Node::new();
    let agent = start(&node, |_| {});
    node.until("/readyz", "ok");
    node.until("/api2/json/cluster/multipath/status", "\"clean\":3");
    let (exit, text) = ask(&node, &["check"]);
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.starts_with("OK: 3 LUNs optimal in 3 places, 12 of 12 paths usable | luns=3;"), "{text}");
    node.apply(&Op::Path { node: 0, lun: 0, path: 0, set: PathSet::Fail });
    node.until("/api2/json/cluster/multipath/status", "\"clean\":2");
    for what in [&["check", "--cluster"][..], &["check", "--node"], &["check", "--node", NAME]] {
        let (exit, text) = ask(&node, what);
        assert_eq!(exit, Some(1), "{what:?}: {text}");
        assert!(text.starts_with("WARNING: ") && text.contains(" | "), "{what:?}: {text}");
    }
    let (exit, text) = ask(&node, &["check", "--checkmk", "--piggyback", "san-a"]);
    assert_eq!(exit, Some(0), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let begins = [
        "<<<local:sep(0)>>>",
        "1 \"Pathkeeper node alpha\" usable=11;12:;6:|expected=12 ",
        "0 \"Pathkeeper multipathd\" age=",
        "<<<<san-a>>>>",
        "<<<local:sep(0)>>>",
        "1 \"Pathkeeper cluster\" failed=0|missing=0|degraded=1|unknown=0 ",
        "<<<<>>>>",
        "<<<local:sep(0)>>>",
    ];
    assert_eq!(lines.len(), begins.len(), "{text}");
    assert!(lines.iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{text}");
    drop(agent);
    let (exit, text) = ask(&node, &["check"]);
    assert!(exit == Some(3) && text.starts_with("UNKNOWN: no agent answers at "), "{text}");
    let (exit, text) = ask(&node, &["check", "--checkmk"]);
    assert!(exit == Some(0) && text.contains("3 \"Pathkeeper multipathd\" - no agent answers"), "{text}");
    assert!(!text.contains("Pathkeeper cluster"), "others tell of the cluster: {text}");
}

#[test]
fn the_file_for_the_node_exporter_is_whole_readable_and_never_old() {
    let node = Node::new();
    let agent = start(&node, |_| {});
    node.until("/api2/json/cluster/multipath/status", "\"clean\":3");
    let file = node.path("alpha.prom");
    let write = |page: &[&str]| {
        let to = ["--textfile", file.to_str().unwrap()];
        ask(&node, &[&["metrics"], page, &to].concat()).0
    };
    assert_eq!(write(&[]), Some(0));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\npathkeeper_multipathd_up{node=\"alpha\"} 1\n"), "{text}");
    assert!(text.ends_with("\npathkeeper_textfile_success{page=\"node\"} 1\n") && !text.contains("# EOF"));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(write(&["--cluster"]), Some(0));
    assert!(std::fs::read_to_string(&file).unwrap().contains("\npathkeeper_health_status 0\n"));
    let (exit, printed) = ask(&node, &["metrics"]);
    assert!(exit == Some(0) && printed.contains("pathkeeper_build_info{version="), "{printed}");
    drop(agent);
    assert_eq!(write(&[]), Some(3));
    let text = std::fs::read_to_string(&file).unwrap();
    let series: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(series, ["pathkeeper_textfile_success{page=\"node\"} 0"]);
    let left = std::fs::read_dir(file.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().ends_with(".tmp")));
}
