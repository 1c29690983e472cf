//! Words and ranks that all checks share.

use std::collections::BTreeSet;

use pathkeeper_api::status::{Cell, Finding, LunRow};

use super::Seen;
use crate::cli::text::count;

/// `OK`, `WARNING`, `CRITICAL`, `UNKNOWN`.
pub fn of_exit(exit: u8) -> &'static str {
    match exit {
        0 => "OK",
        1 => "WARNING",
        2 => "CRITICAL",
        _ => "UNKNOWN",
    }
}

/// 2 before 1 before 3 before 0, as status.md's section 7 has it.
pub fn worst(a: u8, b: u8) -> u8 {
    if rank(a) >= rank(b) { a } else { b }
}

fn rank(exit: u8) -> u8 {
    match exit {
        2 => 3,
        1 => 2,
        3 => 1,
        _ => 0,
    }
}

/// A state as an exit status.
pub fn exit_of(state: &str) -> u8 {
    match state {
        "optimal" => 0,
        "degraded" => 1,
        "missing" | "failed" => 2,
        _ => 3,
    }
}

/// A finding as an exit status.
pub fn exit_of_finding(finding: &Finding) -> u8 {
    match finding.severity.as_str() {
        "error" => 2,
        "warning" => 1,
        _ => 0,
    }
}

/// Whether it is a verdict of its own: neither muted, nor explained by a listed cause, nor only worth knowing.
pub fn counts(finding: &Finding) -> bool {
    finding.muted.is_none() && finding.cause.is_none() && finding.severity != "info"
}

/// Fingerprints of what is muted.
pub fn muted<'a>(seen: Seen<'a>) -> BTreeSet<&'a str> {
    let muted = seen.status.findings.iter().filter(|finding| finding.muted.is_some());
    muted.map(|finding| finding.fingerprint.as_str()).collect()
}

/// Whether a cell that is not well is somebody's who said so: all that explains it is muted, or it is muted itself.
pub fn is_muted(seen: Seen<'_>, row: &LunRow, node: &str, cell: &Cell) -> bool {
    let muted = muted(seen);
    let explained = cell.unexplained.is_none_or(|n| n == 0) && !cell.causes.is_empty();
    let about = |finding: &Finding| {
        finding.scope.wwid.as_deref() == Some(&row.wwid)
            && finding.scope.node.as_deref().is_none_or(|of| of == node)
    };
    let mut own = seen.status.findings.iter().filter(|finding| about(finding)).peekable();
    let silenced = own.peek().is_some() && own.all(|finding| !counts(finding));
    (explained && cell.causes.iter().all(|cause| muted.contains(cause.as_str()))) || silenced
}

/// Whether a finding that is listed says what is wrong with this cell.
pub fn is_told(seen: Seen<'_>, row: &LunRow, node: &str, cell: &Cell) -> bool {
    let about = |finding: &Finding| {
        finding.scope.wwid.as_deref() == Some(&row.wwid)
            && finding.scope.node.as_deref().is_none_or(|of| of == node)
    };
    !cell.causes.is_empty() || seen.status.findings.iter().any(about) || {
        // A node that is away or whose multipathd hangs is said once, and not by each of its LUNs.
        let swallows = |finding: &Finding| {
            finding.scope.node.as_deref() == Some(node)
                && finding.scope.wwid.is_none()
                && ["NODE_", "MULTIPATHD_"].iter().any(|of| finding.code.starts_with(of))
        };
        cell.state == "unknown" && seen.status.findings.iter().any(swallows)
    }
}

/// `first (+3)`.
pub fn first(all: &[String]) -> Option<String> {
    let more = all.len().saturating_sub(1);
    all.first().map(|text| if more > 0 { format!("{text} (+{more})") } else { text.clone() })
}

/// `4 causes - the first of them (+3)`.
pub fn causes(counted: &[&Finding]) -> Option<String> {
    let summaries: Vec<String> = counted.iter().map(|finding| finding.summary.clone()).collect();
    Some(format!("{} - {}", count(counted.len() as u64, "cause"), first(&summaries)?))
}

/// ` (2/4)`, or nothing: usable over expected, never over known.
pub fn paths(cell: &Cell) -> String {
    numbers(cell).map_or_else(String::new, |numbers| format!(" ({numbers})"))
}

