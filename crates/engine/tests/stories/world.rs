//! A simulated SAN with real agents and a real observer, and one clock that is stepped by hand.
//!
//! Everything goes the way that it goes outside: nodes read what their simulated multipathd and kernel say, agents publish
//! values, the observer hears of nothing else than values, members and documents.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use pathkeeper_engine::agent::{Agent, AgentConfig, AgentEffect, AgentEvent, NodeFacts};
use pathkeeper_engine::cluster::{Cluster, ClusterConfig, ClusterEvent};
use pathkeeper_engine::publish::{DetailDone, PublishLimits, Put};
use pathkeeper_engine::sim::{Op, San, SanConfig, Script};
use pathkeeper_model::detail::{DetailPart, Packed, part_of_detail_key};
use pathkeeper_model::expect::By;
use pathkeeper_model::ledger::Ledger;
use pathkeeper_model::matrix::exit_status;
use pathkeeper_model::multipath_cfg::Reading;
use pathkeeper_model::orders::{Order, OrderKind, Orders};
use pathkeeper_model::report::{Joined, Pieces};
use pathkeeper_model::storage_cfg::StorageCfg;
use pathkeeper_model::{EpochS, Instance, MonoMs, NodeName, Now, State, Wwid};

use super::read::node_read;

const WALL_S: i64 = 1_783_082_400;

/// Milliseconds.
pub const SECOND: u64 = 1_000;
pub const MINUTE: u64 = 60_000;

/// One node: the machine, and the agent on it if one runs.
#[derive(Default)]
struct Host {
    agent: Option<Agent>,
    /// The ledger in its state directory.
    disk: Option<Arc<Ledger>>,
    booted_ms: u64,
    runs: u64,
}

pub struct World {
    pub san: San,
    /// Name and UUID of the volume group on a LUN, by its number from 1.
    pub vgs: BTreeMap<usize, (&'static str, &'static str)>,
    ms: u64,
    hosts: Vec<Host>,
    /// All that the store holds.
    pub values: BTreeMap<(NodeName, String), Vec<u8>>,
    pub members: BTreeMap<NodeName, bool>,
    documents: Documents,
    observer: Cluster,
}

#[derive(Default)]
struct Documents {
    storages: Option<StorageCfg>,
    config: Option<Reading>,
    orders: Orders,
}

impl World {
    /// Nodes without any agent, all members of the cluster; every LUN is assembled on each.
    pub fn new(nodes: usize, luns: usize, paths: usize) -> Self {
        let san = San::new(SanConfig { nodes, luns, paths, seed: 4 }).expect("within bounds");
        let members = san.nodes.iter().map(|node| (node.name.clone(), true)).collect();
        let mut world = Self {
            hosts: san.nodes.iter().map(|_| Host::default()).collect(),
            san,
            vgs: BTreeMap::new(),
            // Machines that run for days.
            ms: 1_000 * MINUTE,
            values: BTreeMap::new(),
            members,
            documents: Documents::default(),
            observer: cluster(Now { mono: MonoMs(0), wall: EpochS(0) }),
        };
        world.observer = world.fresh_observer();
        world
    }

    /// The same, with an agent on each node that has run for a quarter of an hour.
    pub fn settled(nodes: usize, luns: usize, paths: usize) -> Self {
        let mut world = Self::new(nodes, luns, paths);
        world.install_all();
        world.run(15 * MINUTE);
        world
    }

    pub fn now(&self) -> Now {
        Now { mono: MonoMs(self.ms), wall: EpochS(WALL_S + i64::try_from(self.ms / 1_000).expect("small")) }
    }

    pub fn node(&self, number: usize) -> NodeName {
        self.san.nodes[number - 1].name.clone()
    }

    pub fn wwid(&self, lun: usize) -> Wwid {
        self.san.luns[lun - 1].wwid.clone()
    }

    // What happens.

    /// Plays operations of the simulator, one a line, each so long after the one before.
    pub fn play(&mut self, script: &str) {
        let (script, problems) = Script::parse(script, &self.san);
        assert_eq!(problems, []);
        for step in script.steps {
            self.run(step.after_ms);
            self.op(&step.op);
        }
    }

    fn op(&mut self, op: &Op) {
        let touched = self.san.apply(op).expect("the script fits the SAN");
        for node in touched.nodes {
            self.tell(node, AgentEvent::Trigger);
        }
    }

