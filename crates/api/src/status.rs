//! `GET /api2/json/cluster/multipath/status` and the events that keep it up to date.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The cluster's status as this node sees it.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct ClusterStatus {
    /// One row for each LUN, sorted by the bytes of its WWID.
    pub luns: Vec<LunRow>,
    /// Online members whose last apply failed.
    pub nodes: BTreeMap<String, ApplyError>,
    /// What this observer can see.
    pub view: View,
    /// Counts over all rows (never over a filtered part).
    pub summary: Summary,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// It is of an earlier time, from the history of a node: `at` was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Box<crate::history::AsOf>>,
}

/// One LUN.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct LunRow {
    /// World Wide Identifier.
    pub wwid: String,
    /// The name that the cluster's configuration gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The name of its map on the answering node, if it has one there whose name is not the WWID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What consumes it: the storage, else what the configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<String>,
    /// Why nodes are expected to carry it: `nodes` (its section names them), `storage:<id>`, `ledger since <time>` (UTC; they
    /// have carried it), `active` (every active node); several with a comma. Absent where nobody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_by: Option<String>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// `optimal`, `degraded`, `missing`, `failed` or `unknown`.
    pub cluster_state: String,
    /// `false` on a row that is watched but not on the allow-list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// Nodes whose cell is unknown on a row that is optimal otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubt: Vec<String>,
    /// A cell for each node that carries the LUN or should.
    pub nodes: BTreeMap<String, Cell>,
}

impl LunRow {
    /// Whether the row and all of its cells are optimal.
    pub fn is_clean(&self) -> bool {
        self.cluster_state == "optimal" && self.nodes.values().all(|c| c.state == "optimal")
    }
    /// How people call it: alias, else the map's name here, else the WWID.
    pub fn label(&self) -> &str {
        self.alias.as_deref().or(self.name.as_deref()).unwrap_or(&self.wwid)
    }
}

/// One LUN on one node.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Cell {
    /// One of the five states.
    pub state: String,
    /// Usable paths; null where the report has no number; absent where there is no report to count from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub paths_active: Option<Option<u32>>,
    /// Paths in the map; null and absent as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub paths_total: Option<Option<u32>>,
    /// Paths that should be there, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths_expected: Option<u32>,
    /// `fc`, `iscsi`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// Fingerprints of the listed causes that explain what is wrong here, the one with the most paths first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// Paths that are failed or absent here and that no listed cause explains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unexplained: Option<u32>,
    /// True while a path of it runs over an adapter or a port that flaps (PORT_FLAPPING), usable at the moment or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flapping: bool,
    /// True where no path is usable and I/O waits for one (LUN_QUEUEING, QUEUE_WITHOUT_DAEMON), listed or under a cause.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub queueing: bool,
    /// True where the map has another size than on most nodes (LUN_SIZE_MISMATCH), or than its own paths (LUN_RESIZE_PENDING).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_size: bool,
}

/// A node whose last apply failed.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct ApplyError {
    /// Why.
    pub apply_error: String,
    /// When, epoch seconds; null where the writer gave none.
    pub apply_time: Option<i64>,
}

/// What this observer can see of the cluster now.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct View {
    /// True without quorum or store: then nothing that is not fresh is known.
    pub partial: bool,
    /// Why the view is partial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Since when it is partial, epoch seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// The cluster's name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The node that answers.
    pub observer: String,
    /// Store by name: `embedded`, …
    pub store: String,
    /// `observe` or `manage`.
    pub mode: String,
    /// Members and reporters known.
    pub nodes_known: u32,
    /// Nodes that are online and whose report is fresh.
    pub nodes_fresh: u32,
    /// Nodes whose multipathd answers.
    pub multipathd_running: u32,
    /// When this answer was made from the matrix (it is made anew when something changes), epoch seconds.
    pub made: i64,
}

/// Counts over all rows.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// `HEALTH_OK`, `HEALTH_WARN`, `HEALTH_ERR` or `PARTIAL`.
    pub health: String,
    /// 2 missing or failed · 1 degraded · 3 doubt, unknown or a partial view · 0 all clean.
    pub exit_status: u8,
    /// Rows.
    pub luns: u32,
    /// Rows that are optimal on every node.
    pub clean: u32,
    /// Rows of cluster-state optimal with an unknown cell.
    pub doubt: u32,
    /// Rows by cluster-state.
    pub optimal: u32,
    /// Rows by cluster-state.
    pub degraded: u32,
    /// Rows by cluster-state.
    pub missing: u32,
    /// Rows by cluster-state.
    pub failed: u32,
    /// Rows by cluster-state.
    pub unknown: u32,
    /// Cells: places where a LUN is or should be.
    pub places: u64,
    /// Usable paths over all cells.
    pub paths_active: u64,
    /// Paths over all cells.
    pub paths_total: u64,
}

/// One finding: docs/findings.md has a heading for each code.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// E.g. `MULTIPATHD_HUNG`.
    pub code: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// About what.
    pub scope: Scope,
    /// One line for a person.
    pub summary: String,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<String>,
    /// Since when, epoch seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// `since` is only when this observer first saw it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub since_first_seen: bool,
    /// What tells it from all others, the same on every node: `HBA_DOWN pve2/host7`.
    #[serde(default)]
    pub fingerprint: String,
    /// Fingerprint of the listed cause that explains it: then it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What it explains, where it is a cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explains: Option<Explains>,
    /// Why it does not count now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<Muted>,
    /// Guests (virtual machines and containers) that it hits; absent where nobody tells of guests, or it hits nobody by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guests: Option<u32>,
}

