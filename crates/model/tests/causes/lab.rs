//! A small SAN on paper: what is broken in it is known, and what each node would tell of it is made from that.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a lab may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pathkeeper_model::cause::Causes;
use pathkeeper_model::expect::Expectations;
use pathkeeper_model::finding::{Code, Fingerprint, Scope};
use pathkeeper_model::guests::Guests;
use pathkeeper_model::local::{Adapter, Queueing};
use pathkeeper_model::matrix::Matrix;
use pathkeeper_model::names::{Named, Names};
use pathkeeper_model::node_value::{DaemonWord, NodeValue};
use pathkeeper_model::picture::{NodePicture, Picture};
use pathkeeper_model::topology::{LunSeen, MapSeen, NodePaths, PathSeen, PathWord, Route};
use pathkeeper_model::{EpochS, MonoMs, NodeName, Now, Wwid};

/// How fabrics can be known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// By the wiring alone.
    Wiring,
    /// The switches' names.
    Switch,
    /// People said it.
    People,
}

/// What is built, when nothing is broken.
#[derive(Clone, Debug)]
pub struct Shape {
    pub nodes: usize,
    pub luns: usize,
    pub fabrics: usize,
    pub adapters_per_fabric: usize,
    pub controllers: usize,
    /// Ports of a controller in each fabric; 0: one port in all, controllers take turns.
    pub ports_per_fabric: usize,
    pub iscsi: bool,
    /// iSCSI initiators bear their name and no address.
    pub by_iqn: bool,
    pub known: Known,
    /// ALUA groups tell controllers.
    pub groups: bool,
    /// Nodes publish links.
    pub links: bool,
    /// What is down has no device any more.
    pub absent: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            nodes: 4,
            luns: 12,
            fabrics: 2,
            adapters_per_fabric: 1,
            controllers: 2,
            ports_per_fabric: 1,
            iscsi: false,
            by_iqn: false,
            known: Known::Wiring,
            groups: true,
            links: true,
            absent: false,
        }
    }
}

/// What can be broken, by numbers of the shape.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// Node, adapter; its link is lost.
    Adapter(usize, usize),
    /// The same, and the link stays up.
    AdapterQuiet(usize, usize),
    Port(usize),
    Controller(usize),
    /// A switch without power.
    Fabric(usize),
    /// A switch that forwards nothing.
    FabricQuiet(usize),
    /// LUN, on all nodes.
    Unmap(usize),
    /// LUN, node.
    UnmapOn(usize, usize),
    /// Node, adapter, port.
    Pair(usize, usize, usize),
    /// One path: node, adapter, port, LUN. Nothing of the catalogue; it must stand out.
    Path(usize, usize, usize, usize),
}

/// A SAN with its faults.
#[derive(Clone, Debug, Default)]
pub struct Lab {
    pub shape: Shape,
    pub faults: Vec<Fault>,
    pub silent: BTreeSet<usize>,
    pub now_ms: u64,
    /// How often paths over a node's adapter and port changed: node, adapter, port.
    pub changes: BTreeMap<(usize, usize, usize), u16>,
    /// Nodes that do not carry a LUN: LUN, node.
    pub without: BTreeSet<(usize, usize)>,
    pub words: BTreeMap<String, String>,
}

pub fn node_name(node: usize) -> NodeName {
    NodeName::new(&format!("pve{:02}", node + 1)).unwrap()
}

pub fn wwid(lun: usize) -> Wwid {
    Wwid::new(&format!("3600a098038304479363f4c48704{lun:05}")).unwrap()
}

impl Lab {
    pub fn new(shape: Shape) -> Self {
        Self { shape, now_ms: 1_000_000, ..Self::default() }
    }

    pub fn with(mut self, faults: &[Fault]) -> Self {
        self.faults = faults.to_vec();
        self
    }

    pub fn adapters(&self) -> usize {
        self.shape.fabrics * self.shape.adapters_per_fabric
    }

    pub fn ports(&self) -> usize {
        let Shape { controllers, ports_per_fabric, fabrics, .. } = self.shape;
        controllers * if ports_per_fabric == 0 { 1 } else { ports_per_fabric * fabrics }
    }

    pub fn fabric_of_adapter(&self, adapter: usize) -> usize {
        adapter % self.shape.fabrics
    }

    pub fn controller_of(&self, port: usize) -> usize {
        port % self.shape.controllers
    }

