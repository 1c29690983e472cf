//! The one pass over all cells, node by node: memory is read in the order in which it lies.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use fixedbitset::FixedBitSet;
use rustc_hash::FxHasher;

use super::cell::{At, Cell, Word, shared_domains, word_of};
use super::lun::Sum;
use super::lun_words::of_another_size;
use crate::cause::{Causes, CellCauses};
use crate::expect::By;
use crate::finding::{Code, Explains, Fingerprint, Scope, Severity};
use crate::ids::{NodeName, Wwid};
use crate::matrix::RowRef;
use crate::picture::Picture;
use crate::state::State;
use crate::topology::{Brief, NodePaths};

/// A map is suspended for a moment whenever its table is loaded anew.
const SUSPENDED_S: i64 = 10;
/// multipathd's longest interval between two checks of a path, as it is without a setting (max_polling_interval).
const CHECKER_S: i64 = 20;

/// A finding about a cell that is not put into words yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    severity: Severity,
    /// The code.
    pub code: Code,
    /// Place in [`Sweep::rows`].
    pub row: u32,
    /// Place in [`Sweep::nodes`].
    pub node: u32,
    /// Place in [`Causes::list`] of what explains it.
    pub cause: Option<u32>,
}

impl Candidate {
    /// How bad, and what.
    pub fn kind(&self) -> (Severity, Code) {
        (self.severity, self.code)
    }
}

impl Ord for Candidate {
    /// The worst first, then by code, LUN and node.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |c: &Self| (std::cmp::Reverse(c.severity), c.code, c.row, c.node, c.cause);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What is found on the way.
pub struct Sweep<'a> {
    /// All that is known.
    pub picture: &'a Picture<'a>,
    /// The LUNs that are looked at, in byte order.
    pub rows: Vec<RowRef<'a>>,
    /// All nodes, in byte order.
    pub nodes: Vec<At<'a>>,
    /// What all nodes together say of each row.
    pub sums: Vec<Sum<'a>>,
    /// What stands by itself; with [`Self::keep_folded`] also what a cause explains.
    pub candidates: Vec<Candidate>,
    /// By place in [`Causes::list`]: codes that hang under the cause, and how often.
    folded: Vec<Vec<(Code, u32)>>,
    keeps_folded: bool,
    /// Places in [`Causes::list`] of causes that explain a cell which is not optimal.
    pub standing: FixedBitSet,
    /// Rows and nodes of cells without a usable path whose I/O waits for one.
    queueing: Vec<(u32, u32)>,
    /// Cells whose map has another size than the LUN has elsewhere, or than its paths.
    other_size: BTreeSet<(NodeName, Wwid)>,
    /// Of each row, a print of which causes explain what of it and what none does, where I/O waits, and where it has another
    /// size; 0 = nothing of that.
    pub prints: Vec<u64>,
}

/// Never 0, which is no print.
fn hash_of(what: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    what.hash(&mut hasher);
    hasher.finish().max(1)
}

impl<'a> Sweep<'a> {
    /// Nothing was looked at yet. `rows` in byte order.
    pub fn new(picture: &'a Picture<'a>, rows: Vec<RowRef<'a>>) -> Self {
        let nodes = picture.nodes.iter().map(|(name, node)| At {
            name,
            node,
            column: picture.matrix.column(name.as_str()),
            word: word_of(node),
        });
        Self {
            picture,
            sums: rows.iter().map(|_| Sum::default()).collect(),
            rows,
            nodes: nodes.collect(),
            candidates: Vec::new(),
            folded: Vec::new(),
            keeps_folded: false,
            standing: FixedBitSet::new(),
            queueing: Vec::new(),
            other_size: BTreeSet::new(),
            prints: Vec::new(),
        }
    }

    /// What a cause explains becomes a candidate as well.
    pub fn keep_folded(&mut self) {
        self.keeps_folded = true;
    }

