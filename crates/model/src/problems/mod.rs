//! What is wrong with LUNs, nodes and settings, beside the causes: each code of docs/findings.md that a picture shows.
//!
//! All cells are swept once, node by node (`sweep`); that finds candidates of a few bytes each and adds up what the nodes
//! say of each LUN. Only what stands by itself is put into words (`cell_words`, `lun_words`…): what a listed cause
//! explains is a number in that cause.

mod across;
mod cell;
mod cell_words;
mod lun;
mod lun_words;
mod missing;
mod node;
mod order;
mod sweep;
mod text;
mod unmanaged;

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

use crate::cause::Causes;
use crate::finding::{Code, Finding, Scope, Severity};
use crate::ids::Wwid;
use crate::matrix::{RowId, RowRef};
use crate::picture::{NodePicture, Picture};
use cell::{paths_of, word_of};
use lun::Short;
use sweep::{Candidate, Sweep};

pub(crate) use order::storages;
pub use order::{count_guests, order};
pub use text::utc;
pub(crate) use text::word;

/// More findings than this are not made in one evaluation; the last one then says how many there are besides.
pub const FINDINGS_MAX: usize = 2_000;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Everything that stands by itself: what a listed cause explains is not here, it is only counted, in the cause's
    /// [`crate::finding::Explains::codes`].
    pub findings: Vec<Finding>,
    /// Places in [`Causes::list`] of causes that explain a cell which is not optimal. Paths are published later than
    /// reports: a cause of which every cell is optimal by now is over, whatever was published last.
    pub standing: FixedBitSet,
    /// Rows of which causes explain something, each with a print of which and what: another print is another answer.
    pub explained: FxHashMap<RowId, u64>,
}

/// Everything that is wrong beside the causes, which are told what hangs under each.
pub fn find(picture: &Picture<'_>, causes: &mut Causes) -> Found {
    let rows: Vec<RowRef<'_>> = picture.matrix.rows().collect();
    let mut sweep = Sweep::new(picture, rows);
    sweep.go(causes);
    sweep.tell(causes);
    let mut found = node::findings(&sweep);
    for (row, sum) in sweep.rows.iter().zip(&sweep.sums).filter(|(_, sum)| lun::is_odd(sum)) {
        // One more LUN of the same kind tells nobody anything new by then.
        if found.len() < FINDINGS_MAX / 2 || sum.identity_differs {
            lun_words::findings(&sweep, row, sum, &mut found);
        }
    }
    found.extend(across::findings(&sweep, &sweep.sums).into_iter().map(|(finding, _)| finding));
    found.extend(unmanaged::finding(&sweep).map(|(finding, _)| finding));
    found.extend(uneven(&sweep));
    let mut candidates = std::mem::take(&mut sweep.candidates);
    let room = FINDINGS_MAX.saturating_sub(found.len());
    let rest = worst_first(&mut candidates, room);
    found.extend(candidates.iter().filter_map(|candidate| cell_words::finding(&sweep, candidate)));
    found.extend(rest);
    let explained = sweep.rows.iter().zip(&sweep.prints).filter(|(_, print)| **print != 0);
    Found {
        findings: found,
        explained: explained.map(|(row, print)| (row.id(), *print)).collect(),
        standing: sweep.standing,
    }
}

/// Whether some node that can tell has devices of the LUN, though no map took them, or had a map of it when it last published
/// its paths: then it is not gone, and LUN_MISSING says why it is not assembled.
pub fn is_seen(picture: &Picture<'_>, wwid: &Wwid) -> bool {
    let has = |node: &NodePicture<'_>| {
        let seen = paths_of(node, word_of(node)).and_then(|paths| paths.lun(wwid));
        seen.is_some_and(|seen| seen.map.is_some() || !seen.loose.is_empty())
    };
    picture.nodes.values().any(has)
}

/// All findings about one LUN, those too that a listed cause explains (they bear it).
pub fn of_lun(picture: &Picture<'_>, causes: &Causes, wwid: &Wwid) -> Vec<Finding> {
    let Some(row) = picture.matrix.row_of(wwid) else { return Vec::new() };
    let mut sweep = Sweep::new(picture, vec![row]);
    sweep.keep_folded();
    sweep.go(causes);
    let mut found = Vec::new();
    for candidate in &sweep.candidates {
        let Some(mut finding) = cell_words::finding(&sweep, candidate) else { continue };
        let cause = candidate.cause.and_then(|at| causes.list().get(at as usize));
        finding.cause = cause.map(Finding::fingerprint);
        found.push(finding);
    }
    if let Some((row, sum)) = sweep.rows.first().zip(sweep.sums.first()) {
        lun_words::findings(&sweep, row, sum, &mut found);
        found.extend(uneven(&sweep));
    }
    found.extend(around(picture, causes, wwid));
    found
}

/// Findings that are not of one LUN alone, if this one is among those that they are about.
fn around(picture: &Picture<'_>, causes: &Causes, wwid: &Wwid) -> Vec<Finding> {
    let mut sweep = Sweep::new(picture, picture.matrix.rows().collect());
    sweep.go(causes);
    let across = across::findings(&sweep, &sweep.sums).into_iter().chain(unmanaged::finding(&sweep));
    let across = across.filter(|(_, about)| about.contains(wwid)).map(|(finding, _)| finding);
    let of_nodes = node::findings(&sweep).into_iter().filter(|of| of.scope.wwid.as_ref() == Some(wwid));
    across.chain(of_nodes).collect()
}

/// Nodes that have fewer paths than most others, each with all LUNs of which that is so.
fn uneven(sweep: &Sweep<'_>) -> Vec<Finding> {
    let odd: Vec<_> = sweep.rows.iter().zip(&sweep.sums).filter(|(_, sum)| sum.is_uneven()).collect();
    if odd.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for at in &sweep.nodes {
        let Some(paths) = at.whole() else { continue };
        let briefs = paths.briefs();
        let mut luns: Vec<(&str, Short)> = Vec::new();
        for (row, sum) in &odd {
            // What a node lacks by its own word is said of that LUN.
            let cell = sweep.cell_at(at, row).filter(|cell| cell.plight().is_none());
            let brief = briefs.binary_search_by(|brief| brief.wwid.cmp(row.wwid())).ok();
            let short = cell.and_then(|cell| sum.short(&cell, briefs.get(brief?)?));
            if let Some(short) = short.filter(|_| !sweep.picture.expectations.is_retired(row.wwid(), at.name))
            {
                luns.push((sweep.name(row), short));
            }
        }
        found.extend(node::uneven(at.name, &luns));
    }
    found
}

/// Keeps the worst of them, as many as there is room for, and says what that leaves out.
fn worst_first(candidates: &mut Vec<Candidate>, room: usize) -> Option<Finding> {
    candidates.sort_unstable();
    let rest = candidates.get(room..).filter(|rest| !rest.is_empty())?;
    let (count, worst) =
        (rest.len(), rest.first().map_or((Severity::Warning, Code::LunDegraded), Candidate::kind));
    candidates.truncate(room);
    Some(Finding {
        advice: vec!["pathkeeper status --all shows every LUN on every node.".to_owned()],
        ..Finding::new(
            worst.1,
            worst.0,
            Scope::object("more"),
            format!("{count} more findings about LUNs on nodes are not listed one by one"),
        )
    })
}