    pub fn fabric_of_port(&self, port: usize) -> usize {
        port / self.shape.controllers % self.shape.fabrics
            + if self.shape.ports_per_fabric == 0 { port % self.shape.fabrics } else { 0 }
    }

    pub fn adapter_port(&self, node: usize, adapter: usize) -> String {
        match (self.shape.iscsi, self.shape.by_iqn) {
            (false, _) => format!("21:00:00:24:ff:4a:{:02x}:{:02x}", node + 1, adapter + 6),
            (true, false) => {
                format!("10.9.{}.{}", self.fabric_of_adapter(adapter) + 1, 100 + node * 4 + adapter)
            }
            (true, true) => format!("iqn.1993-08.org.debian:01:{node:02}"),
        }
    }

    /// What findings call an adapter.
    pub fn adapter_object(&self, node: usize, adapter: usize) -> String {
        match (self.shape.iscsi, self.shape.by_iqn) {
            (false, _) => format!("host{}", adapter + 6),
            // It has a host for each session.
            (true, false) => self.adapter_port(node, adapter),
            (true, true) => {
                let subnet = self.fabric_of_adapter(adapter) + 1;
                format!("{} via 10.9.{subnet}.0/24", self.adapter_port(node, adapter))
            }
        }
    }

    fn host(&self, adapter: usize, port: usize, _node: usize) -> String {
        if self.shape.iscsi {
            let place = (0..port).filter(|p| self.fabric_of_port(*p) == self.fabric_of_port(port)).count();
            let first =
                (0..self.ports()).position(|p| self.fabric_of_port(p) == self.fabric_of_adapter(adapter));
            let place = if self.fabric_of_port(port) == self.fabric_of_adapter(adapter) {
                place
            } else {
                first.map_or(0, |_| 0)
            };
            format!("host{}", 6 + adapter * self.ports() + place)
        } else {
            format!("host{}", adapter + 6)
        }
    }

    pub fn port_name(&self, port: usize) -> String {
        if self.shape.iscsi {
            format!("10.9.{}.{}:3260", self.fabric_of_port(port) + 1, port + 1)
        } else {
            format!("50:06:01:6{port:x}:88:60:0f:a2")
        }
    }

    pub fn target_node(&self) -> String {
        if self.shape.iscsi { "iqn.1992-08.com.netapp:sn.1".into() } else { "50:06:01:60:88:60:0f:00".into() }
    }

    pub fn fabric_name(&self, fabric: usize) -> String {
        match (self.shape.iscsi, self.shape.known) {
            (_, Known::People) => ["red", "blue"][fabric].to_owned(),
            (true, _) => format!("10.9.{}.0/24", fabric + 1),
            (false, Known::Switch) => format!("10:00:50:eb:1a:0f:5d:{:02x}", fabric + 1),
            (false, Known::Wiring) => ["A", "B"][fabric].to_owned(),
        }
    }

    pub fn controller_name(&self, controller: usize) -> String {
        format!("{} group {}", self.target_node(), controller + 1)
    }

    /// Whether a fault takes this path away.
    pub fn hits(&self, fault: Fault, node: usize, adapter: usize, port: usize, lun: usize) -> bool {
        match fault {
            Fault::Adapter(n, a) | Fault::AdapterQuiet(n, a) => (n, a) == (node, adapter),
            Fault::Port(p) => p == port,
            Fault::Controller(c) => c == self.controller_of(port),
            Fault::Fabric(f) | Fault::FabricQuiet(f) => f == self.fabric_of_adapter(adapter),
            Fault::Unmap(l) => l == lun,
            Fault::UnmapOn(l, n) => (l, n) == (lun, node),
            Fault::Pair(n, a, p) => (n, a, p) == (node, adapter, port),
            Fault::Path(n, a, p, l) => (n, a, p, l) == (node, adapter, port, lun),
        }
    }

    pub fn is_bad(&self, node: usize, adapter: usize, port: usize, lun: usize) -> bool {
        self.faults.iter().any(|fault| self.hits(*fault, node, adapter, port, lun))
    }

    pub fn link_down(&self, node: usize, adapter: usize) -> bool {
        self.faults.iter().any(|fault| match *fault {
            Fault::Adapter(n, a) => (n, a) == (node, adapter),
            Fault::Fabric(f) => f == self.fabric_of_adapter(adapter),
            _ => false,
        })
    }

