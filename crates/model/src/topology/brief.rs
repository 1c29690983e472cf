//! What a look at all LUNs of all nodes needs of each, made once when a node publishes: 64 bytes that lie side by side.
//!
//! Whoever goes through 200,000 cells for each report must not follow pointers for each of them.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHasher;

use super::{Identity, LunSeen, MapSeen, NodePaths, PathSeen, PathWord, Route};
use crate::ids::Wwid;

/// No more target ports than this are told apart on one node.
const PORTS_MAX: u8 = 64;

/// One LUN of a node, in brief.
#[derive(Clone, Debug)]
pub struct Brief {
    /// The LUN.
    pub wwid: Wwid,
    /// The map's name; `None` = there is no map.
    pub name: Option<Arc<str>>,
    /// What the array says that it is.
    pub identity: Option<Arc<Identity>>,
    /// The map's bytes; 0 = not known.
    pub size_bytes: u64,
    /// A print of what lies on it; 0 = nothing is known of anything.
    pub pvs: u64,
    /// Different target ports of the paths that are there or remembered, as far as ports are known.
    pub ports: u8,
    flags: u8,
}

const SUSPENDED: u8 = 1;
const CONTRADICTION: u8 = 2;
const STRANGER: u8 = 4;
const RESIZED: u8 = 8;
const NONOPTIMAL: u8 = 16;

impl Brief {
    fn of(seen: &LunSeen, numbers: &[u8]) -> Self {
        let map = seen.map.as_deref();
        let flag = |holds: bool, flag: u8| if holds { flag } else { 0 };
        let contradicts = seen.paths.iter().any(|path| path.word == PathWord::Contradiction);
        let flags = flag(map.is_some_and(|map| map.suspended), SUSPENDED)
            | flag(contradicts, CONTRADICTION)
            | flag(has_stranger(seen), STRANGER)
            | flag(map.is_some_and(is_resized), RESIZED)
            | flag(map.is_some_and(|map| is_nonoptimal(map, seen)), NONOPTIMAL);
        let pvs = map.filter(|map| !map.pvs.is_empty()).map_or(0, |map| {
            let mut hasher = FxHasher::default();
            map.pvs.hash(&mut hasher);
            hasher.finish().max(1)
        });
        Self {
            wwid: seen.wwid.clone(),
            name: map.map(|map| map.name.clone()),
            identity: map.map(|map| map.identity.clone()),
            size_bytes: map.and_then(|map| map.size_bytes).unwrap_or(0),
            pvs,
            ports: ports(seen, numbers),
            flags,
        }
    }

    /// I/O is blocked.
    pub fn is_suspended(&self) -> bool {
        self.flags & SUSPENDED != 0
    }

    /// Sources disagree about one of its paths.
    pub fn has_contradiction(&self) -> bool {
        self.flags & CONTRADICTION != 0
    }

    /// See [`has_stranger`].
    pub fn has_stranger(&self) -> bool {
        self.flags & STRANGER != 0
    }

    /// See [`is_resized`].
    pub fn is_resized(&self) -> bool {
        self.flags & RESIZED != 0
    }

    /// See [`is_nonoptimal`].
    pub fn is_nonoptimal(&self) -> bool {
        self.flags & NONOPTIMAL != 0
    }
}

/// All LUNs of a node in brief, in their order; made when somebody asks first.
#[derive(Clone, Debug, Default)]
pub struct Briefs(OnceLock<Box<[Brief]>>);

/// They are made of what stands beside them.
impl PartialEq for Briefs {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Briefs {}

impl NodePaths {
    /// All LUNs in brief, in the order of [`Self::luns`].
    pub fn briefs(&self) -> &[Brief] {
        self.briefs.0.get_or_init(|| {
            let numbers = port_numbers(&self.routes);
            self.luns.iter().map(|lun| Brief::of(lun, &numbers)).collect()
        })
    }
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

/// How many different target ports the paths that are there or remembered lead to. `numbers`: of each route, which port that is.
fn ports(seen: &LunSeen, numbers: &[u8]) -> u8 {
    let routes =
        seen.paths.iter().map(|path| path.route).chain(seen.remembered.iter().map(|(route, _)| *route));
    let known = routes.filter_map(|route| numbers.get(usize::from(route))).filter(|at| **at < PORTS_MAX);
    let set = known.fold(0_u64, |set, number| set | 1 << number);
    u8::try_from(set.count_ones()).unwrap_or(PORTS_MAX)
}

/// Of each route of a node, which target port it leads to: small numbers; 255 where that is not known.
fn port_numbers(routes: &[Route]) -> Vec<u8> {
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
        out.push(u8::try_from(at).unwrap_or(u8::MAX).min(PORTS_MAX - 1));
    }
    out
}
