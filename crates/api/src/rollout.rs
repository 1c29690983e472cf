//! `cluster/multipath/rollout`: which configuration is brought to the nodes, how far each is, and what people want of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The newest rollout.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Rollout {
    /// Grows with each rollout.
    pub generation: u64,
    /// `running`, `paused`, `aborted`.
    pub state: String,
    /// Who started it.
    pub by: String,
    /// When, epoch seconds by the clock of the node that took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<i64>,
    /// Digest of the `multipath.cfg` that it brings.
    pub config: String,
    /// Digest of the overrides that it brings; that of no bytes: what stands on nodes stays.
    pub overrides: String,
    /// What was in force before; absent: nothing, or nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digests>,
    /// Who goes first, where somebody chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<String>,
    /// It is for this node alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// Nodes that do not hold for failed paths.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub force: BTreeSet<String>,
    /// What was agreed to.
    pub confirmed: Confirmed,
    /// All nodes, by name.
    pub nodes: BTreeMap<String, NodeProgress>,
}

/// Both documents by their digests.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
pub struct Digests {
    /// Of `multipath.cfg`.
    pub config: String,
    /// Of `multipath-overrides.conf`.
    pub overrides: String,
}

/// What they agreed to who started it.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Confirmed {
    /// LUNs that were set up by hand and are managed from now on.
    pub adopt: BTreeSet<String>,
    /// LUNs whose maps may go.
    pub remove: BTreeSet<String>,
    /// LUNs whose maps may get another name.
    pub rename: BTreeSet<String>,
    /// Also such as are in use.
    pub rename_in_use: bool,
}

/// How far one node is.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct NodeProgress {
    /// By the store's list of members; absent: that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    /// The generation of which it speaks; absent: it has spoken of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// `current`, `waiting`, `held`, `applying`, `verified`, `failed`, `rolled-back`, `not-applicable`: of that generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// SHA-1 hex of its drop-ins as they are in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Since when, epoch seconds by its own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What is in force there otherwise than it was applied, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<String>,
    /// A person looked at what it says now, and it holds up nobody any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
}

/// What there is of rollouts.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Rollouts {
    /// The newest one; absent: there was none yet, or it is not understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// The digest of its document, for `pause`, `resume`, `abort` and `force`.
    pub digest: String,
    /// Why it is not understood; then it moves nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The body of `POST rollout`.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StartBody {
    /// The digest of `multipath.cfg` that somebody looked at.
    pub digest: String,
    /// That of `multipath-overrides.conf`; needed where it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides_digest: Option<String>,
    /// So many LUNs are taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_removal: Option<u64>,
    /// Maps that are in use may get another name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rename_in_use: bool,
    /// WWIDs, separated by commas, of LUNs that were set up by hand and are taken over with the name that the document gives them; or
    /// `all`: each that the document allows, and none of their maps gets another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<String>,
    /// Who goes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<String>,
    /// For this node alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// The body of `POST rollout/pause`, `resume`, `abort` and `force`.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SteerBody {
    /// The digest of the rollout's document that somebody looked at; another one is refused (409).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Of `force`: which; as text separated by commas, too.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub nodes: BTreeSet<String>,
}

/// What became of an order.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Steered {
    /// The rollout as it stands now.
    pub rollout: Rollout,
    /// It was otherwise before.
    pub changed: bool,
    /// The digest of its document before.
    pub before: String,
    /// And after.
    pub after: String,
    /// What should be known, sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
