//! Each node's paths in the form in which causes are looked for: small numbers, made once when the node's paths change.
//!
//! Most LUNs of a node look alike (the same adapters and ports, the same paths up). Such cells share a [`Pattern`], so that a
//! search costs what the SAN has of adapters, ports and patterns, and not what it has of paths.

#![expect(clippy::indexing_slicing, reason = "numbers are the index's own; names from outside are looked up")]

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

use crate::ids::{EpochS, NodeName, Wwid};
use crate::topology::{LunSeen, NodePaths, PathWord, Route};

/// No adapter, or no port: not known.
pub(super) const NONE: u16 = u16::MAX;
/// More adapters, ports or pairs of one node than this are not told apart: what is over is as if it were not known.
const ENTITIES_MAX: usize = 4_096;

/// An adapter of one node.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct AdapterAt {
    /// What the ledger calls it.
    pub port: Arc<str>,
    /// An iSCSI initiator that is known by its name only is told apart by the portals' subnet: one NIC each, as a rule.
    pub via: Option<Arc<str>>,
    /// `host7`; several where each session has a host of its own.
    pub hosts: Vec<Arc<str>>,
    /// `fc`, `iscsi`, …
    pub transport: Option<Arc<str>>,
}

/// A target port as one node knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PortAt {
    pub name: Arc<str>,
    /// WWNN or IQN, each once.
    pub nodes: Vec<Arc<str>>,
    /// ALUA target port groups, each once.
    pub groups: Vec<u16>,
    pub iscsi: bool,
}

/// An adapter and a target port, over all LUNs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PairAt {
    /// Place in [`NodeIndex::adapters`], or [`NONE`].
    pub adapter: u16,
    /// Place in [`NodeIndex::ports`], or [`NONE`].
    pub port: u16,
    pub usable: u32,
    pub failed: u32,
    pub absent: u32,
    /// Neither usable nor proven down.
    pub undecided: u32,
    /// LUNs over it.
    pub cells: u32,
    pub changes: u16,
    pub changed_last: Option<EpochS>,
    /// The kernel says of the way itself (FC's remote port, iSCSI's session) that it is down; `None` = it says nothing.
    pub cut: Option<bool>,
}

/// Paths of one LUN over one pair.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(super) struct PathsAt {
    pub pair: u16,
    pub usable: u16,
    pub failed: u16,
    pub absent: u16,
    pub undecided: u16,
}

impl PathsAt {
    /// Proven not usable.
    pub fn bad(self) -> u32 {
        u32::from(self.failed) + u32::from(self.absent)
    }
    /// Not usable, proven or not.
    pub fn off(self) -> u32 {
        self.bad() + u32::from(self.undecided)
    }
}

/// What cells of one node have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pattern {
    /// In the order of the pairs.
    pub paths: Box<[PathsAt]>,
    /// The LUNs, by the index's numbers.
    pub luns: FixedBitSet,
    pub cells: u32,
    pub usable: u32,
    /// Paths that the map has.
    pub known: u32,
    /// All paths.
    pub expected: u32,
}

impl Pattern {
    /// No path can be used, and that is proven.
    pub fn is_dead(&self) -> bool {
        self.usable == 0
            && self.paths.iter().any(|p| p.bad() > 0)
            && self.paths.iter().all(|p| p.undecided == 0)
    }
}

/// One LUN on one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CellAt {
    pub wwid: Wwid,
    pub lun: u32,
    pub pattern: u32,
}

/// One node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct NodeIndex {
    pub read_at: Option<EpochS>,
    /// Sorted.
    pub adapters: Vec<AdapterAt>,
    /// Sorted by name.
    pub ports: Vec<PortAt>,
    /// Sorted by adapter and port.
    pub pairs: Vec<PairAt>,
    pub patterns: Vec<Pattern>,
    /// In byte order.
    pub cells: Vec<CellAt>,
}

impl NodeIndex {
    pub fn cell(&self, wwid: &Wwid) -> Option<&CellAt> {
        self.cells.binary_search_by(|cell| cell.wwid.cmp(wwid)).ok().map(|at| &self.cells[at])
    }
}