/// `2/4`.
fn numbers(cell: &Cell) -> Option<String> {
    let expected = cell.paths_total.flatten().max(cell.paths_expected)?;
    Some(format!("{}/{expected}", cell.paths_active.flatten()?))
}

/// `[CRITICAL] LUN_QUEUEING backup-01 pve3 0/4 since 02:58:41`, `[WARNING]  HBA_DOWN pve2/host7 12 LUNs since 03:04:10`.
pub fn line(seen: Seen<'_>, finding: &Finding) -> String {
    let scope = &finding.scope;
    let row = scope.wwid.as_deref().and_then(|wwid| seen.status.luns.iter().find(|row| row.wwid == wwid));
    let cell = row.and_then(|row| row.nodes.get(scope.node.as_deref()?));
    let mut words: Vec<String> = Vec::new();
    if let Some(wwid) = &scope.wwid {
        words.push(row.map_or(wwid.as_str(), |row| row.label()).to_owned());
    }
    let object = scope.object.as_ref().or(scope.path.as_ref());
    match (&scope.node, object) {
        (Some(node), Some(object)) => words.push(format!("{node}/{object}")),
        (one, other) => words.extend(one.iter().chain(other.iter().copied()).map(|text| text.to_string())),
    }
    match (cell.and_then(numbers), &finding.explains) {
        (Some(numbers), _) => words.push(numbers),
        (None, Some(explains)) if explains.luns > 0 => words.push(count(explains.luns.into(), "LUN")),
        _ => {
            // The LUN's name stands before it already.
            let name = words.first().map_or_else(String::new, |name| format!("{name}: "));
            words.push(finding.summary.strip_prefix(&name).unwrap_or(&finding.summary).to_owned());
        }
    }
    let since = finding.since.map_or_else(String::new, |at| format!(" since {}", when(seen, at)));
    let tag = match finding.severity.as_str() {
        "error" => "[CRITICAL]",
        "warning" => "[WARNING]",
        _ => "[INFO]",
    };
    format!("{tag:<10} {} {}{since}", finding.code, words.join(" "))
}

/// `03:12:07` today, `12 Oct` on another day.
fn when(seen: Seen<'_>, at: i64) -> String {
    let moment = seen.view.moment(at);
    if moment.contains(':') { seen.view.clock(at) } else { moment }
}

/// `backup-01 failed on pve3 (0/4)` for the worst cell of a row.
pub fn sentence(row: &LunRow) -> String {
    let bad = |(_, cell): &(&String, &Cell)| cell.state != "optimal";
    let rank = |cell: &Cell| (rank(exit_of(&cell.state)), u8::from(cell.state == "failed"));
    let cells: Vec<(&String, &Cell)> = row.nodes.iter().filter(bad).collect();
    // The first of the worst: max_by_key would give the last.
    let mut picked: Option<(&String, &Cell)> = None;
    for (node, cell) in &cells {
        if picked.is_none_or(|(_, worst)| rank(cell) > rank(worst)) {
            picked = Some((node, cell));
        }
    }
    let Some((node, cell)) = picked else { return format!("{} is {}", row.label(), row.cluster_state) };
    let others = if cells.len() > 1 {
        format!(" and {}", count(cells.len() as u64 - 1, "more node"))
    } else {
        String::new()
    };
    format!("{} {} on {node}{}{others}", row.label(), cell.state, paths(cell))
}

/// Lines of what no finding speaks of, worst first: `[UNKNOWN] vm-test-03 unknown on pve4`.
pub fn untold(mut bad: Vec<(u8, String)>) -> Vec<String> {
    bad.sort_by_key(|(exit, text)| (std::cmp::Reverse(rank(*exit)), text.clone()));
    bad.into_iter().map(|(exit, text)| format!("{:<10} {text}", format!("[{}]", of_exit(exit)))).collect()
}

/// A line without its tag.
pub fn untagged(line: &str) -> String {
    line.split_once(']').map_or(line, |(_, rest)| rest).trim_start().to_owned()
}

/// Sums of paths over cells: usable, and those that should be.
pub fn sums<'a>(cells: impl Iterator<Item = &'a Cell>) -> (u64, u64) {
    cells.fold((0, 0), |(usable, all), cell| {
        let expected = cell.paths_total.flatten().max(cell.paths_expected).unwrap_or(0);
        (usable + u64::from(cell.paths_active.flatten().unwrap_or(0)), all + u64::from(expected))
    })
}