    /// Looks at every cell.
    pub fn go(&mut self, causes: &Causes) {
        let rows = std::mem::take(&mut self.rows);
        let nodes = std::mem::take(&mut self.nodes);
        let mut sums = std::mem::take(&mut self.sums);
        let mut prints = vec![0; rows.len()];
        let clean: Vec<bool> = rows.iter().map(RowRef::is_clean).collect();
        self.standing = FixedBitSet::with_capacity(causes.list().len());
        for (number, at) in nodes.iter().enumerate().filter(|(_, at)| at.word != Word::Nothing) {
            let Ok(number) = u32::try_from(number) else { break };
            let luns = at.paths().map_or(&[][..], |paths| &paths.luns);
            let briefs = at.paths().map_or(&[][..], NodePaths::briefs);
            // One LUN of many is looked up; all of them are met in their order.
            let mut next = rows.first().map_or(0, |row| briefs.partition_point(|of| of.wwid < *row.wwid()));
            let mut walk = rows.first().and_then(|row| causes.walk(at.name, row.wwid()));
            let each = (0_u32..).zip(&rows).zip(&mut sums).zip(clean.iter().zip(&mut prints));
            for (((place, row), sum), (clean, print)) in each {
                let brief = meet(briefs, &mut next, row.wwid());
                let seen = brief.and_then(|(_, at)| luns.get(at));
                let Some(cell) = Cell::of(at, row, seen) else { continue };
                if let Some((brief, at)) = brief.filter(|_| cell.word == Word::Whole) {
                    sum.add(&cell, brief, luns, at);
                }
                // What no row shows as hurt has no cause that anybody would look for, unless something flaps: that is shown
                // while all is usable too.
                let of_cell = walk
                    .as_mut()
                    .filter(|walk| !clean || walk.is_flapping())
                    .and_then(|walk| walk.meet(row.wwid()));
                // How many paths no cause explains is published later than the row's states: then it is another answer, too.
                let open = |of: &CellCauses| if *clean { 0 } else { of.unexplained() };
                let worth =
                    |(of, _): &&(Cow<'_, CellCauses>, u64)| !of.causes.is_empty() || of.flaps || open(of) > 0;
                if let Some((of_cell, of_causes)) = of_cell.as_ref().filter(worth) {
                    *print = hash_of(&(*print, number, of_causes, open(of_cell)));
                    if cell.shown.state != State::Optimal {
                        self.standing.extend(of_cell.causes.iter().map(|cause| *cause as usize));
                    }
                }
                let of_cell = of_cell.as_ref().filter(|_| !clean).map(|(of, _)| &**of);
                let queued = self.queueing.len();
                self.look(of_cell, at, row, &cell, brief.map(|(brief, _)| brief), (place, number));
                if self.queueing.len() > queued {
                    *print = hash_of(&(*print, number, "queueing"));
                }
            }
        }
        for ((row, sum), print) in rows.iter().zip(&sums).zip(&mut prints) {
            if !sum.sizes_differ() && !sum.resize {
                continue;
            }
            let odd = of_another_size(&nodes, row);
            *print = hash_of(&(*print, "size", &odd));
            self.other_size.extend(odd.into_iter().map(|node| (node.clone(), row.wwid().clone())));
        }
        (self.rows, self.nodes, self.sums, self.prints) = (rows, nodes, sums, prints);
    }

    fn look(
        &mut self,
        of_cell: Option<&CellCauses>,
        at: &At<'a>,
        row: &RowRef<'a>,
        cell: &Cell<'a>,
        brief: Option<&Brief>,
        (place, number): (u32, u32),
    ) {
        let brief = brief.filter(|_| cell.word == Word::Whole);
        if brief.is_some_and(Brief::is_suspended) {
            self.push(self.ripe(Code::LunSuspended, at, row), Code::LunSuspended, place, number, None);
        }
        let Some((code, severity)) = cell.plight() else { return };
        if severity < Severity::Error || code == Code::LunMissing || code == Code::LunLastPath {
            let retired = self.picture.expectations.is_retired(row.wwid(), at.name);
            if retired || (code == Code::LunMissing && self.is_gone(row)) {
                return;
            }
        }
        let cause = of_cell.filter(|of| cell.is_explained(of)).and_then(|of| of.causes.first().copied());
        if matches!(code, Code::LunQueueing | Code::QueueWithoutDaemon) {
            self.queueing.push((place, number));
        }
        self.push(severity, code, place, number, cause);
        if brief.is_some_and(Brief::has_contradiction) {
            self.push(
                self.ripe(Code::PathContradiction, at, row),
                Code::PathContradiction,
                place,
                number,
                cause,
            );
        }
        if let Some(of) = of_cell.filter(|_| cell.usable > 1) {
            for code in shared_domains(of) {
                self.push(Severity::Warning, code, place, number, cause);
            }
        }
    }

    /// How bad it is by now: what passes by itself in a moment is worth knowing, and no more.
    fn ripe(&self, code: Code, at: &At<'a>, row: &RowRef<'a>) -> Severity {
        let fingerprint = Fingerprint { code, scope: Scope::cell(at.name, row.wwid()) };
        let since = self.picture.first_seen.get(&fingerprint);
        let stood_s = since.map_or(0, |since| self.picture.now.wall.0.saturating_sub(since.0));
        match code {
            Code::LunSuspended if stood_s > SUSPENDED_S => Severity::Error,
            Code::PathContradiction if stood_s > CHECKER_S => Severity::Warning,
            _ => Severity::Info,
        }
    }

    fn push(&mut self, severity: Severity, code: Code, row: u32, node: u32, cause: Option<u32>) {
        if let Some(cause) = cause.filter(|_| !self.keeps_folded) {
            let at = cause as usize;
            if self.folded.len() <= at {
                self.folded.resize_with(at + 1, Vec::new);
            }
            let Some(codes) = self.folded.get_mut(at) else { return };
            match codes.iter_mut().find(|(other, _)| *other == code) {
                Some((_, n)) => *n += 1,
                None => codes.push((code, 1)),
            }
            return;
        }
        self.candidates.push(Candidate { severity, code, row, node, cause });
    }

    /// Tells the causes what hangs under them. Under one that leaves a LUN without any path somewhere, nothing less than an
    /// error would do.
    pub fn tell(&self, causes: &mut Causes) {
        let name = |&(row, node): &(u32, u32)| {
            let (row, at) = (self.rows.get(row as usize)?, self.nodes.get(node as usize)?);
            Some((at.name.clone(), row.wwid().clone()))
        };
        causes.set_queueing(self.queueing.iter().filter_map(name).collect());
        causes.set_other_size(self.other_size.clone());
        for (cause, codes) in causes.list_mut().iter_mut().zip(&self.folded) {
            let no_path = [Code::LunFailed, Code::LunQueueing, Code::LunMissing]
                .iter()
                .any(|code| codes.iter().any(|(other, _)| other == code));
            if no_path {
                cause.severity = Severity::Error;
            }
            // What is folded under it must not be overlooked: one more loss, and these are gone.
            if let Some((_, cells)) = codes.iter().find(|(code, _)| *code == Code::LunLastPath) {
                let luns = if *cells == 1 { "LUN on a node is" } else { "LUNs on nodes are" };
                let line = format!("{cells} {luns} on the last path by it");
                cause.evidence.insert(cause.evidence.len().min(1), line);
            }
            if !codes.is_empty() {
                let explains = cause.explains.get_or_insert_with(|| Box::new(Explains::default()));
                explains.codes.extend(codes.iter().copied());
            }
        }
    }

    /// Only ledgers know it, and nobody sees it: there is one word for that, of the LUN.
    fn is_gone(&self, row: &RowRef<'a>) -> bool {
        row.named() == 0
            && row.cluster_state() == State::Missing
            && self.picture.expectations.of(row.wwid()).is_some_and(|of| matches!(*of.by, [By::Ledger(_)]))
            && !super::is_seen(self.picture, row.wwid())
    }

    /// A candidate's node, row and cell.
    pub fn cell(&self, candidate: &Candidate) -> Option<(&At<'a>, &RowRef<'a>, Cell<'a>)> {
        let (at, row) = (self.nodes.get(candidate.node as usize)?, self.rows.get(candidate.row as usize)?);
        Some((at, row, self.cell_at(at, row)?))
    }

    /// The cell of a node and a row.
    pub fn cell_at(&self, at: &At<'a>, row: &RowRef<'a>) -> Option<Cell<'a>> {
        Cell::of(at, row, at.paths().and_then(|paths| paths.lun(row.wwid())))
    }

