//! Who should carry a LUN, and why (docs/status.md, section 5): what a person said, what consumes the LUN, what has been seen.
//!
//! The strongest source that names a node decides:
//!
//! 1. `nodes` in the LUN's own section: exactly these;
//! 2. lvm storages that count across nodes, the union of several; where no such one names the LUN, iscsi and multipath ones;
//! 3. the ledgers: nodes that have carried it;
//! 4. being on the allow-list: every active node, which is the fold's own rule for a watched LUN without explicit nodes.
//!
//! A LUN that is retired on a node is expected there by nobody. **Nothing that is taken off a list makes anything look
//! better:** a storage that is removed, disabled or left without nodes, a section that goes, a document that is emptied lets
//! its LUNs fall to the next source, and a ledger goes down only by a person. Where only one of several storages is
//! disabled, nodes that it would name and whose ledger has the LUN stay expected by that.
//!
//! All is a function of what is told: two observers that were told the same agree, in whatever order they heard it, and one
//! that starts anew knows what the others know. Changes are cheap: what nodes tell is kept by LUN, and a LUN is told of
//! only when something of it is different.

mod consumers;
mod findings;
mod judge;
mod nodes;
mod offer;
mod told;
mod vg;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::finding::Finding;
use crate::ids::{EpochS, NodeName, Wwid};
use crate::multipath_cfg::MultipathCfg;
use crate::orders::{OrderKind, Orders};
use crate::storage_cfg::{Storage, StorageCfg};
use consumers::{ByLun, Consumer, Ground, by_lun, consumers};
use fixedbitset::FixedBitSet;
use nodes::Nodes;
use told::{Places, Sentences, Told};
use vg::{VgSet, vg_set};

pub use crate::detail::Facts;

/// Why nodes are expected to carry a LUN.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum By {
    /// The LUN's section names them.
    Nodes,
    /// These storages consume it.
    Storages(Vec<String>),
    /// They have carried it; the earliest of them since.
    Ledger(EpochS),
    /// It is on the allow-list, or watched by the word of who started the agent: every active node.
    Active,
}

/// What holds of one LUN.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// It is in the fold's `allow`.
    pub watched: bool,
    /// Who should carry it, in byte order; empty on a watched LUN = every active node.
    pub nodes: Arc<[NodeName]>,
    /// Why, strongest first; empty if nobody should.
    pub by: Vec<By>,
    /// The name that its section gives it.
    pub alias: Option<String>,
    /// The lvm storage that consumes it, else another one, else what its section says.
    pub used_by: Option<String>,
}

/// What became different.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// The whole watched set, if it is another.
    pub watched: Option<Vec<Wwid>>,
    /// The whole allow-list, if it is another.
    pub allowed: Option<Vec<Wwid>>,
    /// LUNs of which something is different, each once, in byte order.
    pub luns: Vec<(Wwid, Outcome)>,
    /// The findings may be others.
    pub findings: bool,
}

/// What a LUN's section says of it here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Section {
    alias: Option<String>,
    nodes: Option<Arc<[NodeName]>>,
    used_by: Option<String>,
}

/// Where a LUN is out of service.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Retirement {
    everywhere: bool,
    /// Nodes for which the last word is another one, or which alone are meant.
    but: BTreeMap<NodeName, bool>,
}

impl Retirement {
    fn is_of(&self, node: &NodeName) -> bool {
        self.but.get(node).copied().unwrap_or(self.everywhere)
    }

    /// No node is left that should carry it.
    fn is_whole(&self) -> bool {
        self.everywhere && self.but.values().all(|retired| *retired)
    }
}

/// One LUN: what nodes tell of it, and what was made of that last.
#[derive(Debug, Default)]
struct Lun {
    /// By node's number.
    told: Vec<Told>,
    /// What is told of it is different.
    touched: bool,
    outcome: Outcome,
}

/// Who should carry what, from all that is told.
#[derive(Debug, Default)]
pub struct Expectations {
    nodes: Nodes,
    luns: BTreeMap<Wwid, Lun>,
    sentences: Sentences,
    places: Places,
    storages: Vec<Storage>,
    /// Problems of storage.cfg, as lines for people.
    storage_problems: Vec<String>,
    sections: BTreeMap<Wwid, Section>,
    /// There was a word on which LUNs are allowed, even if none is.
    has_list: bool,
    list_changed: bool,
    retired: BTreeMap<Wwid, Retirement>,
    pinned: BTreeSet<Wwid>,
    vgs: BTreeMap<Box<str>, VgSet>,
    /// Names of volume groups whose set may be another.
    stale_vgs: BTreeSet<Box<str>>,
    /// Names of iSCSI targets whose LUNs may be others.
    stale_targets: BTreeSet<Box<str>>,
    consumers: Vec<Consumer>,
    by_lun: ByLun,
    watched: Vec<Wwid>,
    found: Vec<Finding>,
    /// Something was told.
    dirty: bool,
    /// Storages may name other LUNs.
    renamed: bool,
    /// Every LUN has to be judged anew.
    all_anew: bool,
    /// As it was when LUNs were judged last: the cluster's nodes, and what numbers mean.
    cluster: FixedBitSet,
    generation: u64,
}

