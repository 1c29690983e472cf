//! LUNs that lost every path of a node while the ports that carried them carry others: their mapping, and no cable.

#![expect(clippy::indexing_slicing, reason = "numbers are the SAN's own")]

use std::collections::BTreeMap;

use super::choose::{Choice, NOBODY};
use crate::ids::Wwid;

/// More LUNs than this are not named as unmapped at once; the rest stands out by itself.
const UNMAPPED_MAX: usize = 2_000;

/// One LUN, and where it lost all paths.
pub(super) struct Unmapped<'s> {
    pub wwid: &'s Wwid,
    /// Nodes, and the LUN's place among each node's cells; in the order of the nodes.
    pub cells: Vec<(usize, usize)>,
    /// Nodes that carry or carried it and can tell.
    pub carried: usize,
}

impl Unmapped<'_> {
    /// No node that can tell has a path, and they are several.
    pub fn everywhere(&self) -> bool {
        self.carried > 1 && self.cells.len() == self.carried
    }
}

/// Finds them, for paths that no other cause explains.
pub(super) fn find<'s>(choice: &Choice<'s>) -> Vec<Unmapped<'s>> {
    let san = choice.san;
    let mut found: BTreeMap<&Wwid, Vec<(usize, usize)>> = BTreeMap::new();
    for (number, node) in san.nodes.iter().enumerate() {
        let is_open = |pair: u16| choice.by_pair[node.pairs_from + usize::from(pair)] == NOBODY;
        // Of each pattern: nothing, as unmapped for sure, or only if its LUN is a lone one.
        let mut any = false;
        let verdicts: Vec<Option<bool>> = node
            .index
            .patterns
            .iter()
            .map(|pattern| {
                let open = pattern.paths.iter().filter(|part| part.bad() > 0 && is_open(part.pair));
                if !pattern.is_dead() || open.clone().next().is_none() {
                    return None;
                }
                let carries = open.clone().all(|part| {
                    let pair = &san.pairs[node.pairs_from + usize::from(part.pair)];
                    pair.sum.good > 0 && (pair.adapter.is_some() || pair.port.is_some())
                });
                any = true;
                Some(carries)
            })
            .collect();
        if !any {
            continue;
        }
        for (place, cell) in node.index.cells.iter().enumerate() {
            let lone = choice.lone_luns.contains(&cell.lun);
            if verdicts[cell.pattern as usize].is_some_and(|carries| carries || lone)
                && (found.len() < UNMAPPED_MAX || found.contains_key(&cell.wwid))
            {
                found.entry(&cell.wwid).or_default().push((number, place));
            }
        }
    }
    let carried = |wwid: &Wwid| san.nodes.iter().filter(|node| node.index.cell(wwid).is_some()).count();
    found.into_iter().map(|(wwid, cells)| Unmapped { wwid, carried: carried(wwid), cells }).collect()
}