    /// What people call a LUN: its alias, else what its maps are called, else its WWID.
    pub fn name(&self, row: &RowRef<'a>) -> &'a str {
        if let Some(alias) = row.alias() {
            return alias;
        }
        let names = self.nodes.iter().filter_map(|at| at.paths()?.lun(row.wwid())?.map.as_deref());
        names.map(|map| &*map.name).next().unwrap_or(row.wwid().as_str())
    }

    /// Other nodes that carry the LUN: with every path, and with some.
    pub fn carriers(&self, row: &RowRef<'a>, but: &NodeName) -> (Vec<&'a NodeName>, Vec<&'a NodeName>) {
        let (mut whole, mut part) = (Vec::new(), Vec::new());
        for (node, cell) in row.cells().filter(|(node, _)| *node != but) {
            match cell.state {
                State::Optimal => whole.push(node),
                State::Degraded => part.push(node),
                State::Missing | State::Failed | State::Unknown => {}
            }
        }
        (whole, part)
    }
}

/// Goes on to a LUN, in byte order: what is known of it, and its place.
fn meet<'a>(briefs: &'a [Brief], next: &mut usize, wwid: &Wwid) -> Option<(&'a Brief, usize)> {
    loop {
        let brief = briefs.get(*next)?;
        // Nodes share the names of LUNs: mostly these are equal without a look at the text.
        let order = if brief.wwid == *wwid { Ordering::Equal } else { brief.wwid.cmp(wwid) };
        match order {
            Ordering::Less => *next += 1,
            Ordering::Equal => return Some((brief, *next)),
            Ordering::Greater => return None,
        }
    }
}
