//! Fabrics, controllers and arrays: what fails together. People's names go over what can be found out.

#![expect(clippy::indexing_slicing, reason = "numbers are made here; names from outside are looked up")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::index::{AdapterAt, Index, NONE, NodeIndex, address, subnet};
use crate::arrays::{Arrays, Target};
use crate::ids::NodeName;
use crate::local::Adapter;
use crate::names::{Named, Names};
use crate::picture::Picture;
use crate::topology::port_text;

/// Unnamed components are given letters up to here; where there are more, they are cables and no fabrics.
const LETTERS: usize = 26;

/// What is known of one target port.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct PortDomain {
    fabric: Option<u16>,
    controller: Option<u16>,
    array: Option<u16>,
    word: Option<Arc<str>>,
}

/// Fabrics, controllers and arrays of a cluster, and which port belongs to which.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Domains {
    fabrics: Vec<Arc<str>>,
    controllers: Vec<Arc<str>>,
    arrays: Vec<Arc<str>>,
    ports: BTreeMap<Arc<str>, PortDomain>,
    /// By node, in the order of its index's adapters.
    adapters: BTreeMap<NodeName, Vec<AdapterDomain>>,
    /// The last fabric that each adapter's port was in, by its switch's word: that word goes when the link goes.
    told: BTreeMap<Arc<str>, Arc<str>>,
    /// The last target nodes and ALUA groups of each port: a port that is gone tells none.
    told_ports: BTreeMap<Arc<str>, ToldOfPort>,
}

/// Target nodes and ALUA groups.
type ToldOfPort = (BTreeSet<Arc<str>>, BTreeSet<u16>);

/// One adapter of a node.
#[derive(Clone, PartialEq, Eq, Debug)]
struct AdapterDomain {
    port: Arc<str>,
    object: Arc<str>,
    fabric: Option<u16>,
}

impl Domains {
    /// All fabrics by name: people's word, the WWN that switches give, the portals' subnet, or a letter.
    pub fn fabrics(&self) -> impl Iterator<Item = &str> {
        self.fabrics.iter().map(|name| &**name)
    }

    /// All controllers by name.
    pub fn controllers(&self) -> impl Iterator<Item = &str> {
        self.controllers.iter().map(|name| &**name)
    }

    /// All arrays by name.
    pub fn arrays(&self) -> impl Iterator<Item = &str> {
        self.arrays.iter().map(|name| &**name)
    }

    /// All target ports, in byte order.
    pub fn ports(&self) -> impl Iterator<Item = &str> {
        self.ports.keys().map(|name| &**name)
    }

    /// The fabric of a target port.
    pub fn fabric_of_port(&self, port: &str) -> Option<&str> {
        Some(&*self.fabrics[usize::from(self.ports.get(port)?.fabric?)])
    }

    /// The controller of a target port.
    pub fn controller_of_port(&self, port: &str) -> Option<&str> {
        Some(&*self.controllers[usize::from(self.ports.get(port)?.controller?)])
    }

    /// The array of a target port.
    pub fn array_of_port(&self, port: &str) -> Option<&str> {
        Some(&*self.arrays[usize::from(self.ports.get(port)?.array?)])
    }

    /// What people call a target port.
    pub fn word_of_port(&self, port: &str) -> Option<&str> {
        self.ports.get(port)?.word.as_deref()
    }

    /// A node's adapters: the name that findings call each, its port, and its fabric.
    pub fn adapters(&self, node: &NodeName) -> impl Iterator<Item = (&str, &str, Option<&str>)> {
        self.adapters.get(node).into_iter().flatten().map(|adapter| {
            let fabric = adapter.fabric.map(|at| &*self.fabrics[usize::from(at)]);
            (&*adapter.object, &*adapter.port, fabric)
        })
    }

    /// The fabric of a node's adapter, by the adapter's name, its host or its port.
    pub fn fabric_of_adapter(&self, node: &NodeName, name: &str) -> Option<&str> {
        self.adapters(node).find(|(object, port, _)| *object == name || *port == name)?.2
    }

    pub(super) fn fabric_name(&self, fabric: u16) -> &Arc<str> {
        &self.fabrics[usize::from(fabric)]
    }

    pub(super) fn controller_name(&self, controller: u16) -> &Arc<str> {
        &self.controllers[usize::from(controller)]
    }

    pub(super) fn fabric_id(&self, name: &str) -> Option<u16> {
        Some(self.fabrics.iter().position(|fabric| &**fabric == name)? as u16)
    }

