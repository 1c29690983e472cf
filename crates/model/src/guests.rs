//! Guests (virtual machines and containers) and the storages that they need: the blast radius of what is wrong.

pub mod read;
pub mod users;

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::NodeName;

/// One guest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Guest {
    /// Proxmox VE's number.
    pub id: u32,
    /// `vm` or `ct`.
    pub kind: GuestKind,
    /// What people call it.
    pub name: Option<String>,
    /// The node that its configuration lies on: where it runs, if it runs.
    pub node: NodeName,
    /// Storages on which it has a disk.
    pub storages: BTreeSet<String>,
    /// Its volumes, `STORAGE:NAME`, that do not bear a guest's number as those do which Proxmox VE makes itself: LUNs
    /// among them.
    pub volumes: BTreeSet<String>,
    /// Whether the cluster's high availability looks after it.
    pub ha: bool,
}

/// What a guest is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum GuestKind {
    /// A virtual machine.
    Vm,
    /// A container.
    Ct,
}

/// All guests of the cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Guests {
    /// By number. `None` = nobody tells of guests here (no Proxmox VE, or it cannot be asked), which is not the same as none.
    pub all: Option<BTreeMap<u32, Guest>>,
}

impl Guests {
    /// Guests that have a disk on this storage; none where nobody tells.
    pub fn on_storage<'a>(&'a self, storage: &'a str) -> impl Iterator<Item = &'a Guest> {
        self.all.iter().flat_map(BTreeMap::values).filter(move |guest| guest.storages.contains(storage))
    }
}
