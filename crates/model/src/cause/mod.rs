//! Causes: what one broken thing explains of the failed and absent paths of all nodes.
//!
//! ```text
//! NodePaths of each node ─▶ Index ─▶ San (who can tell) + Domains (fabrics, controllers) ─▶ Choice ─▶ findings, cells
//! ```
//!
//! Nodes of which nothing is to be believed ([`crate::picture::NodePicture::paths_count`]) count neither for nor against
//! anything; what their last reads say of fabrics and arrays is still used, for that does not change by the hour.

mod advice;
mod choose;
mod domains;
mod flapping;
mod index;
mod san;
mod tell;
mod unmapped;
mod ways;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHasher;

use crate::finding::Finding;
use crate::ids::{MonoMs, NodeName, Wwid};
use crate::picture::Picture;
use choose::{Choice, Key, NOBODY, WANING_MS};
use index::{CellAt, NONE, NodeIndex};
use san::San;

pub use domains::Domains;
pub use index::Index;
pub use ways::{Alike, Way};

/// What was found out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Causes {
    list: Vec<Finding>,
    /// In the places of `list`.
    listed: Vec<Listed>,
    /// Nodes that can tell.
    nodes: BTreeMap<NodeName, NodeCauses>,
    domains: Arc<Domains>,
    /// Cells without a usable path whose I/O waits for one, whether a cause explains them or not.
    queueing: BTreeSet<(NodeName, Wwid)>,
    other_size: BTreeSet<(NodeName, Wwid)>,
}

/// What is kept of a cause from one search to the next.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Listed {
    key: Key,
    /// When it was listed first, by our own clock.
    first: MonoMs,
    /// Since when its paths are coming back.
    waning: Option<MonoMs>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct NodeCauses {
    index: Arc<NodeIndex>,
    /// Of each pair, the place of its cause in the list, or [`NOBODY`].
    by_pair: Box<[u32]>,
    /// Places of cells and of the causes of what no pair's cause explains of them; by cell.
    by_cell: Vec<(u32, u32)>,
    /// Of each pair, its fabric and its controller.
    domains: Box<[(Option<u16>, Option<u16>)]>,
    /// Of each pair, whether it belongs to what flaps; empty where nothing does.
    flaps: Box<[bool]>,
    /// What holds of every cell of a pattern that has no cause of its own, and a print of that; by pattern.
    shown: Box<[(CellCauses, u64)]>,
}

/// What causes and fault domains say of one LUN on one node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CellCauses {
    /// Usable paths.
    pub usable: u32,
    /// Paths that the map has.
    pub known: u32,
    /// Paths that should be there: known ones and those that the ledger remembers beside them.
    pub expected: u32,
    /// Of those that are not usable or absent, how many a listed cause explains.
    pub explained: u32,
    /// Places in [`Causes::list`] of the causes that explain them, the one with the most paths first.
    pub causes: Vec<u32>,
    /// A path of it runs, or ran, over what flaps, usable at the moment or not.
    pub flaps: bool,
    /// Adapters over which usable paths run, and over which paths run or ran.
    pub hbas: (u32, u32),
    /// Fabrics, the same; (0, 0) where they are not known.
    pub fabrics: (u32, u32),
    /// Controllers, the same; (0, 0) where they are not known.
    pub controllers: (u32, u32),
}

impl CellCauses {
    /// Paths that are not usable or absent and that no listed cause explains.
    pub fn unexplained(&self) -> u32 {
        self.expected.max(self.known).saturating_sub(self.usable).saturating_sub(self.explained)
    }
}

impl Causes {
    /// Finds causes over failed and absent paths. `before` are those of the last time, with their `since`: a cause that was
    /// named stays named while it still explains what it did.
    ///
    /// It makes its index anew; who asks often keeps an [`Index`] and asks [`Causes::find_in`].
    pub fn find(picture: &Picture<'_>, before: &Causes) -> Self {
        let mut index = Index::default();
        for (name, node) in picture.nodes {
            index.set(name, node.paths);
        }
        Self::find_in(picture, &index, before)
    }

