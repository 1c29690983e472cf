//! What can happen to a SAN, and what follows from it.

use super::multipathd::Retry;
use super::san::{Condition, DaemonMode, Node, NodeLun, PathSet, San, SanError};
use std::collections::BTreeSet;

/// One thing that happens. Numbers count from 0 in the order of the SAN's lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// One path of one LUN on one node.
    Path {
        /// Node.
        node: usize,
        /// LUN.
        lun: usize,
        /// Path.
        path: usize,
        /// What becomes of it.
        set: PathSet,
    },
    /// A host adapter's link.
    Adapter {
        /// Node.
        node: usize,
        /// Adapter of the node.
        adapter: usize,
        /// Up or down.
        up: bool,
    },
    /// A port of the array.
    Port {
        /// Port.
        port: usize,
        /// Up or down.
        up: bool,
    },
    /// The array grants a node a LUN, or takes it away: the devices stay, I/O on them fails.
    Mapping {
        /// Node.
        node: usize,
        /// LUN.
        lun: usize,
        /// Granted.
        mapped: bool,
    },
    /// A node's multipathd has a map of the LUN, or none (its WWID is not in the wwids file, say).
    Assembly {
        /// Node.
        node: usize,
        /// LUN.
        lun: usize,
        /// It has.
        assembled: bool,
    },
    /// A map is suspended or resumed.
    Suspend {
        /// Node.
        node: usize,
        /// LUN.
        lun: usize,
        /// Suspended.
        suspended: bool,
    },
    /// A map takes over the size of its paths (`multipathd resize map`).
    ResizeMap {
        /// Node.
        node: usize,
        /// LUN.
        lun: usize,
    },
    /// A node's multipathd.
    Multipathd {
        /// Node.
        node: usize,
        /// What it does from now on.
        mode: DaemonMode,
    },
    /// A node dies or comes back.
    Node {
        /// Node.
        node: usize,
        /// It runs.
        alive: bool,
    },
    /// The array resizes a LUN: paths see it at once, maps do not.
    ResizeLun {
        /// LUN.
        lun: usize,
        /// New size, bytes.
        size_bytes: u64,
    },
    /// `no_path_retry` of a LUN, on all nodes.
    Retry {
        /// LUN.
        lun: usize,
        /// The setting.
        retry: Retry,
    },
    /// Everything is repaired.
    Heal,
}

/// What the kernel of a node says when something happens to a map or a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KernelEvent {
    /// Node, counted from 0.
    pub node: usize,
    /// `dm-3`; for a path's own events the disk.
    pub device: String,
    /// Map name; empty for a path's own events.
    pub name: String,
    /// The map's WWID.
    pub wwid: String,
    /// What.
    pub kind: KernelEventKind,
    /// Sequence number of the map's events (DM_SEQNUM).
    pub dm_seqnum: u32,
}

/// Kinds of kernel events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KernelEventKind {
    /// DM_ACTION=PATH_FAILED.
    PathFailed {
        /// `major:minor`.
        path: String,
        /// Paths that are left.
        valid: usize,
    },
    /// DM_ACTION=PATH_REINSTATED.
    PathReinstated {
        /// `major:minor`.
        path: String,
        /// Paths that are there now.
        valid: usize,
    },
    /// A new table, a suspend or resume: a change that says nothing more.
    TableChanged,
    /// A map came.
    MapAdded,
    /// A map went.
    MapRemoved,
    /// A disk came.
    DiskAdded,
    /// A disk went.
    DiskRemoved,
}

/// What followed from an operation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Effects {
    /// Nodes whose own view may differ now.
    pub nodes: BTreeSet<usize>,
    /// Kernel events in the order in which they arrive: those of paths that fail together come last first, as real ones do.
    pub events: Vec<KernelEvent>,
}

