//! `GET /api2/json/cluster/multipath/discover`: LUNs that nodes see and nobody watches.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the nodes see without having a map for it, as they published it.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Discovered {
    /// When this was put together, epoch seconds.
    pub made: i64,
    /// LUNs of which no node has a map and which nobody watches, by WWID.
    pub luns: Vec<SeenLun>,
    /// LUNs that are watched or carried somewhere, and that other nodes see without having a map.
    pub partly: Vec<SeenLun>,
    /// Devices that look like a node's own disks: one node sees them by one path, and not over a network.
    pub local: Vec<LooseDevice>,
    /// Devices that say no WWID.
    pub nameless: Vec<LooseDevice>,
    /// All nodes, and from when what is known of each is.
    pub nodes: Vec<AskedNode>,
    /// Things that found no room in this answer.
    pub left_out: u64,
}

/// A LUN that some node sees without having a map for it.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct SeenLun {
    /// World Wide Identifier.
    pub wwid: String,
    /// Bytes, where all nodes that tell it say the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Vendor and product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// `fc`, `iscsi`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// The target nodes (WWNN, IQN, NQN) of its array; empty where none is known.
    pub array: Vec<String>,
    /// The number under which the array shows it, where all nodes say the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lun: Option<u64>,
    /// Nodes that see it without having a map.
    pub nodes: BTreeMap<String, SeenOn>,
    /// Nodes that have a map for it.
    pub carried: Vec<String>,
    /// What a person should know, most important first.
    pub notes: Vec<Note>,
}

/// A LUN's devices on one node.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct SeenOn {
    /// Devices, a path each.
    pub paths: u32,
    /// Bytes, where all of them say the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// LUN number, where all of them say the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lun: Option<u64>,
    /// Whether the WWID is in the node's wwids file; absent where that was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_wwids: Option<bool>,
    /// multipathd's words for why no map took them.
    pub because: Vec<String>,
    /// What udev's database says is on them. An empty list proves nothing: nobody looks at a standby path.
    pub signatures: Vec<String>,
    /// The devices are as the node told when it last spoke.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub as_of_then: bool,
}

/// One line for a person.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Note {
    /// Whoever goes on without reading it may do harm.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warning: bool,
    /// The words.
    pub text: String,
}

/// A device that stands for no LUN here.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct LooseDevice {
    /// Where.
    pub node: String,
    /// `sdX`.
    pub dev: String,
    /// Its WWID, where it says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwid: Option<String>,
    /// Vendor and product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// `ata`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// multipathd's words for why no map took it.
    pub because: String,
}

/// A node, and from when what is known of it is.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct AskedNode {
    /// Its name.
    pub node: String,
    /// `live`: the answering node's own read. `published`: as it published it. `none`: nothing that can be used.
    pub detail: String,
    /// Seconds since that was read or was new to the answering node, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_s: Option<u64>,
    /// Whether it may count as how it is now: what such a node does not name is not there.
    pub current: bool,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