    /// The same, over an index that was told of each node whose paths in `picture` are others.
    pub fn find_in(picture: &Picture<'_>, index: &Index, before: &Causes) -> Self {
        let domains = Domains::find(picture, index, &before.domains);
        let san = San::new(picture, index, &domains);
        let mut choice = Choice::new(&san, &domains, before, picture.now.mono);
        choice.run();
        let unmapped = unmapped::find(&choice);
        let told = tell::tell(picture, index, &choice, &unmapped);
        let flapping = choice.flapping_pairs();
        let mut out = Self { list: told.list, listed: told.listed, ..Self::default() };
        for (node, (by_pair, by_cell)) in san.nodes.iter().zip(told.nodes) {
            let at = node.pairs_from..node.pairs_from + node.index.pairs.len();
            let of_pairs = at.clone().filter_map(|pair| {
                let port = san.pairs.get(pair)?.port.and_then(|port| san.ports.get(port));
                Some((san.pair_fabric(pair), port.and_then(|port| port.controller)))
            });
            let domains = of_pairs.collect();
            let index = node.index.clone();
            let flaps = if flapping.is_empty() { 0..0 } else { at };
            let flaps = flaps.map(|pair| flapping.contains(&pair)).collect();
            let mut causes = NodeCauses { index, by_pair, by_cell, domains, flaps, shown: Box::default() };
            let patterns = 0..causes.index.patterns.len();
            causes.shown = patterns.map(|pattern| out.shown(&causes, pattern, None)).collect();
            out.nodes.insert(node.name.clone(), causes);
        }
        out.domains = Arc::new(domains);
        out
    }

    /// The causes, worst first, with what each explains.
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// The same, to be completed with what hangs under each. Their order and number stay.
    pub fn list_mut(&mut self) -> &mut [Finding] {
        &mut self.list
    }

    /// Whether I/O to a LUN waits on a node that has no usable path to it.
    pub fn is_queueing(&self, node: &NodeName, wwid: &Wwid) -> bool {
        !self.queueing.is_empty() && self.queueing.contains(&(node.clone(), wwid.clone()))
    }

    pub(crate) fn set_queueing(&mut self, cells: BTreeSet<(NodeName, Wwid)>) {
        self.queueing = cells;
    }

    /// Whether a node's map of a LUN has another size than most nodes' maps, or than its own paths.
    pub fn is_of_another_size(&self, node: &NodeName, wwid: &Wwid) -> bool {
        !self.other_size.is_empty() && self.other_size.contains(&(node.clone(), wwid.clone()))
    }

    pub(crate) fn set_other_size(&mut self, cells: BTreeSet<(NodeName, Wwid)>) {
        self.other_size = cells;
    }

    /// Fabrics, controllers and arrays.
    pub fn domains(&self) -> &Domains {
        &self.domains
    }

    /// When the answer may be another without anything having happened: a cause that is on its way back is given up then.
    pub fn next_at(&self) -> Option<MonoMs> {
        self.listed.iter().filter_map(|listed| Some(listed.waning?.plus(WANING_MS))).min()
    }

