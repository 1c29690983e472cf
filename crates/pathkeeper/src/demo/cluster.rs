//! The demo's cluster: simulated machines, and on each of them a real agent with its own HTTP server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use pathkeeper_engine::agent::Depth;
use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{Op, San};
use pathkeeper_io::local::{LocalReader, ProbeResult, ReaderConfig};
use pathkeeper_io::multipathd::SocketAddress;
use pathkeeper_io::roots::Roots;
use pathkeeper_io::store::Store;
use pathkeeper_io::store::embedded::Hub;
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::token::{Privilege, Token, TokenId};
use pathkeeper_model::{EpochS, NodeName, Wwid};
use tokio::sync::mpsc;

use super::expect::paths_untold;
use super::machine::Machine;
use super::multipathd::Listen;
use crate::app::clock::ClockOffset;
use crate::app::mode::Mode;
use crate::app::reader::{Look, MakeLook, PROBE_MS, depth_of};
use crate::app::tokens;
use crate::app::{App, AppConfig, node_facts, random_instance};
use crate::config::AlertsChoice;

/// Signs that may wait for an agent; one is as good as many.
const TRIGGERS_MAX: usize = 4;
/// Milliseconds between two looks when nothing happens, as a real agent has it.
const POLL_MS: u64 = 10_000;

/// How a cluster is to be.
#[derive(Clone, Copy, Debug)]
pub struct ClusterOptions {
    /// The first node's port, the next one's is one higher; 0 gives every node a free one.
    pub port: u16,
    /// Which multipath-tools is simulated.
    pub version: Version,
}

/// Opens one node's access to a store; called anew each time that the node's agent starts.
pub type OpenStore = Box<dyn Fn(&NodeName) -> anyhow::Result<Arc<dyn Store>> + Send + Sync>;

/// How the agents hear of each other.
enum Stores {
    /// In this process: who is a member is told by hand.
    Embedded(Hub),
    /// Through a real store, which knows by itself who is there.
    Other(OpenStore),
}

/// A token that every agent of a demo lets in. It opens nothing but the demo, on the loopback, until that ends.
#[derive(Clone, Debug)]
pub struct DemoToken {
    id: TokenId,
    hash: [u8; 32],
    /// `USER@REALM!NAME=SECRET`.
    pub whole: String,
}

impl DemoToken {
    /// A new one.
    ///
    /// # Errors
    /// If the kernel has no randomness to give.
    pub fn new() -> anyhow::Result<Self> {
        let id = TokenId::of("demo").context("the demo's token has no name")?;
        let (secret, hash) = tokens::new_secret()?;
        Ok(Self { whole: format!("{id}={secret}"), id, hash })
    }
}

/// A running cluster. Dropping it ends everything and removes its files.
#[derive(Debug)]
pub struct DemoCluster {
    san: Arc<Mutex<San>>,
    stores: Stores,
    nodes: Vec<DemoNode>,
    watched: Vec<Wwid>,
    /// Where agents that start from now on send alerts.
    alerts: AlertsChoice,
    /// Whether agents keep what they learn: ledger, history, tokens.
    keeps: bool,
    /// Last, so that it goes when everything that lives in it has gone.
    _dir: tempfile::TempDir,
}

#[derive(Debug)]
struct DemoNode {
    name: NodeName,
    machine: Machine,
    /// Where its agent listens or last listened; port 0 before it first did.
    listen: SocketAddr,
    agent: Option<RunningAgent>,
}

#[derive(Debug)]
struct RunningAgent {
    app: App,
    triggers: mpsc::Sender<()>,
}

impl DemoCluster {
    /// Starts a machine and an agent for each node of the SAN that is alive.
    ///
    /// # Errors
    /// In words: a port that is taken, a directory that cannot be written.
    pub async fn start(san: San, options: ClusterOptions) -> anyhow::Result<Self> {
        let dir = directory(&san)?;
        let hub = Hub::open(&dir.path().join("store"))?;
        Self::start_in(dir, san, options, Stores::Embedded(hub), AlertsChoice::default(), false).await
    }

