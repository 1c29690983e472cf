//! The whole cluster.

use pathkeeper_api::nodes::NodeRow;
use pathkeeper_api::status::Finding;

use super::words::{causes, counts, exit_of, first, is_told, line, sentence, untagged, untold, worst};
use super::{Seen, Verdict};
use crate::cli::text::{count, span};

/// The summary's exit status, and never better than its health: a warning that touches no LUN is still one. Where somebody
/// muted something it is health alone that knows what counts.
pub fn verdict(seen: Seen<'_>) -> Verdict {
    let (summary, view) = (&seen.status.summary, &seen.status.view);
    let health = match summary.health.as_str() {
        "HEALTH_OK" => 0,
        "HEALTH_WARN" => 1,
        "HEALTH_ERR" => 2,
        _ => 3,
    };
    let muted = seen.status.findings.iter().filter(|finding| finding.muted.is_some()).count();
    let silent = view.nodes_known.saturating_sub(view.nodes_fresh);
    let blind = view.partial || view.nodes_fresh == 0 || (silent > 0 && muted == 0);
    let mut exit = if muted > 0 { health } else { summary.exit_status.min(3) };
    if exit == 0 {
        exit = if blind { 3 } else { health };
    }
    let counted: Vec<_> = seen.status.findings.iter().filter(|finding| counts(finding)).collect();
    let lines = lines(seen);
    let muted = if muted > 0 { format!(", {muted} muted") } else { String::new() };
    let (text, whole) = match exit {
        _ if view.partial && (exit == 3 || counted.is_empty()) => (partial(seen), false),
        0 if summary.luns == 0 => ("nothing to watch, no node has a multipath map".into(), true),
        0 => {
            let (luns, places) = (count(summary.luns.into(), "LUN"), count(summary.places, "place"));
            let (usable, all) = (summary.paths_active, summary.paths_total);
            (format!("{luns} optimal in {places}, {usable} of {all} paths usable{muted}"), true)
        }
        // What is lost comes before what is not seen.
        1 | 2 => (format!("{}{muted}", wrong(seen, &counted)), true),
        _ => (doubt(seen, &counted), true),
    };
    let text = if exit == 0 && summary.clean < summary.luns {
        let bad = summary.luns.saturating_sub(summary.clean);
        format!("{bad} of {} not clean, all of it muted", count(summary.luns.into(), "LUN"))
    } else {
        text
    };
    Verdict { exit, text, perf: perf(seen, whole), lines }
}

fn not_clean(seen: Seen<'_>) -> String {
    let summary = &seen.status.summary;
    let bad = summary.luns.saturating_sub(summary.clean);
    format!("{bad} of {} not clean", count(summary.luns.into(), "LUN"))
}

/// `pve3: no quorum since 03:05, view of 3 nodes is 190 s old`.
fn partial(seen: Seen<'_>) -> String {
    let view = &seen.status.view;
    let since = view.since.map_or_else(String::new, |at| format!(" since {}", seen.view.moment(at)));
    let why = view.why.as_deref().unwrap_or("sees only a part");
    let dark: Vec<&NodeRow> = seen.nodes.iter().filter(|node| node.report != "fresh").collect();
    let age = dark.iter().filter_map(|node| node.report_age_s).max();
    let old = age
        .map_or_else(String::new, |s| format!(", view of {} is {s} s old", count(dark.len() as u64, "node")));
    format!("{}: {why}{since}{old}", view.observer)
}

/// Nothing is lost, and not all is known.
fn doubt(seen: Seen<'_>, counted: &[&Finding]) -> String {
    let dark = seen.nodes.iter().filter(|node| node.report != "fresh");
    let dark: Vec<String> = dark
        .map(|node| match node.report_age_s.and_then(|age| i64::try_from(age).ok()) {
            Some(age) => format!("{} {} (heard {} ago)", node.node, node.report, span(age)),
            None => format!("{} {}", node.node, node.report),
        })
        .collect();
    if !dark.is_empty() {
        return format!(
            "{} of {} nodes not fresh: {}",
            dark.len(),
            seen.status.view.nodes_known,
            dark.join(", ")
        );
    }
    wrong(seen, counted)
}

/// Causes, or else the rows that nothing speaks of.
fn wrong(seen: Seen<'_>, counted: &[&Finding]) -> String {
    let untold: Vec<String> = lines(seen).iter().map(|line| untagged(line)).collect();
    match (causes(counted), first(&untold)) {
        (Some(causes), _) => causes,
        (None, Some(row)) => format!("{} - {row}", not_clean(seen)),
        (None, None) => not_clean(seen),
    }
}

/// Causes and findings that count, then rows that none of them speaks of.
fn lines(seen: Seen<'_>) -> Vec<String> {
    let found = seen.status.findings.iter().filter(|finding| counts(finding));
    let bare = seen.status.luns.iter().filter_map(|row| {
        let untold = row
            .nodes
            .iter()
            .filter(|(node, cell)| cell.state != "optimal" && !is_told(seen, row, node, cell));
        let exit = untold.map(|(_, cell)| exit_of(&cell.state)).reduce(worst)?;
        Some((exit, sentence(row)))
    });
    found.map(|finding| line(seen, finding)).chain(untold(bare.collect())).collect()
}

/// Of a view that is not whole only how many nodes are heard is a number.
fn perf(seen: Seen<'_>, whole: bool) -> String {
    let (s, view) = (&seen.status.summary, &seen.status.view);
    let (fresh, known) = (view.nodes_fresh, view.nodes_known);
    let nodes = format!("nodes_fresh={fresh};{known}:;{}:;0;{known}", known / 2 + 1);
    if !whole {
        return nodes;
    }
    format!(
        "luns={};;;0 failed={};;0;0 missing={};;0;0 degraded={};0;;0 unknown={};;;0 doubt={};;;0 {nodes}",
        s.luns, s.failed, s.missing, s.degraded, s.unknown, s.doubt,
    )
}