/// All nodes' paths, ready to be searched. Tell it of each node whose paths changed.
#[derive(Clone, Debug, Default)]
pub struct Index {
    pub(super) nodes: BTreeMap<NodeName, Arc<NodeIndex>>,
    luns: Luns,
}

/// LUNs by number; a number is used again when no node has its LUN any more.
#[derive(Clone, Debug, Default)]
struct Luns {
    by_wwid: FxHashMap<Wwid, u32>,
    users: Vec<u32>,
    free: Vec<u32>,
}

impl Luns {
    fn take(&mut self, wwid: &Wwid) -> u32 {
        if let Some(&lun) = self.by_wwid.get(wwid.as_str()) {
            self.users[lun as usize] += 1;
            return lun;
        }
        let lun = self.free.pop().unwrap_or_else(|| {
            self.users.push(0);
            // There are fewer LUNs than bytes of memory.
            u32::try_from(self.users.len() - 1).unwrap_or(u32::MAX)
        });
        self.users[lun as usize] = 1;
        self.by_wwid.insert(wwid.clone(), lun);
        lun
    }

    fn give_back(&mut self, wwid: &Wwid, lun: u32) {
        let users = &mut self.users[lun as usize];
        *users -= 1;
        if *users == 0 {
            self.by_wwid.remove(wwid.as_str());
            self.free.push(lun);
        }
    }
}

impl Index {
    /// A node's paths are these now; `None`: nothing is known of them any more.
    pub fn set(&mut self, node: &NodeName, paths: Option<&NodePaths>) {
        let made = paths.map(|paths| Arc::new(Builder::build(paths, &mut self.luns)));
        let old = match made {
            Some(made) => self.nodes.insert(node.clone(), made),
            None => self.nodes.remove(node),
        };
        for cell in old.iter().flat_map(|old| &old.cells) {
            self.luns.give_back(&cell.wwid, cell.lun);
        }
    }

    /// The nodes of which paths are known.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.nodes.keys()
    }

    pub(super) fn lun_count(&self) -> usize {
        self.luns.users.len()
    }
}

/// An address. A WWN reads like one of IPv6, and is none.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let is_wwn = text.split(':').count() == 8 && text.split(':').all(|part| part.len() == 2);
    if is_wwn { None } else { text.parse().ok() }
}

/// The subnet of a portal: `10.9.1.0/24`, `fd00:9::/64`. `None` where the text is no address.
pub(super) fn subnet(portal: &str) -> Option<String> {
    let host = match portal.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        // One colon parts address and port; more are an IPv6 address without brackets.
        None if portal.matches(':').count() == 1 => portal.split(':').next()?,
        None => portal,
    };
    match address(host)? {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            Some(format!("{a}.{b}.{c}.0/24"))
        }
        IpAddr::V6(v6) => {
            let bits = u128::from(v6) & !u128::from(u64::MAX);
            Some(format!("{}/64", core::net::Ipv6Addr::from(bits)))
        }
    }
}

struct Builder {
    /// Of each route, its pair; [`NONE`] = not told apart.
    pair_of_route: Vec<u16>,
    pairs: Vec<PairAt>,
    /// Pairs of iSCSI, whose adapter's name changes when a session ends.
    iscsi: Vec<bool>,
}

/// An adapter's key, as far as a route tells.
fn adapter_key(route: &Route) -> Option<(Arc<str>, Option<Arc<str>>)> {
    let known = (!route.adapter_port.is_empty()).then(|| route.adapter_port.clone());
    let port = known.or_else(|| route.adapter.clone()).filter(|port| !port.is_empty())?;
    let by_name = is_iscsi(route) && address(&port).is_none();
    let via = if by_name { subnet(&route.target_port).map(Arc::from) } else { None };
    Some((port, via))
}

fn is_iscsi(route: &Route) -> bool {
    route.transport.as_deref().is_some_and(|word| word == "iscsi")
        // What only the ledger knows bears no transport.
        || (route.transport.is_none() && subnet(&route.target_port).is_some())
}

