//! `GET /api2/json/cluster/multipath/explain?name=…`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is known of one name: what is wrong with it, whom it hits, what was seen, what to do and what not.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Explained {
    /// `lun`, `storage`, `node`, `hba`, `port`, `fabric`, `controller`, `code`.
    pub kind: String,
    /// What tells it from others: WWID, `pve2/host7`, …
    pub id: String,
    /// How people call it.
    pub name: String,
    /// What it is, in few words each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<String>,
    /// The worst that is wrong, or that nothing is.
    pub headline: String,
    /// `error`, `warning` or `info`; absent where nothing is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Since when, epoch seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// In the order in which they are read; those without lines are not there.
    pub sections: Vec<Section>,
    /// Codes of what is wrong, worst first; docs/findings.md has a chapter for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// How it came to this: a LUN on the nodes where it is not well, or a node, from the history of the answering node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<crate::history::Before>,
}

/// One part of it.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
pub struct Section {
    /// `HIT`, `SEEN`, `WHY`, `DO` or `DO NOT`.
    pub title: String,
    /// Its lines. What belongs to the line above begins with two spaces.
    pub lines: Vec<String>,
}
