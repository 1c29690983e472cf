//! Who tells people outside what, and when; without a leader.
//!
//! `effects = alerts.look(scene, now)` is the whole interface. A position is the rank of the own name among online nodes: the
//! first one sends when something has stood for long enough, the next one 15 s later if nobody has said by then in its
//! `multipath-alerts` that it did. So each thing is told once while nodes hear each other, and at least once whoever dies and
//! whatever fails.
//!
//! Doubt is no recovery: what was told stands until a whole view has *seen* that it is over.

pub(crate) mod holds;
mod look;
mod scene;

use std::collections::BTreeMap;

use pathkeeper_model::alert::{
    AlertEntry, AlertKey, AlertMessage, AlertState, AlertsValue, FailingSink, newer,
};
use pathkeeper_model::finding::Severity;
use pathkeeper_model::{Instance, MonoMs, NodeName, Now};

pub use holds::Holds;
pub use scene::{NodeSeen, Scene};

/// Each position waits so much longer than the one before.
pub const POSITION_MS: u64 = 15_000;
/// Somebody who means to send something has so long to do it; then the next one does.
pub const CLAIM_MS: u64 = 60_000;
/// No more alerts stand at the same time: the most severe are told, the others when there is room.
pub const FIRING_MAX: usize = 32;
/// No more nodes try to send the same thing at the same time.
const CLAIMS_MAX: usize = 3;
/// No more alerts are remembered, whoever told them.
const KNOWN_MAX: usize = 1_024;
/// No more findings are looked at as what could be told; they are worst first.
const CANDIDATES_MAX: usize = 256;
/// What is over is kept in the value for so long, so that everybody has heard it.
const RESOLVED_TOLD_MS: u64 = 3_600_000;
/// And in memory for so long: a node that was away comes back with what it believed then.
const RESOLVED_KNOWN_MS: u64 = 24 * 3_600_000;

/// What an alerting node is told at its start.
#[derive(Clone, Debug)]
pub struct AlertsConfig {
    /// This node.
    pub node: NodeName,
    /// This run.
    pub instance: Instance,
    /// It has sinks. Without any it only listens.
    pub sends: bool,
    /// How long something stands before it is told.
    pub holds: Holds,
    /// Nothing that is less severe is told.
    pub least: Severity,
    /// How long something has to be seen as over before that is told, milliseconds.
    pub resolve_after_ms: u64,
    /// Milliseconds after which what still stands is told again; `None` = never.
    pub remind_ms: Option<u64>,
}

impl AlertsConfig {
    /// The defaults, for a node with sinks.
    pub fn new(node: NodeName, instance: Instance) -> Self {
        Self {
            node,
            instance,
            sends: true,
            holds: Holds::default(),
            least: Severity::Warning,
            resolve_after_ms: 60_000,
            remind_ms: None,
        }
    }
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AlertEffect {
    /// Send this to every sink, and come back with [`Alerts::delivered`].
    Send(Box<AlertMessage>),
    /// Somebody else has delivered it: it need not be sent any more, if it was not yet.
    Drop(AlertKey, u64),
    /// What stands and this node answers for is this now: for sinks that must be told again and again.
    Standing(Vec<AlertMessage>),
    /// By another's word this is over, or of another severity. Sinks that this node told again and again that it stands must
    /// hear its end from here too: a word of this node may have crossed the other's, and nobody else would take it back.
    End(Box<AlertMessage>),
    /// The own value `multipath-alerts` is this now.
    Tell(AlertsValue),
    /// For those who write history: this was said, by this node.
    Said(Box<AlertEntry>, NodeName),
}

/// What is known of one alert, from whoever said it last.
#[derive(Clone, Debug)]
struct Known {
    entry: AlertEntry,
    by: NodeName,
    /// When this observer first heard this word.
    heard: MonoMs,
}

/// What this node has said, or answers for.
#[derive(Clone, Debug)]
struct Own {
    entry: AlertEntry,
    /// As it was sent last, with all its words.
    message: Option<Box<AlertMessage>>,
    /// It is with the sinks of this run.
    in_hand: bool,
    /// When it was said, or taken over.
    at: MonoMs,
}

/// One alert, for those who show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlertRow {
    /// What was said last; of what waits, what would be said.
    pub entry: AlertEntry,
    /// Who said it; `None` = nobody yet.
    pub by: Option<NodeName>,
    /// When this node would say it, where nobody has and it stands.
    pub due: Option<MonoMs>,
}

