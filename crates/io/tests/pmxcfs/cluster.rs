//! Several test servers that look like a cluster: what corosync does between real ones.
//!
//! Values that one sets are delivered to the others, in order, also to one that is stopped, when it goes on. A change of
//! membership makes every node send its own values again. A server that is started anew has no values of its own, and
//! its peers keep what they have.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pathkeeper_io::store::pmxcfs::{PmxcfsConfig, open};
use pathkeeper_io::store::{Store, StoreError};
use pathkeeper_model::NodeName;
use rustix::process::{Pid, Signal, kill_process};

use super::server::{CONTROL, FILES, NODE, SERVICE, STARTTIME, hex, unhex};

/// How long a server's answer is waited for.
const ANSWER: Duration = Duration::from_secs(20);

pub struct Cluster {
    dir: tempfile::TempDir,
    number: u32,
    starttime: u64,
    clinfo: u64,
    /// Nodes of corosync's list.
    nodes: Vec<String>,
    servers: BTreeMap<String, Server>,
    /// Process ids of all servers that ever ran.
    ids: Vec<u32>,
    wire: Arc<Mutex<Wire>>,
}

struct Server {
    process: Child,
    answers: Receiver<String>,
}

/// What goes between the servers.
#[derive(Default)]
struct Wire {
    controls: BTreeMap<String, UnixStream>,
    /// What each node's own table holds.
    own: BTreeMap<String, BTreeMap<String, String>>,
}

impl Wire {
    fn send(&mut self, node: &str, line: &str) {
        if let Some(control) = self.controls.get_mut(node) {
            let _ = control.write_all(format!("{line}\n").as_bytes());
        }
    }

    fn deliver(&mut self, from: &str, name: &str, data: &str) {
        let others: Vec<String> = self.controls.keys().filter(|node| *node != from).cloned().collect();
        for node in others {
            self.send(&node, &format!("deliver {from} {name} {data}"));
        }
    }
}

impl Cluster {
    /// A cluster of these nodes, all running, with quorum.
    pub fn start(nodes: &[&str]) -> Self {
        let mut cluster = Self::stopped(nodes);
        let node = |name: &&str| format!("  node {{\n    name: {name}\n  }}\n");
        let conf: String = nodes.iter().map(node).collect();
        let conf = format!("nodelist {{\n{conf}}}\ntotem {{\n  token_coefficient: 125\n}}\n");
        cluster.file("corosync.conf", conf.as_bytes());
        for node in nodes {
            cluster.start_node(node);
        }
        cluster.members(1);
        cluster
    }

    /// One node that was never in a cluster.
    pub fn alone(node: &str) -> Self {
        let mut cluster = Self::stopped(&[node]);
        cluster.start_node(node);
        cluster.members_as(node, &format!("{{\n\"nodename\": \"{node}\",\n\"version\": 0\n}}\n"));
        cluster
    }

    /// Nothing runs yet.
    pub fn stopped(nodes: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc-pve")).unwrap();
        Self {
            dir,
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            starttime: 1_783_000_000,
            clinfo: 1,
            nodes: nodes.iter().map(|n| (*n).into()).collect(),
            servers: BTreeMap::new(),
            ids: Vec::new(),
            wire: Arc::default(),
        }
    }

    /// The directory that stands for /etc/pve.
    pub fn mount(&self) -> PathBuf {
        self.dir.path().join("etc-pve")
    }