impl San {
    /// Lets something happen.
    pub fn apply(&mut self, op: &Op) -> Result<Effects, SanError> {
        let mut effects = Effects::default();
        match *op {
            Op::Path { node, lun, path, set } => {
                let target = self.lun_mut(node, lun)?;
                let missing = SanError::NoSuch { what: "path", index: path };
                let place = target.paths.get_mut(path).ok_or(missing)?;
                let was = std::mem::replace(&mut place.set, set);
                let (dev, gone, came) = (
                    place.dev.clone(),
                    was != PathSet::Deleted && set == PathSet::Deleted,
                    was == PathSet::Deleted && set != PathSet::Deleted,
                );
                if gone || came {
                    // A disk that is scanned anew is a new disk: nothing is known against it.
                    (place.kernel_failed, place.failures) = (false, 0);
                    let kind = if gone { KernelEventKind::DiskRemoved } else { KernelEventKind::DiskAdded };
                    self.disk_event(&mut effects, node, lun, dev, kind);
                    self.reload(&mut effects, node, lun);
                }
                effects.nodes.insert(node);
            }
            Op::Adapter { node, adapter, up } => {
                let missing = SanError::NoSuch { what: "adapter", index: adapter };
                let place = self.node_mut(node)?.adapters.get_mut(adapter).ok_or(missing)?;
                place.link_failures += u64::from(place.up && !up);
                place.up = up;
                effects.nodes.insert(node);
            }
            Op::Port { port, up } => {
                let missing = SanError::NoSuch { what: "port", index: port };
                self.ports.get_mut(port).ok_or(missing)?.up = up;
                effects.nodes.extend(0..self.nodes.len());
            }
            Op::Mapping { node, lun, mapped } => {
                self.lun_mut(node, lun)?.mapped = mapped;
                effects.nodes.insert(node);
            }
            Op::Assembly { node, lun, assembled } => self.assemble(&mut effects, node, lun, assembled)?,
            Op::Suspend { node, lun, suspended } => {
                let place = self.lun_mut(node, lun)?;
                // Only a resume raises an event.
                let resumed = place.suspended && !suspended;
                place.suspended = suspended;
                if resumed {
                    self.map_event(&mut effects, node, lun, KernelEventKind::TableChanged);
                }
                effects.nodes.insert(node);
            }
            Op::ResizeMap { node, lun } => {
                let size_bytes = self.lun(lun)?.size_bytes;
                self.lun_mut(node, lun)?.map_size_bytes = size_bytes;
                self.reload(&mut effects, node, lun);
                effects.nodes.insert(node);
            }
            Op::Multipathd { node, mode } => {
                let place = self.node_mut(node)?;
                if !place.daemon.is_alive() && mode.is_alive() {
                    place.pid += 1000;
                }
                place.daemon = mode;
                effects.nodes.insert(node);
            }
            Op::Node { node, alive } => {
                let place = self.node_mut(node)?;
                if alive && !place.alive {
                    boot(place);
                }
                place.alive = alive;
                effects.nodes.insert(node);
            }
            Op::ResizeLun { lun, size_bytes } => {
                let missing = SanError::NoSuch { what: "LUN", index: lun };
                self.luns.get_mut(lun).ok_or(missing)?.size_bytes = size_bytes;
                effects.nodes.extend(0..self.nodes.len());
            }
            Op::Retry { lun, retry } => {
                let missing = SanError::NoSuch { what: "LUN", index: lun };
                self.luns.get_mut(lun).ok_or(missing)?.retry = retry;
                for node in &mut self.nodes {
                    if let Some(place) = node.luns.get_mut(lun) {
                        place.retry_left_ms = None;
                    }
                }
                effects.nodes.extend(0..self.nodes.len());
            }
            Op::Heal => self.heal(&mut effects)?,
        }
        for node in effects.nodes.clone() {
            self.settle(node, &mut effects.events);
        }
        Ok(effects)
    }

    /// Lets time pass: retries run out. Gives the nodes whose view may differ now.
    pub fn advance(&mut self, ms: u64) -> BTreeSet<usize> {
        let mut touched = BTreeSet::new();
        for (n, node) in self.nodes.iter_mut().enumerate() {
            if !node.alive || !node.daemon.works() {
                continue; // The countdown is multipathd's.
            }
            for lun in &mut node.luns {
                if let Some(left) = &mut lun.retry_left_ms
                    && *left > 0
                {
                    lun.queued_ms += ms.min(*left);
                    *left = left.saturating_sub(ms);
                    touched.insert(n);
                }
            }
        }
        touched
    }

