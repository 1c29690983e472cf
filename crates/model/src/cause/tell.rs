//! What was chosen, as findings: what each explains, how bad it is, and since when.

#![expect(clippy::indexing_slicing, reason = "numbers are the SAN's own")]

mod words;

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;

use super::choose::{Choice, Chosen, Key, NOBODY, Thing};
use super::index::{Index, Pattern};
use super::unmapped::Unmapped;
use super::{Causes, Listed};
use crate::finding::{Code, Explains, Finding, Scope, Severity};
use crate::ids::{EpochS, NodeName, Wwid};
use crate::picture::Picture;
use words::Words;

/// So many LUNs, nodes or ports are named in one line; the rest is counted.
const NAMED_MAX: usize = 3;

/// The list, and where in it each node's pairs and cells find their cause.
pub(super) struct Told {
    pub list: Vec<Finding>,
    pub listed: Vec<Listed>,
    #[expect(clippy::type_complexity, reason = "pairs and cells of one node, as they are kept")]
    pub nodes: Vec<(Box<[u32]>, Vec<(u32, u32)>)>,
}

/// What a cause explains, counted.
#[derive(Clone, Default)]
pub(super) struct Count {
    pub failed: u32,
    pub absent: u32,
    pub undecided: u32,
    pub cells: u32,
    pub luns: FixedBitSet,
    pub nodes: BTreeSet<usize>,
    /// Cells that have no path at all, and some of their LUNs.
    pub dead_cells: u32,
    pub dead: Vec<Wwid>,
}

impl Count {
    pub fn paths(&self) -> u32 {
        self.failed.saturating_add(self.absent).saturating_add(self.undecided)
    }
}

/// One cause before it is put in its place.
enum What<'u, 's> {
    Chosen(Chosen),
    /// One LUN on one node (by its place in the SAN and among its cells), or on all.
    Lun(&'u Unmapped<'s>, Option<(usize, usize)>),
}

