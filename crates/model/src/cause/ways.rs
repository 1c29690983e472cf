//! What runs over what: the paths of LUNs by adapter, target port, controller, fabric and array, for those who ask what
//! goes with a thing.

use super::index::{NONE, NodeIndex, Pattern};
use super::{Causes, NOBODY, NodeCauses};
use crate::ids::{EpochS, NodeName, Wwid};

/// All paths of a LUN over one adapter and one target port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Way<'a> {
    /// The node.
    pub node: &'a NodeName,
    /// What findings call the adapter.
    pub adapter: Option<&'a str>,
    /// The adapter's port.
    pub adapter_port: Option<&'a str>,
    /// The target port.
    pub port: Option<&'a str>,
    /// Its fabric.
    pub fabric: Option<&'a str>,
    /// Its controller.
    pub controller: Option<&'a str>,
    /// Its array.
    pub array: Option<&'a str>,
    /// Paths that can be used.
    pub usable: u32,
    /// Paths that cannot, or are missed, or of which nothing is proven.
    pub off: u32,
    /// Place in [`Causes::list`] of what explains it: the cause that owns the way on its node; of one LUN's ways
    /// ([`Causes::ways`]) else that of the LUN itself.
    pub cause: Option<u32>,
    /// When a path over it went or came last, by the node's clock; `None` = not within its memory.
    pub changed_last: Option<EpochS>,
}

impl std::fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let adapter = self.adapter.or(self.adapter_port).unwrap_or("an unknown adapter");
        write!(f, "{adapter} to {}", self.port.unwrap_or("an unknown port"))
    }
}

/// LUNs of one node that are alike: the same ways, the same of them up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alike<'a> {
    /// In byte order.
    pub luns: Vec<&'a Wwid>,
    /// Their ways.
    pub ways: Vec<Way<'a>>,
}

impl Causes {
    /// LUNs of a node by what their paths run over; empty where nothing can be believed of them now.
    pub fn alike(&self, node: &NodeName) -> Vec<Alike<'_>> {
        let Some((node, of)) = self.nodes.get_key_value(node) else { return Vec::new() };
        let ways = |pattern| Alike { luns: Vec::new(), ways: self.ways_of(node, of, pattern) };
        let mut out: Vec<Alike<'_>> = of.index.patterns.iter().map(ways).collect();
        for cell in &of.index.cells {
            if let Some(alike) = out.get_mut(cell.pattern as usize) {
                alike.luns.push(&cell.wwid);
            }
        }
        out
    }

    /// The ways of one LUN on one node.
    pub fn ways(&self, node: &NodeName, wwid: &Wwid) -> Vec<Way<'_>> {
        let known = self.nodes.get_key_value(node).and_then(|(node, of)| {
            let place = of.index.cells.binary_search_by(|cell| cell.wwid.cmp(wwid)).ok()?;
            let pattern = of.index.cells.get(place)?.pattern as usize;
            let mut ways = self.ways_of(node, of, of.index.patterns.get(pattern)?);
            let own = of.by_cell.binary_search_by_key(&place, |(cell, _)| *cell as usize).ok();
            let own = own.and_then(|at| of.by_cell.get(at)).map(|(_, cause)| *cause);
            for way in ways.iter_mut().filter(|way| way.off > 0) {
                way.cause = way.cause.or(own);
            }
            Some(ways)
        });
        known.unwrap_or_default()
    }

    /// The nodes of whose paths something can be believed now.
    pub fn nodes_that_tell(&self) -> impl Iterator<Item = &NodeName> {
        self.nodes.keys()
    }

    /// Whether something can be believed of this node's paths now.
    pub fn tells(&self, node: &NodeName) -> bool {
        self.nodes.contains_key(node)
    }

    /// Whether anything is known of the paths of this LUN on this node now.
    pub fn knows(&self, node: &NodeName, wwid: &Wwid) -> bool {
        self.nodes.get(node).is_some_and(|of| of.index.cell(wwid).is_some())
    }

    fn ways_of<'a>(&'a self, node: &'a NodeName, of: &'a NodeCauses, pattern: &Pattern) -> Vec<Way<'a>> {
        let NodeIndex { adapters, ports, pairs, .. } = &*of.index;
        let mut out = Vec::with_capacity(pattern.paths.len());
        for part in &pattern.paths {
            let at = usize::from(part.pair);
            let (Some(pair), Some(&(fabric, controller))) = (pairs.get(at), of.domains.get(at)) else {
                continue;
            };
            let adapter = (pair.adapter != NONE).then(|| usize::from(pair.adapter));
            let port = (pair.port != NONE).then(|| ports.get(usize::from(pair.port))).flatten();
            let port = port.map(|port| &*port.name);
            out.push(Way {
                node,
                adapter: adapter.and_then(|at| self.domains.adapter_object(node, at)).map(|name| &**name),
                adapter_port: adapter.and_then(|at| adapters.get(at)).map(|adapter| &*adapter.port),
                port,
                fabric: fabric.map(|at| &**self.domains.fabric_name(at)),
                controller: controller.map(|at| &**self.domains.controller_name(at)),
                array: port.and_then(|port| self.domains.array_of_port(port)),
                usable: u32::from(part.usable),
                off: part.off(),
                cause: of.by_pair.get(at).copied().filter(|cause| *cause != NOBODY),
                changed_last: pair.changed_last,
            });
        }
        out
    }
}
