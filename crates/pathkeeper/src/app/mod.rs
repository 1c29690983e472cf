//! The running agent: state machines, store, local reads and HTTP joined together.
//!
//! [`App::start`] is embeddable: the service, the demo and the tests start the same thing with other hands.

pub mod agent_loop;
pub mod alerts;
pub mod apply;
pub mod board;
pub mod cause_memory;
pub mod clock;
pub mod cluster_loop;
pub mod convert;
pub mod documents;
pub mod findings_log;
pub mod follower;
pub mod history;
pub mod last_put;
pub mod ledger_file;
pub mod logging;
pub mod luns;
pub mod manager;
pub mod map;
pub mod mode;
pub mod node_state;
pub mod own;
pub mod parts;
pub mod port_turns;
pub mod reader;
pub mod service;
pub mod stores;
pub mod tokens;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use pathkeeper_engine::agent::{Agent, AgentConfig, NodeFacts};
use pathkeeper_engine::cluster::{Cluster, ClusterConfig, ClusterEvent};
use pathkeeper_engine::publish::PublishLimits;
use pathkeeper_io::history::History;
use pathkeeper_io::store::{Refresh, Store};
use pathkeeper_io::{ReaderConfig, Roots};
use pathkeeper_model::history::Limits;
use pathkeeper_model::{Instance, Wwid};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::config::AlertsChoice;
use crate::http::auth::Access;
use crate::http::{self, Context};
use crate::tls::{Keeper, LOAD_MAX, Source};
pub use service::{AgentArgs, run as run_agent};

use board::Board;
use clock::{Clock, ClockOffset};
use ledger_file::LedgerFile;
use node_state::OwnMachine;
use reader::MakeLook;
use tokens::TokenStore;

/// What waits to be written to the history when the agent stops is waited for so long.
const HISTORY_END: std::time::Duration = std::time::Duration::from_secs(3);

/// How an app is to be.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// The cluster's name, for people.
    pub cluster: Option<String>,
    /// Milliseconds between polls.
    pub poll_ms: u64,
    /// TCP address to listen at; port 0 takes a free one.
    pub listen: Option<SocketAddr>,
    /// Unix socket to listen at, and the group that may use it beside root and this user.
    pub socket: Option<(PathBuf, Option<String>)>,
    /// This run; random.
    pub instance: Instance,
    /// What the node says of itself.
    pub facts: NodeFacts,
    /// What is added to the wall clock; nothing in service.
    pub clock_offset: ClockOffset,
    /// How its doors are guarded.
    pub doors: Doors,
    /// How much history is kept, where there is a state directory.
    pub history: Limits,
    /// Where alerts go, and when.
    pub alerts: AlertsChoice,
    /// Where the node's own files and its multipathd are; `None` = they are not seen, and nothing is said of them.
    pub machine: Option<ReaderConfig>,
}

impl AppConfig {
    /// An agent that polls every 10 s and listens nowhere.
    pub fn new(instance: Instance, facts: NodeFacts) -> Self {
        Self {
            cluster: None,
            poll_ms: 10_000,
            listen: None,
            socket: None,
            instance,
            facts,
            clock_offset: ClockOffset::default(),
            doors: Doors::default(),
            history: Limits::default(),
            alerts: AlertsChoice::default(),
            machine: None,
        }
    }
}

/// How the ways into the API are guarded. The defaults are those of the service.
#[derive(Clone, Debug, Default)]
pub struct Doors {
    /// What a peer gets at most.
    pub limits: http::server::Limits,
    /// The certificate for TCP; `None` = plain, which only the loopback may be.
    pub tls: Option<Source>,
    /// Reading over the loopback needs a token too.
    pub loopback_needs_token: bool,
}

/// A running agent.
#[derive(Debug)]
pub struct App {
    /// What readers see.
    pub board: Arc<Board>,
    /// The address of the API, where it listens on TCP.
    pub address: Option<SocketAddr>,
    /// Its certificate, where it speaks TLS.
    pub certificate: Option<Keeper>,
    /// Turns of the agent's loop and of the cluster's loop.
    pub pulses: [watch::Receiver<u64>; 2],
    /// What it saw, where that is kept.
    pub history: Option<History>,
    clock: Clock,
    shutdown: watch::Sender<bool>,
    servers: JoinSet<()>,
    loops: JoinSet<()>,
}

