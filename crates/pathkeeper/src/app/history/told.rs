//! What is told of each subject, as rows of the history bear it: a line for people, a body for programs.

use std::collections::BTreeMap;
use std::sync::Arc;

use pathkeeper_api::nodes::NodeRow;
use pathkeeper_api::status::{ApplyError, Cell, Finding, LunRow};
use pathkeeper_io::history::Row;
use pathkeeper_model::history::{Kind, Subject, Transition, What, Worth};
use pathkeeper_model::{NodeName, Wwid};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::app::board::Beside;

/// A LUN without its cells.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
#[serde(rename_all = "kebab-case", default)]
pub struct LunHead {
    /// As in the status, each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
}

/// A node.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "kebab-case")]
pub struct NodeThen {
    /// Without what grows by itself: ages, counts.
    #[serde(flatten)]
    pub row: NodeRow,
    /// Why its last apply failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply: Option<ApplyError>,
}

/// What a node runs with.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "kebab-case")]
pub struct ConfigThen {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipath_tools: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pathkeeper: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
}

/// What the observer saw of the whole, and its verdict.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "kebab-case")]
pub struct ViewThen {
    pub health: String,
    pub exit_status: u8,
    pub partial: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    pub nodes_known: u32,
    pub nodes_fresh: u32,
    pub multipathd_running: u32,
}

/// A document of the cluster.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct DocumentThen {
    /// SHA-1, hex; empty: there is none.
    pub digest: String,
}

/// What is told of a subject.
#[derive(Clone, PartialEq, Debug)]
pub enum Told {
    /// Of a LUN on a node, without what explains it.
    Cell(Cell),
    /// Of a LUN.
    Lun(LunHead),
    /// Of a node.
    Node(Box<NodeThen>),
    /// Of a node's software.
    Config(ConfigThen),
    /// Of the whole.
    View(ViewThen),
    /// Of what is wrong.
    Finding(Box<Finding>),
    /// Of a document.
    Document(DocumentThen),
}

impl Worth for Told {
    fn is_news(&self, before: &Self) -> bool {
        match (self, before) {
            (Told::Node(now), Told::Node(before)) => {
                let said = |node: &NodeThen| {
                    let row = &node.row;
                    let words = (row.status.clone(), row.report.clone(), row.multipathd.clone());
                    (words, row.mode.clone(), node.apply.as_ref().map(|e| e.apply_error.clone()))
                };
                said(now) != said(before)
            }
            (Told::View(now), Told::View(before)) => {
                ViewThen { why: before.why.clone(), since: before.since, ..now.clone() } != *before
            }
            (Told::Finding(now), Told::Finding(before)) => {
                let touches = |finding: &Finding| {
                    finding.explains.as_ref().map(|explains| (explains.luns, explains.nodes.clone()))
                };
                crate::app::findings_log::worth_a_line(before, now) || touches(now) != touches(before)
            }
            (now, before) => now != before,
        }
    }

    /// Evidence moves all the time; what is said first of it rarely.
    fn is_reworded(&self, before: &Self) -> bool {
        match (self, before) {
            (Told::View(now), Told::View(before)) => now.why != before.why,
            (Told::Finding(now), Told::Finding(before)) => now.summary != before.summary,
            _ => false,
        }
    }
}

/// A picture of some subjects.
pub type Picture = BTreeMap<Subject, Told>;

/// What is told of one row of the status.
pub fn of_row(wwid: &Wwid, row: LunRow, into: &mut Picture) {
    let LunRow { alias, name, used_by, expected_by, size, allowed, nodes, .. } = row;
    let head = LunHead { alias, name, used_by, expected_by, size, allowed };
    into.insert(Subject::lun(wwid), Told::Lun(head));
    for (node, cell) in nodes {
        if let Some(node) = NodeName::new(&node) {
            let cell = Cell {
                causes: Vec::new(),
                unexplained: None,
                flapping: false,
                queueing: false,
                other_size: false,
                ..cell
            };
            into.insert(Subject::cell(wwid, &node), Told::Cell(cell));
        }
    }
}