/// The words of the kernel for a remote port and a session that are not there (drivers/scsi/scsi_transport_fc.c,
/// scsi_transport_iscsi.c).
fn is_cut(link: &str) -> bool {
    matches!(link, "Blocked" | "Not Present" | "Linkdown" | "Offline" | "Deleted" | "FAILED" | "FREE")
}

fn place(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(NONE)
}

impl Builder {
    fn build(paths: &NodePaths, luns: &mut Luns) -> NodeIndex {
        let (adapters, ports) = (Self::adapters(&paths.routes), Self::ports(&paths.routes));
        let mut keys: Vec<(u16, u16)> = Vec::with_capacity(paths.routes.len());
        for route in &paths.routes {
            let adapter = adapter_key(route)
                .and_then(|key| adapters.binary_search_by(|a| (&a.port, &a.via).cmp(&(&key.0, &key.1))).ok());
            let port = ports.binary_search_by(|p| p.name.cmp(&route.target_port)).ok();
            keys.push((adapter.map_or(NONE, place), port.map_or(NONE, place)));
        }
        let mut distinct: Vec<(u16, u16)> = keys.clone();
        distinct.sort_unstable();
        distinct.dedup();
        distinct.truncate(ENTITIES_MAX);
        let pair = |&(adapter, port): &(u16, u16)| PairAt {
            adapter,
            port,
            usable: 0,
            failed: 0,
            absent: 0,
            undecided: 0,
            cells: 0,
            changes: 0,
            changed_last: None,
            cut: None,
        };
        let mut this = Self {
            pair_of_route: keys.iter().map(|key| distinct.binary_search(key).map_or(NONE, place)).collect(),
            pairs: distinct.iter().map(pair).collect(),
            iscsi: vec![false; distinct.len()],
        };
        for (route, &at) in paths.routes.iter().zip(&this.pair_of_route) {
            let Some(pair) = this.pairs.get_mut(usize::from(at)) else { continue };
            pair.changes = pair.changes.max(route.changes_30_min);
            pair.changed_last = pair.changed_last.max(route.changed_last);
            // Of several sessions one that works is a way.
            let cut = route.link.as_deref().map(is_cut);
            pair.cut = pair.cut.map_or(cut, |known| Some(known && cut.unwrap_or(true)));
            this.iscsi[usize::from(at)] |= is_iscsi(route);
        }
        let mut by_paths: FxHashMap<(u32, Box<[PathsAt]>), u32> = FxHashMap::default();
        let mut patterns: Vec<Pattern> = Vec::new();
        let mut cells = Vec::with_capacity(paths.luns.len());
        let (mut scratch, mut last) = (Scratch::default(), None);
        for lun in &paths.luns {
            // The order is promised; a cell that is not in it could not be found again.
            if last.is_some_and(|last| last >= &lun.wwid) {
                continue;
            }
            last = Some(&lun.wwid);
            let known = this.cell(lun, &mut scratch);
            if scratch.parts.is_empty() {
                continue;
            }
            let number = luns.take(&lun.wwid);
            let parts = std::mem::take(&mut scratch.parts);
            let pattern = *by_paths.entry((known, parts.as_slice().into())).or_insert_with(|| {
                let usable = parts.iter().map(|p| u32::from(p.usable)).sum();
                let off: u32 = parts.iter().map(|p| p.off()).sum();
                patterns.push(Pattern {
                    paths: parts.as_slice().into(),
                    luns: FixedBitSet::new(),
                    cells: 0,
                    usable,
                    known,
                    expected: usable + off,
                });
                u32::try_from(patterns.len() - 1).unwrap_or(u32::MAX)
            });
            scratch.parts = parts;
            let shared = &mut patterns[pattern as usize];
            shared.cells += 1;
            shared.luns.grow_and_insert(number as usize);
            cells.push(CellAt { wwid: lun.wwid.clone(), lun: number, pattern });
        }
        for pattern in &patterns {
            for part in &pattern.paths {
                let pair = &mut this.pairs[usize::from(part.pair)];
                pair.usable += u32::from(part.usable) * pattern.cells;
                pair.failed += u32::from(part.failed) * pattern.cells;
                pair.absent += u32::from(part.absent) * pattern.cells;
                pair.undecided += u32::from(part.undecided) * pattern.cells;
                pair.cells += pattern.cells;
            }
        }
        NodeIndex { read_at: paths.read_at, adapters, ports, pairs: this.pairs, patterns, cells }
    }