pub(super) fn tell(
    picture: &Picture<'_>,
    index: &Index,
    choice: &Choice<'_>,
    unmapped: &[Unmapped<'_>],
) -> Told {
    let mut all: Vec<What<'_, '_>> = Vec::new();
    let mut place_of = vec![NOBODY; choice.chosen.len()];
    for (at, chosen) in choice.chosen.iter().enumerate() {
        if let Some(chosen) = chosen {
            place_of[at] = all.len() as u32;
            all.push(What::Chosen(*chosen));
        }
    }
    // By node, in the order of the cells, for the nodes' cells are walked in that order.
    let mut by_cell: Vec<Vec<(u32, u32)>> = vec![Vec::new(); choice.san.nodes.len()];
    for lun in unmapped {
        let everywhere = lun.everywhere();
        if everywhere {
            all.push(What::Lun(lun, None));
        }
        for &(node, cell) in &lun.cells {
            if !everywhere {
                all.push(What::Lun(lun, Some((node, cell))));
            }
            by_cell[node].push((cell as u32, all.len() as u32 - 1));
        }
    }
    let by_pair: Vec<u32> = choice
        .by_pair
        .iter()
        .map(|cause| if *cause == NOBODY { NOBODY } else { place_of[*cause as usize] })
        .collect();
    let counts = count(choice, index, &by_pair, &mut by_cell, all.len());
    let words = Words { picture, choice };
    let mut made: Vec<(usize, Finding, Option<Listed>)> = Vec::with_capacity(all.len());
    for (at, what) in all.iter().enumerate() {
        let count = &counts[at];
        let (finding, key) = match what {
            What::Chosen(chosen) => of_thing(&words, *chosen, count),
            What::Lun(lun, cell) => of_lun(&words, lun, *cell, count),
        };
        let waning = match what {
            What::Chosen(chosen) => chosen.waning,
            What::Lun(..) => None,
        };
        made.push((at, finding, key.map(|key| Listed { key, first: picture.now.mono, waning })));
    }
    made.sort_by(|(_, a, _), (_, b, _)| rank(a).cmp(&rank(b)));
    let mut places = vec![NOBODY; made.len()];
    let mut told = Told { list: Vec::new(), listed: Vec::new(), nodes: Vec::new() };
    let old: BTreeMap<&Key, usize> =
        choice.before.listed.iter().enumerate().map(|(at, listed)| (&listed.key, at)).collect();
    for (at, mut finding, listed) in made {
        // A thing without a name cannot be told again; there is none.
        let Some(mut listed) = listed else { continue };
        if let Some(&known) = old.get(&listed.key) {
            remember(choice.before, known, &mut finding, &mut listed);
        }
        places[at] = told.list.len() as u32;
        told.list.push(finding);
        told.listed.push(listed);
    }
    let place = |cause: u32| places.get(cause as usize).copied().unwrap_or(NOBODY);
    for (node, mut cells) in choice.san.nodes.iter().zip(by_cell) {
        let pairs = &by_pair[node.pairs_from..node.pairs_from + node.index.pairs.len()];
        cells.iter_mut().for_each(|(_, cause)| *cause = place(*cause));
        cells.retain(|(_, cause)| *cause != NOBODY);
        told.nodes.push((pairs.iter().map(|cause| place(*cause)).collect(), cells));
    }
    told
}

/// Worst first, then what explains most; of equals by name.
fn rank(finding: &Finding) -> (std::cmp::Reverse<Severity>, std::cmp::Reverse<u32>, Code, &Scope) {
    let paths = finding.explains.as_ref().map_or(0, |explains| explains.paths);
    (std::cmp::Reverse(finding.severity), std::cmp::Reverse(paths), finding.code, &finding.scope)
}

/// What was known of a cause stays: since when it is there, and that a person read it under this name.
fn remember(before: &Causes, at: usize, finding: &mut Finding, listed: &mut Listed) {
    listed.first = before.listed[at].first;
    let old = &before.list[at];
    finding.scope = old.scope.clone();
    if old.since.is_some() && (finding.since.is_none() || !old.since_first_seen) {
        (finding.since, finding.since_first_seen) = (old.since, old.since_first_seen);
    }
}

/// Walks over all patterns of the nodes that something happened to.
fn count(
    choice: &Choice<'_>,
    index: &Index,
    by_pair: &[u32],
    by_cell: &mut [Vec<(u32, u32)>],
    causes: usize,
) -> Vec<Count> {
    let mut counts = vec![Count::default(); causes];
    for (number, node) in choice.san.nodes.iter().enumerate() {
        let pairs = &by_pair[node.pairs_from..node.pairs_from + node.index.pairs.len()];
        by_cell[number].sort_unstable();
        if by_cell[number].is_empty() && pairs.iter().all(|cause| *cause == NOBODY) {
            continue;
        }
        for (at, pattern) in node.index.patterns.iter().enumerate() {
            let mut touched: Vec<u32> = Vec::new();
            for part in pattern.paths.iter().filter(|part| part.off() > 0) {
                let cause = pairs[usize::from(part.pair)];
                if cause == NOBODY {
                    continue;
                }
                let count = &mut counts[cause as usize];
                count.failed += u32::from(part.failed) * pattern.cells;
                count.absent += u32::from(part.absent) * pattern.cells;
                count.undecided += u32::from(part.undecided) * pattern.cells;
                if !touched.contains(&cause) {
                    touched.push(cause);
                }
            }
            for cause in touched {
                let count = &mut counts[cause as usize];
                count.cells += pattern.cells;
                count.nodes.insert(number);
                if count.luns.len() < index.lun_count() {
                    count.luns.grow(index.lun_count());
                }
                count.luns.union_with(&pattern.luns);
                if pattern.is_dead() {
                    count.dead_cells += pattern.cells;
                    let cells = node.index.cells.iter().filter(|cell| cell.pattern as usize == at);
                    let left = NAMED_MAX.saturating_sub(count.dead.len());
                    count.dead.extend(cells.take(left).map(|cell| cell.wwid.clone()));
                }
            }
        }
        for &(cell, cause) in &by_cell[number] {
            let cell = &node.index.cells[cell as usize];
            let count = &mut counts[cause as usize];
            add_cell(count, &node.index.patterns[cell.pattern as usize], pairs);
            count.luns.grow_and_insert(cell.lun as usize);
            count.nodes.insert(number);
            count.dead_cells += 1;
        }
    }
    counts
}

fn add_cell(count: &mut Count, pattern: &Pattern, pairs: &[u32]) {
    count.cells += 1;
    for part in pattern.paths.iter().filter(|part| pairs[usize::from(part.pair)] == NOBODY) {
        count.failed += u32::from(part.failed);
        count.absent += u32::from(part.absent);
        count.undecided += u32::from(part.undecided);
    }
}

fn explains(words: &Words<'_>, count: &Count) -> Box<Explains> {
    let name = |at: &usize| words.choice.san.nodes[*at].name.clone();
    Box::new(Explains {
        luns: u32::try_from(count.luns.count_ones(..)).unwrap_or(u32::MAX),
        cells: count.cells,
        paths: count.paths(),
        nodes: count.nodes.iter().map(name).collect(),
        codes: BTreeMap::new(),
    })
}

fn of_thing(words: &Words<'_>, chosen: Chosen, count: &Count) -> (Finding, Option<Key>) {
    let choice = words.choice;
    let (code, scope) = match chosen.thing {
        Thing::Adapter(at) => (Code::HbaDown, words.adapter_scope(at)),
        Thing::Port(at) => (Code::TargetPortDown, Scope::object(choice.san.ports[at].name)),
        Thing::Controller(id) => (Code::ControllerDown, Scope::object(choice.domains.controller_name(id))),
        Thing::Fabric(id) => (Code::FabricDown, Scope::object(choice.domains.fabric_name(id))),
        Thing::Pair(at) => (Code::PortPairDown, words.pair_scope(at)),
    };
    let code = if chosen.flapping { Code::PortFlapping } else { code };
    let another = matches!(chosen.thing, Thing::Fabric(id) if words.another_fabric_is_hurt(id));
    // What has no path at all must not be folded under a warning.
    let severity = if count.dead_cells > 0 || another { Severity::Error } else { Severity::Warning };
    let mut finding = Finding::new(code, severity, scope, words.summary(chosen, count));
    finding.evidence = words.evidence(chosen, count);
    finding.advice = words.advice(chosen);
    finding.explains = Some(explains(words, count));
    finding.since = since(words, chosen);
    let key = choice.key(chosen.thing);
    (finding, key.map(|key| if chosen.flapping { Key::Flapping(Box::new(key)) } else { key }))
}

fn of_lun(
    words: &Words<'_>,
    lun: &Unmapped<'_>,
    cell: Option<(usize, usize)>,
    count: &Count,
) -> (Finding, Option<Key>) {
    let node: Option<&NodeName> = cell.map(|(node, _)| words.choice.san.nodes[node].name);
    let scope = node.map_or_else(|| Scope::lun(lun.wwid), |node| Scope::cell(node, lun.wwid));
    let summary = words.lun_summary(lun, cell);
    let mut finding = Finding::new(Code::LunUnmapped, Severity::Error, scope, summary);
    finding.evidence = words.lun_evidence(lun, cell, count);
    finding.advice = words.lun_advice(lun, cell);
    finding.explains = Some(explains(words, count));
    (finding, Some(Key::Lun(lun.wwid.clone(), node.cloned())))
}

/// When the last path went, where every node knows it: the first of them, by its own clock.
fn since(words: &Words<'_>, chosen: Chosen) -> Option<EpochS> {
    if chosen.flapping || chosen.waning.is_some() {
        return None;
    }
    let choice = words.choice;
    let mut by_node: BTreeMap<usize, EpochS> = BTreeMap::new();
    for at in choice.pairs_of(chosen.thing) {
        let pair = &choice.san.pairs[at as usize];
        if pair.sum.bad == 0 {
            continue;
        }
        let last = choice.san.nodes[pair.node].index.pairs[pair.at].changed_last?;
        let known = by_node.entry(pair.node).or_insert(last);
        *known = (*known).max(last);
    }
    by_node.into_values().min()
}
