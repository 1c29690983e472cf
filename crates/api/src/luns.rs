//! `cluster/multipath/luns`: LUNs one by one: what is remembered of each, and what people ordered of that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::discover::AskedNode;
use crate::status::LunRow;

/// LUNs, from what the nodes published.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Luns {
    /// When this was put together, epoch seconds.
    pub made: i64,
    /// By WWID.
    pub luns: Vec<Lun>,
    /// All nodes, and from when what is known of each is.
    pub nodes: Vec<AskedNode>,
    /// What could not be read, sentences.
    pub problems: Vec<String>,
    /// The digest of `multipath.cfg`, for writes; absent where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// One LUN, whoever still speaks of it: the status, a node's ledger, or an order.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Lun {
    /// World Wide Identifier.
    pub wwid: String,
    /// Its row of the status; absent where the status has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<LunRow>,
    /// The target nodes (WWNN, IQN, NQN) of its array; empty where none is known.
    pub array: Vec<String>,
    /// What each node has of it and remembers.
    pub nodes: BTreeMap<String, LunOn>,
    /// Nodes on which it is out of service by a person's word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<String>,
    /// Why taking it out of service would hurt: who uses it, sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_use: Vec<String>,
    /// What people ordered of it in the last 90 days, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<Order>,
}

impl Lun {
    /// How people call it: alias, else the map's name here, else the WWID.
    pub fn label(&self) -> &str {
        self.status.as_ref().map_or(&self.wwid, LunRow::label)
    }
}

/// A LUN on one node.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct LunOn {
    /// Bytes of its map there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// What the node remembers of it; absent where it remembers nothing, or that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Remembered>,
}

/// What a node's ledger has of a LUN.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Remembered {
    /// Since when the node has carried it, epoch seconds of its clock.
    pub since: i64,
    /// When it was last seen there; exact once it is gone, to the hour while it is there.
    pub seen: i64,
    /// The most usable paths that were held together.
    pub paths: u32,
    /// The volume group last seen on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vg: Option<String>,
    /// The same paths by adapter and target port; only where one LUN was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortPaths>,
}

/// One adapter and target port, and the usable paths that were held over them.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct PortPaths {
    /// The adapter's port, else its name; empty where neither is known.
    pub adapter: String,
    /// The target port; empty where it is not known.
    pub target: String,
    /// Usable paths.
    pub paths: u32,
}

/// What a person ordered of a LUN.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Order {
    /// Which one.
    pub id: String,
    /// `ack-paths`, `retire` or `forget`.
    pub kind: String,
    /// On which node; absent = on every node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Who gave it.
    pub by: String,
    /// When, epoch seconds.
    pub time: i64,
    /// `ack-paths`: the usable paths of each node that were shown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paths: BTreeMap<String, u32>,
    /// Nodes whose published ledger says that it was carried out.
    pub obeyed: Vec<String>,
    /// Nodes that are meant, and have not said so.
    pub waiting: Vec<String>,
}

/// The body of `POST luns/{wwid}/ack-paths`, `…/retire` and `…/forget`.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OrderBody {
    /// On this node alone; not for `forget`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// `ack-paths`: how many usable paths each node had, as it was shown to whoever orders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paths: BTreeMap<String, u32>,
    /// `retire`: although it is in use.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// An order that was taken.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Ordered {
    /// As it stands in the store's document `pathkeeper/ledger` now; nobody has obeyed it yet.
    pub order: Order,
    /// The document's digest before.
    pub before: String,
    /// And after.
    pub after: String,
}
