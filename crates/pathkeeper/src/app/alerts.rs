//! Alerts joined together: rules over the cluster's picture, sinks, the own value for the others, and what is shown.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use pathkeeper_engine::alerts::{AlertEffect, AlertRow, Alerts, AlertsConfig};
use pathkeeper_engine::cluster::Cluster;
use pathkeeper_io::notify::{Bearing, Done, Sink};
use pathkeeper_io::state_file;
use pathkeeper_model::alert::{
    ALERTS_BYTES_MAX, AlertAct, AlertEntry, AlertKey, AlertMessage, AlertsValue, FailingSink,
};
use pathkeeper_model::finding::Severity;
use pathkeeper_model::{EpochS, Instance, MonoMs, NodeName, Now};
use tokio::sync::{broadcast, mpsc, watch};

use super::board::Board;
use crate::config::AlertsChoice;

/// What was told is kept here over a restart of everything.
const FILE: &str = "alerts.json";
/// A sink that failed for this long, seconds, is worth a word to the others.
const FAILING_S: i64 = 60;
/// Events that a follower may be behind.
const EVENTS_MAX: usize = 256;
/// Messages that sinks have taken and the rules have not heard of yet.
const DONE_MAX: usize = 64;

/// Something was said of an alert, by this node or by another: for those who write history.
#[derive(Clone, Debug)]
pub struct AlertEvent {
    /// When this node heard of it.
    pub at: EpochS,
    /// What was said.
    pub entry: AlertEntry,
    /// By whom.
    pub by: NodeName,
}

/// What readers see of alerts.
#[derive(Debug)]
pub struct AlertsBoard {
    shown: ArcSwap<Shown>,
    sinks: OnceLock<Vec<Sink>>,
    events: broadcast::Sender<AlertEvent>,
}

/// The rows at one moment.
#[derive(Debug, Default)]
pub struct Shown {
    /// Worst first.
    pub rows: Vec<AlertRow>,
    /// Alerts that stand and are not sent, since too many are.
    pub held_back: u32,
}

impl Default for AlertsBoard {
    fn default() -> Self {
        Self {
            shown: ArcSwap::from_pointee(Shown::default()),
            sinks: OnceLock::new(),
            events: broadcast::channel(EVENTS_MAX).0,
        }
    }
}

impl AlertsBoard {
    /// What was told and what waits.
    pub fn shown(&self) -> Arc<Shown> {
        self.shown.load_full()
    }

    /// This node's sinks.
    pub fn sinks(&self) -> &[Sink] {
        self.sinks.get().map_or(&[], Vec::as_slice)
    }

    /// Everything that is said from now on. Whoever is further behind than some hundred misses the oldest.
    pub fn events(&self) -> broadcast::Receiver<AlertEvent> {
        self.events.subscribe()
    }
}

/// The rules with what they need.
pub struct Alerting {
    alerts: Alerts,
    done: mpsc::Receiver<Done>,
    /// Kept, so that the channel stays open without a sink.
    _done: mpsc::Sender<Done>,
    board: Arc<Board>,
    alerted: watch::Sender<Option<Vec<u8>>>,
}

impl Alerting {
    /// Starts the sinks. Needs a runtime around it. Also gives what the agent has to publish.
    pub fn start(
        choice: &AlertsChoice,
        (node, instance, cluster): (&NodeName, Instance, Option<&str>),
        state_dir: Option<&Path>,
        board: Arc<Board>,
        now: Now,
    ) -> (Self, watch::Receiver<Option<Vec<u8>>>) {
        let (done, taken) = mpsc::channel(DONE_MAX);
        let bearing = Bearing {
            cluster: cluster.unwrap_or_default().to_owned(),
            runbooks: choice.runbooks.clone(),
            page: choice.page.clone(),
        };
        let sinks = choice.sinks.iter().map(|sink| Sink::start(sink.clone(), bearing.clone(), done.clone()));
        // A board belongs to one app, so nobody was here before.
        let _ = board.alerts.sinks.set(sinks.collect());
        let config = AlertsConfig {
            sends: !choice.sinks.is_empty(),
            holds: choice.holds,
            least: choice.least,
            resolve_after_ms: choice.resolve_after_s.saturating_mul(1_000),
            remind_ms: choice.remind_s.map(|seconds| seconds.saturating_mul(1_000)),
            ..AlertsConfig::new(node.clone(), instance)
        };
        let file = state_dir.map(|dir| dir.join(FILE));
        let earlier = file.as_deref().and_then(load);
        let (alerted, told) = watch::channel(None);
        if let Some(file) = file {
            tokio::spawn(save(file, told.clone()));
        }
        let alerts = Alerts::new(config, earlier, now);
        (Self { alerts, done: taken, _done: done, board, alerted }, told)
    }