    /// Starts an agent on a node, counted from 1: with what its state directory holds.
    pub fn install(&mut self, number: usize) {
        let n = number - 1;
        let (name, now) = (self.node(number), self.now());
        let host = &mut self.hosts[n];
        host.runs += 1;
        let config = AgentConfig {
            node: name.clone(),
            instance: Instance((number as u64) << 32 | host.runs),
            poll_ms: 10_000,
            limits: PublishLimits { floor_ms: 200, budget_bytes_per_min: None, refresh_by_marker: false },
            facts: NodeFacts { uptime_ms: Some(self.ms - host.booted_ms), ..NodeFacts::default() },
        };
        host.agent = Some(Agent::new(config, now));
        if let Some(ledger) = host.disk.clone() {
            self.tell(n, AgentEvent::LedgerLoaded((*ledger).clone()));
        }
        let own = self.values.iter().filter(|((writer, _), _)| *writer == name);
        let own_keys = own.map(|((_, key), _)| key.clone()).collect();
        let own_ledger = self.published_ledger(&name);
        self.tell(n, AgentEvent::Store { own_keys, own_ledger });
        if let Some(reading) = self.documents.config.clone() {
            self.tell(n, AgentEvent::Config(reading));
        }
        self.tell(n, AgentEvent::Orders(self.documents.orders.clone()));
    }

    pub fn install_all(&mut self) {
        (1..=self.hosts.len()).for_each(|number| self.install(number));
    }

    /// The agent ends; the machine and its membership stay.
    pub fn stop_agent(&mut self, number: usize) {
        self.hosts[number - 1].agent = None;
    }

    /// What the agent kept on disk is lost.
    pub fn lose_state_directory(&mut self, number: usize) {
        self.hosts[number - 1].disk = None;
    }

    /// The machine goes down, and its membership with it.
    pub fn goes_down(&mut self, number: usize) {
        self.stop_agent(number);
        self.op(&Op::Node { node: number - 1, alive: false });
        self.set_member(number, Some(false));
    }

    /// The machine boots; its agent starts some seconds later.
    pub fn boots(&mut self, number: usize) {
        self.op(&Op::Node { node: number - 1, alive: true });
        self.hosts[number - 1].booted_ms = self.ms;
        self.set_member(number, Some(true));
        self.run(5 * SECOND);
        self.install(number);
    }

    /// `None` takes the node off the list of members.
    pub fn set_member(&mut self, number: usize, online: Option<bool>) {
        let name = self.node(number);
        match online {
            Some(online) => self.members.insert(name, online),
            None => self.members.remove(&name),
        };
        let (event, now) = (members_event(&self.members), self.now());
        self.observer.apply(event, now);
    }

    /// `storage.cfg` says this now; `None`: there is none.
    pub fn storages(&mut self, text: Option<&str>) {
        self.documents.storages = text.map(|text| StorageCfg::parse(text.as_bytes()));
        let (cfg, now) = (self.documents.storages.clone(), self.now());
        self.observer.apply(ClusterEvent::StorageCfg(cfg), now);
    }

    /// `multipath.cfg` says this now; `None`: there is none. `LUN1` stands for the WWID of the first LUN, and so on.
    pub fn config(&mut self, text: Option<&str>) {
        let text = text.map(|text| {
            (1..=self.san.luns.len()).rev().fold(text.to_owned(), |text, lun| {
                text.replace(&format!("LUN{lun}"), self.wwid(lun).as_str())
            })
        });
        let reading = Reading::parse(text.as_deref().map(str::as_bytes));
        self.documents.config = Some(reading.clone());
        for node in 0..self.hosts.len() {
            self.tell(node, AgentEvent::Config(reading.clone()));
        }
        let now = self.now();
        self.observer.apply(ClusterEvent::Config(reading), now);
    }

    /// Somebody orders something of a LUN's memory, on one node or on all.
    pub fn order(&mut self, kind: OrderKind, lun: usize, node: Option<usize>) {
        self.documents.orders.entries.push(Order {
            id: format!("order-{}", self.documents.orders.entries.len()),
            kind,
            wwid: self.wwid(lun),
            node: node.map(|number| self.node(number)),
            by: "root@pam".to_owned(),
            time: self.now().wall,
        });
        let (orders, now) = (self.documents.orders.clone(), self.now());
        for node in 0..self.hosts.len() {
            self.tell(node, AgentEvent::Orders(orders.clone()));
        }
        self.observer.apply(ClusterEvent::Orders(orders), now);
    }