    /// All paths of a node: adapter, port.
    pub fn wires(&self) -> Vec<(usize, usize)> {
        let all = (0..self.adapters()).flat_map(|a| (0..self.ports()).map(move |p| (a, p)));
        all.filter(|(a, p)| self.fabric_of_adapter(*a) == self.fabric_of_port(*p)).collect()
    }

    pub fn paths(&self, node: usize) -> NodePaths {
        let wires = self.wires();
        let route = |&(adapter, port): &(usize, usize)| {
            let gone =
                self.shape.absent && (0..self.shape.luns).all(|lun| self.is_bad(node, adapter, port, lun));
            Route {
                // What the ledger alone knows bears no host.
                adapter: (!gone).then(|| Arc::from(self.host(adapter, port, node))),
                adapter_port: Arc::from(self.adapter_port(node, adapter)),
                target_port: Arc::from(self.port_name(port)),
                target_node: (!gone).then(|| Arc::from(self.target_node())),
                transport: (!gone).then(|| Arc::from(if self.shape.iscsi { "iscsi" } else { "fc" })),
                port_group: (self.shape.groups && !gone).then(|| self.controller_of(port) as u16 + 1),
                changes_30_min: self.changes.get(&(node, adapter, port)).copied().unwrap_or(0),
                changed_last: self.changes.get(&(node, adapter, port)).map(|_| EpochS(1_790_000_000)),
                link: None,
            }
        };
        let lun = |lun: usize| {
            let mut paths = Vec::new();
            for (place, &(adapter, port)) in wires.iter().enumerate() {
                let bad = self.is_bad(node, adapter, port, lun);
                if bad && self.shape.absent {
                    continue;
                }
                let word = if bad { PathWord::Down } else { PathWord::Usable };
                paths.push(path(place as u16, word));
            }
            let remembered = (0..wires.len()).map(|place| (place as u16, 1)).collect();
            lun_seen(wwid(lun), &format!("vm-{lun:02}"), paths, remembered)
        };
        NodePaths {
            read_at: Some(EpochS(1_790_000_060)),
            answered: true,
            routes: wires.iter().map(route).collect(),
            luns: (0..self.shape.luns).filter(|lun| !self.without.contains(&(*lun, node))).map(lun).collect(),
            ..NodePaths::default()
        }
    }

    pub fn about(&self, node: usize) -> NodeValue {
        let mut about = NodeValue::of(DaemonWord::Running);
        if self.shape.iscsi {
            return about;
        }
        for adapter in 0..self.adapters() {
            let down = self.link_down(node, adapter);
            let fabric = match (self.shape.known, down && self.shape.links) {
                (Known::Switch, false) => {
                    Some(format!("0x{}", self.fabric_name(self.fabric_of_adapter(adapter)).replace(':', "")))
                }
                (Known::Switch, true) => Some("0xffffffffffffffff".to_owned()),
                _ => None,
            };
            about.adapters.push(Adapter {
                name: self.host(adapter, 0, node),
                transport: "fc".into(),
                port_name: Some(format!("0x{}", self.adapter_port(node, adapter).replace(':', ""))),
                fabric,
                link: self.shape.links.then(|| if down { "Linkdown" } else { "Online" }.to_owned()),
                speed: None,
                counters: if down {
                    vec![("link_failure_count".into(), 5), ("error_frames".into(), 0)]
                } else {
                    Vec::new()
                },
            });
        }
        about
    }

    pub fn names(&self) -> Names {
        let mut names = Names::default();
        if self.shape.known == Known::People {
            for node in 0..self.shape.nodes {
                for adapter in 0..self.adapters() {
                    let fabric = Some(self.fabric_name(self.fabric_of_adapter(adapter)));
                    names
                        .ports
                        .insert(self.adapter_port(node, adapter), Named { fabric, ..Named::default() });
                }
            }
            for port in 0..self.ports() {
                let fabric = Some(self.fabric_name(self.fabric_of_port(port)));
                names.ports.insert(self.port_name(port), Named { fabric, ..Named::default() });
            }
        }
        for (port, word) in &self.words {
            names.ports.entry(port.clone()).or_default().name = Some(word.clone());
        }
        names
    }

    /// What each node tells.
    pub fn told(&self) -> BTreeMap<NodeName, (NodePaths, NodeValue)> {
        (0..self.shape.nodes).map(|n| (node_name(n), (self.paths(n), self.about(n)))).collect()
    }

