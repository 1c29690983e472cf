//! LUNs as volumes of a storage of type `multipath`: which there are, who uses each, and whether a node can hand it out.
//!
//! A volume is `STORE:<wwid>`. Its path is the name that udev makes from the map's UUID, `/dev/disk/by-id/dm-uuid-mpath-<wwid>`:
//! it is the same on every node and stays when an alias changes, so what was started with it, and what a guest is moved to,
//! still finds the LUN. `/dev/mapper/NAME` does neither.
//!
//! A volume that cannot be handed out is listed all the same, with the reason. **Doubt is a reason**: a volume is usable only
//! where the node has a map of it with at least one path that is known to be usable.

use std::collections::BTreeMap;

use crate::expect::Expectations;
use crate::guests::{Guest, GuestKind, Guests};
use crate::ids::{NodeName, Wwid};
use crate::matrix::Matrix;
use crate::state::State;
use crate::storage_cfg::{Storage, StorageKind};

/// What a storage offers to a node, as the cluster knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// The storage.
    pub storage: String,
    /// The node.
    pub node: NodeName,
    /// Its LUNs, in byte order.
    pub luns: Vec<Offered>,
}

/// One LUN of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offered {
    /// The LUN.
    pub wwid: Wwid,
    /// The name that its section of `multipath.cfg` gives it.
    pub alias: Option<String>,
    /// Bytes, as the first node by name reports it.
    pub size_bytes: Option<u64>,
    /// Whether it is on the allow-list; `None` = that is not known yet.
    pub allowed: Option<bool>,
    /// It is out of service on the node, by a person's word.
    pub retired: bool,
    /// lvm storages that have their data on it, and whether each is the same on every node.
    pub data_of: Vec<(String, bool)>,
    /// Guests that have it as a disk, by number: what people call them.
    pub guests: BTreeMap<u32, String>,
    /// Who else uses it, by the word of its section.
    pub said_user: Option<String>,
}

/// Why a storage offers nothing to a node.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoOffer {
    /// There is none of that name.
    #[error("there is no storage {storage} in storage.cfg, as far as this agent has read it")]
    Unknown {
        /// What was asked for.
        storage: String,
    },
    /// Its volumes are not LUNs by name.
    #[error(
        "the storage {storage} is of type {kind}; LUNs are the volumes of storages of type multipath alone"
    )]
    OtherType {
        /// The storage.
        storage: String,
        /// Its type.
        kind: String,
    },
    /// Nobody uses it.
    #[error("the storage {storage} is disabled in storage.cfg")]
    Disabled {
        /// The storage.
        storage: String,
    },
    /// Others use it.
    #[error("the storage {storage} is not for {node}: its nodes in storage.cfg are {nodes}")]
    NotHere {
        /// The storage.
        storage: String,
        /// The node.
        node: NodeName,
        /// Those that it is for.
        nodes: String,
    },
}

/// What is known of one node's maps.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodeMaps {
    /// In words, why that is not as of now; then nothing is usable there.
    pub doubt: Option<String>,
    /// Its maps, in any order.
    pub maps: Vec<OnNode>,
}

/// One map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnNode {
    /// The LUN.
    pub wwid: Wwid,
    /// The map's name there.
    pub name: String,
    /// Bytes.
    pub size_bytes: Option<u64>,
    /// As the node judges it.
    pub state: State,
    /// Usable paths; `None` = nobody knows that now.
    pub paths_active: Option<u32>,
    /// Paths.
    pub paths_total: Option<u32>,
    /// I/O is blocked.
    pub suspended: bool,
    /// Volume groups on it, by their names there.
    pub vgs: Vec<String>,
}