    /// [`DemoCluster::start`] with agents that keep what they learn, as those of a service do, and let in a token that may
    /// change things.
    ///
    /// # Errors
    /// As [`DemoCluster::start`].
    pub async fn start_keeping(san: San, options: ClusterOptions, token: &DemoToken) -> anyhow::Result<Self> {
        let dir = directory(&san)?;
        let hub = Hub::open(&dir.path().join("store"))?;
        for node in &san.nodes {
            let state = state_dir(&dir.path().join(node.name.as_str()));
            std::fs::create_dir_all(&state)?;
            let made = Token {
                privilege: Privilege::Modify,
                made: EpochS(0),
                until: None,
                comment: None,
                hash: token.hash,
            };
            tokens::edit(&state, |all| all.add(token.id.clone(), made).map_err(anyhow::Error::msg))?;
        }
        Self::start_in(dir, san, options, Stores::Embedded(hub), AlertsChoice::default(), true).await
    }

    /// [`DemoCluster::start`] with agents that send alerts.
    ///
    /// # Errors
    /// As [`DemoCluster::start`].
    pub async fn start_alerting(
        san: San,
        options: ClusterOptions,
        alerts: AlertsChoice,
    ) -> anyhow::Result<Self> {
        let dir = directory(&san)?;
        let hub = Hub::open(&dir.path().join("store"))?;
        Self::start_in(dir, san, options, Stores::Embedded(hub), alerts, false).await
    }

    /// The same over another store: its own membership counts, also for a node whose power is cut.
    ///
    /// # Errors
    /// As [`DemoCluster::start`], and what `open` says.
    pub async fn start_over(san: San, options: ClusterOptions, open: OpenStore) -> anyhow::Result<Self> {
        let dir = directory(&san)?;
        Self::start_in(dir, san, options, Stores::Other(open), AlertsChoice::default(), false).await
    }

    async fn start_in(
        dir: tempfile::TempDir,
        san: San,
        options: ClusterOptions,
        stores: Stores,
        alerts: AlertsChoice,
        keeps: bool,
    ) -> anyhow::Result<Self> {
        let mut nodes = Vec::new();
        for (n, node) in san.nodes.iter().enumerate() {
            let root = dir.path().join(node.name.as_str());
            let machine = Machine::start(&san, n, options.version, &root, None)
                .with_context(|| format!("the simulated machine {} cannot be shown", node.name))?;
            let port = match options.port {
                0 => 0,
                first => u16::try_from(usize::from(first) + n).ok().with_context(|| {
                    format!("there is no port for {}: --port {first} leaves room for fewer nodes", node.name)
                })?,
            };
            nodes.push(DemoNode {
                name: node.name.clone(),
                machine,
                listen: (Ipv4Addr::LOCALHOST, port).into(),
                agent: None,
            });
        }
        let watched = san.luns.iter().map(|lun| lun.wwid.clone()).collect();
        let alive: Vec<bool> = san.nodes.iter().map(|n| n.alive).collect();
        let san = Arc::new(Mutex::new(san));
        let mut cluster = Self { san, stores, nodes, watched, alerts, keeps, _dir: dir };
        // Every node is known from the beginning, so that nobody sees a smaller cluster first.
        for (node, alive) in cluster.nodes.iter().zip(&alive) {
            cluster.stores.set_member(&node.name, *alive);
        }
        for (n, _) in alive.iter().enumerate().filter(|(_, alive)| **alive) {
            cluster.start_agent(n).await?;
        }
        Ok(cluster)
    }

