//! What the parts of a node say about the SAN: multipathd, the kernel; and what is true.

use super::multipathd::{Chk, Group, Map, NextCheck, Path as ViewPath, PathDm, Retry, View};
use super::ops::{KernelEvent, KernelEventKind};
use super::san::{Condition, DM_MAJOR, Lun, Node, NodeLun, PRODUCT, Path, PathSet, REVISION, San, VENDOR};
use pathkeeper_model::local::{KernelMap, KernelPath};
use pathkeeper_model::{NodeName, State, Wwid};

/// What an honest agent says of one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeTruth {
    /// The node.
    pub name: NodeName,
    /// Whether it runs; the rest of this holds only while it does.
    pub alive: bool,
    /// Whether its multipathd answers within a client's patience.
    pub answers: bool,
    /// Its maps, in the order of the LUNs.
    pub maps: Vec<MapTruth>,
    /// Path devices that no map took.
    pub loose: usize,
}

/// What an honest agent says of one map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MapTruth {
    /// The LUN.
    pub wwid: Wwid,
    /// The map's name.
    pub name: String,
    /// The state; with a silent multipathd the worst that the kernel proves, never `optimal`.
    pub state: State,
    /// Usable paths, as far as multipathd or else the kernel knows.
    pub active: u32,
    /// Paths in the map.
    pub total: u32,
    /// Bytes.
    pub size_bytes: u64,
    /// There is no path, and I/O waits.
    pub queues: bool,
}

/// How long a simulated slow daemon may take and still count as answering, milliseconds: below the four seconds that
/// multipathd itself allows a command.
const PATIENCE_MS: u32 = 4000;

impl San {
    /// What is true of one node; `None` if there is no such node.
    pub fn truth(&self, node: usize) -> Option<NodeTruth> {
        let here = self.nodes.get(node)?;
        let answers = match here.daemon {
            super::DaemonMode::Slow { delay_ms } => delay_ms < PATIENCE_MS,
            mode => mode.works(),
        };
        let mut maps = Vec::new();
        let mut loose = 0;
        for (lun, place) in self.luns.iter().zip(&here.luns) {
            let there = || place.paths.iter().filter(|p| p.set != PathSet::Deleted);
            let total = there().count();
            if !place.assembled {
                loose += total;
                continue;
            }
            let usable =
                |p: &&Path| !p.kernel_failed && (!answers || self.condition(here, place, p).is_usable());
            let active = there().filter(usable).count();
            let state = match active {
                0 => State::Failed,
                n if n < total => State::Degraded,
                _ if answers => State::Optimal,
                _ => State::Unknown,
            };
            maps.push(MapTruth {
                wwid: lun.wwid.clone(),
                name: lun.alias.clone(),
                state,
                active: active as u32,
                total: total as u32,
                size_bytes: place.map_size_bytes,
                queues: active == 0 && queues(lun, place),
            });
        }
        Some(NodeTruth { name: here.name.clone(), alive: here.alive, answers, maps, loose })
    }

    /// All that a node's multipathd knows; `None` if there is no such node, or no daemon on it.
    pub fn view(&self, node: usize) -> Option<View> {
        let here = self.nodes.get(node)?;
        if !here.alive || !here.daemon.is_alive() {
            return None;
        }
        let stuck = here.daemon == super::DaemonMode::Reconfiguring;
        let mut view = View {
            pid: here.pid,
            phase: if stuck { "configure" } else { "idle" }.to_owned(),
            locked: stuck,
            maps: Vec::new(),
            paths: Vec::new(),
        };
        let mut of_lun: Vec<Vec<(usize, i32)>> = vec![Vec::new(); here.luns.len()];
        // The daemon lists paths in the order of the kernel's names: adapter, target, LUN.
        let mut order: Vec<(usize, &NodeLun, &Path)> = here
            .luns
            .iter()
            .enumerate()
            .flat_map(|(l, lun)| lun.paths.iter().map(move |p| (l, lun, p)))
            .filter(|(_, _, p)| p.set != PathSet::Deleted)
            .collect();
        order.sort_by_key(|(l, _, p)| (p.adapter, p.target, *l));
        for (l, place, path) in order {
            let Some(lun) = self.luns.get(l) else { continue };
            if let Some(members) = of_lun.get_mut(l) {
                members.push((view.paths.len(), path.priority));
            }
            view.paths.push(self.view_path(here, lun, place, path));
        }
        for ((l, lun), members) in self.luns.iter().enumerate().zip(of_lun) {
            let Some(place) = here.luns.get(l).filter(|p| p.assembled) else { continue };
            view.maps.push(view_map(&view.paths, l, lun, place, &members));
        }
        Some(view)
    }

