//! `GET /api2/json/cluster/multipath/luns/{wwid}/guide?for=new|resize|retire`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The commands for a LUN, for each node in the safe order, and how far each is. Pathkeeper runs none of them.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Guide {
    /// `new`, `resize` or `retire`.
    pub aim: String,
    /// The LUN.
    pub wwid: String,
    /// How people call it.
    pub name: String,
    /// Every step was seen done.
    pub done: bool,
    /// What speaks against beginning at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cautions: Vec<String>,
    /// In their order: none begins before the one before it is done.
    pub stages: Vec<Stage>,
}

/// Steps that may be done in any order among themselves.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
pub struct Stage {
    /// In few words.
    pub title: String,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
pub struct Step {
    /// On which node; absent: once, wherever, or on the array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What is to be done.
    pub what: String,
    /// With which commands, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// What shows that it was done, or what is seen instead.
    pub seen: String,
    /// `done`, `next`, `later` or `unknown`.
    pub standing: String,
}