impl App {
    /// Starts everything. `triggers` are signs that something changed on the node; a closed channel is no fault.
    ///
    /// # Errors
    /// In words, if an address or socket cannot be listened at.
    pub async fn start(
        config: AppConfig,
        store: Arc<dyn Store>,
        make_look: MakeLook,
        triggers: mpsc::Receiver<()>,
    ) -> anyhow::Result<App> {
        Self::start_watching(config, Vec::new(), store, make_look, triggers).await
    }

    /// [`App::start`] with a watched set: LUNs that every online node should carry.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_watching(
        config: AppConfig,
        watched: Vec<Wwid>,
        store: Arc<dyn Store>,
        make_look: MakeLook,
        triggers: mpsc::Receiver<()>,
    ) -> anyhow::Result<App> {
        Self::start_keeping(config, watched, None, store, make_look, triggers).await
    }

    /// [`App::start_watching`] with a state directory in which the ledger is kept.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_keeping(
        config: AppConfig,
        watched: Vec<Wwid>,
        state_dir: Option<PathBuf>,
        store: Arc<dyn Store>,
        make_look: MakeLook,
        triggers: mpsc::Receiver<()>,
    ) -> anyhow::Result<App> {
        let clock = Clock::start(config.clock_offset);
        let now = clock.now();
        let board = Arc::new(Board::new(config.instance));
        let limits = store.limits();
        let node = store.own_node().clone();
        let mode = config.facts.mode.clone();
        let tokens = state_dir.as_deref().map_or_else(TokenStore::none, TokenStore::open);
        let access = Access::new(tokens.clone(), config.doors.loopback_needs_token, state_dir.as_deref());
        // A file that cannot be used lets nobody in, and must not keep the node from being watched.
        let has_tokens = !tokens.is_empty() || tokens.problem().is_some();
        let history = state_dir
            .as_deref()
            .and_then(|dir| history::open(dir, &node, config.instance, config.history, now.wall));
        let whose = (&node, config.instance, config.cluster.as_deref());
        let (alerting, alerted) =
            alerts::Alerting::start(&config.alerts, whose, state_dir.as_deref(), board.clone(), now);
        let machine = config.machine.map(|reader| OwnMachine { reader, state_dir: state_dir.clone() });
        let ledger = state_dir.map(|dir| LedgerFile::load(&dir, &node, now.wall.0));
        let (questions, asked) = mpsc::channel(http::QUESTIONS_MAX);
        let facts = config.facts.clone();
        let context =
            Context::new(board.clone(), node.clone(), clock.clone(), &store, facts, access, questions)
                .with_history(history.clone())
                .with_machine(machine.clone());
        let (shutdown, stopping) = watch::channel(false);
        let mut servers = JoinSet::new();
        let (mut address, mut certificate) = (None, None);
        if let Some(listen) = config.listen {
            // Before a certificate is made for a door that stays closed.
            http::server::may_listen(listen, config.doors.tls.is_some(), has_tokens)
                .map_err(anyhow::Error::msg)?;
            if let Some(source) = config.doors.tls {
                let clock = clock.clone();
                let keeper =
                    tokio::task::spawn_blocking(move || Keeper::start(source, clock, LOAD_MAX)).await?;
                certificate = Some(keeper.map_err(|why| anyhow::anyhow!("TLS: {why}"))?);
            }
            let limits = config.doors.limits.clone();
            let (context, stopping) = (context.clone(), stopping.clone());
            let (at, server) =
                http::server::tcp(listen, certificate.clone(), has_tokens, limits, context, stopping).await?;
            address = Some(at);
            servers.spawn(server);
        }
        if let Some((path, group)) = config.socket {
            servers.spawn(http::server::unix(path, group, config.doors.limits, context, stopping)?);
        }
        let (agent_pulse, agent_turns) = watch::channel(0);
        let (cluster_pulse, cluster_turns) = watch::channel(0);
        let mut loops = JoinSet::new();
        loops.spawn(tokens.follow());
        let (follower, followed) = follower::Follower::new(store.clone());
        let agent = agent_loop::AgentLoop {
            agent: Agent::new(
                AgentConfig {
                    node: node.clone(),
                    instance: config.instance,
                    poll_ms: config.poll_ms,
                    limits: PublishLimits {
                        floor_ms: limits.floor_ms,
                        budget_bytes_per_min: limits.budget_bytes_per_min,
                        refresh_by_marker: limits.refresh == Refresh::Marker,
                    },
                    facts: config.facts,
                },
                now,
            ),
            clock: clock.clone(),
            store: store.clone(),
            make_look,
            triggers,
            board: board.clone(),
            alerted,
            told: follower.told(),
            own: follower.own(),
            ledger,
            history: history.clone(),
            pulse: agent_pulse,
        };
        loops.spawn(agent.run());
        if let Some(history) = &history {
            let recorder = history::Recorder {
                board: board.clone(),
                clock: clock.clone(),
                history: history.clone(),
                node: node.clone(),
                digests: follower.digests(),
                own: follower.own(),
            };
            loops.spawn(recorder.run());
            loops.spawn(history::alerted::run(board.clone(), history.clone()));
        }
        // A node that remembers nothing could apply twice, so it applies nothing.
        if let Some(machine) = machine.filter(|machine| machine.state_dir.is_some()) {
            let (store, board, clock) = (store.clone(), board.clone(), clock.clone());
            loops.spawn(manager::Manager { clock, store, board, machine, instance: config.instance }.run());
        }
        let mut picture = Cluster::new(
            ClusterConfig { observer: node.clone(), failover_worst_ms: limits.failover_worst_ms },
            now,
        );
        picture.apply(ClusterEvent::Watched(watched), now);
        loops.spawn(follower.run());
        loops.spawn(findings_log::run(board.clone(), clock.clone()));
        let cluster = cluster_loop::ClusterLoop {
            cluster: picture,
            clock: clock.clone(),
            alerting,
            followed,
            asked,
            own: own::OwnValues::new(node.clone()),
            observer: node,
            store: store.kind(),
            board: board.clone(),
            cluster_name: config.cluster,
            mode,
            pulse: cluster_pulse,
        };
        loops.spawn(cluster.run());
        Ok(App {
            board,
            address,
            certificate,
            pulses: [agent_turns, cluster_turns],
            history,
            clock,
            shutdown,
            servers,
            loops,
        })
    }

    /// Ends when a part of it ended by itself, which none should.
    pub async fn failed(&mut self) -> &'static str {
        tokio::select! {
            Some(_) = self.servers.join_next() => "the HTTP server ended",
            Some(_) = self.loops.join_next() => "a loop ended",
            else => std::future::pending().await,
        }
    }

    /// Stops as a service stops: open requests get 2 s. Values stay in the store.
    pub async fn stop(mut self) {
        let _ = self.shutdown.send(true);
        self.loops.abort_all();
        let ended = async { while self.servers.join_next().await.is_some() {} };
        if tokio::time::timeout(std::time::Duration::from_secs(2), ended).await.is_err() {
            tracing::warn!("some connections did not end within 2 s");
        }
        if let Some(history) = &self.history
            && !history.end(self.clock.now().wall, HISTORY_END).await
        {
            tracing::warn!("the history took too long to write what waited: its last changes may be lost");
        }
    }
}

