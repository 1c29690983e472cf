//! The ledger: what a node has carried, so that what is gone is missed.
//!
//! For each LUN: since when, when it was last seen, and the most usable paths that were held together for
//! [`HOLD_MS`], by adapter and target port. It corrects itself upward and goes down only by a person. The set of paths is
//! always one that was held at one time: an adapter that is replaced or a port that moves gives another set of the same
//! size, which takes the old one's place, and never the sum of both.
//!
//! What people order ([`crate::orders`]) a node carries out on its own ledger ([`Keeper::obey`]) and remembers that it did.

mod codec;
mod keeper;
mod obey;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ids::{EpochS, Wwid};

pub use keeper::{Change, Keeper};

/// A map or a path counts when it was there for so long.
pub const HOLD_MS: u64 = 600_000;
/// A ledger has no more LUNs than this; further ones are not remembered.
pub const LUNS_MAX: usize = 16_384;
/// No LUN is remembered with paths over more adapters and ports than this.
const PORTS_MAX: usize = 1_024;

/// One adapter and target port, and how many usable paths were held over them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Port {
    /// The adapter's port (WWPN, initiator name or address), else its name; empty where neither is known.
    pub adapter: Arc<str>,
    /// The target port; empty where it is not known.
    pub target: Arc<str>,
    /// Usable paths.
    pub paths: u32,
}

/// What is remembered of one LUN.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lun {
    /// Since when this node has carried it, the node's wall clock.
    pub since: EpochS,
    /// When it was last seen here; exact once it is gone, to the hour while it is there.
    pub seen: EpochS,
    /// The most usable paths held together, sorted.
    pub ports: Vec<Port>,
    /// The volume group last seen on it; kept when it is gone, replaced when another is seen in its place.
    pub vg: Option<VgMark>,
}

/// A volume group of LVM's that lies on a LUN.
///
/// A LUN with several physical volumes (partitions of one map) bears one mark: the group that it bore before, as long as
/// that one is there, else the first by name. So a mark never changes to and fro; the other groups are in the node's detail
/// while they are there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct VgMark {
    /// Its name on this node.
    pub name: String,
    /// Its UUID, as LVM prints it, once it was known: a node knows it where one of the group's logical volumes is active.
    pub uuid: Option<String>,
}

impl Lun {
    /// How many paths that is.
    pub fn paths(&self) -> u32 {
        self.ports.iter().fold(0, |sum, port| sum.saturating_add(port.paths))
    }
}

/// All LUNs that a node has carried.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    /// By WWID.
    pub luns: BTreeMap<Wwid, Lun>,
    /// Orders that were carried out once and for all, by their id.
    pub obeyed: BTreeMap<String, Obeyed>,
}

/// An order that was carried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Obeyed {
    /// The LUN that it was about.
    pub wwid: Wwid,
    /// When it was given, by the wall clock of who gave it.
    pub time: EpochS,
}

impl Ledger {
    /// Whether there is no LUN in it.
    pub fn is_empty(&self) -> bool {
        self.luns.is_empty()
    }
}
