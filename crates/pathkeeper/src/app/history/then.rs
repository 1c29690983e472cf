//! From the history back to a status as it was shown.

use std::collections::BTreeMap;

use pathkeeper_api::history::{AsOf, Before, Step, Unobserved};
use pathkeeper_api::status::{Cell, ClusterStatus, LunRow, Summary, View};
use pathkeeper_io::history::{Page, Then};
use pathkeeper_model::State;
use pathkeeper_model::history::Kind;

use super::told::{Told, ViewThen, counts};
use crate::app::board::Beside;

/// What a node went through is told in so many steps at most.
const STEPS_MAX: usize = 4;

/// The status at a time. Where nobody looked every cell is unknown: what was last known is not how it was.
pub fn status(then: &Then, at: i64, node: &str, now: &Beside) -> ClusterStatus {
    let mut rows: BTreeMap<String, LunRow> = BTreeMap::new();
    let (mut nodes, mut applies) = (Vec::new(), BTreeMap::new());
    let (mut findings, mut view_then) = (Vec::new(), None);
    for row in &then.rows {
        let (Some(told), subject) = (Told::of_history(row), &row.subject) else { continue };
        let wwid = subject.wwid.as_ref().map(ToString::to_string).unwrap_or_default();
        match told {
            Told::Lun(head) => {
                let row = rows.entry(wwid.clone()).or_insert_with(|| empty(&wwid));
                (row.alias, row.name, row.used_by) = (head.alias, head.name, head.used_by);
                (row.expected_by, row.size, row.allowed) = (head.expected_by, head.size, head.allowed);
            }
            Told::Cell(cell) => {
                let name = subject.node.as_ref().map(ToString::to_string).unwrap_or_default();
                rows.entry(wwid.clone()).or_insert_with(|| empty(&wwid)).nodes.insert(name, cell);
            }
            Told::Node(node) => {
                applies.extend(node.apply.map(|error| (node.row.node.clone(), error)));
                nodes.push(node.row);
            }
            Told::Finding(finding) => findings.push(*finding),
            Told::View(view) => view_then = Some(view),
            Told::Config(_) | Told::Document(_) => {}
        }
    }
    let unobserved = then.unobserved.as_ref().map(|gap| Unobserved {
        since: gap.since.map(|at| at.0),
        until: gap.until.map(|at| at.0),
        why: gap.why.clone(),
    });
    if unobserved.is_some() {
        // Which LUNs there were is the last that is known; how they were is not.
        let unknown =
            |cell: &mut Cell| *cell = Cell { state: "unknown".into(), paths_active: None, ..cell.clone() };
        rows.values_mut().flat_map(|row| row.nodes.values_mut()).for_each(|cell| {
            unknown(cell);
            cell.paths_total = None;
        });
        for row in &mut nodes {
            (row.status, row.report, row.report_why) = ("unknown".into(), "unknown".into(), None);
            (row.multipathd, row.multipathd_why) = (None, None);
        }
        (findings, applies, view_then) = (Vec::new(), BTreeMap::new(), None);
    }
    let severity = |word: &str| ["error", "warning", "info"].iter().position(|w| *w == word);
    findings.sort_by(|a, b| {
        let key = |f: &pathkeeper_api::status::Finding| {
            (severity(&f.severity), f.code.clone(), f.fingerprint.clone())
        };
        key(a).cmp(&key(b))
    });
    nodes.sort_by(|a, b| a.node.cmp(&b.node));
    let mut luns: Vec<LunRow> = rows.into_values().collect();
    luns.iter_mut().for_each(judge);
    let seen = view_then.clone().unwrap_or_else(|| not_seen(unobserved.as_ref(), nodes.len()));
    let summary = summary(&luns, &seen);
    ClusterStatus {
        luns,
        nodes: applies,
        view: View {
            partial: seen.partial,
            why: seen.why,
            since: seen.since,
            cluster: now.view.cluster.clone(),
            observer: node.to_owned(),
            store: now.view.store.clone(),
            mode: now.view.mode.clone(),
            nodes_known: seen.nodes_known,
            nodes_fresh: seen.nodes_fresh,
            multipathd_running: seen.multipathd_running,
            made: at,
        },
        summary,
        findings,
        as_of: Some(Box::new(AsOf { at, node: node.to_owned(), unobserved, nodes })),
    }
}