    fn heal(&mut self, effects: &mut Effects) -> Result<(), SanError> {
        for port in &mut self.ports {
            port.up = true;
        }
        for n in 0..self.nodes.len() {
            let node = self.node_mut(n)?;
            if !node.alive {
                boot(node);
                node.alive = true;
            }
            if !node.daemon.is_alive() {
                node.pid += 1000;
            }
            node.daemon = DaemonMode::Running;
            for adapter in &mut node.adapters {
                adapter.up = true;
            }
            let luns = node.luns.iter().enumerate();
            let hurt: Vec<(usize, Vec<usize>)> = luns
                .map(|(l, lun)| {
                    let paths = lun.paths.iter().enumerate();
                    (l, paths.filter(|(_, p)| p.set != PathSet::Up).map(|(i, _)| i).collect())
                })
                .collect();
            for (lun, paths) in hurt {
                for path in paths {
                    effects.merge(self.apply(&Op::Path { node: n, lun, path, set: PathSet::Up })?);
                }
                if self.lun_mut(n, lun)?.suspended {
                    effects.merge(self.apply(&Op::Suspend { node: n, lun, suspended: false })?);
                }
                let place = self.lun_mut(n, lun)?;
                place.mapped = true;
                if !place.assembled {
                    effects.merge(self.apply(&Op::Assembly { node: n, lun, assembled: true })?);
                }
                let size_bytes = self.lun(lun)?.size_bytes;
                self.lun_mut(n, lun)?.map_size_bytes = size_bytes;
            }
            effects.nodes.insert(n);
        }
        Ok(())
    }

    fn assemble(
        &mut self,
        effects: &mut Effects,
        node: usize,
        lun: usize,
        assembled: bool,
    ) -> Result<(), SanError> {
        let size_bytes = self.lun(lun)?.size_bytes;
        let place = self.lun_mut(node, lun)?;
        effects.nodes.insert(node);
        if place.assembled == assembled {
            return Ok(());
        }
        if !assembled {
            self.map_event(effects, node, lun, KernelEventKind::MapRemoved);
        }
        let place = self.lun_mut(node, lun)?;
        place.assembled = assembled;
        place.suspended = false;
        place.active_group = None;
        place.retry_left_ms = None;
        place.dm_seqnum = 0;
        place.counters = Default::default();
        for path in &mut place.paths {
            (path.kernel_failed, path.failures) = (false, 0);
        }
        if assembled {
            place.map_size_bytes = size_bytes;
            place.action = "create";
            place.counters.map_loads = 1;
            self.map_event(effects, node, lun, KernelEventKind::MapAdded);
        }
        Ok(())
    }

    /// Lets kernel and multipathd of one node notice what became of its paths.
    fn settle(&mut self, node: usize, events: &mut Vec<KernelEvent>) {
        let Some(old) = self.nodes.get(node) else { return };
        if !old.alive {
            return;
        }
        let conditions: Vec<Vec<Condition>> = old
            .luns
            .iter()
            .map(|lun| lun.paths.iter().map(|p| self.condition(old, lun, p)).collect())
            .collect();
        let san_luns = &self.luns;
        let Some(here) = self.nodes.get_mut(node) else { return };
        let works = here.daemon.works();
        for (l, (place, conditions)) in here.luns.iter_mut().zip(conditions).enumerate() {
            let Some(lun) = san_luns.get(l) else { continue };
            if !place.assembled {
                continue;
            }
            let mut told = Vec::new();
            let alive = |place: &NodeLun| {
                place.paths.iter().filter(|p| p.set != PathSet::Deleted && !p.kernel_failed).count()
            };
            let had = alive(place);
            for i in 0..place.paths.len() {
                let Some(path) = place.paths.get_mut(i) else { continue };
                let condition = conditions.get(i).copied().unwrap_or(Condition::Gone);
                if condition == Condition::Gone || path.kernel_failed != condition.is_usable() {
                    continue;
                }
                let dev_t = path.dev_t_text();
                if !path.kernel_failed {
                    path.kernel_failed = true;
                    path.failures += 1;
                    place.counters.path_faults += 1;
                    told.push(KernelEventKind::PathFailed { path: dev_t, valid: alive(place) });
                } else if works {
                    // Nobody but multipathd brings a path back.
                    path.kernel_failed = false;
                    told.push(KernelEventKind::PathReinstated { path: dev_t, valid: alive(place) });
                }
            }
            let has = alive(place);
            if had > 0 && has == 0 {
                place.counters.failures += 1;
                if let Retry::Checks(n) = lun.retry {
                    // multipathd counts in checks of five seconds.
                    place.retry_left_ms = Some(u64::from(n) * 5000);
                    place.counters.q_timeouts += 1;
                }
            }
            if has > 0 {
                place.retry_left_ms = None;
            }
            let group = place.usable_group();
            if group.is_some() && place.active_group.is_some() && group != place.active_group {
                place.counters.switch_grp += 1;
            }
            place.active_group = group;
            let first = place.dm_seqnum;
            place.dm_seqnum += told.len() as u32;
            let reversed = told.into_iter().enumerate().rev();
            events.extend(reversed.map(|(i, kind)| KernelEvent {
                node,
                device: format!("dm-{l}"),
                name: lun.alias.clone(),
                wwid: lun.wwid.to_string(),
                kind,
                dm_seqnum: first + i as u32 + 1,
            }));
        }
    }