/// The alerts of one node.
#[derive(Debug)]
pub struct Alerts {
    config: AlertsConfig,
    known: BTreeMap<AlertKey, Known>,
    own: BTreeMap<AlertKey, Own>,
    /// What stands and was not told, since when it is seen here.
    pending: BTreeMap<AlertKey, MonoMs>,
    waiting: Vec<AlertRow>,
    /// What was told and is more severe by now, or has only grown; since when.
    worse: BTreeMap<AlertKey, (bool, MonoMs)>,
    /// What was told and is seen as over, since when.
    clear: BTreeMap<AlertKey, MonoMs>,
    failing: Vec<FailingSink>,
    /// The first look at a whole list.
    began: Option<MonoMs>,
    told: Option<AlertsValue>,
    standing: Vec<AlertMessage>,
    seq: u64,
    held_back: u32,
    next: MonoMs,
}

impl Alerts {
    /// Has said nothing yet. `earlier` is what this node said in an earlier run, as it was kept on disk.
    pub fn new(config: AlertsConfig, earlier: Option<AlertsValue>, now: Now) -> Self {
        let mut alerts = Self {
            config,
            known: BTreeMap::new(),
            own: BTreeMap::new(),
            pending: BTreeMap::new(),
            waiting: Vec::new(),
            worse: BTreeMap::new(),
            clear: BTreeMap::new(),
            failing: Vec::new(),
            began: None,
            told: None,
            standing: Vec::new(),
            seq: 0,
            held_back: 0,
            next: MonoMs(0),
        };
        alerts.take_earlier(earlier.iter(), now);
        alerts
    }

    /// When [`Alerts::look`] is needed at the latest.
    pub fn next_deadline(&self) -> MonoMs {
        self.next
    }

    /// Alerts that stand and are not told, since too many are.
    pub fn held_back(&self) -> u32 {
        self.held_back
    }

    /// What was told and what waits to be, worst first.
    pub fn rows(&self) -> Vec<AlertRow> {
        let told = self.known.values().map(|known| AlertRow {
            entry: known.entry.clone(),
            by: Some(known.by.clone()),
            due: None,
        });
        let mut rows: Vec<AlertRow> = told.chain(self.waiting.iter().cloned()).collect();
        rows.sort_by(|a, b| {
            let weight = |row: &AlertRow| (row.entry.state, row.by.is_some(), row.entry.severity);
            weight(b).cmp(&weight(a)).then_with(|| a.entry.key.cmp(&b.entry.key))
        });
        rows
    }

    /// What stands as it was told, and the nodes that each touched: the scene says more of these.
    pub fn firing(&self) -> BTreeMap<AlertKey, Vec<String>> {
        let firing = self.known.iter().filter(|(_, known)| known.entry.state == AlertState::Firing);
        firing.map(|(key, known)| (key.clone(), known.entry.nodes.clone())).collect()
    }

    /// A sink has taken this message.
    pub fn delivered(&mut self, key: &AlertKey, turn: u64) {
        if let Some(own) = self.own.get_mut(key).filter(|own| own.entry.turn == turn) {
            own.entry.delivered = true;
        }
        let own = &self.config.node;
        if let Some(known) =
            self.known.get_mut(key).filter(|known| known.entry.turn == turn && known.by == *own)
        {
            known.entry.delivered = true;
        }
        self.next = MonoMs(0);
    }

    /// Which sinks are in trouble.
    pub fn set_failing(&mut self, failing: Vec<FailingSink>) {
        if self.failing != failing {
            self.failing = failing;
            self.next = MonoMs(0);
        }
    }

    /// What this node said in an earlier run is its own word again.
    fn take_earlier<'a>(&mut self, values: impl Iterator<Item = &'a AlertsValue>, now: Now) {
        for entry in values.flat_map(|value| &value.entries) {
            let stands = self.own.get(&entry.key).is_some_and(|own| !newer(entry, &own.entry));
            if stands || self.own.len() >= KNOWN_MAX {
                continue;
            }
            let own = Own { entry: entry.clone(), message: None, in_hand: false, at: now.mono };
            self.own.insert(entry.key.clone(), own);
            let by = self.config.node.clone();
            self.hear(entry, &by, now);
        }
    }

    /// Somebody has said this. Whether it is news.
    fn hear(&mut self, entry: &AlertEntry, by: &NodeName, now: Now) -> bool {
        let full = self.known.len() >= KNOWN_MAX;
        match self.known.get_mut(&entry.key) {
            None if full => false,
            Some(known) if !newer(entry, &known.entry) => false,
            Some(known) => {
                // The same word, delivered by now, is no new word.
                let same = known.entry.turn == entry.turn && known.entry.state == entry.state;
                let heard = if same { known.heard } else { now.mono };
                *known = Known { entry: entry.clone(), by: by.clone(), heard };
                !same
            }
            None => {
                let known = Known { entry: entry.clone(), by: by.clone(), heard: now.mono };
                self.known.insert(entry.key.clone(), known);
                true
            }
        }
    }

    fn wake(&mut self, at: MonoMs) {
        self.next = self.next.min(at);
    }
}
