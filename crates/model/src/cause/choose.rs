//! Which of the things that could explain the lost paths are named. The rules and their reasons: docs/design-notes.md.
//!
//! A thing can be a cause only if nothing speaks against it: no path that is usable runs over it. Of those the search takes
//! the fewest that explain most, and where two explain the same, the evidence of links decides, else the smaller claim: an
//! adapter of one node before a port, a port before a controller, a controller before a fabric.

#![expect(clippy::indexing_slicing, reason = "numbers are the SAN's own")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Causes;
use super::domains::Domains;
use super::index::AdapterAt;
use super::san::{Link, San};
use crate::ids::{MonoMs, NodeName, Wwid};

/// A cause that has been listed for so long stays named while it still explains what it did.
pub(super) const SETTLED_MS: u64 = 60_000;
/// A cause whose paths are coming back keeps those that are still away for so long, so that a fabric does not fall apart
/// into adapters on its way back.
pub(super) const WANING_MS: u64 = 60_000;
/// No cause.
pub(super) const NOBODY: u32 = u32::MAX;
/// Where more LUNs than this share a thing, it is the thing that is looked at and not the LUNs.
const FEW_LUNS: usize = 4;

/// A thing by number, in one search.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Thing {
    Adapter(usize),
    Port(usize),
    Controller(u16),
    Fabric(u16),
    Pair(usize),
}

/// A thing by name, from one search to the next.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Key {
    Adapter(NodeName, Arc<str>, Option<Arc<str>>),
    Port(Arc<str>),
    Controller(Arc<str>),
    Fabric(Arc<str>),
    Pair(NodeName, Arc<str>, Option<Arc<str>>, Arc<str>),
    Lun(Wwid, Option<NodeName>),
    Flapping(Box<Key>),
}

/// A thing that was chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    pub thing: Thing,
    pub flapping: bool,
    /// Its paths have been coming back since then.
    pub waning: Option<MonoMs>,
    /// It was named long before.
    pub settled: bool,
}

/// One search.
pub(super) struct Choice<'s> {
    pub san: &'s San<'s>,
    pub domains: &'s Domains,
    pub before: &'s Causes,
    pub now: MonoMs,
    /// Of each pair, the place of its cause in `chosen`, or [`NOBODY`].
    pub by_pair: Vec<u32>,
    /// `None` = taken back.
    pub chosen: Vec<Option<Chosen>>,
    /// LUNs whose paths are taken for unmapped although nothing else runs over their pairs.
    pub lone_luns: BTreeSet<u32>,
}

impl<'s> Choice<'s> {
    pub fn new(san: &'s San<'s>, domains: &'s Domains, before: &'s Causes, now: MonoMs) -> Self {
        let by_pair = vec![NOBODY; san.pairs.len()];
        Self { san, domains, before, now, by_pair, chosen: Vec::new(), lone_luns: BTreeSet::new() }
    }

    pub fn run(&mut self) {
        self.flapping();
        self.settled();
        self.waning();
        self.fabrics();
        self.controllers();
        self.adapters_and_ports();
        self.pairs();
        self.rather_luns();
        self.rather_paths();
    }

    /// The pairs that a thing has to do with.
    pub fn pairs_of(&self, thing: Thing) -> Vec<u32> {
        let touching = |is: &dyn Fn(usize) -> bool| {
            (0..self.san.pairs.len()).filter(|at| is(*at)).map(|at| at as u32).collect()
        };
        match thing {
            Thing::Adapter(at) => self.san.adapters[at].pairs.clone(),
            Thing::Port(at) => self.san.ports[at].pairs.clone(),
            Thing::Pair(at) => vec![at as u32],
            Thing::Controller(id) => touching(&|at| {
                self.san.pairs[at].port.is_some_and(|port| self.san.ports[port].controller == Some(id))
            }),
            Thing::Fabric(id) => touching(&|at| self.touches(at, id)),
        }
    }

    fn touches(&self, pair: usize, fabric: u16) -> bool {
        let pair = &self.san.pairs[pair];
        pair.port.is_some_and(|at| self.san.ports[at].fabric == Some(fabric))
            || pair.adapter.is_some_and(|at| self.san.adapters[at].fabric == Some(fabric))
    }