/// What is told of what stands beside the rows.
pub fn of_beside(beside: &Beside, into: &mut Picture) {
    let (view, summary) = (&beside.view, &beside.summary);
    let then = ViewThen {
        health: summary.health.clone(),
        exit_status: summary.exit_status,
        partial: view.partial,
        why: view.why.clone(),
        since: view.since,
        nodes_known: view.nodes_known,
        nodes_fresh: view.nodes_fresh,
        multipathd_running: view.multipathd_running,
    };
    into.insert(Subject::of(Kind::View), Told::View(then));
    for finding in &beside.findings {
        into.insert(finding_subject(finding), Told::Finding(Box::new(finding.clone())));
    }
}

/// Which subject a finding is.
pub fn finding_subject(finding: &Finding) -> Subject {
    let kind = if finding.explains.is_some() { Kind::Cause } else { Kind::Finding };
    Subject {
        kind,
        wwid: finding.scope.wwid.as_deref().and_then(Wwid::new),
        node: finding.scope.node.as_deref().and_then(NodeName::new),
        object: Some(Arc::from(finding.fingerprint.as_str())),
    }
}

/// What is told of a node.
pub fn of_node(row: NodeRow, apply: Option<&ApplyError>, into: &mut Picture) {
    let Some(name) = NodeName::new(&row.node) else { return };
    let config = ConfigThen {
        multipath_tools: row.multipath_tools.clone(),
        config_digest: row.config_digest.clone(),
        pathkeeper: row.pathkeeper.clone(),
        kernel: row.kernel.clone(),
    };
    // A node that says nothing of itself now runs with what it ran with, as far as anybody knows.
    if config.pathkeeper.is_some() {
        into.insert(Subject::node(Kind::Config, &name), Told::Config(config));
    }
    let row = NodeRow {
        report_age_s: None,
        report_time: None,
        clock_skew_s: None,
        instance: None,
        settling: None,
        cells: Default::default(),
        ..row
    };
    let node = NodeThen { row, apply: apply.cloned() };
    into.insert(Subject::node(Kind::Node, &name), Told::Node(Box::new(node)));
}

fn number(n: Option<Option<u32>>) -> String {
    n.flatten().map_or_else(|| "?".to_owned(), |n| n.to_string())
}

/// `2/4`: usable of those that should be there; empty where nobody counted.
pub fn counts(cell: &Cell) -> String {
    if cell.paths_active.is_none() && cell.paths_expected.is_none() {
        return String::new();
    }
    let total = cell.paths_total.map(|total| total.max(cell.paths_expected));
    format!("{}/{}", number(cell.paths_active), number(total.or(cell.paths_expected.map(Some))))
}