    fn view_path(&self, node: &Node, lun: &Lun, place: &NodeLun, path: &Path) -> ViewPath {
        let condition = self.condition(node, place, path);
        let adapter = node.adapters.get(path.adapter);
        let port = self.ports.get(path.port);
        let wwn = |n: Option<u64>| n.map_or("[undef]".to_owned(), |n| format!("0x{n:016x}"));
        let (dm, chk, dev_st) = match (place.assembled, condition) {
            (false, _) => (PathDm::Undef, Chk::Unchecked, "unknown"),
            (true, c) => (
                if path.kernel_failed { PathDm::Failed } else { PathDm::Active },
                match c {
                    Condition::Up => Chk::Up,
                    Condition::Ghost => Chk::Ghost,
                    Condition::Shaky => Chk::Shaky,
                    Condition::Failing | Condition::Offline | Condition::Gone => Chk::Down,
                },
                if c == Condition::Offline { "offline" } else { "running" },
            ),
        };
        ViewPath {
            wwid: lun.wwid.to_string(),
            hcil: path.hctl(node, lun),
            dev: path.dev.clone(),
            dev_t: path.dev_t_text(),
            pri: path.priority,
            dm,
            chk,
            dev_st,
            vendor: VENDOR.to_owned(),
            product: PRODUCT.to_owned(),
            revision: REVISION.to_owned(),
            checker: place.assembled.then_some("tur"),
            next_check: if place.assembled { NextCheck::In { tick: 3, of: 5 } } else { NextCheck::Orphan },
            sectors: lun.size_bytes / 512,
            serial: lun.serial.clone(),
            marginal: false,
            map: if place.assembled { lun.alias.clone() } else { "[orphan]".to_owned() },
            host_wwnn: wwn(adapter.map(|a| a.wwnn)),
            target_wwnn: wwn(port.map(|p| p.wwnn)),
            host_wwpn: wwn(adapter.map(|a| a.wwpn)),
            target_wwpn: wwn(port.map(|p| p.wwpn)),
            host_adapter: adapter.map_or("[undef]".to_owned(), |a| a.pci.clone()),
            failures: path.failures,
            protocol: "scsi:fcp",
            // From 256 on LUNs are addressed flat (SAM-5, 4.7.7.3).
            lun_hex: format!("0x{:04x}000000000000", lun.number | if lun.number > 255 { 0x4000 } else { 0 }),
            tpg: port.map_or(-1, |p| p.controller as i32 + 1),
        }
    }

    /// What a node's kernel says of its maps (`dmsetup table` and `status`); none for a dead node.
    pub fn kernel_maps(&self, node: usize) -> Vec<KernelMap> {
        let Some(here) = self.nodes.get(node).filter(|n| n.alive) else { return Vec::new() };
        let places = self.luns.iter().zip(&here.luns).enumerate().filter(|(_, (_, p))| p.assembled);
        places
            .map(|(l, (lun, place))| {
                let there = place.paths.iter().filter(|p| p.set != PathSet::Deleted);
                KernelMap {
                    name: lun.alias.clone(),
                    wwid: lun.wwid.clone(),
                    dev_t: format!("{DM_MAJOR}:{l}"),
                    size_bytes: place.map_size_bytes,
                    open_count: 1,
                    suspended: place.suspended,
                    queue_if_no_path: queues(lun, place),
                    queued: 0,
                    unreadable: false,
                    paths: there
                        .map(|p| KernelPath {
                            dev_t: p.dev_t_text().into(),
                            active: !p.kernel_failed,
                            fail_count: u64::from(p.failures),
                        })
                        .collect(),
                }
            })
            .collect()
    }
}

