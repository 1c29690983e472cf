//! `GET /api2/json/nodes`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One node as this observer knows it.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct NodeRow {
    /// Its name.
    pub node: String,
    /// Always `node` (Proxmox has this key).
    #[serde(rename = "type")]
    pub kind: String,
    /// `online`, `offline`, or `unknown` without a trusted membership.
    pub status: String,
    /// Whether its report may be believed: `fresh`, `stale`, `silent` (online, no report), `unusable`, `twins`, `offline`.
    pub report: String,
    /// Why the report is not fresh, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_why: Option<String>,
    /// The report's own time: when the read behind it began, by the writer's wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_time: Option<i64>,
    /// Seconds since this observer last heard something new from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_age_s: Option<u64>,
    /// Its wall clock minus ours, seconds, at the last new report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_skew_s: Option<i64>,
    /// Which run of its agent wrote the report, 16 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// `observe` or `manage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// multipathd there: `running`, `absent`, `stopped`, `refused`, `hung`, `reconfiguring`, `unreadable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipathd: Option<String>,
    /// Why multipathd does not answer, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipathd_why: Option<String>,
    /// Version of multipath-tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipath_tools: Option<String>,
    /// SHA-1 of multipathd's effective configuration there, in hex: equal configurations print equal digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_digest: Option<String>,
    /// Version of Pathkeeper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pathkeeper: Option<String>,
    /// Kernel release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// It has just booted: so many LUNs that it carried before have no map yet, and count as `unknown` until its multipathd
    /// is idle for the first time, two minutes at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settling: Option<u32>,
    /// Cells of this node's column by state.
    pub cells: CellCounts,
}

/// Cells of one column by state.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, Copy, PartialEq, Default)]
#[allow(missing_docs)]
pub struct CellCounts {
    pub optimal: u32,
    pub degraded: u32,
    pub missing: u32,
    pub failed: u32,
    pub unknown: u32,
}