    fn adapters(routes: &[Route]) -> Vec<AdapterAt> {
        let mut by_key: BTreeMap<_, AdapterAt> = BTreeMap::new();
        for route in routes {
            let Some(key) = adapter_key(route) else { continue };
            if by_key.len() >= ENTITIES_MAX && !by_key.contains_key(&key) {
                continue;
            }
            let (port, via) = key.clone();
            let at = by_key.entry(key).or_insert(AdapterAt { port, via, hosts: Vec::new(), transport: None });
            if let Some(host) = route.adapter.as_ref().filter(|host| !at.hosts.contains(host)) {
                at.hosts.push(host.clone());
            }
            at.transport = at.transport.take().max(route.transport.clone());
        }
        let mut adapters: Vec<AdapterAt> = by_key.into_values().collect();
        adapters.iter_mut().for_each(|adapter| adapter.hosts.sort_unstable());
        adapters
    }

    fn ports(routes: &[Route]) -> Vec<PortAt> {
        let mut by_name: BTreeMap<Arc<str>, PortAt> = BTreeMap::new();
        for route in routes.iter().filter(|route| !route.target_port.is_empty()) {
            if by_name.len() >= ENTITIES_MAX && !by_name.contains_key(&route.target_port) {
                continue;
            }
            let at = by_name.entry(route.target_port.clone()).or_insert_with(|| PortAt {
                name: route.target_port.clone(),
                nodes: Vec::new(),
                groups: Vec::new(),
                iscsi: false,
            });
            at.iscsi |= is_iscsi(route);
            if let Some(node) = route.target_node.as_ref().filter(|node| !at.nodes.contains(node)) {
                at.nodes.push(node.clone());
            }
            if let Some(group) = route.port_group.filter(|group| !at.groups.contains(group)) {
                at.groups.push(group);
            }
        }
        by_name.into_values().collect()
    }

    fn pair(&self, route: u16) -> Option<u16> {
        self.pair_of_route.get(usize::from(route)).copied().filter(|pair| *pair != NONE)
    }

    /// Counts one LUN's paths into the scratch's `parts`; gives how many paths the map has.
    fn cell(&self, lun: &LunSeen, scratch: &mut Scratch) -> u32 {
        let Scratch { parts, remembered, loose } = scratch;
        parts.clear();
        remembered.clear();
        loose.clear();
        let mut known: u32 = 0;
        for path in &lun.paths {
            let Some(pair) = self.pair(path.route) else { continue };
            known += 1;
            let part = part_of(parts, pair);
            let count = match path.word {
                PathWord::Usable => &mut part.usable,
                PathWord::Down | PathWord::Contradiction => &mut part.failed,
                PathWord::Undecided => &mut part.undecided,
            };
            *count = count.saturating_add(1);
        }
        for &(route, paths) in &lun.remembered {
            if let Some(pair) = self.pair(route) {
                add(remembered, pair, u32::from(paths));
            }
        }
        for route in lun.loose.iter().filter_map(|loose| loose.route) {
            if let Some(pair) = self.pair(route) {
                add(loose, pair, 1);
            }
        }
        // What multipathd does not list but the kernel holds is not gone: only nobody says what it is. The same with a map
        // that could not be read to its end, and with a LUN whose devices are there while no map took them.
        let not_all = match &lun.map {
            Some(map) => map.incomplete || (lun.paths.is_empty() && map.kernel_paths.is_some()),
            None => !lun.loose.is_empty(),
        };
        self.miss(parts, remembered, loose, not_all);
        parts.sort_unstable();
        known
    }

