//! What all nodes together say of one LUN: added up while cells are swept, put into words where something differs.

use std::sync::Arc;

use super::cell::{At, Cell};
use crate::matrix::RowRef;
use crate::topology::{Brief, Identity, LunSeen, MapSeen};

/// Numbers of paths (and ports) that are told apart; more count as this many.
const COUNTS: usize = 32;

/// One LUN, summed over the nodes that speak of it now.
pub struct Sum<'a> {
    last: Option<&'a Arc<Identity>>,
    /// Vendor, product and serial, the first that is known of each.
    pub identity: [&'a str; 3],
    /// Nodes differ about one of these, or a path says another WWID or serial than its map.
    pub identity_differs: bool,
    /// Least and most bytes of its maps.
    pub size_bytes: Option<(u64, u64)>,
    /// Some node's paths have another size than its map.
    pub resize: bool,
    /// The first map's name.
    pub name: Option<&'a Arc<str>>,
    /// Maps have different names.
    pub names_differ: bool,
    /// I/O goes over a group of lower priority than one that is usable.
    pub nonoptimal: bool,
    /// What lies on it, as the first node that knows of anything says.
    pub pvs: Option<&'a MapSeen>,
    /// Another node says otherwise.
    pub pvs_differ: bool,
    /// A print of that.
    pvs_print: u64,
    /// A setting says that fewer paths than there are would do.
    declared: bool,
    /// How many nodes have so many paths, and so many target ports.
    paths: [u16; COUNTS],
    ports: [u16; COUNTS],
}

impl Default for Sum<'_> {
    fn default() -> Self {
        Self {
            last: None,
            identity: [""; 3],
            identity_differs: false,
            size_bytes: None,
            resize: false,
            name: None,
            names_differ: false,
            nonoptimal: false,
            pvs: None,
            pvs_differ: false,
            pvs_print: 0,
            declared: false,
            paths: [0; COUNTS],
            ports: [0; COUNTS],
        }
    }
}

/// The number that most nodes have; of two, the larger one. `None` where there is nothing to compare.
fn usual(counts: &[u16; COUNTS]) -> Option<u32> {
    let nodes: u32 = counts.iter().map(|n| u32::from(*n)).sum();
    let (most, _) = (0_u32..).zip(counts).filter(|(_, n)| **n > 0).max_by_key(|(at, n)| (**n, *at))?;
    (nodes > 1).then_some(most)
}

/// How many paths a node means to have: what a setting or its ledger says, else what there is.
fn meant(cell: &Cell<'_>) -> u32 {
    cell.shown.paths_expected.unwrap_or(cell.known)
}

/// Vendor, product and serial.
pub fn texts(identity: &Identity) -> [&str; 3] {
    [&identity.vendor, &identity.product, &identity.serial]
}

impl<'a> Sum<'a> {
    /// Adds what one node says of a LUN that it has a map of; `place` is that LUN's place among the node's, in `luns`.
    pub fn add(&mut self, cell: &Cell<'a>, brief: &'a Brief, luns: &'a [LunSeen], place: usize) {
        let (Some(name), Some(identity)) = (&brief.name, &brief.identity) else { return };
        self.identity_differs |= brief.has_stranger();
        if !self.last.is_some_and(|last| Arc::ptr_eq(last, identity)) {
            self.last = Some(identity);
            for (known, new) in self.identity.iter_mut().zip(texts(identity)) {
                match (known.is_empty(), new.is_empty()) {
                    (true, _) => *known = new,
                    (false, false) => self.identity_differs |= *known != new,
                    (false, true) => {}
                }
            }
        }
        if brief.size_bytes > 0 {
            let bytes = brief.size_bytes;
            let (least, most) = self.size_bytes.unwrap_or((bytes, bytes));
            self.size_bytes = Some((least.min(bytes), most.max(bytes)));
            self.resize |= brief.is_resized();
        }
        match self.name {
            None => self.name = Some(name),
            Some(known) => self.names_differ |= !Arc::ptr_eq(known, name) && **known != **name,
        }
        self.nonoptimal |= brief.is_nonoptimal();
        if brief.pvs != 0 {
            if self.pvs.is_none() {
                self.pvs = luns.get(place).and_then(|seen| seen.map.as_deref());
                self.pvs_print = brief.pvs;
            }
            self.pvs_differ |= self.pvs_print != brief.pvs;
        }
        self.declared |= cell.shown.paths_expected.is_some_and(|enough| enough < cell.known);
        count(&mut self.paths, meant(cell));
        count(&mut self.ports, u32::from(brief.ports));
    }

    /// Whether nodes hold different numbers of paths or ports.
    pub fn is_uneven(&self) -> bool {
        let differ = |counts: &[u16; COUNTS]| counts.iter().filter(|n| **n > 0).nth(1).is_some();
        differ(&self.paths) || (differ(&self.ports) && !self.declared)
    }

    /// How many paths and ports this node has and most others have, if it has fewer of either.
    pub fn short(&self, cell: &Cell<'a>, brief: &Brief) -> Option<Short> {
        brief.name.as_ref()?;
        let clip = |n: u32| n.min(COUNTS as u32 - 1);
        let (paths, ports) = (clip(meant(cell)), clip(u32::from(brief.ports)));
        let short =
            Short { paths, ports, usual_paths: usual(&self.paths)?, usual_ports: usual(&self.ports)? };
        // Nobody may know ports there: that is no fewer.
        let fewer_ports = ports > 0 && ports < short.usual_ports && !self.declared;
        (paths < short.usual_paths || fewer_ports).then_some(short)
    }

    /// Nodes see different sizes.
    pub fn sizes_differ(&self) -> bool {
        self.size_bytes.is_some_and(|(least, most)| least != most)
    }
}

fn count(counts: &mut [u16; COUNTS], n: u32) {
    let at = usize::try_from(n).unwrap_or(COUNTS).min(COUNTS - 1);
    if let Some(count) = counts.get_mut(at) {
        *count = count.saturating_add(1);
    }
}

/// A node that has fewer paths or ports than most others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Short {
    /// Its paths.
    pub paths: u32,
    /// Its target ports.
    pub ports: u32,
    /// As many as most nodes have.
    pub usual_paths: u32,
    /// The same of ports.
    pub usual_ports: u32,
}

/// Whether the row is worth a second look.
pub fn is_odd(sum: &Sum<'_>) -> bool {
    sum.identity_differs || sum.sizes_differ() || sum.resize || sum.names_differ || sum.nonoptimal
}

/// The same LUN on every node that speaks of it now.
pub fn maps<'a>(nodes: &[At<'a>], row: &RowRef<'a>) -> Vec<(At<'a>, &'a LunSeen, &'a MapSeen)> {
    let of = |at: &At<'a>| {
        let seen = at.whole()?.lun(row.wwid())?;
        Some((*at, seen, seen.map.as_deref()?))
    };
    nodes.iter().filter_map(of).collect()
}