    pub(super) fn controller_id(&self, name: &str) -> Option<u16> {
        Some(self.controllers.iter().position(|controller| &**controller == name)? as u16)
    }

    pub(super) fn port_fabric(&self, port: &str) -> Option<u16> {
        self.ports.get(port)?.fabric
    }

    pub(super) fn port_controller(&self, port: &str) -> Option<u16> {
        self.ports.get(port)?.controller
    }

    pub(super) fn adapter_fabric(&self, node: &NodeName, at: usize) -> Option<u16> {
        self.adapters.get(node)?.get(at)?.fabric
    }

    pub(super) fn adapter_object(&self, node: &NodeName, at: usize) -> Option<&Arc<str>> {
        self.adapters.get(node)?.get(at).map(|adapter| &adapter.object)
    }

    pub(super) fn find(picture: &Picture<'_>, index: &Index, before: &Domains) -> Self {
        let mut finder = Finder::new(picture, index, before);
        finder.fabrics();
        let mut out = Self {
            told: std::mem::take(&mut finder.told),
            fabrics: std::mem::take(&mut finder.fabric_names),
            adapters: std::mem::take(&mut finder.adapter_domains),
            ..Self::default()
        };
        for (at, name) in finder.ports.iter().enumerate() {
            let word = picture.names.ports.get(&***name).and_then(|named| named.name.as_deref());
            let domain = PortDomain {
                fabric: finder.port_fabric[at],
                word: word.map(Arc::from),
                ..PortDomain::default()
            };
            out.ports.insert((*name).clone(), domain);
        }
        out.find_arrays(index, picture.names, before);
        out
    }

    /// Arrays by the LUNs that join ports, and in each its controllers.
    fn find_arrays(&mut self, index: &Index, names: &Names, before: &Domains) {
        let mut arrays = Arrays::default();
        let mut facts: Facts<'_> = BTreeMap::new();
        for port in index.nodes.values().flat_map(|node| &node.ports) {
            let (nodes, groups) = facts.entry(&port.name).or_default();
            nodes.extend(&port.nodes);
            groups.extend(&port.groups);
        }
        for (port, (nodes, groups)) in &mut facts {
            if let Some((nodes_before, groups_before)) = before.told_ports.get(&***port) {
                if nodes.is_empty() {
                    nodes.extend(nodes_before);
                }
                if groups.is_empty() {
                    groups.extend(groups_before);
                }
            }
            let told = (nodes.iter().map(|node| (*node).clone()).collect(), groups.clone());
            self.told_ports.insert((*port).clone(), told);
            let Some(here) = arrays.target(port) else { continue };
            for name in nodes.iter() {
                if let Some(target) = arrays.target(name) {
                    arrays.join(here, target);
                }
            }
        }
        for node in index.nodes.values() {
            for pattern in &node.patterns {
                let ports = pattern.paths.iter().map(|part| node.pairs[usize::from(part.pair)].port);
                let mut ports = ports.filter(|port| *port != NONE).map(|port| &node.ports[usize::from(port)]);
                let Some(first) = ports.next().and_then(|port| arrays.target(&port.name)) else { continue };
                for port in ports {
                    if let Some(other) = arrays.target(&port.name) {
                        arrays.join(first, other);
                    }
                }
            }
        }
        let mut members: BTreeMap<Target, Vec<&Arc<str>>> = BTreeMap::new();
        for &port in facts.keys() {
            if let Some(target) = arrays.target(port) {
                members.entry(arrays.array_of(target)).or_default().push(port);
            }
        }
        // By their first port, so that the numbers do not depend on who spoke first.
        let mut members: Vec<Vec<&Arc<str>>> = members.into_values().collect();
        members.sort_unstable();
        for ports in members {
            let said: BTreeMap<&str, &str> = ports
                .iter()
                .filter_map(|port| Some((&***port, said(names, port)?.controller.as_deref()?)))
                .collect();
            let array = intern(&mut self.arrays, &array_name(&ports, &facts, &said));
            let guessed = guess_controllers(&ports, &facts, &said);
            for port in ports {
                let controller = said.get(&**port).map(|name| (*name).to_owned()).or_else(|| {
                    let name = guessed.get(port)?;
                    let array = &self.arrays[usize::from(array)];
                    Some(if name.parse::<u16>().is_ok() {
                        format!("{array} group {name}")
                    } else {
                        name.clone()
                    })
                });
                let controller = controller.map(|name| intern(&mut self.controllers, &name));
                if let Some(domain) = self.ports.get_mut(port) {
                    (domain.controller, domain.array) = (controller, Some(array));
                }
            }
        }
    }
}