    /// Something proves that it is down and nothing speaks against it.
    pub fn is_dead(&self, thing: Thing) -> bool {
        match thing {
            Thing::Adapter(at) => self.san.adapters[at].sum.is_dead(),
            Thing::Port(at) => self.san.ports[at].sum.is_dead(),
            Thing::Pair(at) => self.san.pairs[at].sum.is_dead(),
            Thing::Controller(id) => {
                let mut ports = self.san.ports.iter().filter(|port| port.controller == Some(id));
                let good = ports.clone().any(|port| port.sum.good > 0);
                !good && ports.any(|port| port.sum.is_dead())
            }
            Thing::Fabric(id) => {
                let adapters = self.san.adapters.iter().filter(|a| a.fabric == Some(id)).map(|a| a.sum);
                let ports = self.san.ports.iter().filter(|p| p.fabric == Some(id)).map(|p| p.sum);
                let mut sums = adapters.chain(ports);
                let good = sums.clone().any(|sum| sum.good > 0);
                !good && sums.any(|sum| sum.is_dead())
            }
        }
    }

    /// A dead pair that nobody explains yet.
    fn is_open(&self, pair: usize) -> bool {
        self.by_pair[pair] == NOBODY && self.san.pairs[pair].sum.is_dead()
    }

    fn open_pairs(&self) -> impl Iterator<Item = usize> {
        (0..self.san.pairs.len()).filter(|at| self.is_open(*at))
    }

    /// Takes a thing for a cause: all that is not usable over it and has no cause yet is explained by it.
    pub fn choose(&mut self, thing: Thing, settled: bool) {
        self.claim(Chosen { thing, flapping: false, waning: None, settled });
    }

    pub fn claim(&mut self, chosen: Chosen) {
        // A pair with an end that nobody knows has no name under which it could be told.
        if self.key(chosen.thing).is_none() {
            return;
        }
        let place = self.chosen.len() as u32;
        let mut any = false;
        for pair in self.pairs_of(chosen.thing) {
            let pair = pair as usize;
            if self.by_pair[pair] == NOBODY && self.san.pairs[pair].sum.off() > 0 {
                self.by_pair[pair] = place;
                any |= self.san.pairs[pair].sum.bad > 0;
            }
        }
        if any || chosen.flapping {
            self.chosen.push(Some(chosen));
        } else {
            self.by_pair.iter_mut().filter(|cause| **cause == place).for_each(|cause| *cause = NOBODY);
        }
    }

    /// What was listed long enough and still holds goes first, the oldest first.
    fn settled(&mut self) {
        let mut old: Vec<(MonoMs, &Key)> = self
            .before
            .listed
            .iter()
            .filter(|listed| self.now.since(listed.first) > SETTLED_MS)
            .map(|listed| (listed.first, &listed.key))
            .collect();
        old.sort_unstable();
        for (_, key) in old {
            if let Some(thing) = self.thing(key)
                && self.is_dead(thing)
            {
                self.choose(thing, true);
            }
        }
    }

    /// What is on its way back keeps the rest for a while.
    fn waning(&mut self) {
        let mut back: Vec<(&Key, Thing, MonoMs)> = Vec::new();
        for (at, listed) in self.before.listed.iter().enumerate() {
            let Some(thing) = self.thing(&listed.key) else { continue };
            let since = listed.waning.unwrap_or(self.now);
            if matches!(thing, Thing::Pair(_)) || self.is_dead(thing) || self.now.since(since) >= WANING_MS {
                continue;
            }
            if listed.waning.is_some() || self.some_came_back(thing, at as u32) {
                back.push((&listed.key, thing, since));
            }
        }
        back.sort_unstable();
        for (_, thing, since) in back {
            self.claim(Chosen { thing, flapping: false, waning: Some(since), settled: true });
        }
    }

    /// A path is usable again over a pair that the cause explained the last time.
    fn some_came_back(&self, thing: Thing, cause: u32) -> bool {
        self.pairs_of(thing).into_iter().any(|pair| {
            let pair = &self.san.pairs[pair as usize];
            let node = &self.san.nodes[pair.node];
            let Some(old) = self.before.nodes.get(node.name).filter(|_| pair.sum.good > 0) else {
                return false;
            };
            if Arc::ptr_eq(&old.index, node.index) {
                return old.by_pair.get(pair.at) == Some(&cause);
            }
            let key = self.pair_key(pair.node, pair.at);
            let places = (0..old.index.pairs.len()).filter(|at| old.by_pair.get(*at) == Some(&cause));
            key.is_some() && places.into_iter().any(|at| key == pair_key(node.name, &old.index, at))
        })
    }