    pub fn file(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.mount().join(name), bytes).unwrap();
    }

    /// Starts a node's server, with a later starttime than any before.
    pub fn start_node(&mut self, node: &str) {
        self.starttime += 1;
        let path = self.dir.path().join(format!("{node}.{}", self.starttime));
        let listener = UnixListener::bind(&path).unwrap();
        let process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "pmxcfs::pmxcfs_server_process",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(CONTROL, &path)
            .env(SERVICE, self.service(node))
            .env(NODE, node)
            .env(STARTTIME, self.starttime.to_string())
            .env(FILES, self.mount())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.ids.push(process.id());
        let (control, _) = listener.accept().unwrap();
        let (sender, answers) = channel();
        let (wire, name, lines) = (self.wire.clone(), node.to_owned(), control.try_clone().unwrap());
        let mut state = self.wire.lock().unwrap();
        state.own.insert(node.into(), BTreeMap::new());
        state.controls.insert(node.into(), control);
        drop(state);
        std::thread::spawn(move || listen(&wire, &name, lines, &sender));
        assert_eq!(answers.recv_timeout(ANSWER).as_deref(), Ok("ready"));
        self.servers.insert(node.into(), Server { process, answers });
    }

    fn service(&self, node: &str) -> String {
        format!("pk-test-{}-{}-{node}", std::process::id(), self.number)
    }

    /// How the store of `node` is opened.
    pub fn config(&self, node: &str) -> PmxcfsConfig {
        PmxcfsConfig { service: self.service(node), mount: self.mount(), ..PmxcfsConfig::default() }
    }

    pub fn open(&self, node: &str) -> Arc<dyn Store> {
        self.try_open(node, node).unwrap()
    }

    pub fn try_open(&self, node: &str, called: &str) -> Result<Arc<dyn Store>, StoreError> {
        open(&self.config(node), &NodeName::new(called).unwrap())
    }

    /// Tells all nodes who runs, and whether that is enough; a changed membership sends all values again.
    pub fn members(&mut self, quorate: u8) {
        let running: Vec<String> = self.servers.keys().cloned().collect();
        self.members_with(&running, quorate, true);
    }

    /// The same with these as online. Losing quorum alone does not move `clinfo`.
    pub fn members_with(&mut self, online: &[String], quorate: u8, moves: bool) {
        self.clinfo += u64::from(moves);
        let list: Vec<String> = self
            .nodes
            .iter()
            .enumerate()
            .map(|(i, node)| {
                let online = u8::from(online.contains(node));
                format!("  \"{node}\": {{ \"id\": {}, \"online\": {online}, \"ip\": \"192.0.2.{i}\"}}", i + 1)
            })
            .collect();
        let running: Vec<String> = self.servers.keys().cloned().collect();
        for node in &running {
            let text = format!(
                "{{\n\"nodename\": \"{node}\",\n\"version\": {},\n\"cluster\": {{ \"name\": \"lab\", \"version\": 3, \
                 \"nodes\": {}, \"quorate\": {quorate} }},\n\"nodelist\": {{\n{}\n  }}\n}}\n",
                self.clinfo,
                self.nodes.len(),
                list.join(",\n")
            );
            self.members_as(node, &text);
        }
        if moves {
            self.resend();
        }
    }

    /// Tells one node its members, literally.
    pub fn members_as(&self, node: &str, text: &str) {
        self.tell(node, &format!("members {} {}", self.clinfo, hex(text.as_bytes())));
    }

    /// Every node sends all of its own values again, unchanged.
    pub fn resend(&self) {
        let mut wire = self.wire.lock().unwrap();
        for (node, values) in wire.own.clone() {
            for (name, data) in values {
                wire.deliver(&node, &name, &data);
            }
        }
    }

    /// A node's value, set by something else than us (the Perl series, Proxmox itself).
    pub fn set_by_other(&self, node: &str, name: &str, data: &[u8]) {
        let data = hex(data);
        let mut wire = self.wire.lock().unwrap();
        wire.send(node, &format!("own {name} {data}"));
        wire.deliver(node, name, &data);
        wire.own.entry(node.into()).or_default().insert(name.into(), data);
    }

    /// The node is removed from corosync's list: its values go with it.
    pub fn remove(&mut self, node: &str) {
        self.kill(node);
        self.nodes.retain(|n| n != node);
        self.wire.lock().unwrap().own.remove(node);
        for other in self.servers.keys() {
            self.tell(other, &format!("drop-peer {node}"));
        }
        self.members(1);
    }

    /// A command for a node's server.
    pub fn tell(&self, node: &str, line: &str) {
        self.wire.lock().unwrap().send(node, line);
    }

    /// A command that is answered.
    pub fn ask(&self, node: &str, line: &str) -> String {
        self.tell(node, line);
        let answer = self.servers[node].answers.recv_timeout(ANSWER).unwrap();
        answer.strip_prefix("answer ").unwrap_or_default().to_owned()
    }

    /// What a node's server has in its own table, to the byte.
    pub fn own_value(&self, node: &str, name: &str) -> Option<Vec<u8>> {
        let text = self.ask(node, &format!("value {name}"));
        (text != "none").then(|| unhex(&text))
    }

    /// How often each request came, by number, and `connections`.
    pub fn counts(&self, node: &str) -> BTreeMap<String, u64> {
        self.ask(node, "counts")
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .map(|(id, n)| (id.to_owned(), n.parse().unwrap()))
            .collect()
    }

    pub fn stop(&self, node: &str) {
        self.signal(node, Signal::STOP);
    }

    pub fn go_on(&self, node: &str) {
        self.signal(node, Signal::CONT);
    }

    fn signal(&self, node: &str, signal: Signal) {
        kill_process(Pid::from_child(&self.servers[node].process), signal).unwrap();
    }

    /// kill -9 of one pmxcfs.
    pub fn kill(&mut self, node: &str) {
        if let Some(mut server) = self.servers.remove(node) {
            let _ = server.process.kill();
            let _ = server.process.wait();
        }
        self.wire.lock().unwrap().controls.remove(node);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for server in self.servers.values_mut() {
            let _ = server.process.kill();
            let _ = server.process.wait();
        }
        // A killed server cannot take its rings away; the last client's disconnect does, when there is one.
        for entry in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if self.ids.iter().any(|id| name.starts_with(&format!("qb-{id}-"))) {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn listen(wire: &Mutex<Wire>, node: &str, lines: UnixStream, answers: &Sender<String>) {
    for line in BufReader::new(lines).lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["set", name, data] => {
                let mut wire = wire.lock().unwrap();
                let own = wire.own.entry(node.into()).or_default();
                if data.is_empty() {
                    own.remove(name);
                } else {
                    own.insert(name.into(), data.into());
                }
                wire.deliver(node, name, data);
            }
            ["hello", _] => {}
            _ => {
                if answers.send(line).is_err() {
                    return;
                }
            }
        }
    }
}