    /// Lets time pass, from deadline to deadline.
    pub fn run(&mut self, ms: u64) {
        let until = self.ms + ms;
        loop {
            let agents = self.hosts.iter().map(|host| host.agent.as_ref().map(Agent::next_deadline));
            let next = agents.flatten().min().unwrap_or(MonoMs(u64::MAX));
            let next = next.min(self.observer.next_deadline(self.now())).0.max(self.ms);
            if next > until {
                break;
            }
            self.san.advance(next - self.ms);
            self.ms = next;
            let now = self.now();
            self.observer.apply(ClusterEvent::Tick, now);
            for node in 0..self.hosts.len() {
                if self.hosts[node].agent.as_ref().is_some_and(|agent| agent.next_deadline().0 <= next) {
                    self.tell(node, AgentEvent::Tick);
                }
            }
        }
        self.san.advance(until - self.ms);
        self.ms = until;
        let now = self.now();
        self.observer.apply(ClusterEvent::Tick, now);
    }

    /// Tells an agent something and carries out what follows, at once.
    fn tell(&mut self, node: usize, event: AgentEvent) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let now = self.now();
            let Some(agent) = self.hosts[node].agent.as_mut() else { return };
            for effect in agent.apply(event, now) {
                match effect {
                    AgentEffect::Read { id, .. } => {
                        let read = Some(Box::new(node_read(&self.san, node, &self.vgs, now.wall)));
                        events.push(AgentEvent::Read { id, read });
                    }
                    AgentEffect::Probe { id } => {
                        let calm = self.san.nodes[node].daemon.works();
                        events.push(AgentEvent::Probed { id, calm });
                    }
                    AgentEffect::Publish(publication) => {
                        self.put(node, publication.values);
                        events.push(AgentEvent::Published { id: publication.id, taken: true });
                    }
                    AgentEffect::PublishDetail(draft) => {
                        let (values, parts) = draft.values();
                        let bytes = values.iter().map(|(_, v)| v.as_ref().map_or(0, Vec::len) as u64).sum();
                        self.put(node, values);
                        let done = DetailDone { id: draft.id, taken: true, bytes, put_bytes: bytes, parts };
                        events.push(AgentEvent::DetailPublished(done));
                    }
                    AgentEffect::SaveLedger(ledger) => self.hosts[node].disk = Some(ledger),
                    AgentEffect::PublishTold(publication) => self.put(node, publication.values),
                    AgentEffect::Abandon { .. } | AgentEffect::Looked => {}
                }
            }
        }
    }

    fn put(&mut self, node: usize, values: Vec<Put>) {
        let (writer, now) = (self.san.nodes[node].name.clone(), self.now());
        for (key, bytes) in values {
            let place = (writer.clone(), key.clone());
            match bytes.clone() {
                Some(bytes) => self.values.insert(place, bytes),
                None => self.values.remove(&place),
            };
            self.observer.apply(ClusterEvent::Value { writer: writer.clone(), key, bytes }, now);
        }
    }

    /// The ledger in what a node published last.
    pub fn published_ledger(&self, name: &NodeName) -> Option<Ledger> {
        let mut pieces = Pieces::default();
        let mut whole = None;
        for ((_, key), bytes) in self.values.iter().filter(|((writer, _), _)| writer == name) {
            let Some(part) = part_of_detail_key(key) else { continue };
            let decoded = DetailPart::decode(bytes).expect("an agent wrote it");
            if let Joined::Whole(parts) = pieces.set(part, decoded) {
                whole = Packed::new(parts).unpack().expect("an agent wrote it").ledger;
            }
        }
        whole
    }

    // What is shown.

    /// An observer that starts now and is told what the store holds.
    pub fn fresh_observer(&self) -> Cluster {
        let now = self.now();
        let mut observer = cluster(now);
        observer.apply(members_event(&self.members), now);
        observer.apply(ClusterEvent::StorageCfg(self.documents.storages.clone()), now);
        if let Some(reading) = self.documents.config.clone() {
            observer.apply(ClusterEvent::Config(reading), now);
        }
        observer.apply(ClusterEvent::Orders(self.documents.orders.clone()), now);
        for ((writer, key), bytes) in &self.values {
            let (writer, key, bytes) = (writer.clone(), key.clone(), Some(bytes.clone()));
            observer.apply(ClusterEvent::Value { writer, key, bytes }, now);
        }
        observer.apply(ClusterEvent::Listed, now);
        observer
    }

    /// The status: each row with its cells and why nodes are expected, each finding, the exit status.
    ///
    /// ```text
    /// LUN1 missing: pve1 4/4, pve2 missing; ledger
    /// LUN_GONE LUN2
    /// exit 2
    /// ```
    pub fn status(&self) -> String {
        self.words(&self.observer)
    }

    /// The same, as somebody sees it who starts to look now.
    pub fn status_of_a_new_observer(&self) -> String {
        self.words(&self.fresh_observer())
    }

    /// The exit status of `pathkeeper status`.
    pub fn exit(&self) -> u8 {
        exit_of(&self.observer)
    }

    /// A row's worst cell; `None` if there is no such row.
    pub fn state(&self, lun: usize) -> Option<State> {
        self.state_in(&self.observer, lun)
    }

    /// The same, as this observer sees it.
    pub fn state_in(&self, observer: &Cluster, lun: usize) -> Option<State> {
        Some(observer.matrix().row_of(&self.wwid(lun))?.cluster_state())
    }

    pub fn observer(&self) -> &Cluster {
        &self.observer
    }

    pub fn words(&self, observer: &Cluster) -> String {
        let mut out = String::new();
        let lun_of = |wwid: &Wwid| {
            let at = self.san.luns.iter().position(|lun| lun.wwid == *wwid);
            at.map_or(wwid.to_string(), |at| format!("LUN{}", at + 1))
        };
        let mut rows: Vec<_> = observer.matrix().rows().collect();
        rows.sort_by_key(|row| self.san.luns.iter().position(|lun| lun.wwid == *row.wwid()));
        for row in rows {
            write!(out, "{}", lun_of(row.wwid())).expect("memory");
            for word in [row.alias(), row.used_by().map(|_| "for"), row.used_by()].into_iter().flatten() {
                write!(out, " {word}").expect("memory");
            }
            write!(out, " {}:", row.cluster_state()).expect("memory");
            let cells: Vec<String> = row
                .cells()
                .map(|(node, cell)| {
                    let (active, total) = cell.counts.unwrap_or_default();
                    let paths = match (active, cell.paths_expected.or(total)) {
                        (Some(active), Some(of)) => format!(" {active}/{of}"),
                        _ => String::new(),
                    };
                    let state = match cell.state {
                        State::Optimal if !paths.is_empty() => String::new(),
                        state => format!(" {state}"),
                    };
                    format!(" {node}{state}{paths}")
                })
                .collect();
            out.push_str(&cells.join(","));
            let outcome = observer.expectations().of(row.wwid());
            let by: Vec<String> = outcome.iter().flat_map(|outcome| &outcome.by).map(why).collect();
            if !by.is_empty() {
                write!(out, "; {}", by.join(", ")).expect("memory");
            }
            out.push('\n');
        }
        for finding in observer.findings() {
            let scope = &finding.scope;
            let of = [
                scope.wwid.as_ref().map(&lun_of),
                scope.node.as_ref().map(ToString::to_string),
                scope.object.clone(),
            ];
            let of: Vec<String> = of.into_iter().flatten().collect();
            writeln!(out, "{} {}", finding.code.as_str(), of.join(" ")).expect("memory");
        }
        write!(out, "exit {}", exit_of(observer)).expect("memory");
        out
    }

    /// Holds the status against the expected one; one who starts to look now must see the same.
    #[track_caller]
    pub fn check(&self, expect: &expect_test::Expect) {
        expect.assert_eq(&self.status());
        assert_eq!(
            self.status_of_a_new_observer(),
            self.status(),
            "a new observer (left) sees something else"
        );
    }
}

/// The exit status of `pathkeeper status`.
pub fn exit_of(observer: &Cluster) -> u8 {
    exit_status(&observer.matrix().tally(), observer.view().partial.is_some())
}

fn cluster(now: Now) -> Cluster {
    let observer = NodeName::new("observer").expect("not empty");
    Cluster::new(ClusterConfig { observer, failover_worst_ms: 0 }, now)
}

fn members_event(members: &BTreeMap<NodeName, bool>) -> ClusterEvent {
    ClusterEvent::Members { nodes: members.clone(), doubt: None }
}

fn why(by: &By) -> String {
    match by {
        By::Nodes => "nodes".to_owned(),
        By::Storages(ids) => ids.iter().map(|id| format!("storage:{id}")).collect::<Vec<_>>().join(" "),
        By::Ledger(_) => "ledger".to_owned(),
        By::Active => "active".to_owned(),
    }
}