    /// All adapters and ports of a fabric at once, from two adapters at least.
    fn fabrics(&mut self) {
        let seen: BTreeSet<u16> = self.san.adapters.iter().filter_map(|adapter| adapter.fabric).collect();
        let mut found: Vec<(u16, BTreeSet<usize>, bool)> = Vec::new();
        for &fabric in &seen {
            if !self.is_dead(Thing::Fabric(fabric)) {
                continue;
            }
            let open: Vec<usize> = self.open_pairs().filter(|at| self.touches(*at, fabric)).collect();
            let adapters: BTreeSet<usize> =
                open.iter().filter_map(|at| self.san.pairs[*at].adapter).collect();
            let ports: BTreeSet<usize> = open.iter().filter_map(|at| self.san.pairs[*at].port).collect();
            let links = |link| adapters.iter().filter(|at| self.san.adapters[**at].link == link).count();
            let down = links(Link::Down);
            let by_links = down >= 2 && links(Link::Up) == 0;
            // One adapter is the smaller claim; one port too, unless links say otherwise; and a fabric that is the only one
            // is not told from the array behind it.
            if adapters.len() < 2 || ((ports.len() < 2 || seen.len() < 2) && !by_links) {
                continue;
            }
            let controllers: BTreeSet<Option<u16>> =
                ports.iter().map(|at| self.san.ports[*at].controller).collect();
            if down == 0
                && controllers.len() == 1
                && let Some(Some(controller)) = controllers.first()
                && self.is_dead(Thing::Controller(*controller))
            {
                continue;
            }
            found.push((fabric, ports, down > 0));
        }
        // Several fabrics at once without a link that is down are rather the array behind them.
        if found.len() > 1 && found.iter().all(|(_, _, down)| !down) {
            let ports = found.iter().flat_map(|(_, ports, _)| ports);
            let controllers: BTreeSet<Option<u16>> = ports.map(|at| self.san.ports[*at].controller).collect();
            let all_dead =
                controllers.iter().all(|id| id.is_some_and(|id| self.is_dead(Thing::Controller(id))));
            if all_dead && controllers.len() <= found.len() {
                return;
            }
        }
        for (fabric, _, _) in found {
            self.choose(Thing::Fabric(fabric), false);
        }
    }

    /// All ports of a controller that has several.
    fn controllers(&mut self) {
        let mut open: BTreeMap<u16, (BTreeSet<usize>, BTreeSet<usize>)> = BTreeMap::new();
        for at in self.open_pairs() {
            let pair = &self.san.pairs[at];
            let Some(port) = pair.port else { continue };
            let Some(controller) = self.san.ports[port].controller else { continue };
            let down = pair.adapter.is_some_and(|at| self.san.adapters[at].link == Link::Down);
            if down || !self.is_dead(Thing::Controller(controller)) {
                continue;
            }
            let (adapters, ports) = open.entry(controller).or_default();
            adapters.extend(pair.adapter);
            ports.insert(port);
        }
        for (&controller, (adapters, ports)) in &open {
            // The adapters explain it as well, and they are not more: the smaller claim, unless their links are up.
            let as_many = open.values().filter(|(others, _)| others.is_subset(adapters)).count();
            let adapters_do = adapters.iter().all(|at| self.san.adapters[*at].sum.is_dead())
                && adapters.len() <= as_many
                && adapters.iter().any(|at| self.san.adapters[*at].link != Link::Up);
            if ports.len() >= 2 && !adapters_do {
                self.choose(Thing::Controller(controller), false);
            }
        }
    }