fn empty(wwid: &str) -> LunRow {
    LunRow {
        wwid: wwid.to_owned(),
        alias: None,
        name: None,
        used_by: None,
        expected_by: None,
        size: None,
        cluster_state: String::new(),
        allowed: None,
        doubt: Vec::new(),
        nodes: BTreeMap::new(),
    }
}

/// The view of somebody who did not look.
fn not_seen(unobserved: Option<&Unobserved>, nodes: usize) -> ViewThen {
    ViewThen {
        health: "PARTIAL".into(),
        exit_status: 3,
        partial: true,
        why: Some(unobserved.map_or_else(
            || "what was seen is not written down".into(),
            |gap| format!("not observed: {}", gap.why),
        )),
        since: unobserved.and_then(|gap| gap.since),
        nodes_known: u32::try_from(nodes).unwrap_or(u32::MAX),
        nodes_fresh: 0,
        multipathd_running: 0,
    }
}

/// The worst of the cells, as the fold has it (docs/status.md, section 6).
fn judge(row: &mut LunRow) {
    let states = || row.nodes.values().map(|cell| State::parse(&cell.state).unwrap_or(State::Unknown));
    let voiced = states().filter(|state| *state != State::Unknown);
    let state = voiced.max_by_key(|state| state.rank()).unwrap_or(State::Unknown);
    row.cluster_state = state.as_str().into();
    let unknown = |(_, cell): &(&String, &Cell)| cell.state == "unknown";
    row.doubt = if state == State::Optimal {
        row.nodes.iter().filter(unknown).map(|(node, _)| node.clone()).collect()
    } else {
        Vec::new()
    };
}

fn summary(luns: &[LunRow], seen: &ViewThen) -> Summary {
    let mut out = Summary {
        health: seen.health.clone(),
        exit_status: seen.exit_status,
        luns: u32::try_from(luns.len()).unwrap_or(u32::MAX),
        ..Summary::default()
    };
    for row in luns {
        let clean = row.is_clean();
        out.clean += u32::from(clean);
        let of = match row.cluster_state.as_str() {
            "optimal" => &mut out.optimal,
            "degraded" => &mut out.degraded,
            "missing" => &mut out.missing,
            "failed" => &mut out.failed,
            _ => &mut out.unknown,
        };
        *of += 1;
        out.doubt += u32::from(row.cluster_state == "optimal" && !clean);
        for cell in row.nodes.values() {
            out.places += 1;
            out.paths_active += u64::from(cell.paths_active.flatten().unwrap_or(0));
            out.paths_total += u64::from(cell.paths_total.flatten().unwrap_or(0));
        }
    }
    out
}

/// What each of these nodes went through with one LUN, the last steps of it.
pub fn steps(page: &Page, wanted: impl Fn(&str) -> bool) -> Vec<Before> {
    let mut by_node: BTreeMap<String, Vec<Step>> = BTreeMap::new();
    for (_, row) in &page.rows {
        let at = row.at.0;
        let (node, step) = match (row.subject.kind, &row.subject.node) {
            (Kind::Cell, Some(node)) => {
                let text = match Told::of_history(row) {
                    Some(Told::Cell(cell)) => {
                        let counted = counts(&cell);
                        let plain = matches!(cell.state.as_str(), "optimal" | "degraded" | "failed")
                            && !counted.is_empty();
                        if plain {
                            counted
                        } else {
                            format!("{} {counted}", cell.state).trim_end().to_owned()
                        }
                    }
                    _ => "not expected".to_owned(),
                };
                (node.to_string(), Step { at, text })
            }
            (Kind::Node, Some(node)) => (node.to_string(), Step { at, text: row.text.clone() }),
            _ => continue,
        };
        by_node.entry(node).or_default().push(step);
    }
    let whole = page.older.is_none();
    let last = |(node, mut steps): (String, Vec<Step>)| {
        let more = steps.len().saturating_sub(STEPS_MAX);
        steps.drain(..more);
        Before { node, steps, earlier: more > 0 || !whole }
    };
    by_node.into_iter().filter(|(node, _)| wanted(node)).map(last).collect()
}
