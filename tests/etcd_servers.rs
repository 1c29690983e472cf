//! A real etcd cluster for tests: members as child processes, each with its own data directory, that can be killed,
//! paused, stopped and started again. Included by `#[path]` from the tests of several crates.
//!
//! Members listen on a loopback address of this test process alone (127.x.y.z from its id), so that tests beside it and
//! what a machine runs anyway are never met; or on the addresses that [`MemberOptions::address`] gives, for tests in
//! network namespaces. etcd runs with its own defaults (heartbeats of 100 ms, elections after 1 s), for figures that
//! are measured on it to mean something.
//!
//! Everything here blocks: in async tests use a runtime of several threads.
#![allow(dead_code, reason = "each test program that includes this uses a part of it")]

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longest wait for anything here; on a quiet machine three members are up within a second.
const LIMIT: Duration = Duration::from_secs(60);
/// Longest wait for the other tests of this process.
const TURN_LIMIT: Duration = Duration::from_secs(1800);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// What a cluster is made of.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// One for each member.
    pub members: Vec<MemberOptions>,
    /// Further arguments for each member (`--quota-backend-bytes=16777216`).
    pub args: Vec<String>,
    /// Certificates for the clients' side; members talk to each other in the clear.
    pub tls: Option<Tls>,
}

/// One member.
#[derive(Clone, Debug, Default)]
pub struct MemberOptions {
    /// Words before `etcd` and `etcdctl`: `["ip", "netns", "exec", "x"]`. They must end in exec, not fork.
    pub command: Vec<String>,
    /// Where it listens (then ports are 2379 and 2380); `None` = a loopback address and free ports.
    pub address: Option<IpAddr>,
    /// Further arguments for this member alone.
    pub args: Vec<String>,
}

/// PEM files for TLS between clients and members.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Who signed.
    pub ca: PathBuf,
    /// The members' certificate, for [`loopback`]'s address, and its key.
    pub server: (PathBuf, PathBuf),
    /// A client's certificate and key. Where set, members demand one.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// A running cluster; killed and removed when dropped. Each process has one at a time: elections have clocks of their
/// own, and where a runner starts several tests in one process, each waits for its turn here.
#[derive(Debug)]
pub struct Servers {
    members: Vec<Member>,
    tls: Option<Tls>,
    /// `NAME:PASSWORD` for `etcdctl`, once users are demanded.
    user: Option<String>,
    dir: TempDir,
    // Last: the next one's turn begins when everything else is gone.
    _turn: Turn,
}

/// The right of one cluster to run in this process.
#[derive(Debug)]
struct Turn;

static TAKEN: AtomicBool = AtomicBool::new(false);

