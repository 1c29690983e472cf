//! Maps on managed nodes that the configuration does not allow: they stay as they are, and nobody manages them.

use super::across::About;
use super::cell::{At, Word};
use super::sweep::Sweep;
use super::text::{NAMED_MAX, few};
use crate::finding::{Code, Finding, Scope, Severity};
use crate::matrix::RowRef;

/// One finding for all of them: most often the rest of a cluster that was set up by hand.
pub fn finding(sweep: &Sweep<'_>) -> Option<About> {
    let is_managed = |at: &&At<'_>| {
        let mode = at.node.about.and_then(|about| about.mode.as_deref());
        at.word == Word::Whole && mode == Some("manage")
    };
    let managed: Vec<&At<'_>> = sweep.nodes.iter().filter(is_managed).collect();
    if managed.is_empty() {
        return None;
    }
    let with_nodes = |row: &RowRef<'_>| {
        let has = |at: &&&At<'_>| {
            at.column.and_then(|column| row.cell_in(column)).is_some_and(|cell| cell.counts.is_some())
        };
        let nodes: Vec<_> = managed.iter().filter(has).map(|at| at.name).collect();
        (!nodes.is_empty()).then(|| few(nodes))
    };
    let off = sweep.rows.iter().filter(|row| row.allowed() == Some(false));
    let off: Vec<(&RowRef<'_>, String)> = off.filter_map(|row| Some((row, with_nodes(row)?))).collect();
    let (first, _) = off.first()?;
    let mut evidence: Vec<String> = off
        .iter()
        .take(NAMED_MAX)
        .map(|(row, nodes)| format!("{} ({}): {nodes}", sweep.name(row), row.wwid()))
        .collect();
    if off.len() > NAMED_MAX {
        evidence.push(format!("and {} more", off.len() - NAMED_MAX));
    }
    let finding = Finding {
        evidence,
        advice: vec![
            format!(
                "To manage one: pathkeeper lun add {} --adopt; all of them: pathkeeper config adopt, then config apply --adopt all",
                first.wwid()
            ),
            "Local disks and boot LUNs may well stay as they are: nothing touches them".to_owned(),
        ],
        ..Finding::new(
            Code::LunUnmanaged,
            Severity::Info,
            Scope::object("multipath.cfg"),
            match off.len() {
                1 => "1 map on managed nodes is not on the allow-list".to_owned(),
                n => format!("maps of {n} LUNs on managed nodes are not on the allow-list"),
            },
        )
    };
    Some((finding, off.iter().map(|(row, _)| row.wwid().clone()).collect()))
}
