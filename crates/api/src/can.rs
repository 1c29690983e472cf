//! `GET /api2/json/cluster/multipath/can?deed=…&name=…`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether something can be done without that anybody loses a disk, and why.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Can {
    /// What was asked: `reboot`, `offline-hba`, `offline-port`, `offline-controller`, `offline-fabric`, `remove-lun`.
    pub deed: String,
    /// Of what, as it is called.
    pub name: String,
    /// `yes`, `yes-but` (cautions), `no`, `cannot-tell`.
    pub verdict: String,
    /// What `pathkeeper can` exits with: 0, 1, 2, 3 in that order.
    pub exit: u8,
    /// Why, in the order in which it is read.
    pub lines: Vec<CanLine>,
    /// How old the oldest facts are that it rests on, milliseconds; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// Nodes that tell of their paths now.
    pub nodes_telling: u32,
    /// Nodes that are known.
    pub nodes_known: u32,
}

/// One line of it.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct CanLine {
    /// `stop` (why not), `unknown` (what cannot be told), `ok`, `caution`, `first` (what to do first).
    pub kind: String,
    /// In words.
    pub text: String,
}