/// What a cause explains.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Explains {
    /// LUNs that it touches.
    pub luns: u32,
    /// Cells (a LUN on a node) that it touches.
    pub cells: u32,
    /// Paths that are failed or absent by it.
    pub paths: u32,
    /// Nodes that it touches.
    pub nodes: Vec<String>,
    /// Findings that are folded under it, by code.
    pub codes: BTreeMap<String, u32>,
}

/// Why a finding that stands does not count.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Muted {
    /// Id of the mute or the window.
    pub id: String,
    /// `mute` or `window`.
    pub kind: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Until when, epoch seconds; absent: until it clears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// What a finding is about.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
pub struct Scope {
    /// The LUN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwid: Option<String>,
    /// The node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// One path, by its device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Anything else, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

/// A row of which equal cells are written once: most of a large cluster's are.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct PackedRow {
    /// The row; `nodes` is empty.
    #[serde(flatten)]
    pub row: LunRow,
    /// Its cells. No node is in two of these.
    pub alike: Vec<Alike>,
}

/// One cell on all nodes where the row's is that.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Alike {
    /// The cell.
    pub cell: Cell,
    /// Names of nodes.
    pub on: Vec<String>,
}

/// A cell is compared with so many others of its row.
const COMPARED_MAX: usize = 16;

impl From<LunRow> for PackedRow {
    fn from(mut row: LunRow) -> Self {
        let mut alike: Vec<Alike> = Vec::new();
        for (name, cell) in std::mem::take(&mut row.nodes) {
            match alike.iter_mut().take(COMPARED_MAX).find(|of| of.cell == cell) {
                Some(of) => of.on.push(name),
                None => alike.push(Alike { cell, on: vec![name] }),
            }
        }
        Self { row, alike }
    }
}

impl From<PackedRow> for LunRow {
    fn from(PackedRow { row, alike }: PackedRow) -> Self {
        let cells =
            alike.into_iter().flat_map(|Alike { cell, on }| on.into_iter().zip(std::iter::repeat(cell)));
        LunRow { nodes: cells.collect(), ..row }
    }
}

/// Of a stream that was asked for with `first`: its `snapshot` event is the status with these members, and each `rows` event that
/// follows has `luns` and `rest` alone. Until `rest` is 0 the status is not whole, and no `delta` comes.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Part {
    /// The next rows, in the order in which a page shows them; no row comes twice.
    pub luns: Vec<PackedRow>,
    /// How many rows are still to come.
    pub rest: u64,
    /// In the snapshot: every node that has a cell in any row, also in one that is still to come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

/// A `delta` event: what changed since the revision before. Absent parts did not change.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Delta {
    /// Rows that are new or changed, whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub luns: Vec<LunRow>,
    /// WWIDs of rows that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// As in the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<BTreeMap<String, ApplyError>>,
    /// As in the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
    /// As in the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// As in the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<Finding>>,
    /// In place of rows, in a stream that follows the map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<crate::map::MapDelta>,
}

impl ClusterStatus {
    /// Takes a delta in, so that the status is the server's again.
    pub fn apply(&mut self, delta: Delta) {
        self.luns.retain(|row| !delta.removed.contains(&row.wwid));
        for row in delta.luns {
            match self.luns.binary_search_by(|r| r.wwid.as_bytes().cmp(row.wwid.as_bytes())) {
                Ok(at) => {
                    if let Some(old) = self.luns.get_mut(at) {
                        *old = row;
                    }
                }
                Err(at) => self.luns.insert(at, row),
            }
        }
        if let Some(nodes) = delta.nodes {
            self.nodes = nodes;
        }
        if let Some(view) = delta.view {
            self.view = view;
        }
        if let Some(summary) = delta.summary {
            self.summary = summary;
        }
        if let Some(findings) = delta.findings {
            self.findings = findings;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_cells_are_written_once_and_unpacked_to_the_same_row() {
        let row = |states: &[&str]| {
            let nodes = states
                .iter()
                .enumerate()
                .map(|(n, state)| (format!("n{n}"), serde_json::json!({ "state": state })));
            let nodes: serde_json::Map<String, serde_json::Value> = nodes.collect();
            let row = serde_json::json!({ "wwid": "w", "size": 1, "cluster-state": "failed", "doubt": ["n1"], "nodes": nodes });
            serde_json::from_value::<LunRow>(row).unwrap()
        };
        let many: Vec<String> = (0..40).map(|n| format!("state{}", n % 20)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (states, alike) in [
            (&[][..], &[][..]),
            (&["optimal", "optimal", "failed", "optimal"], &["n0 n1 n3", "n2"]),
            (&["a", "b"], &["n0", "n1"]),
        ] {
            let packed = PackedRow::from(row(states));
            let on: Vec<String> = packed.alike.iter().map(|of| of.on.join(" ")).collect();
            assert_eq!(on, alike);
            let wire = serde_json::to_string(&packed).unwrap();
            let read: PackedRow = serde_json::from_str(&wire).unwrap();
            assert_eq!(LunRow::from(read), row(states), "{wire}");
        }
        let packed = PackedRow::from(row(&many));
        assert!(packed.alike.len() < 40, "some are found");
        assert_eq!(LunRow::from(packed), row(&many));
    }
}