    /// Adds what is remembered and not there. A ledger's set is replaced as a whole by another of the same size, so a path
    /// beyond what is remembered stands for one that is missed elsewhere: an adapter was replaced, a session changed its name.
    fn miss(
        &self,
        parts: &mut Vec<PathsAt>,
        remembered: &mut [(u16, u32)],
        loose: &[(u16, u32)],
        not_all: bool,
    ) {
        let mut beyond: Vec<(u16, u32)> = Vec::new();
        for part in parts.iter() {
            let here = u32::from(part.usable) + part.off();
            match remembered.iter_mut().find(|(pair, _)| *pair == part.pair) {
                Some((_, left)) if *left >= here => *left -= here,
                Some((_, left)) => beyond.push((part.pair, here - std::mem::take(left))),
                None => beyond.push((part.pair, here)),
            }
        }
        for round in 0..3 {
            for (from, over) in beyond.iter_mut().filter(|(_, over)| *over > 0) {
                let (one, is_iscsi) = (self.pairs[usize::from(*from)], self.iscsi[usize::from(*from)]);
                for (to, left) in remembered.iter_mut().filter(|(_, left)| *left > 0) {
                    let other = self.pairs[usize::from(*to)];
                    let same_port = one.port == other.port && one.port != NONE;
                    let same_adapter = one.adapter == other.adapter && one.adapter != NONE;
                    if !(same_port || round > 0 && same_adapter || round > 1) {
                        continue;
                    }
                    let moved = (*over).min(*left);
                    (*over, *left) = (*over - moved, *left - moved);
                    // A path that is down may have lost its adapter's or its port's name: then it is the remembered one.
                    let nameless = one.adapter == NONE || one.port == NONE;
                    if (is_iscsi && same_port) || (nameless && (same_port || same_adapter)) {
                        hand_over(parts, *from, *to, moved);
                    }
                }
            }
        }
        for &(pair, left) in remembered.iter().filter(|(_, left)| *left > 0) {
            let held = loose.iter().find(|(at, _)| *at == pair).map_or(0, |(_, n)| (*n).min(left));
            let undecided = if not_all { left } else { held };
            let part = part_of(parts, pair);
            part.undecided = part.undecided.saturating_add(count16(undecided));
            part.absent = part.absent.saturating_add(count16(left - undecided));
        }
    }
}

#[derive(Default)]
struct Scratch {
    parts: Vec<PathsAt>,
    remembered: Vec<(u16, u32)>,
    loose: Vec<(u16, u32)>,
}

fn count16(n: u32) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

fn add(list: &mut Vec<(u16, u32)>, pair: u16, n: u32) {
    match list.iter_mut().find(|(at, _)| *at == pair) {
        Some((_, count)) => *count = count.saturating_add(n),
        None => list.push((pair, n)),
    }
}

fn part_of(parts: &mut Vec<PathsAt>, pair: u16) -> &mut PathsAt {
    let at = parts.iter().position(|part| part.pair == pair).unwrap_or_else(|| {
        parts.push(PathsAt { pair, ..PathsAt::default() });
        parts.len() - 1
    });
    &mut parts[at]
}

/// Up to `count` failed paths of one pair are another's.
fn hand_over(parts: &mut Vec<PathsAt>, from: u16, to: u16, count: u32) {
    let source = part_of(parts, from);
    let moved = source.failed.min(count16(count));
    source.failed -= moved;
    let empty = source.usable == 0 && source.off() == 0;
    if moved > 0 {
        let target = part_of(parts, to);
        target.failed = target.failed.saturating_add(moved);
    }
    if empty {
        parts.retain(|part| part.pair != from);
    }
}

#[cfg(test)]
mod tests {
    use super::subnet;

    #[test]
    fn subnets() {
        for (portal, expect) in [
            ("10.9.1.7:3260", Some("10.9.1.0/24")),
            ("10.9.1.7", Some("10.9.1.0/24")),
            ("[fd00:9::7]:3260", Some("fd00:9::/64")),
            ("fd00:9:0:1:2::7", Some("fd00:9:0:1::/64")),
            ("50:06:01:61:88:60:0f:a2", None),
            ("san.example.org:3260", None),
            ("traddr=10.0.0.1,trsvcid=4420", None),
            ("", None),
            ("[", None),
        ] {
            assert_eq!(subnet(portal).as_deref(), expect, "{portal}");
        }
    }
}
