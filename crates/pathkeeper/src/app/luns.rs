//! LUNs one by one, put together from the status, what nodes published, and what people ordered.

use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_api::discover::AskedNode;
use pathkeeper_api::luns::{Lun, Order, PortPaths, Remembered};
use pathkeeper_api::status::LunRow;
use pathkeeper_model::arrays::{Arrays, Target};
use pathkeeper_model::detail::Detail;
use pathkeeper_model::ledger;
use pathkeeper_model::local::{Map, NodeRead};
use pathkeeper_model::orders::{self, OrderKind, Orders};
use pathkeeper_model::{NodeName, Wwid};

/// What is said of each LUN, taken in node by node: no more than one node's detail is unpacked at a time.
#[derive(Debug, Default)]
pub struct Gather {
    /// Only this LUN is wanted, and all that is known of it.
    only: Option<Wwid>,
    arrays: Arrays,
    luns: BTreeMap<String, (Lun, Option<Target>)>,
    /// Nodes that carried out an order, by its id.
    obeyed: BTreeMap<String, BTreeSet<String>>,
    nodes: Vec<NodeName>,
}

impl Gather {
    /// Nothing was taken in yet. `only`: of one LUN all is told, of others nothing.
    pub fn new(only: Option<Wwid>) -> Self {
        Self { only, ..Self::default() }
    }

    fn lun(&mut self, wwid: &Wwid) -> Option<&mut (Lun, Option<Target>)> {
        if self.only.as_ref().is_some_and(|only| only != wwid) {
            return None;
        }
        let new = || (Lun { wwid: wwid.to_string(), ..Lun::default() }, None);
        Some(self.luns.entry(wwid.to_string()).or_insert_with(new))
    }

    /// What one node read, and what it published.
    pub fn add(
        &mut self,
        node: &NodeName,
        asked: &AskedNode,
        read: Option<&NodeRead>,
        detail: Option<&Detail>,
    ) {
        self.nodes.push(node.clone());
        let then = if asked.current { "" } else { ", as it was when it last spoke" };
        for map in read.iter().flat_map(|read| &read.maps) {
            self.add_map(node, map, then);
        }
        // What only the kernel tells: while multipathd does not answer that is all there is.
        for map in read.iter().flat_map(|read| read.kernel.iter().flatten()) {
            let listed = read.is_some_and(|read| read.maps.iter().any(|listed| listed.wwid == map.wwid));
            let Some((lun, _)) = self.lun(&map.wwid).filter(|_| !listed) else { continue };
            lun.nodes.entry(node.to_string()).or_default().size = Some(map.size_bytes);
            if map.open_count > 0 {
                lun.in_use.push(format!("{node}: {}{then}", opens(map.open_count)));
            }
        }
        let Some(known) = detail.and_then(|detail| detail.ledger.as_ref()) else { return };
        for id in known.obeyed.keys() {
            self.obeyed.entry(id.clone()).or_default().insert(node.to_string());
        }
        let ports = self.only.is_some();
        for (wwid, remembered) in &known.luns {
            let Some((lun, _)) = self.lun(wwid) else { continue };
            lun.nodes.entry(node.to_string()).or_default().ledger = Some(wire_ledger(remembered, ports));
        }
    }

    fn add_map(&mut self, node: &NodeName, map: &Map, then: &str) {
        let mut first = None;
        for path in map.groups.iter().flat_map(|group| &group.paths) {
            let Some(target) = self.arrays.target_of(path) else { continue };
            self.arrays.join(*first.get_or_insert(target), target);
        }
        let Some((lun, target)) = self.lun(&map.wwid) else { return };
        let before = *target;
        *target = before.or(first);
        lun.nodes.entry(node.to_string()).or_default().size = map.size_bytes;
        let why = in_use(map);
        if !why.is_empty() {
            lun.in_use.push(format!("{node}: {}{then}", why.join(", ")));
        }
        if let (Some(before), Some(first)) = (before, first) {
            self.arrays.join(before, first);
        }
    }

