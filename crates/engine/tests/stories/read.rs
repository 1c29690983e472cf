//! What a node's reader would find on a simulated node.

use std::collections::BTreeMap;

use pathkeeper_engine::sim::multipathd::{Chk, PathDm, View};
use pathkeeper_engine::sim::{DaemonMode, San};
use pathkeeper_model::local::{
    CheckState, Daemon, DevState, DmState, Map, NodeRead, PathDevice, PathGroup, Pv, Queueing,
};
use pathkeeper_model::{EpochS, Wwid};

/// Everything at once, as a poll finds it; `vgs` by LUN, counted from 1.
pub fn node_read(
    san: &San,
    node: usize,
    vgs: &BTreeMap<usize, (&'static str, &'static str)>,
    began: EpochS,
) -> NodeRead {
    let here = &san.nodes[node];
    let daemon = match here.daemon {
        DaemonMode::Running | DaemonMode::Slow { .. } => Daemon::Answering { pid: Some(here.pid) },
        DaemonMode::Reconfiguring => Daemon::Reconfiguring { phase: "configure".to_owned() },
        DaemonMode::Hung => Daemon::Hung { waited_ms: 4_000 },
        DaemonMode::Refusing => Daemon::Refused { why: "connection refused".to_owned() },
        DaemonMode::Stopped => Daemon::Stopped,
    };
    let mut read = NodeRead { kernel: Ok(san.kernel_maps(node)), ..NodeRead::empty(began, daemon) };
    let Some(view) = san.view(node).filter(|_| here.daemon.works()) else { return read };
    read.maps = view.maps.iter().map(|map| one_map(&view, map, san, vgs)).collect();
    let taken: Vec<usize> = view.maps.iter().flat_map(|m| &m.groups).flat_map(|g| g.paths.clone()).collect();
    let loose = (0..view.paths.len()).filter(|at| !taken.contains(at));
    read.loose = loose.map(|at| path(&view, at)).collect();
    read.own_wwids = Some(read.maps.iter().map(|map| map.wwid.clone()).collect());
    read
}

fn one_map(
    view: &View,
    map: &pathkeeper_engine::sim::multipathd::Map,
    san: &San,
    vgs: &BTreeMap<usize, (&'static str, &'static str)>,
) -> Map {
    let wwid = Wwid::new(&map.wwid).expect("not empty");
    let lun = san.luns.iter().position(|lun| lun.wwid == wwid).expect("one of the SAN's") + 1;
    let pv = vgs.get(&lun).map(|(name, uuid)| Pv {
        uuid: Some(format!("pv-{lun}")),
        vg_name: Some((*name).to_owned()),
        vg_uuid: Some((*uuid).to_owned()),
    });
    let group = |group: &pathkeeper_engine::sim::multipathd::Group| PathGroup {
        selector: group.selector.clone().into(),
        priority: group.pri,
        status: group.status.into(),
        marginal: false,
        paths: group.paths.iter().map(|at| path(view, *at)).collect(),
    };
    Map {
        dm: Some(map.dm.clone()),
        size_bytes: Some(map.sectors * 512),
        pvs: pv.into_iter().collect(),
        suspended: map.suspended,
        queueing: Queueing::On,
        groups: map.groups.iter().map(group).collect(),
        ..Map::unknown(&map.name, wwid)
    }
}

fn path(view: &View, at: usize) -> PathDevice {
    let path = &view.paths[at];
    PathDevice {
        wwid: Wwid::new(&path.wwid),
        dm: match path.dm {
            PathDm::Active => DmState::Active,
            PathDm::Failed => DmState::Failed,
            PathDm::Undef => DmState::Undef,
        },
        check: match path.chk {
            Chk::Up => CheckState::Ready,
            Chk::Ghost => CheckState::Ghost,
            Chk::Shaky => CheckState::Shaky,
            Chk::Down => CheckState::Faulty,
            _ => CheckState::Undef,
        },
        device: if path.dev_st == "running" { DevState::Running } else { DevState::Offline },
        priority: path.pri,
        hctl: Some(path.hcil.clone().into()),
        adapter_port: Some(path.host_wwpn.clone().into()),
        target_port: Some(path.target_wwpn.clone().into()),
        transport: Some("fc".into()),
        ..PathDevice::unknown(&path.dev, &path.dev_t)
    }
}