fn said<'n>(names: &'n Names, port: &str) -> Option<&'n Named> {
    names.ports.get(port)
}

fn intern(list: &mut Vec<Arc<str>>, name: &str) -> u16 {
    let at = list.iter().position(|known| &**known == name).unwrap_or_else(|| {
        list.push(Arc::from(name));
        list.len() - 1
    });
    u16::try_from(at).unwrap_or(NONE - 1)
}

type Facts<'a> = BTreeMap<&'a Arc<str>, (BTreeSet<&'a Arc<str>>, BTreeSet<u16>)>;

/// The first word of its controllers' names, if they agree on one (`netapp1 ctl1`, `netapp1 ctl2`); else its first target
/// node, else its first port.
fn array_name(ports: &[&Arc<str>], facts: &Facts<'_>, said: &BTreeMap<&str, &str>) -> String {
    let words: BTreeSet<&str> = said.values().filter_map(|name| Some(name.split_once(' ')?.0)).collect();
    let nodes = ports.iter().filter_map(|port| facts.get(port)?.0.first().copied());
    match (words.len(), words.first(), nodes.min()) {
        (1, Some(word), _) => (*word).to_owned(),
        (_, _, Some(node)) => node.to_string(),
        _ => ports.first().map(|port| port.to_string()).unwrap_or_default(),
    }
}

/// Ports of an array by their controller: its ALUA group's number, or its target node. Groups or nodes that have one port
/// each tell nothing of controllers, unless there are two ports in all.
fn guess_controllers<'a>(
    ports: &[&'a Arc<str>],
    facts: &Facts<'a>,
    said: &BTreeMap<&str, &str>,
) -> BTreeMap<&'a Arc<str>, String> {
    let ports: Vec<&Arc<str>> = ports.iter().copied().filter(|port| !said.contains_key(&***port)).collect();
    let by = |name: &dyn Fn(&Arc<str>) -> Option<String>| {
        let named: BTreeMap<_, _> = ports.iter().filter_map(|port| Some((*port, name(port)?))).collect();
        let distinct = named.values().collect::<BTreeSet<_>>().len();
        (distinct > 1 && (distinct < named.len() || named.len() == 2)).then_some(named)
    };
    let only = |set: &BTreeSet<u16>| (set.len() == 1).then(|| set.first().map(u16::to_string)).flatten();
    by(&|port| only(&facts.get(port)?.1))
        .or_else(|| {
            by(&|port| {
                let nodes = &facts.get(port)?.0;
                (nodes.len() == 1).then(|| nodes.first().map(|node| node.to_string())).flatten()
            })
        })
        .unwrap_or_default()
}

/// Finds fabrics.
struct Finder<'a> {
    picture: &'a Picture<'a>,
    nodes: Vec<(&'a NodeName, &'a NodeIndex)>,
    /// All target ports, in byte order.
    ports: Vec<&'a Arc<str>>,
    /// Of each node, where its adapters begin among all.
    offsets: Vec<usize>,
    adapters: Vec<(usize, &'a AdapterAt)>,
    /// Adapter and port.
    edges: Vec<(usize, usize)>,
    fabric_names: Vec<Arc<str>>,
    adapter_fabric: Vec<Option<u16>>,
    port_fabric: Vec<Option<u16>>,
    adapter_domains: BTreeMap<NodeName, Vec<AdapterDomain>>,
    told: BTreeMap<Arc<str>, Arc<str>>,
    told_before: &'a BTreeMap<Arc<str>, Arc<str>>,
}

/// The adapters in a node's own value that are this one.
pub(super) fn of_value<'v>(adapters: &'v [Adapter], at: &AdapterAt) -> impl Iterator<Item = &'v Adapter> {
    adapters.iter().filter(move |adapter| {
        let by_port = adapter.port_name.as_deref().is_some_and(|port| *port_text(port) == *at.port);
        by_port || at.hosts.iter().any(|host| **host == *adapter.name) || *adapter.name == *at.port
    })
}