    /// All of it, by WWID.
    pub fn finish(mut self, rows: impl Iterator<Item = LunRow>, given: &Orders) -> Vec<Lun> {
        for row in rows {
            let Some(wwid) = Wwid::new(&row.wwid) else { continue };
            let Some((lun, _)) = self.lun(&wwid) else { continue };
            if let Some(user) = &row.used_by {
                lun.in_use.insert(0, format!("the cluster's configuration says that it is used by {user}"));
            }
            lun.status = Some(row);
        }
        for order in &given.entries {
            let meant = self.nodes.iter().filter(|node| order.is_for(node)).map(ToString::to_string);
            let nobody = BTreeSet::new();
            let obeyed = self.obeyed.get(&order.id).unwrap_or(&nobody);
            let (obeyed, waiting) = meant.partition(|node| obeyed.contains(node));
            let order_wire = wire_order(order, obeyed, waiting);
            let retired = |node: &&NodeName| given.retired(&order.wwid, node).is_some();
            let retired = self.nodes.iter().filter(retired).map(ToString::to_string).collect();
            let Some((lun, _)) = self.lun(&order.wwid) else { continue };
            lun.orders.push(order_wire);
            lun.retired = retired;
        }
        let names = self.arrays.names();
        let mut out = Vec::with_capacity(self.luns.len());
        for (mut lun, target) in std::mem::take(&mut self.luns).into_values() {
            if let Some(target) = target {
                let array = names.get(&self.arrays.array_of(target));
                lun.array = array.into_iter().flatten().map(ToString::to_string).collect();
            }
            out.push(lun);
        }
        out
    }
}

/// Open count alone is not use, and no use: on shared LVM a map is closed wherever no volume is active.
fn in_use(map: &Map) -> Vec<String> {
    let mut why = Vec::new();
    if let Some(n) = map.open_count.filter(|n| *n > 0) {
        why.push(opens(n));
    }
    if !map.holders.is_empty() {
        why.push(format!("{} on it: {}", devices(map.holders.len()), some(&map.holders)));
    }
    if !map.pvs.is_empty() {
        let vgs: Vec<String> = map.pvs.iter().filter_map(|pv| pv.vg_name.clone()).collect();
        let of = if vgs.is_empty() { String::new() } else { format!(" of VG {}", some(&vgs)) };
        why.push(format!("it is an LVM PV{of}"));
    }
    why
}

fn opens(n: u32) -> String {
    if n == 1 { "open once".into() } else { format!("open {n} times") }
}

fn devices(n: usize) -> String {
    if n == 1 { "1 device stands".into() } else { format!("{n} devices stand") }
}

fn some(names: &[String]) -> String {
    const SOME: usize = 4;
    let more = if names.len() > SOME { " …" } else { "" };
    names.iter().take(SOME).map(String::as_str).collect::<Vec<_>>().join(" ") + more
}

fn wire_ledger(lun: &ledger::Lun, ports: bool) -> Remembered {
    let port = |port: &ledger::Port| PortPaths {
        adapter: port.adapter.to_string(),
        target: port.target.to_string(),
        paths: port.paths,
    };
    Remembered {
        since: lun.since.0,
        seen: lun.seen.0,
        paths: lun.paths(),
        vg: lun.vg.as_ref().map(|vg| vg.name.clone()),
        ports: if ports { lun.ports.iter().map(port).collect() } else { Vec::new() },
    }
}

/// An order, with who has carried it out.
pub fn wire_order(order: &orders::Order, obeyed: Vec<String>, waiting: Vec<String>) -> Order {
    Order {
        id: order.id.clone(),
        kind: order.kind.as_str().into(),
        node: order.node.as_ref().map(ToString::to_string),
        by: order.by.clone(),
        time: order.time.0,
        paths: match &order.kind {
            OrderKind::AckPaths { paths } => paths.iter().map(|(node, n)| (node.to_string(), *n)).collect(),
            _ => BTreeMap::new(),
        },
        obeyed,
        waiting,
    }
}