impl Expectations {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The cluster's nodes, online or not. An empty set is no membership: then all nodes that speak are the cluster.
    pub fn set_members(&mut self, members: &BTreeSet<NodeName>) {
        self.dirty |= self.nodes.set_members(members);
    }

    /// Whether what a node publishes is as of now: its report is fresh.
    pub fn set_heard(&mut self, node: &NodeName, heard: bool) {
        if !self.nodes.set(node, |nodes| &mut nodes.heard, heard) {
            return;
        }
        let contested = self.vgs.iter().filter(|(_, set)| set.contested).map(|(name, _)| name.clone());
        self.stale_vgs.extend(contested);
        self.dirty |= !self.stale_vgs.is_empty() || self.nodes.members.is_clear();
    }

    /// What a node publishes; `None`: a person removed it. The same again changes nothing.
    pub fn set_node(&mut self, node: &NodeName, facts: Option<&Facts>) {
        let told = match facts {
            Some(facts) => {
                self.dirty |= self.nodes.set(node, |nodes| &mut nodes.telling, true);
                let number = self.nodes.number(node);
                self.sentences.of(number, facts)
            }
            None => Vec::new(),
        };
        let Some(number) = self.nodes.known(node) else { return };
        let mut new = told.into_iter().peekable();
        let mut unknown: Vec<(Wwid, Told)> = Vec::new();
        for (wwid, lun) in &mut self.luns {
            while let Some(first) = new.next_if(|(other, _)| other < wwid) {
                unknown.push(first);
            }
            let told = new.next_if(|(other, _)| other == wwid).map(|(_, told)| told);
            let place = lun.told.binary_search_by_key(&number, |told| told.node);
            let old = place.ok().and_then(|at| lun.told.get(at));
            if old == told.as_ref() {
                continue;
            }
            self.dirty = true;
            lun.touched = true;
            for told in old.into_iter().chain(&told) {
                self.stale_vgs.extend(told.vgs().filter_map(|vg| vg.name.clone()));
                self.stale_targets.extend(told.targets().cloned());
            }
            match (place, told) {
                (Ok(at), None) => drop(lun.told.remove(at)),
                (at, Some(told)) => {
                    self.places.add(wwid, &told);
                    match at {
                        Ok(at) => lun.told.splice(at..=at, [told]).for_each(drop),
                        Err(at) => lun.told.insert(at, told),
                    }
                }
                (Err(_), None) => {}
            }
        }
        for (wwid, told) in unknown.into_iter().chain(new) {
            self.dirty = true;
            self.stale_vgs.extend(told.vgs().filter_map(|vg| vg.name.clone()));
            self.stale_targets.extend(told.targets().cloned());
            self.places.add(&wwid, &told);
            let lun = self.luns.entry(wwid).or_default();
            lun.touched = true;
            lun.told.push(told);
        }
        if facts.is_none() {
            self.dirty |= self.nodes.set(node, |nodes| &mut nodes.telling, false);
        }
    }

    /// `storage.cfg`; `None` = there is none.
    pub fn set_storages(&mut self, cfg: Option<&StorageCfg>) {
        let storages = cfg.map_or(&[][..], |cfg| &cfg.storages);
        let problems = cfg.iter().flat_map(|cfg| &cfg.problems);
        let problems: Vec<String> = problems.map(|p| format!("line {}: {}", p.line, p.what)).collect();
        if self.storages != storages || self.storage_problems != problems {
            let names = |storages: &[Storage]| {
                storages.iter().map(|s| (&s.id, &s.kind)).eq(self.storages.iter().map(|s| (&s.id, &s.kind)))
            };
            self.renamed |= !names(storages);
            self.storages = storages.to_vec();
            self.storage_problems = problems;
            self.dirty = true;
        }
    }

    /// The last document `multipath.cfg` that could be followed.
    pub fn set_config(&mut self, cfg: &MultipathCfg) {
        let section = |lun: &crate::multipath_cfg::LunSection| Section {
            alias: lun.alias.clone(),
            nodes: lun.nodes.as_ref().filter(|nodes| !nodes.is_empty()).map(|n| n.iter().cloned().collect()),
            used_by: lun.used_by.clone(),
        };
        let sections: BTreeMap<Wwid, Section> =
            cfg.luns.iter().map(|(wwid, lun)| (wwid.clone(), section(lun))).collect();
        self.list_changed |= !self.has_list || !sections.keys().eq(self.sections.keys());
        if self.list_changed || sections != self.sections {
            (self.dirty, self.renamed, self.all_anew) = (true, true, true);
        }
        self.has_list = true;
        self.sections = sections;
    }

