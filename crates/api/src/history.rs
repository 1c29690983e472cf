//! What changed, when: `…/history`, and the status as of a time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::nodes::NodeRow;
use crate::status::Scope;

/// A part of the history of the answering node: what it saw, and when it did not look.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Timeline {
    /// The node whose history it is.
    pub node: String,
    /// Since when it keeps one, epoch seconds; of what was before nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_since: Option<i64>,
    /// The newest last.
    pub events: Vec<Event>,
    /// There are older ones: ask again with this as `before`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older: Option<i64>,
}

/// One change.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// Its number in this node's history; grows.
    pub id: i64,
    /// When it was seen, epoch seconds by the clock of the node whose history it is.
    pub at: i64,
    /// `cell` (a LUN on a node), `lun`, `node`, `view` (what was seen of the whole, and the verdict), `finding`, `cause`,
    /// `config`, `document`, `alert`, `port`, or `agent`: its starts, stops, and times in which it did not look.
    pub kind: String,
    /// `appeared`, `changed` or `cleared`.
    pub what: String,
    /// About what.
    pub scope: Scope,
    /// How people call the LUN now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The finding's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// In one line: how it is now; how it was last, where it has cleared.
    pub text: String,
    /// A finding's severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What there was to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<String>,
}

/// Of which time a status is.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct AsOf {
    /// Epoch seconds.
    pub at: i64,
    /// From the history of this node.
    pub node: String,
    /// Nobody looked at that time, or what was seen is not written down: every cell is `unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unobserved: Option<Unobserved>,
    /// The nodes at that time.
    pub nodes: Vec<NodeRow>,
}

/// A time of which nothing is known.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
pub struct Unobserved {
    /// Since when, epoch seconds; absent: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Until when; absent: it is not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Why.
    pub why: String,
}

/// What a LUN on a node, or a node, went through.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
pub struct Before {
    /// The node.
    pub node: String,
    /// The last steps, the newest last.
    pub steps: Vec<Step>,
    /// There were others before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
}

/// One step of it.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
pub struct Step {
    /// Since when, epoch seconds.
    pub at: i64,
    /// What: `4/4`.
    pub text: String,
}

/// What somebody who is to help needs to see, beside what other paths give. Secrets are taken out.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
pub struct Support {
    /// A fold document of now, one line: `pathkeeper fold` makes the rows of the status from it.
    pub fold: String,
    /// The cluster's documents by name; null where there is none, or it cannot be read.
    pub documents: std::collections::BTreeMap<String, Option<String>>,
}
