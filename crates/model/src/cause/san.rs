//! The SAN as those nodes see it that can be believed: adapters, target ports, and what runs between them.

#![expect(clippy::indexing_slicing, reason = "numbers are made here; names from outside are looked up")]

use std::sync::Arc;

use super::domains::{Domains, of_value};
use super::index::{Index, NONE, NodeIndex};
use crate::ids::NodeName;
use crate::picture::{NodePicture, Picture};

/// An adapter's link as its node's kernel tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    Up,
    Down,
    Unknown,
}

impl Link {
    /// The words of the kernel's `port_state` (drivers/scsi/scsi_transport_fc.c, scsi_transport_iscsi.c).
    pub fn of(word: Option<&str>) -> Self {
        match word.unwrap_or_default() {
            "Online" | "Up" | "UP" => Link::Up,
            "Linkdown" | "Offline" | "Bypassed" | "Error" | "Deleted" | "Not Present" | "Down" | "DOWN" => {
                Link::Down
            }
            _ => Link::Unknown,
        }
    }
}

/// A node that can be believed.
pub(super) struct SanNode<'a> {
    pub name: &'a NodeName,
    pub picture: &'a NodePicture<'a>,
    pub index: &'a Arc<NodeIndex>,
    /// Where its adapters and pairs begin.
    pub adapters_from: usize,
    pub pairs_from: usize,
}

pub(super) struct SanAdapter {
    pub node: usize,
    pub at: usize,
    pub link: Link,
    pub fabric: Option<u16>,
    pub sum: Sum,
    pub pairs: Vec<u32>,
}

pub(super) struct SanPort<'a> {
    pub name: &'a Arc<str>,
    pub fabric: Option<u16>,
    pub controller: Option<u16>,
    pub sum: Sum,
    pub pairs: Vec<u32>,
}

pub(super) struct SanPair {
    pub node: usize,
    pub at: usize,
    pub adapter: Option<usize>,
    pub port: Option<usize>,
    pub sum: Sum,
}

/// What speaks for a thing and what against.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Sum {
    /// Usable paths; none over an adapter whose link is down, even where nobody has noticed yet.
    pub good: u32,
    /// Paths that are proven not usable.
    pub bad: u32,
    /// Paths of which nothing is proven.
    pub undecided: u32,
}

impl Sum {
    /// Something proves it and nothing speaks against it.
    pub fn is_dead(self) -> bool {
        self.good == 0 && self.bad > 0
    }
    pub fn off(self) -> u32 {
        self.bad.saturating_add(self.undecided)
    }
    fn add(&mut self, other: Sum) {
        self.good = self.good.saturating_add(other.good);
        self.bad = self.bad.saturating_add(other.bad);
        self.undecided = self.undecided.saturating_add(other.undecided);
    }
}

pub(super) struct San<'a> {
    pub nodes: Vec<SanNode<'a>>,
    pub adapters: Vec<SanAdapter>,
    /// In byte order.
    pub ports: Vec<SanPort<'a>>,
    pub pairs: Vec<SanPair>,
    /// Nodes with paths that are not to be believed now.
    pub silent: usize,
}

impl<'a> San<'a> {
    pub fn new(picture: &'a Picture<'a>, index: &'a Index, domains: &Domains) -> Self {
        let mut this =
            Self { nodes: Vec::new(), adapters: Vec::new(), ports: Vec::new(), pairs: Vec::new(), silent: 0 };
        for (name, node) in &index.nodes {
            match picture.nodes.get_key_value(name) {
                Some((name, picture)) if picture.paths_count() => {
                    this.nodes.push(SanNode { name, picture, index: node, adapters_from: 0, pairs_from: 0 })
                }
                _ => this.silent += 1,
            }
        }
        let mut names: Vec<&Arc<str>> =
            this.nodes.iter().flat_map(|node| node.index.ports.iter().map(|port| &port.name)).collect();
        names.sort_unstable();
        names.dedup();
        this.ports = names
            .into_iter()
            .map(|name| SanPort {
                name,
                fabric: domains.port_fabric(name),
                controller: domains.port_controller(name),
                sum: Sum::default(),
                pairs: Vec::new(),
            })
            .collect();
        for number in 0..this.nodes.len() {
            this.add_node(number, domains);
        }
        this
    }

    fn add_node(&mut self, number: usize, domains: &Domains) {
        let (adapters_from, pairs_from) = (self.adapters.len(), self.pairs.len());
        let node = &mut self.nodes[number];
        (node.adapters_from, node.pairs_from) = (adapters_from, pairs_from);
        let value = node.picture.about.map_or(&[][..], |about| &about.adapters);
        for (at, adapter) in node.index.adapters.iter().enumerate() {
            let mut links = of_value(value, adapter).map(|adapter| Link::of(adapter.link.as_deref()));
            let first = links.next().unwrap_or(Link::Unknown);
            // Of several hosts with one port all must say the same.
            let link = if links.all(|link| link == first) { first } else { Link::Unknown };
            self.adapters.push(SanAdapter {
                node: number,
                at,
                link,
                fabric: domains.adapter_fabric(node.name, at),
                sum: Sum::default(),
                pairs: Vec::new(),
            });
        }
        let ports: Vec<Option<usize>> = node
            .index
            .ports
            .iter()
            .map(|port| self.ports.binary_search_by(|known| known.name.cmp(&port.name)).ok())
            .collect();
        for (at, pair) in node.index.pairs.iter().enumerate() {
            let adapter = (pair.adapter != NONE).then(|| adapters_from + usize::from(pair.adapter));
            let port = (pair.port != NONE).then(|| ports[usize::from(pair.port)]).flatten();
            let sum = Sum {
                good: pair.usable,
                bad: pair.failed.saturating_add(pair.absent),
                undecided: pair.undecided,
            };
            let place = self.pairs.len() as u32;
            if let Some(adapter) = adapter.map(|at| &mut self.adapters[at]) {
                adapter.pairs.push(place);
                adapter.sum.add(sum);
            }
            self.pairs.push(SanPair { node: number, at, adapter, port, sum });
        }
        for adapter in &mut self.adapters[adapters_from..] {
            // The kernel says that the link is down and paths fail: what is usable still has only not been tried.
            if adapter.link == Link::Down && adapter.sum.bad > 0 {
                adapter.sum.good = 0;
                for &pair in &adapter.pairs {
                    self.pairs[pair as usize].sum.good = 0;
                }
            }
        }
        for (place, pair) in self.pairs.iter().enumerate().skip(pairs_from) {
            if let Some(port) = pair.port.map(|at| &mut self.ports[at]) {
                port.pairs.push(place as u32);
                port.sum.add(pair.sum);
            }
        }
    }

    pub fn pair_fabric(&self, pair: usize) -> Option<u16> {
        let pair = &self.pairs[pair];
        pair.port
            .and_then(|at| self.ports[at].fabric)
            .or_else(|| pair.adapter.and_then(|at| self.adapters[at].fabric))
    }
}
