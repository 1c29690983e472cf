//! Which storage consumes which LUN, and which nodes each storage leaves.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;

use super::Section;
use super::nodes::Nodes;
use super::vg::VgSet;
use crate::ids::{NodeName, Wwid};
use crate::storage_cfg::{Base, Storage, StorageKind};

/// How a storage stands to the LUNs that it names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Weight {
    /// An lvm storage that counts across nodes.
    Lvm,
    /// An lvm storage that each node has for itself: it says who uses the LUN, and not who else should.
    Local,
    /// What is below LVM: it counts where no lvm storage names the LUN.
    Below,
}

/// What follows from one storage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Consumer {
    pub id: String,
    pub disabled: bool,
    pub weight: Weight,
    /// Nodes that should carry its LUNs: E of the storage, and of its base.
    pub nodes: FixedBitSet,
    /// The same if neither were disabled.
    pub nominal: FixedBitSet,
    /// Nodes that it names and the cluster has not.
    pub strangers: Vec<NodeName>,
    /// What is wrong with its base.
    pub base_problem: Option<String>,
    /// Why it leaves nobody.
    pub why_nobody: Cow<'static, str>,
}

/// Storages as numbers by LUN.
pub(super) type ByLun = BTreeMap<Wwid, Vec<u32>>;

/// What it all depends on.
pub(super) struct Ground<'a> {
    pub nodes: &'a Nodes,
    pub cluster: &'a FixedBitSet,
    pub vgs: &'a BTreeMap<Box<str>, VgSet>,
    pub vg_candidates: &'a BTreeMap<Box<str>, BTreeSet<Wwid>>,
    pub targets: &'a BTreeMap<Box<str>, BTreeSet<Wwid>>,
    pub sections: &'a BTreeMap<Wwid, Section>,
}

/// What follows from each storage, those that say nothing of LUNs left out.
pub(super) fn consumers(storages: &[Storage], ground: &Ground<'_>) -> Vec<Consumer> {
    let by_id: BTreeMap<&str, &Storage> = storages.iter().map(|s| (s.id.as_str(), s)).collect();
    let of = |storage: &Storage| Some(consumer(storage, weight(&storage.kind)?, &by_id, ground));
    storages.iter().filter_map(of).collect()
}

/// Which of [`consumers`] name each LUN: places in that list.
pub(super) fn by_lun(storages: &[Storage], ground: &Ground<'_>) -> ByLun {
    let mut by_lun = ByLun::new();
    let weighed = storages.iter().filter_map(|storage| Some((storage, weight(&storage.kind)?)));
    for (number, (storage, weight)) in (0u32..).zip(weighed) {
        let mut names = |wwid: &Wwid| match by_lun.get_mut(wwid) {
            Some(of) => of.push(number),
            None => {
                by_lun.insert(wwid.clone(), vec![number]);
            }
        };
        match &storage.kind {
            StorageKind::Lvm { base: Some(Base { wwid: Some(wwid), .. }), .. } => names(wwid),
            StorageKind::Lvm { vg, .. } | StorageKind::LvmThin { vg } => match weight {
                Weight::Local => ground.vg_candidates.get(vg.as_str()).into_iter().flatten().for_each(names),
                _ => ground.vgs.get(vg.as_str()).into_iter().flat_map(|set| &set.luns).for_each(names),
            },
            StorageKind::Iscsi { target, .. } => {
                ground.targets.get(target.as_str()).into_iter().flatten().for_each(names);
            }
            StorageKind::Multipath { wwids: Some(wwids) } => wwids.iter().for_each(names),
            StorageKind::Multipath { wwids: None } => ground.sections.keys().for_each(names),
            StorageKind::Other(_) => {}
        }
    }
    by_lun
}

fn weight(kind: &StorageKind) -> Option<Weight> {
    match kind {
        StorageKind::Lvm { base, shared, .. } => {
            Some(if *shared || base.is_some() { Weight::Lvm } else { Weight::Local })
        }
        StorageKind::LvmThin { .. } => Some(Weight::Local),
        StorageKind::Iscsi { .. } | StorageKind::Multipath { .. } => Some(Weight::Below),
        StorageKind::Other(_) => None,
    }
}

fn consumer(
    storage: &Storage,
    weight: Weight,
    by_id: &BTreeMap<&str, &Storage>,
    ground: &Ground<'_>,
) -> Consumer {
    let (mut nominal, mut strangers) = reach(storage, ground);
    let mut disabled = storage.disabled;
    let mut why_nobody = if disabled {
        Cow::Borrowed("it is disabled")
    } else if storage.nodes.is_some() {
        Cow::Borrowed("none of its nodes is in the cluster")
    } else {
        Cow::Borrowed("the cluster has no nodes")
    };
    let mut base_problem = None;
    if let StorageKind::Lvm { base: Some(base), .. } = &storage.kind {
        let Base { storage: on, volume, wwid } = base;
        match by_id.get(on.as_str()) {
            // A storage that was removed restricts nothing: to take it away must not make anything look better.
            None => base_problem = Some(format!("its base {on}:{volume} is on a storage that is not there")),
            Some(below) => {
                if !matches!(below.kind, StorageKind::Iscsi { .. }) {
                    base_problem =
                        Some(format!("its base {on}:{volume} is on {on}, which is no iscsi storage"));
                } else if wwid.is_none() {
                    base_problem = Some(format!("its base {on}:{volume} names no LUN by its WWID"));
                }
                let (reached, _) = reach(below, ground);
                let own = nominal.clone();
                nominal.intersect_with(&reached);
                if below.disabled && !disabled {
                    why_nobody = Cow::Owned(format!("its base {on} is disabled"));
                } else if !disabled && !own.is_clear() && nominal.is_clear() {
                    why_nobody = Cow::Owned(format!("it has no node in common with its base {on}"));
                }
                disabled |= below.disabled;
            }
        }
    }
    if ground.cluster.is_clear() {
        strangers.clear();
    }
    let nodes = if disabled { FixedBitSet::new() } else { nominal.clone() };
    Consumer {
        id: storage.id.clone(),
        disabled: storage.disabled,
        weight,
        nodes,
        nominal,
        strangers,
        base_problem,
        why_nobody,
    }
}

/// The nodes of a storage as if it were not disabled, and those that the cluster has not.
fn reach(storage: &Storage, ground: &Ground<'_>) -> (FixedBitSet, Vec<NodeName>) {
    match &storage.nodes {
        None => (ground.cluster.clone(), Vec::new()),
        Some(names) => ground.nodes.pick(names, ground.cluster),
    }
}