    /// The SAN as it is now.
    pub fn san(&self) -> MutexGuard<'_, San> {
        lock(&self.san)
    }

    /// The address of a node's API, while it is alive.
    pub fn address(&self, node: usize) -> Option<SocketAddr> {
        self.nodes.get(node).filter(|n| n.agent.is_some()).map(|n| n.listen)
    }

    /// The first node that is alive, and its address.
    pub fn observer(&self) -> Option<(usize, SocketAddr)> {
        (0..self.nodes.len()).find_map(|n| Some((n, self.address(n)?)))
    }

    /// The maps whose lost paths the first node that is alive has not been told of; at most `max` sentences.
    pub fn paths_untold(&self, max: usize) -> Vec<String> {
        match self.nodes.iter().find_map(|node| node.agent.as_ref()) {
            Some(agent) => paths_untold(&agent.app.board.nodes(), &self.san(), max),
            None => Vec::new(),
        }
    }

    /// What would have changed something at any multipathd: an observing agent never asks for it.
    pub fn changes_asked(&self) -> u64 {
        self.nodes.iter().map(|n| n.machine.asked().changes()).sum()
    }

    /// Lets something happen: to the SAN, to the machines' files and daemons, and then the kernel tells the agents.
    ///
    /// # Errors
    /// In words, if the operation does not fit the SAN or the machine cannot be shown.
    pub async fn apply(&mut self, op: &Op) -> anyhow::Result<()> {
        let (touched, alive, told) = {
            let mut san = lock(&self.san);
            let effects = san.apply(op)?;
            // Writing some hundred small files takes a moment; nothing else on this thread may wait for it.
            tokio::task::block_in_place(|| {
                for n in &effects.nodes {
                    if let Some(node) = self.nodes.get_mut(*n) {
                        node.machine.show(&san)?;
                    }
                }
                anyhow::Ok(())
            })?;
            let mut told: Vec<usize> = effects.events.iter().map(|e| e.node).collect();
            if has_other_sign(op) {
                told.extend(&effects.nodes);
            }
            let alive: Vec<bool> = san.nodes.iter().map(|n| n.alive).collect();
            (effects.nodes, alive, told)
        };
        for n in touched {
            let runs = self.nodes.get(n).is_some_and(|node| node.agent.is_some());
            match (alive.get(n).copied().unwrap_or(false), runs) {
                (false, true) => self.kill_agent(n),
                (true, false) => self.start_agent(n).await?,
                _ => {}
            }
        }
        for n in told {
            if let Some(agent) = self.nodes.get(n).and_then(|node| node.agent.as_ref()) {
                // A full channel holds a sign that the agent has not looked at yet.
                let _ = agent.triggers.try_send(());
            }
        }
        Ok(())
    }

    /// Lets time pass for what counts down.
    pub fn advance(&mut self, ms: u64) {
        let mut san = lock(&self.san);
        for n in san.advance(ms) {
            if let Some(node) = self.nodes.get(n) {
                node.machine.show_daemon(&san);
            }
        }
    }

    /// Ends every agent as a service is ended.
    pub async fn stop(mut self) {
        let agents = self.nodes.iter_mut().filter_map(|node| node.agent.take());
        let stopping: tokio::task::JoinSet<()> = agents.map(|agent| agent.app.stop()).collect();
        stopping.join_all().await;
    }

    async fn start_agent(&mut self, n: usize) -> anyhow::Result<()> {
        let Some(node) = self.nodes.get_mut(n) else { return Ok(()) };
        let name = &node.name;
        let (triggers, signs) = mpsc::channel(TRIGGERS_MAX);
        let roots = Roots::below(node.machine.root());
        let config = AppConfig {
            cluster: Some("demo".to_owned()),
            poll_ms: POLL_MS,
            listen: Some(node.listen),
            socket: None,
            instance: random_instance()?,
            facts: node_facts(&roots, &Mode::of_node(&roots, false)),
            clock_offset: ClockOffset::default(),
            doors: Default::default(),
            history: Default::default(),
            alerts: self.alerts.clone(),
            machine: Some(reader_of(&node.machine)),
        };
        let watched = self.watched.clone();
        let look = simulated_look(&node.machine, Arc::clone(&self.san), n);
        let store = self.stores.open(name)?;
        let state = self.keeps.then(|| state_dir(node.machine.root()));
        let app = App::start_keeping(config, watched, state, store, look, signs)
            .await
            .with_context(|| format!("the agent of {name} cannot start (--port N takes other ports)"))?;
        if let Some(address) = app.address {
            // A node that comes back is found where it was.
            node.listen = address;
        }
        node.agent = Some(RunningAgent { app, triggers });
        Ok(())
    }

    /// A machine without power says nothing any more, and its peers notice.
    fn kill_agent(&mut self, n: usize) {
        if let Some(node) = self.nodes.get_mut(n) {
            node.agent = None;
            self.stores.set_member(&node.name, false);
        }
    }
}

