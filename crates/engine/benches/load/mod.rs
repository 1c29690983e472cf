//! A large cluster in encoded values, as its nodes put them into the store: two fabrics, two controllers, each node with two
//! adapters, every LUN on every node, ledgers that remember all of it.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a bench may panic")]

#[path = "../../../model/tests/large/mod.rs"]
pub mod large;

use std::collections::BTreeMap;

use pathkeeper_engine::cluster::ClusterEvent;
use pathkeeper_model::detail::{Head, detail_key, encode as encode_detail};
use pathkeeper_model::judge::judge;
use pathkeeper_model::ledger::{Ledger, Lun, Port};
use pathkeeper_model::local::{CheckState, DmState, NodeRead};
use pathkeeper_model::node_value::{DaemonWord, NODE_KEY, NodeValue};
use pathkeeper_model::report::{Stamp, encode, part_key};
use pathkeeper_model::{EpochS, Instance, MonoMs, NodeName, Now};

pub const PATHS: usize = 4;
const BEGAN_S: i64 = 1_783_082_400;

/// The nodes, and how much each says.
pub struct Load {
    pub nodes: usize,
    pub luns: usize,
    /// How many values each node has put so far.
    seqs: Vec<u64>,
    /// What every node sees, before its adapters' names.
    plain: NodeRead,
}

/// A moment, in milliseconds from the beginning.
pub fn now(ms: u64) -> Now {
    Now { mono: MonoMs(1_000_000 + ms), wall: EpochS(BEGAN_S + (ms / 1_000) as i64) }
}

pub fn name(node: usize) -> NodeName {
    NodeName::new(&format!("node{node:04}")).expect("text")
}

impl Load {
    pub fn new(nodes: usize, luns: usize) -> Self {
        let mut plain = large::node(luns, PATHS);
        plain.adapters = vec![large::adapter(6), large::adapter(7)];
        for map in &mut plain.maps {
            for (controller, group) in map.groups.iter_mut().enumerate() {
                for (fabric, path) in group.paths.iter_mut().enumerate() {
                    path.adapter = Some(format!("host{}", 6 + fabric).into());
                    path.target_port = Some(format!("50:0a:09:8{controller}:86:77:a5:{fabric:02x}").into());
                    path.hctl = Some(format!("{}:0:{controller}:0", 6 + fabric).into());
                }
            }
        }
        Self { nodes, luns, seqs: vec![0; nodes], plain }
    }

    fn port(node: usize, fabric: usize) -> String {
        format!("21:00:00:24:ff:{:02x}:{:02x}:{fabric:02x}", node >> 8, node & 0xff)
    }

    fn read(&self, node: usize, down: Option<usize>, ms: u64) -> NodeRead {
        let mut read = self.plain.clone();
        read.began = now(ms).wall;
        for path in read.maps.iter_mut().flat_map(|map| &mut map.groups).flat_map(|group| &mut group.paths) {
            let fabric = usize::from(path.adapter.as_deref() == Some("host7"));
            path.adapter_port = Some(Self::port(node, fabric).into());
            if down == Some(fabric) {
                (path.dm, path.check) = (DmState::Failed, CheckState::Faulty);
                path.words = ["failed", "faulty", "running"].map(Into::into);
                path.failures = Some(1);
            }
        }
        for (fabric, adapter) in read.adapters.iter_mut().enumerate() {
            adapter.port_name = Some(format!("0x{}", Self::port(node, fabric).replace(':', "")));
            let link = if down == Some(fabric) { "Linkdown" } else { "Online" };
            adapter.link = Some(link.to_owned());
        }
        read
    }

    /// What a node puts: its value, its report and its detail, in the order in which it does. `down` is the adapter that
    /// failed.
    pub fn values(&mut self, node: usize, down: Option<usize>, ms: u64) -> Vec<ClusterEvent> {
        let read = self.read(node, down, ms);
        let whole = self.read(node, None, ms);
        let mut ledger = Ledger::default();
        for map in &whole.maps {
            let ports = map.groups.iter().flat_map(|group| &group.paths).map(|path| Port {
                adapter: path.adapter_port.as_deref().unwrap_or_default().into(),
                target: path.target_port.as_deref().unwrap_or_default().into(),
                paths: 1,
            });
            let mut ports: Vec<Port> = ports.collect();
            ports.sort();
            let lun = Lun { since: EpochS(BEGAN_S - 86_400), seen: EpochS(BEGAN_S), ports, vg: None };
            ledger.luns.insert(map.wwid.clone(), lun);
        }
        self.seqs[node] += 1;
        let stamp = Stamp { instance: Instance(node as u64 + 1), seq: self.seqs[node] };
        let mut about = NodeValue::of(DaemonWord::Running);
        about.node = Some(name(node).to_string());
        (about.instance, about.seq, about.time) = (Some(stamp.instance), Some(stamp.seq), Some(read.began));
        about.maps = Some(self.luns as u32);
        about.adapters.clone_from(&read.adapters);
        let mut puts = vec![(NODE_KEY.to_owned(), about.encode())];
        let entries = judge(&read, &|_| Some(PATHS as u32));
        let parts = encode(stamp, read.began, entries.iter().map(|(wwid, entry)| (wwid, entry))).parts;
        puts.extend((1..).zip(parts).map(|(part, bytes)| (part_key(part), bytes)));
        let head = Head { node: name(node), stamp, time: read.began };
        let parts = encode_detail(&head, &read, Some(&ledger)).expect("it fits");
        puts.extend((1..).zip(parts).map(|(part, bytes)| (detail_key(part), bytes)));
        let event = |(key, bytes)| ClusterEvent::Value { writer: name(node), key, bytes: Some(bytes) };
        puts.into_iter().map(event).collect()
    }

    /// All of them are online.
    pub fn members(&self) -> ClusterEvent {
        let nodes: BTreeMap<NodeName, bool> = (0..self.nodes).map(|node| (name(node), true)).collect();
        ClusterEvent::Members { nodes, doubt: None }
    }
}