impl Told {
    /// In one line.
    pub fn text(&self) -> String {
        match self {
            Told::Cell(cell) => format!("{} {}", cell.state, counts(cell)).trim_end().to_owned(),
            Told::Lun(lun) => {
                let name = lun.alias.as_ref().or(lun.name.as_ref());
                let size = lun.size.map(crate::cli::text::bytes);
                let used_by = lun.used_by.as_ref().map(|by| format!("used by {by}"));
                let by = lun.expected_by.as_ref().map(|by| format!("expected by {by}"));
                let off = (lun.allowed == Some(false)).then(|| "not on the allow-list".to_owned());
                let words: Vec<String> =
                    [name.cloned(), size, used_by, by, off].into_iter().flatten().collect();
                if words.is_empty() { "nothing is known of it".into() } else { words.join(", ") }
            }
            Told::Node(node) => {
                let row = &node.row;
                let why = row.report_why.as_ref().filter(|_| row.report != "fresh");
                let why = why.map_or_else(String::new, |why| format!(" ({why})"));
                let daemon =
                    row.multipathd.as_ref().map_or_else(String::new, |word| format!(", multipathd {word}"));
                let apply = node
                    .apply
                    .as_ref()
                    .map_or_else(String::new, |e| format!(", apply failed: {}", e.apply_error));
                format!("{}, report {}{why}{daemon}{apply}", row.status, row.report)
            }
            Told::Config(config) => {
                let digest = config.config_digest.as_ref().and_then(|digest| digest.get(..12));
                let words = [
                    config.multipath_tools.as_ref().map(|v| format!("multipath-tools {v}")),
                    digest.map(|digest| format!("configuration {digest}")),
                    config.pathkeeper.as_ref().map(|v| format!("pathkeeper {v}")),
                    config.kernel.as_ref().map(|v| format!("kernel {v}")),
                ];
                words.into_iter().flatten().collect::<Vec<_>>().join(", ")
            }
            Told::View(view) => {
                let why = view.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
                let partial = if view.partial { "PARTIAL" } else { view.health.as_str() };
                format!("{partial}, {} of {} nodes fresh{why}", view.nodes_fresh, view.nodes_known)
            }
            Told::Finding(finding) => {
                let hidden = match (&finding.muted, &finding.cause) {
                    (Some(muted), _) => format!(" (muted by {}: {})", muted.by, muted.reason),
                    (None, Some(cause)) => format!(" (explained by {cause})"),
                    (None, None) => String::new(),
                };
                format!("{}{hidden}", finding.summary)
            }
            Told::Document(document) if document.digest.is_empty() => "there is none".into(),
            Told::Document(document) => format!("SHA-1 {}", document.digest),
        }
    }

    fn body(&self) -> Option<String> {
        match self {
            Told::Cell(told) => serde_json::to_string(told),
            Told::Lun(told) => serde_json::to_string(told),
            Told::Node(told) => serde_json::to_string(told),
            Told::Config(told) => serde_json::to_string(told),
            Told::View(told) => serde_json::to_string(told),
            Told::Finding(told) => {
                serde_json::to_string(&Finding { advice: Vec::new(), ..told.as_ref().clone() })
            }
            Told::Document(told) => serde_json::to_string(told),
        }
        .ok()
    }

    /// What a row of the history says; `None` for a kind of which nothing stands, and for what cannot be read.
    pub fn of_history(row: &Row) -> Option<Self> {
        fn read<T: DeserializeOwned>(row: &Row) -> Option<T> {
            serde_json::from_str(row.body.as_deref()?).ok()
        }
        Some(match row.subject.kind {
            Kind::Cell => Told::Cell(read(row)?),
            Kind::Lun => Told::Lun(read(row)?),
            Kind::Node => Told::Node(Box::new(read(row)?)),
            Kind::Config => Told::Config(read(row)?),
            Kind::View => Told::View(read(row)?),
            Kind::Finding | Kind::Cause => {
                let mut finding: Finding = read(row)?;
                let advice = row.shared.as_deref().and_then(|text| serde_json::from_str(text).ok());
                finding.advice = advice.unwrap_or_default();
                Told::Finding(Box::new(finding))
            }
            Kind::Document => Told::Document(read(row)?),
            Kind::Alert | Kind::Port | Kind::Agent => return None,
        })
    }
}

/// A transition as a row of the history.
pub fn row(transition: &Transition<Told>) -> Row {
    let Transition { at, subject, what, value } = transition;
    let standing = *what != What::Cleared;
    let (code, shared) = match value {
        Told::Finding(finding) => {
            let advice =
                (standing && !finding.advice.is_empty()).then(|| serde_json::to_string(&finding.advice).ok());
            (Some(Arc::from(finding.code.as_str())), advice.flatten())
        }
        _ => (None, None),
    };
    Row {
        at: *at,
        subject: subject.clone(),
        code,
        what: *what,
        text: value.text(),
        body: standing.then(|| value.body()).flatten(),
        shared,
    }
}
