//! What nodes tell of each LUN, turned from "by node" to "by LUN".
//!
//! On a hundred nodes the same few sentences are told a hundred thousand times ("a physical volume of vg0"), so each is
//! kept once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::detail::{Facts, OnMap};
use crate::ids::{EpochS, Wwid};
use crate::ledger::VgMark;

/// A volume group as one node names it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct VgName {
    pub name: Option<Box<str>>,
    pub uuid: Option<Box<str>>,
}

impl VgName {
    /// It is another group for certain: its UUID is, or it has another name.
    pub fn is_other(&self, name: &str, uuid: &str) -> bool {
        match (&self.uuid, &self.name) {
            (Some(own), _) => **own != *uuid,
            (None, Some(own)) => **own != *name,
            (None, None) => false,
        }
    }
}

/// What a node has on a map.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Said {
    /// The groups of its physical volumes; nothing is known of a group without name and UUID.
    pub vgs: Vec<VgName>,
    /// Names of iSCSI targets.
    pub targets: Vec<Box<str>>,
}

/// What one node tells of one LUN.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Told {
    /// The node's number.
    pub node: u32,
    /// In its ledger, since.
    pub since: Option<EpochS>,
    /// The volume group in its ledger.
    pub mark: Option<Arc<VgName>>,
    /// What is on its map; `None` = it has none now.
    pub map: Option<Arc<Said>>,
}

impl Told {
    /// All volume groups that it names.
    pub fn vgs(&self) -> impl Iterator<Item = &VgName> {
        self.mark.as_deref().into_iter().chain(self.map.iter().flat_map(|said| &said.vgs))
    }

    /// All iSCSI targets that it names.
    pub fn targets(&self) -> impl Iterator<Item = &Box<str>> {
        self.map.iter().flat_map(|said| &said.targets)
    }
}

/// Sentences, each held once.
#[derive(Debug, Default)]
pub(super) struct Sentences {
    vgs: FxHashSet<Arc<VgName>>,
    said: FxHashSet<Arc<Said>>,
    /// Beyond so many those that nobody says any more are dropped.
    room: usize,
}

impl Sentences {
    fn vg(&mut self, mark: &VgMark) -> Arc<VgName> {
        let vg = VgName { name: Some(mark.name.as_str().into()), uuid: mark.uuid.as_deref().map(Into::into) };
        if let Some(known) = self.vgs.get(&vg) {
            return known.clone();
        }
        let vg = Arc::new(vg);
        self.vgs.insert(vg.clone());
        vg
    }

    fn said(&mut self, map: &OnMap) -> Arc<Said> {
        let text = |text: &Option<String>| text.as_deref().map(Into::into);
        let mut vgs: Vec<VgName> =
            map.pvs.iter().map(|pv| VgName { name: text(&pv.vg_name), uuid: text(&pv.vg_uuid) }).collect();
        vgs.sort();
        vgs.dedup();
        let said = Said { vgs, targets: map.targets.iter().map(|t| t.as_str().into()).collect() };
        if let Some(known) = self.said.get(&said) {
            return known.clone();
        }
        let said = Arc::new(said);
        self.said.insert(said.clone());
        said
    }

    /// All that a node tells, in byte order of the WWIDs.
    pub fn of(&mut self, node: u32, facts: &Facts) -> Vec<(Wwid, Told)> {
        let mut out = Vec::with_capacity(facts.ledger.len().max(facts.maps.len()));
        let (mut ledger, mut maps) = (facts.ledger.iter().peekable(), facts.maps.iter().peekable());
        loop {
            let wwid = match (ledger.peek(), maps.peek()) {
                (Some((a, _)), Some((b, _))) => *a.min(b),
                (Some((wwid, _)), None) | (None, Some((wwid, _))) => *wwid,
                (None, None) => break,
            };
            let carried = ledger.next_if(|(at, _)| *at == wwid).map(|(_, carried)| carried);
            let map = maps.next_if(|(at, _)| *at == wwid).map(|(_, map)| self.said(map));
            let mark = carried.and_then(|carried| carried.vg.as_ref()).map(|mark| self.vg(mark));
            out.push((wwid.clone(), Told { node, since: carried.map(|carried| carried.since), mark, map }));
        }
        self.tidy();
        out
    }

    fn tidy(&mut self) {
        if self.vgs.len() + self.said.len() <= self.room {
            return;
        }
        self.vgs.retain(|vg| Arc::strong_count(vg) > 1);
        self.said.retain(|said| Arc::strong_count(said) > 1);
        self.room = 1_024 + 2 * (self.vgs.len() + self.said.len());
    }
}

/// LUNs by the volume groups and targets that anybody names on them. What is named no more is taken off by who owns it.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub vgs: BTreeMap<Box<str>, BTreeSet<Wwid>>,
    pub targets: BTreeMap<Box<str>, BTreeSet<Wwid>>,
}

impl Places {
    /// A node tells this now.
    pub fn add(&mut self, wwid: &Wwid, told: &Told) {
        let mut put = |into: fn(&mut Self) -> &mut BTreeMap<Box<str>, BTreeSet<Wwid>>, name: &str| {
            let all = into(self);
            match all.get_mut(name) {
                Some(luns) => luns.insert(wwid.clone()),
                None => all.entry(name.into()).or_default().insert(wwid.clone()),
            };
        };
        told.vgs().filter_map(|vg| vg.name.as_deref()).for_each(|name| put(|p| &mut p.vgs, name));
        told.targets().for_each(|name| put(|p| &mut p.targets, name));
    }
}
