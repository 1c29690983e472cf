//! Which LUNs a volume group lies on: a function of what nodes publish now, and sticky all the same, because ledgers remember.
//!
//! *In the set* are all LUNs that a node's ledger marks with the group or whose physical volumes name it now. A UUID that a
//! node does not know matches any of the name, unless another node knows that LUN's.
//!
//! *Out of the set* goes a LUN only when a node proves that it sees the whole group without it. What a node publishes proves
//! that when its own device-mapper tables show the group's UUID on every other LUN of the set, it has a map of the LUN in
//! question with no physical volume or with another group's, and no other node names the group on that LUN now: one
//! that does knows of a part that the first does not see. A physical volume of which no group is known proves nothing. The
//! node must be heard now, since what one said last week knows nothing of what was extended since.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;

use super::Lun;
use super::told::{Told, VgName};
use crate::ids::Wwid;

/// The volume group of one name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct VgSet {
    /// The UUID that most nodes report, of several the smallest; `None` = nobody knows one.
    pub uuid: Option<Box<str>>,
    /// UUIDs that other groups of this name have, and how many nodes report each.
    pub rivals: Vec<(Box<str>, usize)>,
    /// How many nodes report `uuid`.
    pub votes: usize,
    /// Its LUNs, retired ones too.
    pub luns: Vec<Wwid>,
    /// Who is heard matters to it: some node may prove that a LUN has left.
    pub contested: bool,
}

/// One LUN that is named with the group.
struct Candidate<'a> {
    wwid: &'a Wwid,
    lun: &'a Lun,
    /// UUIDs that nodes know of the group on it.
    uuids: BTreeSet<&'a str>,
}

impl Candidate<'_> {
    /// Somebody names the group on it now.
    fn is_named_now(&self, name: &str, uuid: &str) -> bool {
        let is = |vg: &VgName| match &vg.uuid {
            Some(own) => **own == *uuid,
            None => vg.name.as_deref() == Some(name),
        };
        self.lun.told.iter().filter_map(|told| told.map.as_ref()).any(|said| said.vgs.iter().any(is))
    }
}

/// The groups of this name that lie or lay on a LUN by what one node tells: their UUIDs where the node knows them.
fn named<'a>(told: &'a Told, name: &'a str) -> impl Iterator<Item = Option<&'a str>> {
    let has_name = move |vg: &&VgName| vg.name.as_deref() == Some(name);
    let marked = told.mark.as_deref().filter(has_name).map(|vg| vg.uuid.as_deref());
    let now = told.map.iter().flat_map(|said| &said.vgs).filter(has_name);
    // While no volume of the group is active here, its UUID is what it was when one was.
    let now = now.map(move |vg| vg.uuid.as_deref().or(marked.flatten()));
    marked.into_iter().chain(now)
}

/// The set of the group of this name. `candidates` are all LUNs on which a node names it, and perhaps more.
pub(super) fn vg_set(
    name: &str,
    candidates: &BTreeSet<Wwid>,
    luns: &BTreeMap<Wwid, Lun>,
    heard: &FixedBitSet,
) -> VgSet {
    let mut votes: BTreeMap<&str, FixedBitSet> = BTreeMap::new();
    let mut found: Vec<Candidate<'_>> = Vec::new();
    for (wwid, lun) in candidates.iter().filter_map(|wwid| luns.get_key_value(wwid)) {
        let mut candidate = Candidate { wwid, lun, uuids: BTreeSet::new() };
        let mut any = false;
        for told in &lun.told {
            for uuid in named(told, name) {
                any = true;
                if let Some(uuid) = uuid {
                    candidate.uuids.insert(uuid);
                    votes.entry(uuid).or_default().grow_and_insert(told.node as usize);
                }
            }
        }
        if any {
            found.push(candidate);
        }
    }
    let mut votes: Vec<(&str, usize)> =
        votes.into_iter().map(|(uuid, nodes)| (uuid, nodes.count_ones(..))).collect();
    votes.sort_by_key(|&(uuid, nodes)| (std::cmp::Reverse(nodes), uuid));
    let mut votes = votes.into_iter();
    let Some((uuid, most)) = votes.next() else {
        let luns = found.iter().map(|candidate| candidate.wwid.clone()).collect();
        return VgSet { luns, ..VgSet::default() };
    };
    found.retain(|candidate| candidate.uuids.is_empty() || candidate.uuids.contains(uuid));
    let left = left(&found, name, uuid, heard);
    let stay = found.iter().zip(&left.gone).filter(|(_, gone)| !**gone);
    VgSet {
        uuid: Some(uuid.into()),
        rivals: votes.map(|(uuid, nodes)| (uuid.into(), nodes)).collect(),
        votes: most,
        luns: stay.map(|(candidate, _)| candidate.wwid.clone()).collect(),
        contested: left.contested,
    }
}

struct Left {
    /// By place among the candidates.
    gone: Vec<bool>,
    contested: bool,
}

/// Which LUNs a node that sees the whole group reports without it.
fn left(found: &[Candidate<'_>], name: &str, uuid: &str, heard: &FixedBitSet) -> Left {
    /// By node: on how many LUNs it proves the group, and which it has a map of without it.
    #[derive(Default)]
    struct Sight {
        proves: usize,
        without: Vec<usize>,
    }
    let mut left = Left { gone: vec![false; found.len()], contested: false };
    // Only a LUN that nobody names now can be found to have left; mostly there is none, and nothing is to be done.
    let open: Vec<bool> = found.iter().map(|candidate| !candidate.is_named_now(name, uuid)).collect();
    if !open.contains(&true) {
        return left;
    }
    let mut sights: BTreeMap<u32, Sight> = BTreeMap::new();
    for (at, (candidate, open)) in found.iter().zip(open).enumerate() {
        for told in &candidate.lun.told {
            let Some(said) = &told.map else { continue };
            if said.vgs.iter().any(|vg| vg.uuid.as_deref() == Some(uuid)) {
                sights.entry(told.node).or_default().proves += 1;
            } else if open && said.vgs.iter().all(|vg| vg.is_other(name, uuid)) {
                sights.entry(told.node).or_default().without.push(at);
            }
        }
    }
    for (node, sight) in sights {
        let whole = sight.proves > 0 && sight.proves + sight.without.len() == found.len();
        if !whole || sight.without.is_empty() {
            continue;
        }
        left.contested = true;
        if heard.contains(node as usize) {
            for at in sight.without {
                if let Some(gone) = left.gone.get_mut(at) {
                    *gone = true;
                }
            }
        }
    }
    left
}
