//! `cluster/multipath/mutes`: findings that people know of, and do not want to be told again for now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All mutes.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Mutes {
    /// In the order in which they were given.
    pub mutes: Vec<Mute>,
    /// The digest of the store's document `pathkeeper/mutes`.
    pub digest: String,
    /// What of the document was not understood, sentences.
    pub problems: Vec<String>,
}

/// One mute: findings of this code, with what is given of the scope.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Mute {
    /// Which one.
    pub id: String,
    /// The findings' code.
    pub code: String,
    /// On this node alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Of this LUN alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwid: Option<String>,
    /// Of this object or path alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was given, epoch seconds.
    pub time: i64,
    /// When it ends, epoch seconds; absent = when its finding has cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Up to which severity; what is worse is not muted.
    pub severity: String,
    /// For one LUN: usable paths on each node when it was muted; where there are fewer it is not muted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub usable: BTreeMap<String, u32>,
    /// Its time is over.
    pub over: bool,
    /// How many findings it mutes now, as the answering node sees it.
    pub muting: u32,
}

/// The body of `POST mutes`.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MuteBody {
    /// The findings' code.
    pub code: String,
    /// On this node alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Of this LUN alone; its whole WWID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwid: Option<String>,
    /// Of this object or path alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// When it ends, epoch seconds; absent = when what stands now has cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Up to which severity (`info`, `warning`, `error`); absent = as bad as what stands now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Why.
    pub reason: String,
}

/// A mute that was given or taken away.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct MuteChanged {
    /// It.
    pub mute: Mute,
    /// The document's digest before.
    pub before: String,
    /// And after.
    pub after: String,
}
