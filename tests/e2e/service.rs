//! The agent as a service: what it tells systemd, how it stops, what a second one on the same directory hears.

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pathkeeper_engine::sim::DaemonMode;

use crate::node::{Node, program};

/// Longest wait for one message; each takes a few seconds at most.
const LIMIT: Duration = Duration::from_secs(60);

/// A running agent; it ends with this value.
pub struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the agent of this node.
pub fn start(node: &Node, change: impl FnOnce(&mut Command)) -> Agent {
    let mut command = Command::new(program());
    command.arg("agent").stderr(Stdio::piped());
    node.agent(&mut command);
    change(&mut command);
    Agent(command.spawn().unwrap())
}

/// Ends it as systemd does; its exit status.
pub fn terminate(agent: &mut Agent) -> Option<i32> {
    let pid = rustix::process::Pid::from_child(&agent.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    agent.0.wait().unwrap().code()
}

/// Takes messages until one holds `word`.
pub fn told(systemd: &UnixDatagram, word: &str) {
    systemd.set_read_timeout(Some(LIMIT)).unwrap();
    let mut bytes = [0; 4096];
    loop {
        let length =
            systemd.recv(&mut bytes).unwrap_or_else(|e| panic!("systemd was never told {word}: {e}"));
        if String::from_utf8_lossy(&bytes[..length]).lines().any(|line| line == word) {
            return;
        }
    }
}

/// Else systemd would end it after a minute, and again, and nobody could ask the node for its own paths.
#[cfg(feature = "etcd")]
#[test]
fn systemd_hears_ready_also_while_the_store_is_away() {
    let node = Node::new();
    let socket = node.path("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    let _agent = start(&node, |command| {
        // Nobody listens at port 1.
        command.env("NOTIFY_SOCKET", &socket).env("PATHKEEPER_STORE_ETCD_ENDPOINTS", "http://127.0.0.1:1");
    });
    told(&systemd, "READY=1");
    let (status, maps) = node.get("/api2/json/nodes/localhost/disks/multipath").unwrap();
    assert_eq!((status, maps.contains("\"multipathd\":\"running\"")), (200, true), "{maps}");
    let (status, why) = node.get("/api2/json/cluster/multipath/status").unwrap();
    assert_eq!(status, 503, "{why}");
}

#[test]
fn systemd_hears_ready_and_a_hung_multipathd_does_not_trip_the_watchdog() {
    let node = Node::new();
    node.daemon_becomes(DaemonMode::Hung);
    let socket = node.path("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    let mut agent = start(&node, |command| {
        command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "9000000").env_remove("WATCHDOG_PID");
    });
    told(&systemd, "READY=1");
    let (_, nodes) = node.get("/api2/json/nodes").unwrap();
    assert!(nodes.contains("\"multipathd\":\"hung\""), "READY comes after the first read: {nodes}");
    for _ in 0..3 {
        told(&systemd, "WATCHDOG=1");
    }
    assert_eq!(terminate(&mut agent), Some(0));
    told(&systemd, "STOPPING=1");
    assert!(!node.path("run/pathkeeper.sock").exists());
}

#[test]
fn a_second_agent_on_the_same_directory_is_refused_and_a_killed_one_leaves_no_obstacle() {
    let node = Node::new();
    let mut first = start(&node, |_| ());
    node.until("/readyz", "ok");
    let second = ended(start(&node, |_| ()));
    assert_ne!(second.0, Some(0), "{}", second.1);
    assert!(second.1.contains(&format!("process {}", first.0.id())), "{}", second.1);
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    let mut third = start(&node, |_| ());
    node.until("/readyz", "ok");
    assert_eq!(terminate(&mut third), Some(0));
}

fn ended(mut agent: Agent) -> (Option<i32>, String) {
    let code = agent.0.wait().unwrap().code();
    let mut words = String::new();
    std::io::Read::read_to_string(&mut agent.0.stderr.take().unwrap(), &mut words).unwrap();
    (code, words)
}

/// The series writes into pmxcfs alone: in any other store nobody else would report for this node.
#[test]
fn where_the_perl_series_is_installed_beside_another_store_the_agent_reports() {
    let node = Node::new();
    let series = node.path("usr/share/perl5/PVE");
    std::fs::create_dir_all(&series).unwrap();
    std::fs::write(series.join("Multipath.pm"), "package PVE::Multipath;\n").unwrap();
    let mut agent = start(&node, |command| {
        command.env("PATHKEEPER_ROOTS_USR", node.path("usr"));
    });
    node.until("/api2/json/cluster/multipath/status", r#""cluster-state":"optimal""#);
    let (_, status) = node.get("/api2/json/cluster/multipath/status").unwrap();
    assert!(!status.contains("NODE_STEPS_BACK"), "{status}");
    assert_eq!(terminate(&mut agent), Some(0));
}
