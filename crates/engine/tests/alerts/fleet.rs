//! Nodes that alert about a world which the test makes, over a store which it breaks; one clock that is stepped by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pathkeeper_engine::alerts::{AlertEffect, Alerts, AlertsConfig, NodeSeen, Scene};
use pathkeeper_model::alert::{AlertAct, AlertKey, AlertMessage, AlertsValue};
use pathkeeper_model::finding::{Code, Explains, Finding, Fingerprint, Muted, Scope, Severity};
use pathkeeper_model::{EpochS, Instance, MonoMs, NodeName, Now};

pub const WALL_S: i64 = 1_783_082_400;

/// One machine.
pub struct Machine {
    pub name: NodeName,
    alerts: Option<Alerts>,
    runs: u64,
    /// Which side of a partition it is on.
    pub side: usize,
    /// The store neither takes nor gives anything here.
    pub stalled: bool,
    /// Nothing that it sends arrives.
    pub sink_down: bool,
    /// Its wall clock is off by so many seconds.
    pub clock_off_s: i64,
    /// Its report is too old to be believed by anybody.
    pub stale: bool,
    /// What is with its sinks; `false` = only for those that are told again and again.
    queue: Vec<(AlertMessage, bool)>,
    /// What stands by its word, told again each second.
    standing: Vec<AlertMessage>,
    /// What its store shows it.
    seen: BTreeMap<NodeName, AlertsValue>,
    /// What it has put, and the store has not taken yet.
    unput: Option<AlertsValue>,
    pub config: fn(&mut AlertsConfig),
}

/// What arrived.
pub struct Arrived {
    pub at_s: u64,
    pub message: AlertMessage,
}

pub struct Fleet {
    pub ms: u64,
    pub machines: Vec<Machine>,
    /// What is wrong in the world.
    pub truth: Vec<Finding>,
    /// What every side's store holds; sides that are healed agree.
    values: BTreeMap<usize, BTreeMap<NodeName, AlertsValue>>,
    pub arrived: Vec<Arrived>,
    /// What a sink that keeps what it was told last believes to stand: what, and of which severity. One that is told again and again.
    pub kept: BTreeSet<(AlertKey, Severity)>,
    told: usize,
}

pub fn hba(node: &str) -> Finding {
    let node = NodeName::new(node).unwrap();
    let mut finding = Finding::new(
        Code::HbaDown,
        Severity::Warning,
        Scope::of_node(&node, "host7"),
        format!("{node}/host7 is down"),
    );
    finding.explains = Some(Box::new(Explains { luns: 12, nodes: vec![node], ..Explains::default() }));
    finding
}

pub fn port(nodes: &[&str]) -> Finding {
    let mut finding =
        Finding::new(Code::TargetPortDown, Severity::Warning, Scope::object("ctl1-0e"), "a port is down");
    let nodes = nodes.iter().map(|node| NodeName::new(node).unwrap()).collect();
    finding.explains = Some(Box::new(Explains { luns: 12, nodes, ..Explains::default() }));
    finding
}

pub fn queueing(node: &str, wwid: &str) -> Finding {
    let (node, wwid) = (NodeName::new(node).unwrap(), pathkeeper_model::Wwid::new(wwid).unwrap());
    Finding::new(Code::LunQueueing, Severity::Error, Scope::cell(&node, &wwid), "no path, and I/O queues")
}

pub fn muted(finding: &Finding, by_window: bool) -> Finding {
    let muted = Muted { id: "1".into(), by_window, by: "kb".into(), reason: "known".into(), until: None };
    Finding { muted: Some(Box::new(muted)), ..finding.clone() }
}

/// As Alertmanager takes a message: the last word of each counts.
fn keep(kept: &mut BTreeSet<(AlertKey, Severity)>, message: &AlertMessage) {
    if let Some(before) = message.severity_before {
        kept.remove(&(message.key.clone(), before));
    }
    let alert = (message.key.clone(), message.severity);
    if message.act == AlertAct::Resolved {
        kept.remove(&alert)
    } else {
        kept.insert(alert)
    };
}

