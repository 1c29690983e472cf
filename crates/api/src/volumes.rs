//! `GET /api2/json/nodes/{node}/storage/{storage}/content`: LUNs as volumes of a storage of type `multipath`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One volume as it is on one node. The first five keys are Proxmox VE's own.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Volume {
    /// `STORE:<wwid>`.
    pub volid: String,
    /// Always `images`.
    pub content: String,
    /// Always `raw`.
    pub format: String,
    /// Bytes: on that node, else on another one; absent where no node tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The guest that has it as a disk, where guests are known and exactly one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmid: Option<u32>,
    /// World Wide Identifier.
    pub wwid: String,
    /// The name that `multipath.cfg` gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The map's name on that node: it is at `/dev/mapper/<map>` until that is renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<String>,
    /// Where it is on that node, by the name that udev makes from its WWID: the same on every node, whatever it is called.
    /// Absent where that node has no map of it, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its state on that node: `missing` where it has no map, `unknown` where that is not known.
    pub state: String,
    /// Usable paths there; `null` where nobody knows that now.
    pub paths_active: Option<u32>,
    /// Paths there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths_total: Option<u32>,
    /// Who uses it: storages that have their data on it, volume groups, guests, what its section says; `, ` between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<String>,
    /// In words, why that node cannot hand it out; absent where it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
}