fn view_map(paths: &[ViewPath], l: usize, lun: &Lun, place: &NodeLun, members: &[(usize, i32)]) -> Map {
    let queue = queues(lun, place);
    let group = |(g, priority): (usize, i32)| {
        let members: Vec<usize> = members.iter().filter(|(_, p)| *p == priority).map(|(i, _)| *i).collect();
        let usable = members.iter().any(|&i| paths.get(i).is_some_and(|p| p.dm == PathDm::Active));
        Group {
            selector: "service-time 0".to_owned(),
            // The mean over usable paths, which have one priority here; nothing without any.
            pri: if usable { priority } else { 0 },
            status: if place.active_group == Some(g) { "active" } else { "enabled" },
            marginal: false,
            paths: members,
        }
    };
    Map {
        name: lun.alias.clone(),
        wwid: lun.wwid.to_string(),
        dm: format!("dm-{l}"),
        failback: "immediate".to_owned(),
        retry: lun.retry,
        retry_left_s: place.retry_left_ms.map_or(0, |ms| ms.div_ceil(1000) as u32),
        write_prot: "rw".to_owned(),
        suspended: place.suspended,
        sectors: place.map_size_bytes / 512,
        // multipath-tools' own entry for NetApp: `2 pg_init_retries 50`, and queueing as set.
        features: if queue { "3 queue_if_no_path pg_init_retries 50" } else { "2 pg_init_retries 50" }
            .to_owned(),
        hwhandler: "1 alua".to_owned(),
        action: place.action.to_owned(),
        vendor: VENDOR.to_owned(),
        product: PRODUCT.to_owned(),
        revision: REVISION.to_owned(),
        failures: place.counters.failures,
        path_faults: place.counters.path_faults,
        switch_grp: place.counters.switch_grp,
        map_loads: place.counters.map_loads,
        total_q_time_s: (place.queued_ms / 1000) as u32,
        q_timeouts: place.counters.q_timeouts,
        groups: place.groups().into_iter().enumerate().map(group).collect(),
    }
}

/// Whether the map's table says `queue_if_no_path` now.
fn queues(lun: &Lun, place: &NodeLun) -> bool {
    match lun.retry {
        Retry::Undef | Retry::Fail => false,
        Retry::Queue => true,
        Retry::Checks(_) => place.retry_left_ms != Some(0),
    }
}

impl KernelEvent {
    /// The event as the kernel sends it by netlink: `action@devpath` and then `KEY=value`, each ended by a NUL.
    pub fn payload(&self, seqnum: u64) -> Vec<u8> {
        let virtual_disk = self.device.starts_with("dm-");
        let action = match self.kind {
            KernelEventKind::MapAdded | KernelEventKind::DiskAdded => "add",
            KernelEventKind::MapRemoved | KernelEventKind::DiskRemoved => "remove",
            _ => "change",
        };
        let devpath = if virtual_disk {
            format!("/devices/virtual/block/{}", self.device)
        } else {
            format!("/devices/pci0000:3a/0000:3a:00.0/block/{}", self.device)
        };
        let mut fields = vec![
            format!("{action}@{devpath}"),
            format!("ACTION={action}"),
            format!("DEVPATH={devpath}"),
            "SUBSYSTEM=block".to_owned(),
        ];
        match &self.kind {
            KernelEventKind::PathFailed { path, valid } | KernelEventKind::PathReinstated { path, valid } => {
                let failed = matches!(self.kind, KernelEventKind::PathFailed { .. });
                fields.extend([
                    "DM_TARGET=multipath".to_owned(),
                    format!("DM_ACTION=PATH_{}", if failed { "FAILED" } else { "REINSTATED" }),
                    format!("DM_SEQNUM={}", self.dm_seqnum),
                    format!("DM_PATH={path}"),
                    format!("DM_NR_VALID_PATHS={valid}"),
                    format!("DM_NAME={}", self.name),
                    format!("DM_UUID=mpath-{}", self.wwid),
                ]);
            }
            // Table changes bear only the cookie that udev answers.
            _ if virtual_disk => fields.push(format!("DM_COOKIE={}", 6_291_456 + self.dm_seqnum)),
            _ => {}
        }
        fields.extend([
            format!("DEVNAME={}", self.device),
            "DEVTYPE=disk".to_owned(),
            format!("SEQNUM={seqnum}"),
        ]);
        fields.iter().flat_map(|f| f.bytes().chain([0])).collect()
    }
}