    /// One cell; `None` where nothing is known of its paths, or where its node is not to be believed now.
    pub fn cell(&self, node: &NodeName, wwid: &Wwid) -> Option<Cow<'_, CellCauses>> {
        Some(self.walk(node, wwid)?.meet(wwid)?.0)
    }

    /// For those who go through the LUNs of a node in byte order, from `first` on.
    pub(crate) fn walk(&self, node: &NodeName, first: &Wwid) -> Option<Walk<'_>> {
        let node = self.nodes.get(node)?;
        let at = node.index.cells.partition_point(|cell| cell.wwid < *first);
        let own = node.by_cell.partition_point(|(cell, _)| (*cell as usize) < at);
        Some(Walk { causes: self, node, at, own })
    }

    /// What holds of the cells of a pattern; `own` is the cause of what no pair's cause explains.
    fn shown(&self, node: &NodeCauses, pattern: usize, own: Option<u32>) -> (CellCauses, u64) {
        let mut out = CellCauses::default();
        let Some(pattern) = node.index.patterns.get(pattern) else { return (out, 0) };
        (out.usable, out.known, out.expected) = (pattern.usable, pattern.known, pattern.expected);
        let mut causes: Vec<(u32, u32)> = Vec::new();
        let (mut hbas, mut fabrics, mut controllers) =
            (Places::default(), Places::default(), Places::default());
        for part in &pattern.paths {
            let pair = usize::from(part.pair);
            let (Some(at), Some(domains)) = (node.index.pairs.get(pair), node.domains.get(pair)) else {
                continue;
            };
            out.flaps |= node.flaps.get(pair).copied().unwrap_or(false);
            hbas.add((at.adapter != NONE).then_some(at.adapter), part.usable > 0);
            fabrics.add(domains.0, part.usable > 0);
            controllers.add(domains.1, part.usable > 0);
            let cause = node.by_pair.get(pair).copied().filter(|cause| *cause != NOBODY);
            if let Some(cause) = cause.or(own)
                && part.off() > 0
            {
                out.explained += part.off();
                match causes.iter_mut().find(|(known, _)| *known == cause) {
                    Some((_, paths)) => *paths += part.off(),
                    None => causes.push((cause, part.off())),
                }
            }
        }
        causes.sort_by_key(|(cause, paths)| (std::cmp::Reverse(*paths), *cause));
        out.causes = causes.into_iter().map(|(cause, _)| cause).collect();
        (out.hbas, out.fabrics, out.controllers) = (hbas.count(), fabrics.count(), controllers.count());
        let mut print = FxHasher::default();
        (out.explained, out.flaps).hash(&mut print);
        for cause in out.causes.iter().filter_map(|at| self.list.get(*at as usize)) {
            (cause.code, &cause.scope).hash(&mut print);
        }
        (out, print.finish())
    }
}

/// Goes through the cells of a node in byte order.
pub(crate) struct Walk<'a> {
    causes: &'a Causes,
    node: &'a NodeCauses,
    at: usize,
    own: usize,
}

impl<'a> Walk<'a> {
    /// Something of this node may flap.
    pub fn is_flapping(&self) -> bool {
        self.node.flaps.contains(&true)
    }

    /// Goes on to a LUN: what is known of its cell, and a print of what causes explain of it.
    pub fn meet(&mut self, wwid: &Wwid) -> Option<(Cow<'a, CellCauses>, u64)> {
        let cells = &self.node.index.cells;
        // Most nodes carry the same LUNs, and share their names: then these are equal without a look at the text.
        while cells.get(self.at).is_some_and(|cell| cell.wwid != *wwid && cell.wwid < *wwid) {
            self.at += 1;
        }
        let CellAt { pattern, .. } = cells.get(self.at).filter(|cell| cell.wwid == *wwid)?;
        while self.node.by_cell.get(self.own).is_some_and(|(cell, _)| (*cell as usize) < self.at) {
            self.own += 1;
        }
        match self.node.by_cell.get(self.own).filter(|(cell, _)| *cell as usize == self.at) {
            Some((_, own)) => {
                let (shown, print) = self.causes.shown(self.node, *pattern as usize, Some(*own));
                Some((Cow::Owned(shown), print))
            }
            None => {
                let (shown, print) = self.node.shown.get(*pattern as usize)?;
                Some((Cow::Borrowed(shown), *print))
            }
        }
    }
}

/// Distinct places, and those of them over which something is usable.
#[derive(Default)]
struct Places {
    seen: Vec<(u16, bool)>,
    unknown: bool,
}

impl Places {
    fn add(&mut self, place: Option<u16>, usable: bool) {
        match place {
            None => self.unknown = true,
            Some(place) => match self.seen.iter_mut().find(|(known, _)| *known == place) {
                Some((_, any)) => *any |= usable,
                None => self.seen.push((place, usable)),
            },
        }
    }

    /// Nothing where one of them is not known: it may be any of the others or another.
    fn count(&self) -> (u32, u32) {
        if self.unknown {
            return (0, 0);
        }
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (count(self.seen.iter().filter(|(_, usable)| *usable).count()), count(self.seen.len()))
    }
}
