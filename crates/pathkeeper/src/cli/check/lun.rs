//! One LUN on all of its nodes, by WWID or by a name that only it has.

use std::collections::BTreeSet;

use pathkeeper_api::status::Finding;

use super::words::{causes, counts, exit_of, exit_of_finding, is_muted, line, paths, sentence, sums, worst};
use super::{Seen, Verdict};
use crate::cli::text::count;

/// As a plugin.
pub fn verdict(seen: Seen<'_>, name: &str) -> Verdict {
    let status = seen.status;
    let mut found = status.luns.iter().filter(|row| row.wwid == name || row.label() == name);
    let row = match (found.next(), found.next()) {
        (None, _) => {
            return Verdict::unknown(format!("no LUN is called {name}; pathkeeper status --all lists them"));
        }
        (Some(_), Some(_)) => {
            return Verdict::unknown(format!("more than one LUN is called {name}: give its WWID"));
        }
        (Some(row), None) => row,
    };
    let unwell = row.nodes.iter().filter(|(_, cell)| cell.state != "optimal");
    let bad = unwell.filter(|(node, cell)| !is_muted(seen, row, node, cell));
    let mut exit = bad.map(|(_, cell)| exit_of(&cell.state)).fold(0, worst);
    let by: BTreeSet<&str> = row.nodes.values().flat_map(|cell| &cell.causes).map(String::as_str).collect();
    let about = |finding: &&Finding| {
        let own = finding.scope.wwid.as_deref() == Some(&row.wwid);
        counts(finding) && (own || by.contains(finding.fingerprint.as_str()))
    };
    let counted: Vec<&Finding> = status.findings.iter().filter(about).collect();
    // A cause may be worse for others than for this LUN: only what is said of it alone makes it worse.
    let own = counted.iter().filter(|finding| finding.scope.wwid.is_some());
    exit = own.map(|finding| exit_of_finding(finding)).fold(exit, worst);
    if status.view.partial || (row.nodes.is_empty() && row.cluster_state != "optimal") {
        exit = worst(exit, 3);
    }
    let known = row.nodes.values().filter(|cell| cell.state != "unknown").count();
    let text = match (exit, causes(&counted)) {
        (0, _) if row.is_clean() => {
            format!("{} optimal on {}", row.label(), count(row.nodes.len() as u64, "node"))
        }
        (0, _) => format!("{}, and that is muted", sentence(row)),
        (1 | 2, Some(causes)) => causes,
        (3, _) if row.cluster_state == "optimal" => {
            format!("{} optimal, {known} of {} nodes known", row.label(), row.nodes.len())
        }
        _ => sentence(row),
    };
    let (usable, all) = sums(row.nodes.values());
    let optimal = row.nodes.values().filter(|cell| cell.state == "optimal").count();
    let cells = row.nodes.len();
    let of_node = row.nodes.iter().map(|(node, cell)| {
        let why = cell.causes.first().map_or_else(String::new, |cause| format!(", {cause}"));
        format!("{node}: {}{}{why}", cell.state, paths(cell))
    });
    Verdict {
        exit,
        text,
        perf: format!("usable={usable};{all}:;;0;{all} nodes_optimal={optimal};{cells}:;;0;{cells}"),
        lines: counted.iter().map(|finding| line(seen, finding)).chain(of_node).collect(),
    }
}