    /// When [`Alerting::look`] is needed at the latest.
    pub fn next_deadline(&self) -> MonoMs {
        self.alerts.next_deadline()
    }

    /// Waits until a sink has taken something, and takes note of it.
    pub async fn delivered(&mut self) {
        if let Some(done) = self.done.recv().await {
            self.alerts.delivered(&done.key, done.turn);
        }
    }

    /// Looks at the picture and carries out what follows. Nothing here waits.
    pub fn look(&mut self, cluster: &Cluster, now: Now) {
        self.alerts.set_failing(self.failing(now.wall));
        let scene = cluster.alert_scene(&self.alerts.firing(), now);
        let effects = self.alerts.look(&scene, now);
        let changed = !effects.is_empty();
        let board = &self.board.alerts;
        for effect in effects {
            match effect {
                AlertEffect::Send(message) => {
                    tracing::info!(target: "alerts", "{}: {}: {}", message.act.as_str(), message.key, message.summary);
                    for sink in board.sinks() {
                        sink.send((*message).clone());
                    }
                }
                AlertEffect::Drop(key, turn) => {
                    board.sinks().iter().for_each(|sink| sink.drop_message(&key, turn))
                }
                AlertEffect::Standing(standing) => {
                    board.sinks().iter().for_each(|sink| sink.standing(&standing));
                }
                AlertEffect::End(message) => board.sinks().iter().for_each(|sink| sink.end(&message)),
                AlertEffect::Tell(value) => drop(self.alerted.send_replace(Some(value.encode()))),
                AlertEffect::Said(entry, by) => {
                    // Without a follower nobody misses it.
                    let _ = board.events.send(AlertEvent { at: now.wall, entry: *entry, by });
                }
            }
        }
        let rows = self.alerts.rows();
        if changed || rows != board.shown.load().rows {
            board.shown.store(Arc::new(Shown { rows, held_back: self.alerts.held_back() }));
        }
    }

    fn failing(&self, now: EpochS) -> Vec<FailingSink> {
        let sinks = self.board.alerts.sinks().iter();
        sinks
            .filter_map(|sink| {
                let state = sink.state();
                let since = state.failing_since.filter(|since| now.0.saturating_sub(since.0) >= FAILING_S)?;
                // What differs from try to try would be a new value each time.
                let why = state.why.unwrap_or_default();
                let why: String = why.chars().take_while(|c| *c != ':').collect();
                Some(FailingSink { sink: sink.config().name.clone(), since, why })
            })
            .collect()
    }
}

/// A message that says that it is a test.
pub fn test_message(node: &NodeName, now: EpochS) -> AlertMessage {
    AlertMessage {
        key: AlertKey { code: "TEST".into(), node: Some(node.as_str().into()), ..AlertKey::default() },
        turn: 0,
        act: AlertAct::Firing,
        severity: Severity::Info,
        severity_before: None,
        summary: format!("a test message from {node}: nothing is wrong by it"),
        evidence: Vec::new(),
        advice: vec!["Nothing is to be done.".into()],
        since: now,
        at: now,
        ending: None,
        partial: false,
        luns: 0,
        nodes: vec![node.as_str().into()],
        sender: node.clone(),
    }
}

fn load(file: &Path) -> Option<AlertsValue> {
    match state_file::read(file, ALERTS_BYTES_MAX as u64 * 2) {
        Ok(bytes) => AlertsValue::decode(&bytes?)
            .inspect_err(|e| {
                tracing::warn!(
                    "{}: {e}; what was told before the restart is taken from the store",
                    file.display()
                )
            })
            .ok(),
        Err(e) => {
            tracing::warn!(
                "{}: {e}; what was told before the restart is taken from the store",
                file.display()
            );
            None
        }
    }
}

/// Keeps the newest value on disk. A disk that hangs holds up one thread and nobody else.
async fn save(file: PathBuf, mut told: watch::Receiver<Option<Vec<u8>>>) {
    while told.changed().await.is_ok() {
        let Some(bytes) = told.borrow_and_update().clone() else { continue };
        let path = file.clone();
        match tokio::task::spawn_blocking(move || state_file::write(&path, &bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::warn!("{}: {e}; a restart forgets what was told", file.display()),
            Err(e) => tracing::error!("{}: {e}", file.display()),
        }
    }
}
