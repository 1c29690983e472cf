//! What is wrong with LUNs, nodes and settings, beside the causes: each code of docs/findings.md that a picture shows.
//!
//! All cells are swept once, node by node ([`sweep`]); that finds candidates of a few bytes each and adds up what the nodes
//! say of each LUN. Only what stands by itself is put into words ([`cell_words`], [`lun_words`]…): what a listed cause
//! explains is a number in that cause.

mod cell;
mod cell_words;
mod missing;
mod sweep;
mod text;

use crate::cause::Causes;
use crate::finding::{Code, Finding, Scope, Severity};
use crate::ids::Wwid;
use crate::matrix::RowRef;
use crate::picture::Picture;
use sweep::{Candidate, Sweep};

/// More findings than this are not made in one evaluation; the last one then says how many there are besides.
pub const FINDINGS_MAX: usize = 2_000;

/// Everything that stands by itself: what a listed cause explains is not here, it is only counted, in the cause's
/// [`crate::finding::Explains::codes`].
pub fn find(picture: &Picture<'_>, causes: &mut Causes) -> Vec<Finding> {
    let rows: Vec<RowRef<'_>> = picture.matrix.rows().collect();
    let mut sweep = Sweep::new(picture, rows);
    sweep.go(causes);
    sweep.tell(causes);
    let mut found = Vec::new();
    let mut candidates = std::mem::take(&mut sweep.candidates);
    let room = FINDINGS_MAX.saturating_sub(found.len());
    let rest = worst_first(&mut candidates, room);
    found.extend(candidates.iter().filter_map(|candidate| cell_words::finding(&sweep, candidate)));
    found.extend(rest);
    found
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
