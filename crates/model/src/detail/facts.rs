//! Of what a node publishes, that which says who should carry a LUN: its ledger, and what lies on the maps that it has.

use std::collections::{BTreeMap, BTreeSet};

use super::Detail;
use crate::ids::{EpochS, Wwid};
use crate::ledger::VgMark;
use crate::local::{Map, Pv};

/// What one node publishes, as far as expectations go.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// What it has carried.
    pub ledger: BTreeMap<Wwid, Carried>,
    /// Maps that it has now, as multipathd lists them.
    pub maps: BTreeMap<Wwid, OnMap>,
}

/// A LUN in a node's ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Carried {
    /// Since when, the node's wall clock.
    pub since: EpochS,
    /// The volume group last seen on it.
    pub vg: Option<VgMark>,
}

/// What lies on a map, and where its paths lead.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OnMap {
    /// LVM's physical volumes.
    pub pvs: Vec<Pv>,
    /// Names of the iSCSI targets that its paths lead to; empty for other transports.
    pub targets: BTreeSet<String>,
}

impl Facts {
    /// What a detail says of it.
    pub fn of(detail: &Detail) -> Self {
        let on_map = |map: &Map| {
            let paths = map.groups.iter().flat_map(|group| &group.paths);
            let iscsi = paths.filter(|path| path.transport.as_deref() == Some("iscsi"));
            OnMap {
                pvs: map.pvs.clone(),
                targets: iscsi.filter_map(|path| path.target_node.as_deref()).map(str::to_owned).collect(),
            }
        };
        let luns = detail.ledger.iter().flat_map(|ledger| &ledger.luns);
        Self {
            ledger: luns
                .map(|(wwid, lun)| (wwid.clone(), Carried { since: lun.since, vg: lun.vg.clone() }))
                .collect(),
            maps: detail.read.maps.iter().map(|map| (map.wwid.clone(), on_map(map))).collect(),
        }
    }
}