/// One volume on one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Volume {
    /// `STORE:<wwid>`.
    pub volid: String,
    /// The LUN.
    pub wwid: Wwid,
    /// The name that `multipath.cfg` gives it.
    pub alias: Option<String>,
    /// The map's name on the node; `None` = it has no map, as far as is known.
    pub map: Option<String>,
    /// Where it is on that node, by a name that does not change; `None` = it has no map there.
    pub path: Option<String>,
    /// Bytes: on that node, else on another one.
    pub size_bytes: Option<u64>,
    /// Its state on that node: `missing` where it has no map, `unknown` where that is not known.
    pub state: State,
    /// Usable paths there; `None` = nobody knows that now.
    pub paths_active: Option<u32>,
    /// Paths there.
    pub paths_total: Option<u32>,
    /// The guest that has it as a disk, where exactly one has.
    pub vmid: Option<u32>,
    /// Who uses it: storages, guests, volume groups, what its section says.
    pub used_by: Vec<String>,
    /// In words, why it cannot be handed out there; `None` = it can.
    pub unusable: Option<String>,
}

/// Where a LUN's map is, whatever it is called; `None` where its WWID has characters that udev changes, or that cannot stand
/// in the name of a volume.
pub fn stable_path(wwid: &Wwid) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._:+-".contains(&b);
    let wwid = wwid.as_str();
    wwid.bytes().all(plain).then(|| format!("/dev/disk/by-id/dm-uuid-mpath-{wwid}"))
}

/// What a storage offers to a node.
///
/// # Errors
/// In words: there is no such storage, it is of another type, disabled, or not for that node.
pub fn offer(
    id: &str,
    node: &NodeName,
    expectations: &Expectations,
    matrix: &Matrix,
    guests: &Guests,
) -> Result<Offer, NoOffer> {
    let storages = expectations.storages();
    let storage = || id.to_owned();
    let found = storages.iter().find(|known| known.id == id);
    let found = found.ok_or_else(|| NoOffer::Unknown { storage: storage() })?;
    let Some(listed) = expectations.listed(found) else {
        return Err(NoOffer::OtherType { storage: storage(), kind: found.kind.as_str().to_owned() });
    };
    if found.disabled {
        return Err(NoOffer::Disabled { storage: storage() });
    }
    if let Some(nodes) = found.nodes.as_ref().filter(|nodes| !nodes.contains(node)) {
        let nodes = nodes.iter().map(NodeName::as_str).collect::<Vec<_>>();
        let nodes = if nodes.is_empty() { "nobody".to_owned() } else { nodes.join(", ") };
        return Err(NoOffer::NotHere { storage: storage(), node: node.clone(), nodes });
    }
    let with = guests_by_lun(storages, guests);
    let of = |wwid: &Wwid| Offered {
        wwid: wwid.clone(),
        alias: expectations.of(wwid).and_then(|outcome| outcome.alias.clone()),
        size_bytes: matrix.row_of(wwid).and_then(|row| row.size_bytes()),
        allowed: expectations.is_allowed(wwid),
        retired: expectations.is_retired(wwid, node),
        data_of: expectations.data_of(wwid).map(|(id, shared)| (id.to_owned(), shared)).collect(),
        guests: with.get(wwid.as_str()).cloned().unwrap_or_default(),
        said_user: expectations.said_user(wwid).map(str::to_owned),
    };
    Ok(Offer { storage: storage(), node: node.clone(), luns: listed.into_iter().map(of).collect() })
}

/// Who has which LUN as a disk, by whatever storage of type `multipath`.
fn guests_by_lun<'a>(storages: &[Storage], guests: &'a Guests) -> BTreeMap<&'a str, BTreeMap<u32, String>> {
    let ours =
        |id: &str| storages.iter().any(|s| s.id == id && matches!(s.kind, StorageKind::Multipath { .. }));
    let mut out: BTreeMap<&str, BTreeMap<u32, String>> = BTreeMap::new();
    for guest in guests.all.iter().flat_map(BTreeMap::values) {
        for volume in &guest.volumes {
            if let Some((storage, wwid)) = volume.split_once(':')
                && ours(storage)
            {
                out.entry(wwid).or_default().insert(guest.id, called(guest));
            }
        }
    }
    out
}

