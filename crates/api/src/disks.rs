//! `GET /api2/json/nodes/{node}/disks/multipath`: what a person reads in `multipath -ll`, and more.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The maps of one node.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct NodeDisks {
    /// The node.
    pub node: String,
    /// When the read behind this began, epoch seconds of that node's clock.
    pub time: i64,
    /// `live`: the answering node's own, as it was last read. `published`: what the node published last, when something
    /// in it had changed; counters and countdowns are as they were then.
    #[serde(default = "live")]
    pub detail: String,
    /// Seconds since this was read (`live`) or was new to the answering node (`published`), where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_s: Option<u64>,
    /// `published`: seconds since the answering node last heard something new of it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_s: Option<u64>,
    /// `published`: how far the node's report can be believed now, as in the list of nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// Why it is not `fresh`, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_why: Option<String>,
    /// `published`: whether what follows may count as how it is: the report is `fresh`, or it is `silent` because the node
    /// has no maps and says so. Else everything is as of then: the state of all maps is `unknown`, how many paths are
    /// usable is `null`, and no path is called usable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub believed: Option<bool>,
    /// How multipathd answered: `running`, `absent`, `stopped`, `refused`, `hung`, `reconfiguring`, `unreadable`.
    pub multipathd: String,
    /// In words, where it did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipathd_why: Option<String>,
    /// Its process, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipathd_pid: Option<u32>,
    /// When this agent first found that process: a restart shows here. Epoch seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipathd_since: Option<i64>,
    /// Version of multipath-tools, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipath_tools: Option<String>,
    /// `multipathd` or, while it does not answer, `kernel`: then groups and checker words are not known.
    pub source: String,
    /// Maps in multipathd's order.
    pub maps: Vec<Map>,
    /// Path devices that no map took.
    pub devices: Vec<Path>,
    /// Host adapters.
    pub adapters: Vec<Adapter>,
    /// WWIDs in the node's wwids file (/etc/multipath/wwids), where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwids: Option<Vec<String>>,
    /// What could not be read, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

impl NodeDisks {
    /// Whether what is listed may count as how it is now; the answering node's own always may.
    pub fn is_believed(&self) -> bool {
        self.believed.unwrap_or(matches!(self.report.as_deref(), None | Some("fresh")))
    }
}

fn live() -> String {
    "live".into()
}

/// One map.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Map {
    /// Alias or WWID.
    pub name: String,
    /// World Wide Identifier.
    pub wwid: String,
    /// State as the node judges it. `published`: the worse of what the node's last report says, which is what the status
    /// shows, and of what is listed here; `unknown` where that report does not name the map or cannot be believed now.
    pub state: String,
    /// `published`: in words, how the node's last report differs from what is listed here. The report goes out at once,
    /// the list up to half a minute later, or not at all. While the report is the worse of the two, no path of the map is
    /// called usable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_differs: Option<String>,
    /// Usable paths; `null` where nobody knows that now.
    pub paths_active: Option<u32>,
    /// Paths in the map.
    pub paths_total: Option<u32>,
    /// Paths that it should have on this node, where that is known: as configured, else the most that the node held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths_expected: Option<u32>,
    /// `dm-N`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dm: Option<String>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// How many have it open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_count: Option<u32>,
    /// Devices on top of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<String>,
    /// LVM's physical volumes on it or on its partitions, as far as the node tells without asking LVM; seen up to thirty
    /// polls (five minutes) after they change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pvs: Vec<Pv>,
    /// I/O is blocked by a suspend.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    /// What happens to I/O without a path: `off`, `on`, `16 sec`, `3 chk`, `-`, or `unknown`.
    pub queueing: String,
    /// When that countdown ends, epoch seconds of the node's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queueing_until: Option<i64>,
    /// As multipathd prints it.
    pub features: String,
    /// As multipathd prints it.
    pub hwhandler: String,
    /// `rw` or `ro`.
    pub write_prot: String,
    /// As multipathd prints it.
    pub failback: String,
    /// Vendor.
    pub vendor: String,
    /// Product.
    pub product: String,
    /// Revision.
    pub revision: String,
    /// Serial number, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Path groups in multipathd's order.
    pub groups: Vec<Group>,
}

/// A physical volume of LVM's.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Pv {
    /// As LVM prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The volume group, by the name that it has on this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vg_name: Option<String>,
    /// The volume group's UUID; known where one of its logical volumes is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vg_uuid: Option<String>,
}

/// One path group.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Group {
    /// E.g. `service-time 0`.
    pub policy: String,
    /// Priority.
    pub prio: i32,
    /// `active`, `enabled`, …
    pub status: String,
    /// Called marginal by multipathd.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub marginal: bool,
    /// Its paths.
    pub paths: Vec<Path>,
}

/// One path device.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Path {
    /// `sdX`.
    pub dev: String,
    /// `major:minor`.
    pub dev_t: String,
    /// `host:channel:target:lun`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hctl: Option<String>,
    /// The LUN it leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwid: Option<String>,
    /// Whether kernel, checker and device agree that it can be used, and the node's last report does not contradict.
    pub usable: bool,
    /// The kernel's word, as printed.
    pub dm_state: String,
    /// The checker's word, as printed.
    pub check_state: String,
    /// The device's word, as printed.
    pub dev_state: String,
    /// Priority.
    pub prio: i32,
    /// Host adapter, e.g. `host7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// WWPN, initiator name or address of the adapter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter_port: Option<String>,
    /// WWPN, IQN or address of the target port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_port: Option<String>,
    /// `fc`, `iscsi`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// ALUA target port group of the target port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_group: Option<u16>,
    /// What ALUA says of it, as the kernel has it: `optimized`, `non-optimized`, `standby`, or `other` where I/O is not for
    /// this path now; absent where the device has no such state or it was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_state: Option<String>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Failures counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<u64>,
    /// Serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Vendor and product, for devices that no map took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Why no map took it, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loose_because: Option<String>,
}

/// One host adapter.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Adapter {
    /// `host7`.
    pub name: String,
    /// `fc`, `iscsi`, …
    pub transport: String,
    /// WWPN or initiator name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_name: Option<String>,
    /// FC fabric name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fabric: Option<String>,
    /// Link as the kernel prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Speed as the kernel prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<String>,
}