    /// The fewest adapters and ports that explain what is open.
    fn adapters_and_ports(&mut self) {
        for at in 0..self.san.adapters.len() {
            let adapter = &self.san.adapters[at];
            if adapter.link == Link::Down && adapter.sum.bad > 0 {
                self.choose(Thing::Adapter(at), false);
            }
        }
        // Where only one end can be the cause, it is.
        let (mut only, mut both): (BTreeSet<Thing>, Vec<(usize, usize)>) = (BTreeSet::new(), Vec::new());
        for at in self.open_pairs() {
            let pair = &self.san.pairs[at];
            let adapter = pair.adapter.filter(|at| self.san.adapters[*at].sum.is_dead());
            let port = pair.port.filter(|at| self.san.ports[*at].sum.is_dead());
            match (adapter, port) {
                (Some(adapter), None) => drop(only.insert(Thing::Adapter(adapter))),
                (None, Some(port)) => drop(only.insert(Thing::Port(port))),
                (Some(adapter), Some(port)) => both.push((adapter, port)),
                (None, None) => {}
            }
        }
        let covers = |things: &[Thing], (adapter, port): (usize, usize)| {
            things.contains(&Thing::Adapter(adapter)) || things.contains(&Thing::Port(port))
        };
        let covered: BTreeSet<Thing> = only.clone();
        both.retain(|&(adapter, port)| {
            !covered.contains(&Thing::Adapter(adapter)) && !covered.contains(&Thing::Port(port))
        });
        let mut picked: Vec<Thing> = Vec::new();
        let mut left = both.clone();
        while !left.is_empty() {
            let mut counts: BTreeMap<Thing, u32> = BTreeMap::new();
            for &(adapter, port) in &left {
                *counts.entry(Thing::Adapter(adapter)).or_default() += 1;
                *counts.entry(Thing::Port(port)).or_default() += 1;
            }
            let smaller = |thing: Thing| match thing {
                Thing::Adapter(at) if self.san.adapters[at].link != Link::Up => 2,
                Thing::Port(_) => 1,
                _ => 0,
            };
            // Of equals the first by name: numbers are in the order of names.
            let best =
                counts.iter().max_by_key(|(thing, n)| (**n, smaller(**thing), std::cmp::Reverse(**thing)));
            let Some((&thing, _)) = best else { break };
            picked.push(thing);
            left.retain(|&edge| !covers(&[thing], edge));
        }
        // What the later ones explain anyway is not needed.
        for at in (0..picked.len()).rev() {
            let mut without = picked.clone();
            without.remove(at);
            if both.iter().all(|&edge| covers(&without, edge)) {
                picked = without;
            }
        }
        picked.sort_unstable();
        for thing in only.into_iter().chain(picked) {
            self.choose(thing, false);
        }
    }

    /// Both ends work otherwise.
    fn pairs(&mut self) {
        let open: Vec<usize> = self.open_pairs().collect();
        for at in open {
            if self.san.pairs[at].adapter.is_some() && self.san.pairs[at].port.is_some() {
                self.choose(Thing::Pair(at), false);
            }
        }
    }

    /// Several things at once that carry one LUN, or fewer LUNs than they are: rather the LUNs' mapping, where each end of
    /// what is lost is known to work on one side.
    fn rather_luns(&mut self) {
        let mut luns: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        for (place, chosen) in self.chosen.iter().enumerate() {
            if let Some(chosen) = chosen.filter(|chosen| !chosen.settled && !chosen.flapping)
                && let Some(found) = self.few_luns(place as u32, chosen.thing)
            {
                luns.insert(place, found);
            }
        }
        while let Some((first, mut shared)) = luns.pop_first() {
            let mut group = vec![first];
            while let Some((&next, _)) = luns.iter().find(|(_, others)| !others.is_disjoint(&shared)) {
                shared.extend(luns.remove(&next).unwrap_or_default());
                group.push(next);
            }
            let only_pairs =
                group.iter().all(|at| self.chosen[*at].is_some_and(|c| matches!(c.thing, Thing::Pair(_))));
            if shared.len() < group.len() || (only_pairs && shared.len() == group.len() && group.len() > 1) {
                for at in group {
                    self.chosen[at] = None;
                    self.by_pair.iter_mut().filter(|c| **c == at as u32).for_each(|c| *c = NOBODY);
                }
                self.lone_luns.extend(shared);
            }
        }
    }

    /// One path that is lost tells of nothing but itself: what would explain no more than that is no cause, unless the kernel
    /// says so of the way itself. What is wrong with the LUN then stands under its own code.
    fn rather_paths(&mut self) {
        let mut paths = vec![(0_u32, false); self.chosen.len()];
        for (at, cause) in self.by_pair.iter().enumerate().filter(|(_, cause)| **cause != NOBODY) {
            let pair = &self.san.pairs[at];
            let (count, proven) = &mut paths[*cause as usize];
            *count = count.saturating_add(pair.sum.off());
            *proven |= self.san.nodes[pair.node].index.pairs[pair.at].cut == Some(true)
                || pair.adapter.is_some_and(|at| self.san.adapters[at].link == Link::Down);
        }
        for (place, (count, proven)) in paths.into_iter().enumerate() {
            let young = self.chosen[place].is_some_and(|chosen| !chosen.settled && !chosen.flapping);
            if young && count < 2 && !proven {
                self.chosen[place] = None;
                self.by_pair.iter_mut().filter(|c| **c == place as u32).for_each(|c| *c = NOBODY);
            }
        }
    }

