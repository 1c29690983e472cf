//! `GET cluster/multipath/guests`: which guests need which LUNs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Guests, and the storages by which they need LUNs. Who needs a LUN: the guests that list it, and those that list one of its
/// storages.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct Guests {
    /// False where nobody tells of guests: then nothing follows from an empty list.
    pub known: bool,
    /// By number.
    pub guests: Vec<Guest>,
    /// Storages that have their data on a LUN, by WWID; a LUN without is left out.
    pub luns: BTreeMap<String, Vec<String>>,
}

/// One guest.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct Guest {
    /// Proxmox VE's number.
    pub id: u32,
    /// `vm` or `ct`.
    pub kind: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The node that its configuration lies on.
    pub node: String,
    /// Whether the cluster's high availability looks after it.
    pub ha: bool,
    /// Storages on which it has a disk.
    pub storages: Vec<String>,
    /// WWIDs of LUNs that it has as disks.
    pub luns: Vec<String>,
}