/// `host7`; the port's name where no host or more than one is known. An iSCSI initiator's is its address: it has a host for
/// each session, and a new one after each login.
fn object_of(at: &AdapterAt, value: &[Adapter]) -> Arc<str> {
    if address(&at.port).is_some() {
        return at.port.clone();
    }
    if let Some(via) = &at.via {
        return Arc::from(format!("{} via {via}", at.port));
    }
    let mut hosts: BTreeSet<&str> = at.hosts.iter().map(|host| &**host).collect();
    hosts.extend(of_value(value, at).map(|adapter| adapter.name.as_str()));
    match (hosts.len(), hosts.first()) {
        (1, Some(host)) => Arc::from(*host),
        _ => at.port.clone(),
    }
}

/// A fabric's WWN by the switch; without a link the kernel gives all zeros or all ones.
fn fabric_wwn(adapter: &Adapter) -> Option<Arc<str>> {
    let text = port_text(adapter.fabric.as_deref()?);
    let digits = text.chars().filter(|c| *c != ':');
    let empty = digits.clone().all(|c| c == '0') || digits.clone().all(|c| c == 'f');
    (!empty && text.contains(':')).then_some(text)
}

impl<'a> Finder<'a> {
    fn new(picture: &'a Picture<'a>, index: &'a Index, before: &'a Domains) -> Self {
        let nodes: Vec<(&NodeName, &NodeIndex)> =
            index.nodes.iter().map(|(name, node)| (name, &**node)).collect();
        let mut ports: Vec<&Arc<str>> =
            nodes.iter().flat_map(|(_, node)| node.ports.iter().map(|p| &p.name)).collect();
        ports.sort_unstable();
        ports.dedup();
        let mut this = Self {
            picture,
            offsets: Vec::with_capacity(nodes.len()),
            adapters: Vec::new(),
            edges: Vec::new(),
            fabric_names: Vec::new(),
            adapter_fabric: Vec::new(),
            port_fabric: vec![None; ports.len()],
            adapter_domains: BTreeMap::new(),
            told: BTreeMap::new(),
            told_before: &before.told,
            ports,
            nodes: Vec::new(),
        };
        for (number, (_, node)) in nodes.iter().enumerate() {
            let offset = this.adapters.len();
            this.offsets.push(offset);
            this.adapters.extend(node.adapters.iter().map(|adapter| (number, adapter)));
            let global: Vec<Option<usize>> =
                node.ports.iter().map(|port| this.ports.binary_search(&&port.name).ok()).collect();
            for pair in node.pairs.iter().filter(|pair| pair.adapter != NONE && pair.port != NONE) {
                if let Some(port) = global[usize::from(pair.port)] {
                    this.edges.push((offset + usize::from(pair.adapter), port));
                }
            }
        }
        this.adapter_fabric = vec![None; this.adapters.len()];
        this.nodes = nodes;
        this
    }

    fn fabrics(&mut self) {
        let names = self.picture.names;
        let by_people = |port: &str| said(names, port).and_then(|named| named.fabric.as_deref());
        for at in 0..self.ports.len() {
            if let Some(name) = by_people(self.ports[at]) {
                self.port_fabric[at] = Some(intern(&mut self.fabric_names, name));
            }
        }
        let iscsi: BTreeSet<&Arc<str>> = self
            .nodes
            .iter()
            .flat_map(|(_, node)| node.ports.iter().filter(|port| port.iscsi).map(|port| &port.name))
            .collect();
        for at in 0..self.ports.len() {
            let name = self.ports[at];
            if self.port_fabric[at].is_none()
                && iscsi.contains(name)
                && let Some(subnet) = subnet(name)
            {
                self.port_fabric[at] = Some(intern(&mut self.fabric_names, &subnet));
            }
        }
        for at in 0..self.adapters.len() {
            let (node, adapter) = self.adapters[at];
            let switch = self.by_switch(node, adapter);
            // An initiator's name alone says nothing of its NICs.
            if let Some(name) = by_people(&adapter.port).filter(|_| adapter.via.is_none()) {
                self.adapter_fabric[at] = Some(intern(&mut self.fabric_names, name));
            } else if let Some(name) = switch {
                self.adapter_fabric[at] = Some(intern(&mut self.fabric_names, &name));
            }
        }
        let disputed = self.spread();
        self.letters(&disputed);
        self.sort_names();
        for (number, (name, node)) in self.nodes.iter().enumerate() {
            let value = self.picture.nodes.get(*name).and_then(|node| node.about);
            let adapters = node.adapters.iter().zip(&self.adapter_fabric[self.offsets[number]..]);
            let domain = adapters.map(|(at, fabric)| AdapterDomain {
                port: at.port.clone(),
                object: object_of(at, value.map_or(&[], |value| &value.adapters)),
                fabric: *fabric,
            });
            self.adapter_domains.insert((*name).clone(), domain.collect());
        }
    }