/// 64 random bits from the kernel: which run this is.
///
/// # Errors
/// If the kernel has no randomness to give, which it always has after boot.
pub fn random_instance() -> anyhow::Result<Instance> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(Instance(u64::from_ne_bytes(bytes)))
}

/// What this machine says of itself while this agent runs.
pub fn node_facts(roots: &Roots, mode: &mode::Mode) -> NodeFacts {
    let proc = &roots.proc;
    NodeFacts {
        pathkeeper: env!("CARGO_PKG_VERSION").into(),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        boot_id: boot_id(roots),
        mode: mode.as_str().into(),
        uptime_ms: std::fs::read_to_string(proc.join("uptime")).ok().and_then(|text| uptime_ms(&text)),
    }
}

/// Of this boot; empty where the kernel does not tell.
fn boot_id(roots: &Roots) -> String {
    let text = std::fs::read_to_string(roots.proc.join("sys/kernel/random/boot_id"));
    text.unwrap_or_default().trim().into()
}

/// The first number of /proc/uptime, `12345.67 …` seconds.
fn uptime_ms(text: &str) -> Option<u64> {
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    (0.0..1e12).contains(&seconds).then_some((seconds * 1000.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::uptime_ms;

    #[test]
    fn the_time_since_the_boot() {
        for (text, expect) in [
            ("12.34 50.00\n", Some(12_340)),
            ("0.00 0.00\n", Some(0)),
            ("8640000.5", Some(8_640_000_500)),
            ("", None),
            ("-1.0 2", None),
            ("soon", None),
            ("nan", None),
            ("inf", None),
        ] {
            assert_eq!(uptime_ms(text), expect, "{text:?}");
        }
    }
}