impl Fleet {
    pub fn new(nodes: usize) -> Self {
        let machine = |number: usize| Machine {
            name: NodeName::new(&format!("pve{number:02}")).unwrap(),
            alerts: None,
            runs: 0,
            side: 0,
            stalled: false,
            sink_down: false,
            clock_off_s: 0,
            stale: false,
            queue: Vec::new(),
            standing: Vec::new(),
            seen: BTreeMap::new(),
            unput: None,
            config: |_| {},
        };
        let mut fleet = Self {
            ms: 1_000_000,
            machines: (1..=nodes).map(machine).collect(),
            truth: Vec::new(),
            values: BTreeMap::new(),
            arrived: Vec::new(),
            kept: BTreeSet::new(),
            told: 0,
        };
        (1..=nodes).for_each(|number| fleet.start(number));
        fleet
    }

    pub fn now(&self, machine: &Machine) -> Now {
        let wall = WALL_S + i64::try_from(self.ms / 1000).unwrap() + machine.clock_off_s;
        Now { mono: MonoMs(self.ms), wall: EpochS(wall) }
    }

    /// Starts an agent. Its state directory is new: what it said earlier stands in the store alone.
    pub fn start(&mut self, number: usize) {
        let now = self.now(&self.machines[number - 1]);
        let machine = &mut self.machines[number - 1];
        machine.runs += 1;
        let instance = Instance((number as u64) << 32 | machine.runs);
        let mut config = AlertsConfig::new(machine.name.clone(), instance);
        (machine.config)(&mut config);
        machine.alerts = Some(Alerts::new(config, None, now));
        machine.seen.clear();
    }

    /// The machine dies, and all that it has not sent with it.
    pub fn kill(&mut self, number: usize) {
        let machine = &mut self.machines[number - 1];
        (machine.alerts, machine.unput) = (None, None);
        (machine.queue, machine.standing) = (Vec::new(), Vec::new());
    }

    pub fn lives(&self, number: usize) -> bool {
        self.machines[number - 1].alerts.is_some()
    }

    /// Everybody below this number is cut off from the others.
    pub fn part(&mut self, below: usize) {
        for (at, machine) in self.machines.iter_mut().enumerate() {
            machine.side = usize::from(at + 1 < below);
        }
        let all = self.values.get(&0).cloned().unwrap_or_default();
        self.values.insert(1, all);
    }

    pub fn heal(&mut self) {
        let other = self.values.remove(&1).unwrap_or_default();
        for machine in self.machines.iter_mut().filter(|machine| machine.side == 1) {
            machine.side = 0;
            if let Some(value) = other.get(&machine.name) {
                self.values.entry(0).or_default().insert(machine.name.clone(), value.clone());
            }
        }
    }

