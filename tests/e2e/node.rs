//! One agent under test: the real program, a simulated multipathd and sysfs below it, HTTP by hand in front of it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use pathkeeper::demo::multipathd::{Listen, Multipathd, Served};
use pathkeeper::demo::tree::Tree;
use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{DaemonMode, Op, San, SanConfig};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The node's name.
pub const NAME: &str = "alpha";
/// Longest wait for anything; on a quiet machine each takes a second or two, a hung multipathd ten.
const LIMIT: Duration = Duration::from_secs(60);
/// A body larger than this is no answer of ours.
const BODY_BYTES_MAX: u64 = 16 << 20;

/// A simulated node.
pub struct Node {
    dir: TempDir,
    san: San,
    tree: Tree,
    daemon: Multipathd,
    // Last: what runs on it is dropped first.
    _runtime: Runtime,
    port: u16,
}

impl Node {
    /// A node with three LUNs of four paths and a multipathd that answers like 0.9.4.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let san = San::new(SanConfig { nodes: 1, luns: 3, paths: 4, seed: 1 }).unwrap();
        let mut tree = Tree::new(dir.path().join("sys"));
        tree.show(san.sysfs(0)).unwrap();
        let listen = Listen::Path(dir.path().join("multipathd.socket"));
        let daemon = {
            let _here = runtime.enter();
            Multipathd::start(listen, Served::of(&san, 0, Version::V0_9_4)).unwrap()
        };
        // Free when we looked; the agent says so if somebody was quicker.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        for name in ["state", "run", "proc", "etc/multipath"] {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        // As multipathd does for each map that it makes.
        let wwids: String = san.kernel_maps(0).iter().map(|map| format!("/{}/\n", map.wwid)).collect();
        std::fs::write(dir.path().join("etc/multipath/wwids"), wwids).unwrap();
        Self { dir, san, tree, daemon, _runtime: runtime, port }
    }

    /// A folder or file of this node.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The daemon below.
    pub fn daemon(&self) -> &Multipathd {
        &self.daemon
    }

    /// Adds the agent and its settings to a command (`strace …`, or an empty one made by [`program`]).
    pub fn agent(&self, command: &mut Command) {
        let kept = |name: &std::ffi::OsStr| !name.to_string_lossy().starts_with("PATHKEEPER_");
        command
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| kept(name)))
            .env("PATHKEEPER_NODE", NAME)
            .env("PATHKEEPER_STATE_DIR", self.path("state"))
            .env("PATHKEEPER_RUN_DIR", self.path("run"))
            .env("PATHKEEPER_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("PATHKEEPER_SOCKET_GROUP", "none")
            .env("PATHKEEPER_POLL_INTERVAL_S", "2")
            .env("PATHKEEPER_MULTIPATHD_SOCKET", self.path("multipathd.socket"))
            .env("PATHKEEPER_ROOTS_SYSFS", self.path("sys"))
            .env("PATHKEEPER_ROOTS_ETC", self.path("etc"))
            .current_dir("/");
    }

    /// Lets something happen to the SAN, and the node's multipathd and sysfs follow.
    pub fn apply(&mut self, op: &Op) {
        self.san.apply(op).unwrap();
        self.tree.show(self.san.sysfs(0)).unwrap();
        self.daemon.set(Served::of(&self.san, 0, Version::V0_9_4));
    }

    /// Changes how the daemon behaves.
    pub fn daemon_becomes(&self, mode: DaemonMode) {
        let served = Served::of(&self.san, 0, Version::V0_9_4);
        self.daemon.set(Served { mode, ..served });
    }

    /// Asks the agent; `None` while nobody answers.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.take(BODY_BYTES_MAX).read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// The first bytes of an answer that does not end.
    pub fn first_bytes(&self, path: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
        let mut bytes = [0; 1024];
        let length = stream.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    /// Waits until the answer is 200 and holds `text`.
    pub fn until(&self, path: &str, text: &str) {
        let began = Instant::now();
        let mut last = None;
        while began.elapsed() < LIMIT {
            last = self.get(path);
            if last.as_ref().is_some_and(|(status, body)| *status == 200 && body.contains(text)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{path} did not say {text:?} within {LIMIT:?}; last: {last:?}");
    }
}

/// The built program.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_pathkeeper"))
}
