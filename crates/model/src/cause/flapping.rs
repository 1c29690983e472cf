//! Ports whose paths go and come: one cause for each, that stands until half an hour was quiet.

#![expect(clippy::indexing_slicing, reason = "numbers are the SAN's own")]

use std::collections::{BTreeMap, BTreeSet};

use super::choose::{Choice, Chosen, Key, Thing};
use crate::ids::EpochS;

/// More changes than this in 30 minutes are flapping.
pub(super) const CHANGES_MAX: u16 = 6;
/// How long changes are looked back upon.
pub(super) const LOOK_BACK_S: i64 = 1_800;
/// What flapped and then has been down without a break for so long is down, and no more flapping.
const STEADY_S: i64 = 300;

impl Choice<'_> {
    /// Names each adapter or port that flaps, and gives it what is not usable over it now.
    pub(super) fn flapping(&mut self) {
        let pairs = self.san.pairs.len();
        let changes: Vec<u16> = (0..pairs).map(|at| self.changes(at)).collect();
        // A thing that was named stays until nothing of it changed for as long as anybody looks back.
        let named: BTreeSet<Thing> = self
            .before
            .listed
            .iter()
            .filter_map(|listed| match &listed.key {
                Key::Flapping(key) => self.thing(key),
                _ => None,
            })
            .collect();
        let mut chosen: BTreeSet<Thing> = BTreeSet::new();
        for &thing in &named {
            if self.pairs_of(thing).into_iter().any(|at| changes[at as usize] > 0) {
                chosen.insert(thing);
            }
        }
        let held: BTreeSet<u32> = chosen.iter().flat_map(|thing| self.pairs_of(*thing)).collect();
        let hot: Vec<usize> =
            (0..pairs).filter(|at| changes[*at] > CHANGES_MAX && !held.contains(&(*at as u32))).collect();
        let all_hot = |of: &[u32]| of.iter().all(|at| changes[*at as usize] > CHANGES_MAX);
        // How many hot pairs a thing would explain whose every pair is hot.
        let mut counts: BTreeMap<Thing, usize> = BTreeMap::new();
        for &at in &hot {
            let pair = &self.san.pairs[at];
            if let Some(adapter) = pair.adapter.filter(|at| all_hot(&self.san.adapters[*at].pairs)) {
                *counts.entry(Thing::Adapter(adapter)).or_default() += 1;
            }
            if let Some(port) = pair.port.filter(|at| all_hot(&self.san.ports[*at].pairs)) {
                *counts.entry(Thing::Port(port)).or_default() += 1;
            }
        }
        for at in hot {
            let pair = &self.san.pairs[at];
            let adapter = pair.adapter.map(Thing::Adapter);
            let port = pair.port.map(Thing::Port);
            let count =
                |thing: Option<Thing>| thing.and_then(|thing| counts.get(&thing)).copied().unwrap_or(0);
            let thing = match (count(adapter), count(port)) {
                (0, 0) => Thing::Pair(at),
                (a, p) if p > a => port.unwrap_or(Thing::Pair(at)),
                _ => adapter.unwrap_or(Thing::Pair(at)),
            };
            chosen.insert(thing);
        }
        for thing in chosen {
            if !self.is_steadily_down(thing) {
                self.claim(Chosen { thing, flapping: true, waning: None, settled: true });
            }
        }
    }

    /// The pairs of what was named as flapping, whether something is lost over them now or not.
    pub(super) fn flapping_pairs(&self) -> BTreeSet<usize> {
        let flapping = self.chosen.iter().flatten().filter(|chosen| chosen.flapping);
        flapping.flat_map(|chosen| self.pairs_of(chosen.thing)).map(|at| at as usize).collect()
    }

    /// Changes over a pair in the last half hour, as far as that half hour is not over.
    pub(super) fn changes(&self, pair: usize) -> u16 {
        let pair = &self.san.pairs[pair];
        let node = &self.san.nodes[pair.node];
        let at = &node.index.pairs[pair.at];
        let (Some(EpochS(last)), Some(EpochS(read))) = (at.changed_last, node.index.read_at) else {
            return at.changes;
        };
        // The node's clock up to its read, our own since: no clocks are compared.
        let since_read =
            node.picture.paths_age_ms.map_or(0, |ms| i64::try_from(ms / 1_000).unwrap_or(i64::MAX));
        let quiet = read.saturating_sub(last).saturating_add(since_read);
        if quiet >= LOOK_BACK_S { 0 } else { at.changes }
    }

    fn is_steadily_down(&self, thing: Thing) -> bool {
        self.is_dead(thing)
            && self.pairs_of(thing).into_iter().all(|at| {
                let pair = &self.san.pairs[at as usize];
                let index = &self.san.nodes[pair.node].index;
                let last = index.pairs[pair.at].changed_last;
                match (last, index.read_at) {
                    (Some(EpochS(last)), Some(EpochS(read))) => read.saturating_sub(last) >= STEADY_S,
                    _ => false,
                }
            })
    }
}