    /// `fabric_name`, now or when the adapter last had a link.
    fn by_switch(&mut self, node: usize, at: &AdapterAt) -> Option<Arc<str>> {
        let value = self.picture.nodes.get(self.nodes[node].0).and_then(|node| node.about);
        let now = value.and_then(|value| of_value(&value.adapters, at).find_map(fabric_wwn));
        let wwn = now.or_else(|| self.told_before.get(&at.port).cloned())?;
        self.told.insert(at.port.clone(), wwn.clone());
        Some(wwn)
    }

    /// What one end of an edge is in, the other is in, as long as all edges agree. Gives what they do not agree on, adapters
    /// first and then ports.
    fn spread(&mut self) -> Vec<bool> {
        let adapters = self.adapters.len();
        let mut disputed = vec![false; adapters + self.ports.len()];
        loop {
            let mut found: BTreeMap<usize, Option<u16>> = BTreeMap::new();
            for &(adapter, port) in &self.edges {
                let (a, p) = (self.adapter_fabric[adapter], self.port_fabric[port]);
                let (to, fabric) = match (a, p) {
                    (Some(fabric), None) => (adapters + port, fabric),
                    (None, Some(fabric)) => (adapter, fabric),
                    _ => continue,
                };
                let known = found.entry(to).or_insert(Some(fabric));
                if *known != Some(fabric) {
                    *known = None;
                }
            }
            let mut changed = false;
            for (to, fabric) in found {
                if disputed[to] {
                    continue;
                }
                changed = true;
                match (fabric, to.checked_sub(adapters)) {
                    (Some(fabric), Some(port)) => self.port_fabric[port] = Some(fabric),
                    (Some(fabric), None) => self.adapter_fabric[to] = Some(fabric),
                    (None, _) => disputed[to] = true,
                }
            }
            if !changed {
                return disputed;
            }
        }
    }

    /// Components of adapters and ports of which nobody told a fabric.
    fn letters(&mut self, disputed: &[bool]) {
        let adapters = self.adapters.len();
        let mut parents: Vec<usize> = (0..adapters + self.ports.len()).collect();
        for &(adapter, port) in &self.edges {
            let (a, b) = (root(&mut parents, adapter), root(&mut parents, adapters + port));
            parents[a.max(b)] = a.min(b);
        }
        let known = |at: usize| match at.checked_sub(adapters) {
            Some(port) => self.port_fabric[port].is_some(),
            None => self.adapter_fabric[at].is_some(),
        };
        let mut told: BTreeSet<usize> = BTreeSet::new();
        for (at, disputed) in disputed.iter().enumerate() {
            if *disputed || known(at) {
                told.insert(root(&mut parents, at));
            }
        }
        // By the first port of each, for ports stay where nodes come and go.
        let mut components: Vec<usize> = Vec::new();
        for port in 0..self.ports.len() {
            let component = root(&mut parents, adapters + port);
            // A port without an adapter is alone; a component's least member is an adapter.
            if component < adapters && !told.contains(&component) && !components.contains(&component) {
                components.push(component);
                if components.len() > LETTERS {
                    return;
                }
            }
        }
        if components.len() + self.fabric_names.len() < 2 {
            return;
        }
        let taken: BTreeSet<Arc<str>> = self.fabric_names.iter().cloned().collect();
        let mut letters = ('A'..='Z').map(|letter| letter.to_string());
        for component in components {
            let Some(letter) = letters.find(|letter| !taken.contains(letter.as_str())) else { return };
            let fabric = Some(intern(&mut self.fabric_names, &letter));
            for at in 0..parents.len() {
                if root(&mut parents, at) == component {
                    match at.checked_sub(adapters) {
                        Some(port) => self.port_fabric[port] = fabric,
                        None => self.adapter_fabric[at] = fabric,
                    }
                }
            }
        }
    }

    /// Numbers in the order of names, so that they do not depend on who was heard first.
    fn sort_names(&mut self) {
        let mut sorted = self.fabric_names.clone();
        sorted.sort_unstable();
        let place = |fabric: &mut Option<u16>| {
            if let Some(at) = fabric {
                let name = &self.fabric_names[usize::from(*at)];
                *at = sorted.binary_search(name).map_or(*at, |at| at as u16);
            }
        };
        self.adapter_fabric.iter_mut().for_each(place);
        self.port_fabric.iter_mut().for_each(place);
        self.fabric_names = sorted;
    }
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}