    /// The LUNs over what a thing explains, if they are few, have no path where they have lost these, and each end of what
    /// is lost may well be whole.
    fn few_luns(&self, place: u32, thing: Thing) -> Option<BTreeSet<u32>> {
        let mut luns = BTreeSet::new();
        for pair_at in self.pairs_of(thing).into_iter().map(|at| at as usize) {
            if self.by_pair[pair_at] != place {
                continue;
            }
            let pair = &self.san.pairs[pair_at];
            let adapter = pair.adapter.map(|at| &self.san.adapters[at]);
            let port = pair.port.map(|at| &self.san.ports[at]);
            let whole = adapter.is_some_and(|a| a.sum.good > 0 || a.link == Link::Up)
                || port.is_some_and(|p| p.sum.good > 0);
            let down = adapter.is_some_and(|a| a.link == Link::Down);
            let index = self.san.nodes[pair.node].index;
            if !whole || down || index.pairs[pair.at].cells as usize > FEW_LUNS {
                return None;
            }
            for pattern in &index.patterns {
                if pattern.paths.iter().any(|part| usize::from(part.pair) == pair.at) {
                    if !pattern.is_dead() {
                        return None;
                    }
                    luns.extend(pattern.luns.ones().map(|lun| lun as u32));
                }
            }
            if luns.len() > FEW_LUNS {
                return None;
            }
        }
        (!luns.is_empty()).then_some(luns)
    }

    fn pair_key(&self, node: usize, at: usize) -> Option<Key> {
        pair_key(self.san.nodes[node].name, self.san.nodes[node].index, at)
    }

    /// A thing's name.
    pub fn key(&self, thing: Thing) -> Option<Key> {
        match thing {
            Thing::Adapter(at) => {
                let adapter = &self.san.adapters[at];
                let node = &self.san.nodes[adapter.node];
                let AdapterAt { port, via, .. } = &node.index.adapters[adapter.at];
                Some(Key::Adapter(node.name.clone(), port.clone(), via.clone()))
            }
            Thing::Port(at) => Some(Key::Port(self.san.ports[at].name.clone())),
            Thing::Controller(id) => Some(Key::Controller(self.domains.controller_name(id).clone())),
            Thing::Fabric(id) => Some(Key::Fabric(self.domains.fabric_name(id).clone())),
            Thing::Pair(at) => self.pair_key(self.san.pairs[at].node, self.san.pairs[at].at),
        }
    }

    /// The thing of a name, if it is there.
    pub fn thing(&self, key: &Key) -> Option<Thing> {
        let node_of = |name: &NodeName| self.san.nodes.binary_search_by(|node| node.name.cmp(name)).ok();
        let adapter_of = |node: usize, port: &Arc<str>, via: &Option<Arc<str>>| {
            let adapters = &self.san.nodes[node].index.adapters;
            adapters.binary_search_by(|a| (&a.port, &a.via).cmp(&(port, via))).ok()
        };
        Some(match key {
            Key::Adapter(node, port, via) => {
                let node = node_of(node)?;
                Thing::Adapter(self.san.nodes[node].adapters_from + adapter_of(node, port, via)?)
            }
            Key::Port(name) => Thing::Port(self.san.ports.binary_search_by(|port| port.name.cmp(name)).ok()?),
            Key::Controller(name) => Thing::Controller(self.domains.controller_id(name)?),
            Key::Fabric(name) => Thing::Fabric(self.domains.fabric_id(name)?),
            Key::Pair(node, _, _, _) => {
                let node = node_of(node)?;
                let from = self.san.nodes[node].pairs_from;
                let count = self.san.nodes[node].index.pairs.len();
                let at = (0..count).find(|at| self.pair_key(node, *at).as_ref() == Some(key))?;
                Thing::Pair(from + at)
            }
            Key::Lun(..) | Key::Flapping(_) => return None,
        })
    }
}

fn pair_key(name: &NodeName, index: &super::index::NodeIndex, at: usize) -> Option<Key> {
    let pair = index.pairs.get(at)?;
    let AdapterAt { port, via, .. } = index.adapters.get(usize::from(pair.adapter))?;
    let target = &index.ports.get(usize::from(pair.port))?.name;
    Some(Key::Pair(name.clone(), port.clone(), via.clone(), target.clone()))
}