    /// Lets time pass, second by second.
    pub fn run(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.ms += 1_000;
            self.turn();
        }
    }

    /// Every agent looks once.
    pub fn turn(&mut self) {
        for at in 0..self.machines.len() {
            self.look(at);
        }
    }

    /// `looks` is alive; its alerts are in hand.
    fn has_quorum(&self, looks: usize) -> bool {
        let side = self.machines[looks].side;
        let alive = |(at, of): &(usize, &Machine)| of.side == side && (of.alerts.is_some() || *at == looks);
        self.machines.iter().enumerate().filter(alive).count() * 2 > self.machines.len()
    }

    fn look(&mut self, at: usize) {
        let Some(mut alerts) = self.machines[at].alerts.take() else { return };
        let now = self.now(&self.machines[at]);
        let side = self.machines[at].side;
        if !self.machines[at].stalled {
            if let Some(value) = self.machines[at].unput.take() {
                let name = self.machines[at].name.clone();
                self.values.entry(side).or_default().insert(name, value);
            }
            self.machines[at].seen = self.values.get(&side).cloned().unwrap_or_default();
        }
        // What is with a sink arrives, where it works; what stands too, before this machine hears what others have said since.
        if !self.machines[at].sink_down {
            for message in &self.machines[at].standing {
                keep(&mut self.kept, message);
            }
            for (message, once) in std::mem::take(&mut self.machines[at].queue) {
                keep(&mut self.kept, &message);
                if once {
                    alerts.delivered(&message.key, message.turn);
                    self.arrived.push(Arrived { at_s: self.ms / 1000 - 1000, message });
                }
            }
        }
        let doubted = self.machines[at].stalled || !self.has_quorum(at);
        let me = self.machines[at].name.clone();
        let nodes: BTreeMap<NodeName, NodeSeen> = self
            .machines
            .iter()
            .map(|other| {
                let lost = self.machines[at].stalled && other.name != me;
                let online = other.side == side && (other.alerts.is_some() || other.name == me) && !lost;
                let heard = online && !other.stale;
                (other.name.clone(), NodeSeen { member: true, online, heard, sees_luns: heard })
            })
            .collect();
        let findings = self.findings(&nodes, doubted);
        let seen = self.machines[at].seen.clone();
        let scene = Scene {
            findings: &findings,
            explained: BTreeMap::new(),
            unknown: BTreeSet::new(),
            nodes,
            listed: true,
            doubted,
            values: seen.iter().map(|(name, value)| (name.clone(), value)).collect(),
        };
        for effect in alerts.look(&scene, now) {
            match effect {
                AlertEffect::Send(message) => self.machines[at].queue.push((*message, true)),
                AlertEffect::End(message) => self.machines[at].queue.push((*message, false)),
                AlertEffect::Drop(key, turn) => {
                    self.machines[at].queue.retain(|(of, _)| of.key != key || of.turn != turn);
                }
                // As it goes over the wire.
                AlertEffect::Tell(value) => {
                    self.machines[at].unput = Some(AlertsValue::decode(&value.encode()).unwrap());
                }
                AlertEffect::Standing(standing) => self.machines[at].standing = standing,
                AlertEffect::Said(..) => {}
            }
        }
        self.machines[at].alerts = Some(alerts);
    }

    /// What one who sees these nodes finds: a node that is not heard tells nothing of its adapters.
    fn findings(&self, nodes: &BTreeMap<NodeName, NodeSeen>, doubted: bool) -> Vec<Finding> {
        let heard = |name: &NodeName| nodes.get(name).is_some_and(|seen| seen.heard);
        let mut found: Vec<Finding> = self
            .truth
            .iter()
            .filter(|of| match (&of.scope.node, &of.explains) {
                (Some(node), _) => heard(node),
                (None, Some(explains)) => explains.nodes.iter().any(heard),
                (None, None) => true,
            })
            .cloned()
            .collect();
        for (name, seen) in nodes {
            let code = match (seen.online, seen.heard) {
                (true, true) => continue,
                (false, _) if doubted => continue,
                (false, _) => Code::NodeOffline,
                (true, false) => Code::NodeStale,
            };
            found.push(Finding::new(code, Severity::Warning, Scope::node(name), "it is away"));
        }
        if doubted {
            found.push(Finding::new(Code::StorePartial, Severity::Error, Scope::default(), "partial"));
        }
        found.sort_by(|a, b| {
            b.severity.cmp(&a.severity).then(a.code.cmp(&b.code)).then(a.scope.cmp(&b.scope))
        });
        found
    }

    /// What arrived since this was last asked: seconds since the start, sender, what was said.
    pub fn news(&mut self) -> String {
        let mut out = String::new();
        for Arrived { at_s, message } in &self.arrived[self.told..] {
            let act = message.act.as_str();
            let _ =
                write!(out, "{at_s} {} {act} {} {}", message.sender, message.key, message.severity.as_str());
            if let Some((ending, why)) = &message.ending {
                let _ = write!(out, " {}", ending.as_str());
                if !why.is_empty() {
                    let _ = write!(out, " ({why})");
                }
            }
            out.push_str(if message.partial { " partial\n" } else { "\n" });
        }
        self.told = self.arrived.len();
        out
    }

    /// Messages of an act about this.
    pub fn count(&self, act: AlertAct, of: &Fingerprint) -> usize {
        let key = AlertKey::from(of);
        self.arrived.iter().filter(|of| of.message.act == act && of.message.key == key).count()
    }
}