    pub(super) fn settle_all(&mut self) {
        let mut events = Vec::new();
        for node in 0..self.nodes.len() {
            self.settle(node, &mut events);
        }
    }

    fn reload(&mut self, effects: &mut Effects, node: usize, lun: usize) {
        let Ok(here) = self.node_mut(node) else { return };
        let works = here.daemon.works();
        if let Some(place) = here.luns.get_mut(lun)
            && place.assembled
            && works
        {
            place.counters.map_loads += 1;
            place.action = "reload";
            self.map_event(effects, node, lun, KernelEventKind::TableChanged);
        }
    }

    fn map_event(&mut self, effects: &mut Effects, node: usize, lun: usize, kind: KernelEventKind) {
        let Some(facts) = self.luns.get(lun) else { return };
        let (name, wwid) = (facts.alias.clone(), facts.wwid.to_string());
        let Ok(place) = self.lun_mut(node, lun) else { return };
        if !place.assembled {
            return;
        }
        place.dm_seqnum += 1;
        let dm_seqnum = place.dm_seqnum;
        effects.events.push(KernelEvent { node, device: format!("dm-{lun}"), name, wwid, kind, dm_seqnum });
    }

    fn disk_event(&self, effects: &mut Effects, node: usize, lun: usize, dev: String, kind: KernelEventKind) {
        let wwid = self.luns.get(lun).map(|l| l.wwid.to_string()).unwrap_or_default();
        effects.events.push(KernelEvent { node, device: dev, name: String::new(), wwid, kind, dm_seqnum: 0 });
    }

    fn lun(&self, lun: usize) -> Result<&super::san::Lun, SanError> {
        self.luns.get(lun).ok_or(SanError::NoSuch { what: "LUN", index: lun })
    }
    fn node_mut(&mut self, node: usize) -> Result<&mut Node, SanError> {
        self.nodes.get_mut(node).ok_or(SanError::NoSuch { what: "node", index: node })
    }
    fn lun_mut(&mut self, node: usize, lun: usize) -> Result<&mut NodeLun, SanError> {
        let missing = SanError::NoSuch { what: "LUN", index: lun };
        self.node_mut(node)?.luns.get_mut(lun).ok_or(missing)
    }
}

impl Effects {
    fn merge(&mut self, more: Effects) {
        self.nodes.extend(more.nodes);
        self.events.extend(more.events);
    }
}

impl NodeLun {
    /// Priorities of the groups, best first. A path stays in its group whatever happens to it.
    pub(super) fn groups(&self) -> Vec<i32> {
        let here = self.paths.iter().filter(|p| p.set != PathSet::Deleted);
        let mut priorities: Vec<i32> = here.map(|p| p.priority).collect();
        priorities.sort_unstable_by(|a, b| b.cmp(a));
        priorities.dedup();
        priorities
    }

    /// The first group with a path that the kernel has not failed.
    fn usable_group(&self) -> Option<usize> {
        self.groups().into_iter().position(|priority| {
            let members = self.paths.iter().filter(|p| p.priority == priority);
            members.into_iter().any(|p| p.set != PathSet::Deleted && !p.kernel_failed)
        })
    }
}

/// A node that comes back knows nothing of what it counted before.
fn boot(node: &mut Node) {
    node.pid += 1000;
    node.daemon = DaemonMode::Running;
    for lun in &mut node.luns {
        lun.counters = super::san::Counters { map_loads: 1, ..Default::default() };
        lun.suspended = false;
        lun.dm_seqnum = 0;
        lun.retry_left_ms = None;
        lun.queued_ms = 0;
        lun.active_group = None;
        lun.action = "create";
        for path in &mut lun.paths {
            (path.kernel_failed, path.failures) = (false, 0);
        }
    }
}
