//! Nodes as numbers, and sets of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

use crate::ids::NodeName;

/// Sets of nodes that were told, so that what is the same is the same allocation; beyond so many they are told anew.
const SETS_MAX: usize = 4_096;

/// Members, and nodes that publish something.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    names: Vec<NodeName>,
    numbers: BTreeMap<NodeName, u32>,
    free: Vec<u32>,
    pub members: FixedBitSet,
    /// They have published a detail.
    pub telling: FixedBitSet,
    /// What they report is fresh.
    pub heard: FixedBitSet,
    /// Grows when a number may come to mean another node.
    pub generation: u64,
    sets: FxHashMap<FixedBitSet, Arc<[NodeName]>>,
}

impl Nodes {
    pub fn number(&mut self, name: &NodeName) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(place) = self.names.get_mut(number as usize) {
                    *place = name.clone();
                }
                number
            }
            None => {
                self.names.push(name.clone());
                (self.names.len() - 1) as u32
            }
        };
        self.numbers.insert(name.clone(), number);
        number
    }

    pub fn known(&self, name: &NodeName) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// Sets one of the three properties; true if it was another. A node without any is forgotten.
    pub fn set(&mut self, name: &NodeName, which: fn(&mut Self) -> &mut FixedBitSet, is: bool) -> bool {
        if !is && !self.numbers.contains_key(name) {
            return false;
        }
        let number = self.number(name);
        let at = number as usize;
        let set = which(self);
        let was = set.contains(at);
        set.grow(at + 1);
        set.set(at, is);
        if ![&self.members, &self.telling, &self.heard].into_iter().any(|set| set.contains(at)) {
            self.numbers.remove(name);
            self.free.push(number);
            self.generation += 1;
            self.sets.clear();
        }
        was != is
    }

    pub fn set_members(&mut self, members: &BTreeSet<NodeName>) -> bool {
        let old: Vec<NodeName> = self
            .numbers
            .iter()
            .filter(|(_, n)| self.members.contains(**n as usize))
            .map(|(n, _)| n.clone())
            .collect();
        if old.iter().eq(members) {
            return false;
        }
        for name in old.iter().filter(|name| !members.contains(*name)) {
            self.set(name, |nodes| &mut nodes.members, false);
        }
        for name in members {
            self.set(name, |nodes| &mut nodes.members, true);
        }
        true
    }

    /// The cluster's nodes; where there is no membership, all that speak.
    pub fn cluster(&self) -> FixedBitSet {
        let mut all = self.members.clone();
        if all.is_clear() {
            all.union_with(&self.telling);
            all.union_with(&self.heard);
        }
        all
    }

    /// Those of `names` that are in `among`, and the names that are not.
    pub fn pick(&self, names: &BTreeSet<NodeName>, among: &FixedBitSet) -> (FixedBitSet, Vec<NodeName>) {
        let (mut picked, mut strangers) = (FixedBitSet::with_capacity(among.len()), Vec::new());
        // Both are in byte order, so this is one walk over each.
        let mut known = self.numbers.iter().peekable();
        for name in names {
            while known.next_if(|(other, _)| *other < name).is_some() {}
            match known.next_if(|(other, _)| *other == name) {
                Some((_, &number)) if among.contains(number as usize) => picked.insert(number as usize),
                _ => strangers.push(name.clone()),
            }
        }
        (picked, strangers)
    }

    /// The names in byte order.
    pub fn names_of(&mut self, set: &FixedBitSet) -> Arc<[NodeName]> {
        if let Some(names) = self.sets.get(set) {
            return names.clone();
        }
        let mut names: Vec<NodeName> =
            set.ones().filter_map(|number| self.names.get(number)).cloned().collect();
        names.sort();
        let names: Arc<[NodeName]> = names.into();
        if self.sets.len() >= SETS_MAX {
            self.sets.clear();
        }
        self.sets.insert(set.clone(), names.clone());
        names
    }
}