impl Stores {
    fn open(&self, node: &NodeName) -> anyhow::Result<Arc<dyn Store>> {
        match self {
            Stores::Embedded(hub) => Ok(Arc::new(hub.node(node))),
            Stores::Other(open) => open(node),
        }
    }

    fn set_member(&self, node: &NodeName, online: bool) {
        match self {
            Stores::Embedded(hub) => hub.set_member(node, online),
            // Who is there is the store's own to find out.
            Stores::Other(_) => {}
        }
    }
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stores::Embedded(_) => "Embedded",
            Stores::Other(_) => "Other",
        })
    }
}

/// Where the agent of a machine keeps what it learns.
fn state_dir(root: &Path) -> PathBuf {
    root.join("var/lib/pathkeeper")
}

/// The agent's own reader, and beside it the simulated kernel: this machine's device-mapper knows no such maps.
struct SimulatedLook {
    multipathd: LocalReader,
    answered: bool,
    san: Arc<Mutex<San>>,
    node: usize,
}

impl Look for SimulatedLook {
    fn read(&mut self, depth: Depth) -> NodeRead {
        let mut read = self.multipathd.read(depth_of(depth));
        read.kernel = Ok(lock(&self.san).kernel_maps(self.node));
        self.answered = matches!(read.daemon, Daemon::Answering { .. });
        read
    }
    fn probe(&mut self) -> bool {
        let works = matches!(self.multipathd.probe(PROBE_MS), ProbeResult::Idle { .. });
        works == self.answered
    }
}

fn reader_of(machine: &Machine) -> ReaderConfig {
    ReaderConfig {
        roots: Roots::below(machine.root()),
        socket: match machine.socket() {
            Listen::Path(path) => SocketAddress::Path(path.clone()),
            Listen::Abstract(name) => SocketAddress::Abstract(name.clone()),
        },
        ..ReaderConfig::default()
    }
}

fn simulated_look(machine: &Machine, san: Arc<Mutex<San>>, node: usize) -> MakeLook {
    let config = reader_of(machine);
    Arc::new(move || {
        let multipathd = LocalReader::new(config.clone());
        Box::new(SimulatedLook { multipathd, answered: false, san: Arc::clone(&san), node })
    })
}

/// Where shared memory is: the machines' files are many and small, and the demo should not wait for a disk.
const MEMORY: &str = "/dev/shm";

/// A directory for the machines: in TMPDIR where that is set, else in memory where there is plenty, else in /tmp.
fn directory(san: &San) -> anyhow::Result<tempfile::TempDir> {
    let builder = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix("pathkeeper-demo-");
        builder
    };
    let config = san.config;
    // A path device is five files and a map six; each takes a page.
    let pages = config.nodes * config.luns * (config.paths * 5 + 6);
    let plenty = rustix::fs::statvfs(MEMORY)
        .is_ok_and(|fs| (pages as u64) * 4096 < fs.f_bavail.saturating_mul(fs.f_frsize) / 4);
    let chosen = std::env::var_os("TMPDIR").is_none() && plenty;
    let in_memory = if chosen { builder().tempdir_in(MEMORY).ok() } else { None };
    match in_memory {
        Some(dir) => Ok(dir),
        None => builder().tempdir().context("no directory for the simulated machines (TMPDIR says where)"),
    }
}

/// What an agent learns beside kernel events: that multipathd's process came or went, that a disk grew.
fn has_other_sign(op: &Op) -> bool {
    use pathkeeper_engine::sim::DaemonMode;
    match op {
        Op::Multipathd { mode, .. } => !matches!(mode, DaemonMode::Hung | DaemonMode::Slow { .. }),
        Op::ResizeLun { .. } | Op::Heal => true,
        _ => false,
    }
}

fn lock(san: &Mutex<San>) -> MutexGuard<'_, San> {
    // An operation that panicked half way would leave a SAN that is still one.
    san.lock().unwrap_or_else(PoisonError::into_inner)
}