/// `VM 101 web`.
fn called(guest: &Guest) -> String {
    let kind = match guest.kind {
        GuestKind::Vm => "VM",
        GuestKind::Ct => "CT",
    };
    match &guest.name {
        Some(name) => format!("{kind} {} {name}", guest.id),
        None => format!("{kind} {}", guest.id),
    }
}

/// The volumes of a storage as they are on the node that it was offered to, in byte order of their WWIDs.
pub fn volumes(offer: Offer, node: &NodeMaps) -> Vec<Volume> {
    let maps: BTreeMap<&Wwid, &OnNode> = node.maps.iter().map(|map| (&map.wwid, map)).collect();
    let (storage, name) = (&offer.storage, &offer.node);
    let of = |lun: Offered| {
        let map = maps.get(&lun.wwid).copied();
        let unusable = unusable(&lun, map, node.doubt.as_deref(), name);
        Volume {
            volid: format!("{storage}:{}", lun.wwid),
            map: map.map(|map| map.name.clone()),
            path: map.and_then(|_| stable_path(&lun.wwid)),
            size_bytes: map.and_then(|map| map.size_bytes).or(lun.size_bytes),
            state: match map {
                Some(map) => map.state,
                None if node.doubt.is_some() => State::Unknown,
                None => State::Missing,
            },
            paths_active: map.and_then(|map| map.paths_active),
            paths_total: map.and_then(|map| map.paths_total),
            vmid: match lun.guests.keys().collect::<Vec<_>>()[..] {
                [vmid] => Some(*vmid),
                _ => None,
            },
            used_by: used_by(&lun, map),
            unusable,
            wwid: lun.wwid,
            alias: lun.alias,
        }
    };
    offer.luns.into_iter().map(of).collect()
}

/// Storages, guests, then the node's own volume groups where no storage speaks for them, then what a person wrote.
fn used_by(lun: &Offered, map: Option<&OnNode>) -> Vec<String> {
    let mut out: Vec<String> = lun.data_of.iter().map(|(id, _)| id.clone()).collect();
    if lun.data_of.is_empty() {
        out.extend(map.into_iter().flat_map(|map| &map.vgs).map(|vg| format!("VG {vg}")));
    }
    out.extend(lun.guests.values().cloned());
    out.extend(lun.said_user.clone());
    out
}

/// Why a LUN cannot be handed out on a node: what a person decided first, then what is there.
fn unusable(lun: &Offered, map: Option<&OnNode>, doubt: Option<&str>, node: &NodeName) -> Option<String> {
    let wwid = &lun.wwid;
    if stable_path(wwid).is_none() {
        return Some("its WWID has characters that cannot stand in a volume's name".to_owned());
    }
    match lun.allowed {
        Some(true) => {}
        Some(false) => {
            return Some(format!("it is not allowed: multipath.cfg has no section \"wwid: {wwid}\""));
        }
        None => {
            return Some(
                "whether it is allowed is not known: multipath.cfg has not been read yet".to_owned(),
            );
        }
    }
    if lun.retired {
        return Some(format!("it was retired on {node}"));
    }
    // Only what is sure: a guest that has LVM of its own on the LUN may have called its group as a node's own is called.
    if let Some((storage, _)) = lun.data_of.iter().find(|(_, shared)| *shared) {
        return Some(format!("the storage {storage} has its data on it"));
    }
    if let Some(doubt) = doubt {
        return Some(doubt.to_owned());
    }
    let Some(map) = map else { return Some(format!("{node} has no map of it")) };
    if map.suspended {
        return Some(format!("its map {} is suspended on {node}: I/O would wait", map.name));
    }
    match (map.paths_active, map.state) {
        (Some(0), _) | (_, State::Failed | State::Missing) => {
            let of = map.paths_total.map_or_else(String::new, |total| format!(" of its {total} paths"));
            Some(format!("{node} can use none{of}"))
        }
        (None, _) => Some(format!("whether {node} can use any path of it is not known")),
        (Some(_), _) => None,
    }
}