    pub fn find(&self, before: &Causes) -> Causes {
        let told = self.told();
        let silent: BTreeSet<NodeName> = self.silent.iter().map(|n| node_name(*n)).collect();
        find(&told, &silent, &self.names(), self.now_ms, before)
    }

    /// What a fault should be called.
    pub fn truth(&self, fault: Fault) -> Option<String> {
        let (code, scope) = match fault {
            Fault::Adapter(n, a) | Fault::AdapterQuiet(n, a) => {
                (Code::HbaDown, Scope::of_node(&node_name(n), &self.adapter_object(n, a)))
            }
            Fault::Port(p) => (Code::TargetPortDown, Scope::object(&self.port_name(p))),
            Fault::Controller(c) => (Code::ControllerDown, Scope::object(&self.controller_name(c))),
            Fault::Fabric(f) | Fault::FabricQuiet(f) => {
                (Code::FabricDown, Scope::object(&self.fabric_name(f)))
            }
            Fault::Unmap(l) => {
                let mut carry = (0..self.shape.nodes).filter(|n| !self.without.contains(&(l, *n)));
                match (carry.next(), carry.next()) {
                    (Some(n), None) => (Code::LunUnmapped, Scope::cell(&node_name(n), &wwid(l))),
                    _ => (Code::LunUnmapped, Scope::lun(&wwid(l))),
                }
            }
            Fault::UnmapOn(l, n) => (Code::LunUnmapped, Scope::cell(&node_name(n), &wwid(l))),
            Fault::Pair(n, a, p) => {
                let object = format!("{} to {}", self.adapter_object(n, a), self.port_name(p));
                (Code::PortPairDown, Scope::of_node(&node_name(n), &object))
            }
            Fault::Path(..) => return None,
        };
        Some(Fingerprint { code, scope }.to_string())
    }
}

pub fn path(route: u16, word: PathWord) -> PathSeen {
    PathSeen { route, word, ..PathSeen::default() }
}

pub fn lun_seen(wwid: Wwid, name: &str, paths: Vec<PathSeen>, remembered: Vec<(u16, u16)>) -> LunSeen {
    let map = (!paths.is_empty()).then(|| {
        Box::new(MapSeen { name: Arc::from(name), queueing: Queueing::Unset, ..MapSeen::default() })
    });
    LunSeen {
        wwid,
        map,
        paths: paths.into(),
        remembered: remembered.into(),
        loose: Box::default(),
        in_wwids: None,
    }
}

/// Asks, with a picture made of what nodes told.
pub fn find(
    told: &BTreeMap<NodeName, (NodePaths, NodeValue)>,
    silent: &BTreeSet<NodeName>,
    names: &Names,
    now_ms: u64,
    before: &Causes,
) -> Causes {
    ask(told, silent, names, now_ms, |picture| Causes::find(picture, before))
}

/// The same for any question.
pub fn ask<T>(
    told: &BTreeMap<NodeName, (NodePaths, NodeValue)>,
    silent: &BTreeSet<NodeName>,
    names: &Names,
    now_ms: u64,
    question: impl FnOnce(&Picture<'_>) -> T,
) -> T {
    let (matrix, expectations, guests) = (Matrix::new(), Expectations::new(), Guests::default());
    let first_seen = BTreeMap::new();
    let nodes: BTreeMap<NodeName, NodePicture<'_>> = told
        .iter()
        .map(|(name, (paths, about))| {
            let picture = NodePicture {
                online: Some(true),
                heard: !silent.contains(name),
                swallowed: None,
                about: Some(about),
                paths: Some(paths),
                report_time: None,
                paths_age_ms: Some(0),
            };
            (name.clone(), picture)
        })
        .collect();
    let picture = Picture {
        matrix: &matrix,
        expectations: &expectations,
        nodes: &nodes,
        names,
        guests: &guests,
        first_seen: &first_seen,
        members_trusted: true,
        now: Now { mono: MonoMs(now_ms), wall: EpochS(1_790_000_100) },
    };
    question(&picture)
}

/// The list as `error HBA_DOWN pve02/host7`.
pub fn listed(causes: &Causes) -> Vec<String> {
    causes.list().iter().map(|f| format!("{} {}", f.severity.as_str(), f.fingerprint())).collect()
}

/// The codes and scopes alone, sorted.
pub fn names_of(causes: &Causes) -> Vec<String> {
    let mut names: Vec<String> = causes.list().iter().map(|f| f.fingerprint().to_string()).collect();
    names.sort();
    names
}
