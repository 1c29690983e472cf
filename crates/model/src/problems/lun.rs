//! What all nodes together say of one LUN: added up while cells are swept, put into words where something differs.

use std::sync::Arc;

use super::cell::{At, Cell};
use crate::matrix::RowRef;
use crate::topology::{Identity, LunSeen, MapSeen, PathSeen, PathWord};

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

/// A path says another WWID or serial than its map.
pub fn has_stranger(seen: &LunSeen) -> bool {
    seen.paths.iter().any(|path| path.other_wwid || path.other_serial || path.other_product)
}

/// Paths of its devices have another size than the map.
pub fn is_resized(map: &MapSeen) -> bool {
    let Some(size) = map.size_bytes.filter(|bytes| *bytes > 0) else { return false };
    map.path_size_bytes.is_some_and(|(least, most)| least > 0 && (least != size || most != size))
}

/// I/O goes over a group of lower priority than one that has a usable path.
pub fn is_nonoptimal(map: &MapSeen, seen: &LunSeen) -> bool {
    if map.groups.len() < 2 {
        return false;
    }
    // A group that lost all of its paths may still be called the active one.
    let usable = || seen.paths.iter().filter(|path| path.word == PathWord::Usable);
    let group = |path: &PathSeen| map.groups.get(usize::from(path.group));
    let active =
        usable().filter_map(group).filter(|(_, active)| *active).map(|(priority, _)| *priority).max();
    let best = usable().filter_map(group).map(|(priority, _)| *priority).max();
    active.zip(best).is_some_and(|(active, best)| active < best)
}

/// How many different target ports the paths that are there or remembered lead to, as far as ports are known. `numbers`: of
/// each route, which port that is.
fn ports(seen: &LunSeen, numbers: &[u8]) -> u32 {
    let routes =
        seen.paths.iter().map(|path| path.route).chain(seen.remembered.iter().map(|(route, _)| *route));
    let known = routes.filter_map(|route| numbers.get(usize::from(route))).filter(|number| **number < 64);
    known.fold(0_u64, |set, number| set | 1 << number).count_ones()
}

/// Of each route of a node, which target port it leads to: small numbers; 255 where that is not known.
pub fn port_numbers(at: &At<'_>) -> Vec<u8> {
    let routes = at.paths().map_or(&[][..], |paths| &paths.routes);
    let mut names: Vec<&str> = Vec::new();
    let mut out = Vec::with_capacity(routes.len());
    for route in routes {
        let port = &*route.target_port;
        if port.is_empty() {
            out.push(u8::MAX);
            continue;
        }
        let at = names.iter().position(|name| *name == port).unwrap_or_else(|| {
            names.push(port);
            names.len() - 1
        });
        out.push(u8::try_from(at).unwrap_or(u8::MAX).min(63));
    }
    out
}

impl<'a> Sum<'a> {
    /// Adds what one node says; `numbers` of its ports as [`port_numbers`] gives them.
    pub fn add(&mut self, cell: &Cell<'a>, numbers: &[u8]) {
        let Some(seen) = cell.seen else { return };
        let Some(map) = seen.map.as_deref() else { return };
        self.identity_differs |= has_stranger(seen);
        if !self.last.is_some_and(|last| Arc::ptr_eq(last, &map.identity)) {
            self.last = Some(&map.identity);
            for (known, new) in self.identity.iter_mut().zip(texts(&map.identity)) {
                match (known.is_empty(), new.is_empty()) {
                    (true, _) => *known = new,
                    (false, false) => self.identity_differs |= *known != new,
                    (false, true) => {}
                }
            }
        }
        if let Some(bytes) = map.size_bytes.filter(|bytes| *bytes > 0) {
            let (least, most) = self.size_bytes.unwrap_or((bytes, bytes));
            self.size_bytes = Some((least.min(bytes), most.max(bytes)));
            self.resize |= is_resized(map);
        }
        match self.name {
            None => self.name = Some(&map.name),
            Some(name) => self.names_differ |= !Arc::ptr_eq(name, &map.name) && **name != *map.name,
        }
        self.nonoptimal |= is_nonoptimal(map, seen);
        if !map.pvs.is_empty() {
            match self.pvs {
                None => self.pvs = Some(map),
                Some(other) => self.pvs_differ |= other.pvs != map.pvs,
            }
        }
        self.declared |= cell.shown.paths_expected.is_some_and(|enough| enough < cell.known);
        count(&mut self.paths, meant(cell));
        count(&mut self.ports, ports(seen, numbers));
    }

    /// Whether nodes hold different numbers of paths or ports.
    pub fn is_uneven(&self) -> bool {
        let differ = |counts: &[u16; COUNTS]| counts.iter().filter(|n| **n > 0).nth(1).is_some();
        differ(&self.paths) || (differ(&self.ports) && !self.declared)
    }

    /// How many paths and ports this node has and most others have, if it has fewer of either.
    pub fn short(&self, cell: &Cell<'a>, numbers: &[u8]) -> Option<Short> {
        let seen = cell.seen.filter(|seen| seen.map.is_some())?;
        let clip = |n: u32| n.min(COUNTS as u32 - 1);
        let (paths, ports) = (clip(meant(cell)), clip(ports(seen, numbers)));
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