impl Turn {
    fn wait() -> Self {
        let began = Instant::now();
        while TAKEN.swap(true, Ordering::Acquire) {
            assert!(
                began.elapsed() < TURN_LIMIT,
                "another test of this process has a cluster for {TURN_LIMIT:?}"
            );
            std::thread::sleep(LOOK);
        }
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}

#[derive(Debug)]
struct Member {
    name: String,
    /// Client and peer addresses.
    client_url: String,
    peer_url: String,
    command: Vec<String>,
    args: Vec<String>,
    child: Option<Child>,
}

/// The loopback address of this process: `127.x.y.z` from its id, which has at most 22 bits.
pub fn loopback() -> IpAddr {
    let [_, x, y, z] = std::process::id().to_be_bytes();
    // With the bit set it is never 127.0.0.*, where a machine's own services are.
    Ipv4Addr::new(127, 0x40 | x, y, z).into()
}

/// A port on `address` that nobody else in this process gets.
pub fn free_port(address: IpAddr) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(12_379);
    for _ in 0..1000 {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((address, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port on {address}");
}

impl Servers {
    /// Starts `count` members with etcd's defaults on loopback, and waits until all are healthy.
    pub fn start(count: usize) -> Self {
        Self::start_with(Options { members: vec![MemberOptions::default(); count], ..Options::default() })
    }

    /// Starts a cluster and waits until every member is healthy.
    pub fn start_with(options: Options) -> Self {
        let servers = Self::spawn(options);
        servers.wait_healthy();
        servers
    }

    /// Starts a cluster and does not wait.
    pub fn spawn(options: Options) -> Self {
        let turn = Turn::wait();
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let members = options.members.into_iter().enumerate().map(|(index, member)| {
            let (address, ports) = match member.address {
                Some(address) => (address, (2379, 2380)),
                None => (loopback(), (free_port(loopback()), free_port(loopback()))),
            };
            let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
            Member {
                name: format!("etcd{index}"),
                client_url: format!("{scheme}://{host}:{}", ports.0),
                peer_url: format!("http://{host}:{}", ports.1),
                command: member.command,
                args: options.args.iter().cloned().chain(member.args).collect(),
                child: None,
            }
        });
        let mut servers = Self {
            members: members.collect(),
            tls: options.tls,
            user: None,
            dir: tempfile::Builder::new().prefix("etcd-").tempdir().unwrap(),
            _turn: turn,
        };
        for index in 0..servers.members.len() {
            servers.start_member(index);
        }
        servers
    }

    /// How many members there are, running or not.
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// All client addresses, `http://HOST:PORT`.
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(|member| member.client_url.clone()).collect()
    }

    /// One member's client address.
    pub fn endpoint(&self, index: usize) -> String {
        self.members[index].client_url.clone()
    }

    /// The process of a member that was started and not killed.
    pub fn pid(&self, index: usize) -> Option<u32> {
        self.members[index].child.as_ref().map(Child::id)
    }

    /// Where a member's log is (the log of all its runs).
    pub fn log(&self, index: usize) -> PathBuf {
        self.dir.path().join(format!("etcd{index}.log"))
    }

    /// From now on `etcdctl` is called as this user (`NAME:PASSWORD`).
    pub fn set_user(&mut self, user: &str) {
        self.user = Some(user.to_owned());
    }

    /// SIGKILL, as when power fails. Its data stay.
    pub fn kill(&mut self, index: usize) {
        if let Some(mut child) = self.members[index].child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGTERM, and waits for its end (SIGKILL after the limit).
    pub fn stop(&mut self, index: usize) {
        let Some(mut child) = self.members[index].child.take() else { return };
        signal(&child, Signal::TERM);
        let ended = until(|| child.try_wait().unwrap());
        if ended.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGSTOP: it hangs, with its connections open.
    pub fn pause(&self, index: usize) {
        signal(self.running(index), Signal::STOP);
    }

    /// SIGCONT after [`Servers::pause`].
    pub fn resume(&self, index: usize) {
        signal(self.running(index), Signal::CONT);
    }

    /// Starts a member that was killed or stopped, with the data it had. Does not wait until it is healthy.
    pub fn start_member(&mut self, index: usize) {
        let cluster: Vec<String> =
            self.members.iter().map(|member| format!("{}={}", member.name, member.peer_url)).collect();
        let log = File::options().append(true).create(true).open(self.log(index)).unwrap();
        let data = self.dir.path().join(format!("etcd{index}"));
        let member = &self.members[index];
        assert!(member.child.is_none(), "{} runs already", member.name);
        let mut command = words(&member.command, "etcd");
        command
            .args(["--name", &member.name, "--data-dir"])
            .arg(&data)
            .args(["--listen-client-urls", &member.client_url, "--advertise-client-urls", &member.client_url])
            .args(["--listen-peer-urls", &member.peer_url, "--initial-advertise-peer-urls", &member.peer_url])
            .args(["--initial-cluster", &cluster.join(","), "--initial-cluster-state", "new"])
            .args(["--initial-cluster-token", &self.dir.path().to_string_lossy(), "--logger", "zap"])
            .args(&member.args);
        if let Some(tls) = &self.tls {
            command.arg("--cert-file").arg(&tls.server.0).arg("--key-file").arg(&tls.server.1);
            if tls.client.is_some() {
                command.arg("--client-cert-auth").arg("--trusted-ca-file").arg(&tls.ca);
            }
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        self.members[index].child = Some(child);
    }

    /// Waits until each running member answers a linearizable read.
    pub fn wait_healthy(&self) {
        for index in 0..self.members.len() {
            if self.members[index].child.is_some() {
                self.wait_member(index);
            }
        }
    }

    /// Waits until one member answers a linearizable read.
    pub fn wait_member(&self, index: usize) {
        let healthy = || {
            let output = self.etcdctl_at(index, &["endpoint", "health"]);
            output.status.success().then_some(())
        };
        if until(healthy).is_none() {
            let log = std::fs::read_to_string(self.log(index)).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(20).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            panic!("{} is not healthy after {LIMIT:?}:\n{}", self.members[index].name, tail.join("\n"));
        }
    }

    /// The member that leads, as it says itself; waits until one does.
    pub fn leader(&self) -> usize {
        let found = until(|| (0..self.members.len()).find(|&index| self.leads(index)));
        found.unwrap_or_else(|| panic!("no leader after {LIMIT:?}"))
    }

    /// Whether this member answers and calls itself the leader.
    pub fn leads(&self, index: usize) -> bool {
        if self.members[index].child.is_none() {
            return false;
        }
        let output = self.etcdctl_at(index, &["endpoint", "status", "-w", "json"]);
        let Ok(answer) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else { return false };
        let status = &answer[0]["Status"];
        status["leader"].is_u64() && status["leader"] == status["header"]["member_id"]
    }

    /// Runs `etcdctl` against all members; what it printed. Panics if it failed.
    pub fn etcdctl(&self, args: &[&str]) -> String {
        let output = self.run_etcdctl(0, &self.endpoints().join(","), args);
        assert!(
            output.status.success(),
            "etcdctl {args:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `etcdctl` against one member, from where that member is.
    pub fn etcdctl_at(&self, index: usize, args: &[&str]) -> Output {
        self.run_etcdctl(index, &self.members[index].client_url, args)
    }

    fn run_etcdctl(&self, index: usize, endpoints: &str, args: &[&str]) -> Output {
        let mut command = words(&self.members[index].command, "etcdctl");
        command.env("ETCDCTL_API", "3");
        command.args(["--endpoints", endpoints, "--dial-timeout=2s", "--command-timeout=5s"]);
        if let Some(tls) = &self.tls {
            command.arg("--cacert").arg(&tls.ca);
            if let Some((cert, key)) = &tls.client {
                command.arg("--cert").arg(cert).arg("--key").arg(key);
            }
        }
        if let Some(user) = &self.user {
            command.args(["--user", user]);
        }
        command.args(args).stdin(Stdio::null());
        command.output().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"))
    }

    fn running(&self, index: usize) -> &Child {
        let member = &self.members[index];
        member.child.as_ref().unwrap_or_else(|| panic!("{} does not run", member.name))
    }

    /// Where the members' data and logs are.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for member in &mut self.members {
            if let Some(mut child) = member.child.take() {
                // A paused process dies of it too.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

fn words(command: &[String], program: &str) -> Command {
    match command {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Looks until there is something, within the limit.
fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if began.elapsed() > LIMIT {
            return None;
        }
        std::thread::sleep(LOOK);
    }
}