    /// What people ordered of the ledgers.
    pub fn set_orders(&mut self, orders: &Orders) {
        let mut retired: BTreeMap<Wwid, Retirement> = BTreeMap::new();
        // In the order in which they were given: the last one decides.
        for order in &orders.entries {
            let retires = match order.kind {
                OrderKind::Retire => true,
                OrderKind::Forget => false,
                OrderKind::AckPaths { .. } => continue,
            };
            let of = retired.entry(order.wwid.clone()).or_default();
            match &order.node {
                Some(node) => drop(of.but.insert(node.clone(), retires)),
                None => *of = Retirement { everywhere: retires, but: BTreeMap::new() },
            }
        }
        retired.retain(|_, of| of.everywhere || of.but.values().any(|retired| *retired));
        if retired != self.retired {
            self.retired = retired;
            (self.dirty, self.all_anew) = (true, true);
        }
    }

    /// LUNs that are watched whatever else is known: by the word of who started the agent.
    pub fn set_pinned(&mut self, wwids: impl IntoIterator<Item = Wwid>) {
        let pinned = wwids.into_iter().collect();
        if self.pinned != pinned {
            self.pinned = pinned;
            (self.dirty, self.all_anew) = (true, true);
        }
    }

    /// What holds of a LUN, as of the last [`Self::take_changes`]; `None` if nothing is known of it.
    pub fn of(&self, wwid: &Wwid) -> Option<&Outcome> {
        self.luns.get(wwid).map(|lun| &lun.outcome)
    }

    /// Nodes on which a LUN is out of service by order.
    pub fn is_retired(&self, wwid: &Wwid, node: &NodeName) -> bool {
        self.retired.get(wwid).is_some_and(|of| of.is_of(node))
    }

    /// Makes everything follow from what was told since, and says what is different.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        if !std::mem::take(&mut self.dirty) {
            return changes;
        }
        self.renamed |= !self.stale_vgs.is_empty() || !self.stale_targets.is_empty();
        self.refresh_places();
        let cluster = self.nodes.cluster();
        if cluster != self.cluster || self.generation != self.nodes.generation {
            self.all_anew = true;
            self.generation = self.nodes.generation;
            self.cluster.clone_from(&cluster);
        }
        let ground = Ground {
            nodes: &self.nodes,
            cluster: &cluster,
            vgs: &self.vgs,
            vg_candidates: &self.places.vgs,
            targets: &self.places.targets,
            sections: &self.sections,
        };
        let new = consumers(&self.storages, &ground);
        let named = std::mem::take(&mut self.renamed).then(|| by_lun(&self.storages, &ground));
        changes.luns = self.judge(new, named);
        if !changes.luns.is_empty() {
            let watched: Vec<Wwid> = self.watched_now().cloned().collect();
            if watched != self.watched {
                self.watched.clone_from(&watched);
                changes.watched = Some(watched);
            }
        }
        if std::mem::take(&mut self.list_changed) {
            changes.allowed = Some(self.sections.keys().cloned().collect());
        }
        let found = self.find();
        changes.findings = found != self.found;
        self.found = found;
        changes
    }

    /// Which LUNs lie in which volume group, and behind which target, where that may be different.
    fn refresh_places(&mut self) {
        for name in std::mem::take(&mut self.stale_vgs) {
            let Some(on) = self.places.vgs.get_mut(&name) else { continue };
            on.retain(|wwid| self.luns.get(wwid).is_some_and(|lun| lun.is_named(&name)));
            let set = vg_set(&name, on, &self.luns, &self.nodes.heard);
            if on.is_empty() {
                self.places.vgs.remove(&name);
                self.vgs.remove(&name);
            } else {
                self.vgs.insert(name, set);
            }
        }
        for target in std::mem::take(&mut self.stale_targets) {
            let Some(behind) = self.places.targets.get_mut(&target) else { continue };
            behind.retain(|wwid| self.luns.get(wwid).is_some_and(|lun| lun.leads_to(&target)));
            if behind.is_empty() {
                self.places.targets.remove(&target);
            }
        }
    }

    fn watched_now(&self) -> impl Iterator<Item = &Wwid> {
        self.luns.iter().filter(|(_, lun)| lun.outcome.watched).map(|(wwid, _)| wwid)
    }
}

impl Lun {
    /// Somebody names a volume group of this name on it.
    fn is_named(&self, vg: &str) -> bool {
        self.told.iter().flat_map(Told::vgs).any(|other| other.name.as_deref() == Some(vg))
    }

    /// Somebody's paths to it lead to this iSCSI target.
    fn leads_to(&self, target: &str) -> bool {
        self.told.iter().flat_map(Told::targets).any(|name| **name == *target)
    }
}
