//! The local node as one read found it: multipathd's maps, the kernel's maps, devices that no map took.
//!
//! These are facts as they were said. What they mean is in [`crate::judge`].

mod host;
mod port_changes;

use std::sync::Arc;

use smol_str::SmolStr;

use crate::ids::{EpochS, Wwid};

pub use host::{
    Bypassed, DaemonEnd, HostFacts, IscsiManual, LIST_MAX, Lint, NvmeNative, OldInitramfs, Setting,
    ShownConfig, UnitState,
};
pub use port_changes::{PORT_CHANGES_MAX, Port, PortChange, PortChanges, port_of, says_the_same};

/// All that one read of the local node found. A read never fails: what could not be read says so in here.
#[derive(Clone, Debug)]
pub struct NodeRead {
    /// Wall clock when the read began.
    pub began: EpochS,
    /// How long it took, milliseconds.
    pub took_ms: u32,
    /// What multipathd did.
    pub daemon: Daemon,
    /// The maps as multipathd tells them; empty unless `daemon` is [`Daemon::Answering`].
    pub maps: Vec<Map>,
    /// Path devices that no map took, as far as multipathd tells them.
    pub loose: Vec<PathDevice>,
    /// What the kernel says, the second witness; the error is words for a person.
    pub kernel: Result<Vec<KernelMap>, String>,
    /// Host adapters with their links.
    pub adapters: Vec<Adapter>,
    /// multipath-tools' version, e.g. `0.9.4`, where it is known.
    pub tools_version: Option<String>,
    /// SHA-1 hex of multipathd's effective configuration (`show config`), where it told it.
    pub config_digest: Option<String>,
    /// WWIDs in the node's wwids file, sorted; `None` where it was not read.
    pub own_wwids: Option<Vec<Wwid>>,
    /// What its files, services and kernel say beside its maps; the same until it is read anew.
    pub host: Arc<HostFacts>,
    /// How often ports lost usable paths and got them back: counted by the agent over its reads, so a single read knows
    /// nothing of it.
    pub port_changes: Arc<PortChanges>,
    /// Words and fields in replies that this program does not know, counted.
    pub unknown_words: u64,
    /// What was malformed or unreadable and left out, one sentence each; bounded.
    pub problems: Vec<String>,
}

impl NodeRead {
    /// A read that found nothing but what multipathd did: a start for those who fill it.
    pub fn empty(began: EpochS, daemon: Daemon) -> Self {
        Self {
            began,
            took_ms: 0,
            daemon,
            maps: Vec::new(),
            loose: Vec::new(),
            kernel: Ok(Vec::new()),
            adapters: Vec::new(),
            tools_version: None,
            config_digest: None,
            own_wwids: None,
            host: Arc::default(),
            port_changes: Arc::default(),
            unknown_words: 0,
            problems: Vec::new(),
        }
    }
}

/// What multipathd did when it was asked. Only a maps reply counts as an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Daemon {
    /// It gave its maps (perhaps none).
    Answering {
        /// Process id, where known.
        pid: Option<u32>,
    },
    /// multipath-tools is not on this machine.
    Absent,
    /// Installed, and no process runs. It was not asked: on Debian 12 asking would start it.
    Stopped,
    /// The process is there and refuses the connection or the request.
    Refused {
        /// Why, in words.
        why: String,
    },
    /// It took the connection and gave no maps within the bound.
    Hung {
        /// How long we waited, milliseconds.
        waited_ms: u32,
    },
    /// It says itself that it is busy configuring and gave no maps within the bound.
    Reconfiguring {
        /// Its own word, e.g. `configure (pending reconfigure)`.
        phase: String,
    },
    /// It answered with something that is no maps reply.
    Unreadable {
        /// What was wrong, in words.
        why: String,
    },
}

/// A number that multipathd or the kernel gave as a word we may not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DmState {
    /// The kernel would use this path.
    Active,
    /// The kernel has failed it.
    Failed,
    /// multipathd does not know.
    Undef,
    /// A word that this program does not know.
    Unknown,
}

/// The path checker's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckState {
    /// Usable.
    Ready,
    /// Usable after a failover (a passive controller).
    Ghost,
    /// Dead.
    Faulty,
    /// Came back too often; treated as down for now.
    Shaky,
    /// A check is under way.
    Pending,
    /// The check ran out of time.
    Timeout,
    /// Reinstating is put off.
    Delayed,
    /// The array has unmapped it (0.14).
    Disconnected,
    /// Not checked yet.
    Undef,
    /// A word that this program does not know.
    Unknown,
}

/// The device's own state in the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DevState {
    /// SCSI `running`, NVMe `live`.
    Running,
    /// SCSI `offline` and the like.
    Offline,
    /// multipathd prints `unknown` for a device that is in no map.
    Undef,
    /// A word that this program does not know.
    Unknown,
}

/// What a map does with I/O while it has no path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Queueing {
    /// It fails, or the retries are used up.
    Off,
    /// It queues for ever.
    On,
    /// It queues for so many more seconds.
    Seconds(u32),
    /// It would retry for so many checks; paths are alive.
    Checks(u32),
    /// Not set.
    Unset,
    /// A word that this program does not know.
    #[default]
    Unknown,
}

/// One dm-multipath map as multipathd tells it, with what sysfs adds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Map {
    /// Alias or WWID.
    pub name: String,
    /// The LUN.
    pub wwid: Wwid,
    /// `dm-N`; `None` where multipathd says `undef`.
    pub dm: Option<String>,
    /// Bytes, from /sys/block/dm-N/size.
    pub size_bytes: Option<u64>,
    /// How many have it open, where the kernel told.
    pub open_count: Option<u32>,
    /// Devices on top of it (`dm-7`…), from sysfs.
    pub holders: Vec<String>,
    /// LVM's physical volumes on it or on its partitions, as far as the node tells without asking LVM.
    pub pvs: Vec<Pv>,
    /// The kernel's word: suspended maps block I/O.
    pub suspended: bool,
    /// What happens to I/O without a path.
    pub queueing: Queueing,
    /// As multipathd prints it, e.g. `1 queue_if_no_path`.
    pub features: SmolStr,
    /// E.g. `1 alua`.
    pub hwhandler: SmolStr,
    /// `rw` or `ro`, as printed.
    pub write_prot: SmolStr,
    /// As printed: `immediate`, `manual`, …
    pub failback: SmolStr,
    /// Vendor, product, revision, trimmed.
    pub vendor: SmolStr,
    /// Product.
    pub product: SmolStr,
    /// Revision.
    pub revision: SmolStr,
    /// Serial number of the LUN (from its paths), where known.
    pub serial: Option<SmolStr>,
    /// Path failures counted by multipathd since its last reconfigure.
    pub path_faults: u64,
    /// Path groups in multipathd's order.
    pub groups: Vec<PathGroup>,
    /// Something of its groups or paths could not be read, so the paths here may not be all.
    pub incomplete: bool,
}

impl Map {
    /// A map of which nothing but the names is known: a start for those who fill it.
    pub fn unknown(name: &str, wwid: Wwid) -> Self {
        Self {
            name: name.to_owned(),
            wwid,
            dm: None,
            size_bytes: None,
            open_count: None,
            holders: Vec::new(),
            pvs: Vec::new(),
            suspended: false,
            queueing: Queueing::Unknown,
            features: SmolStr::default(),
            hwhandler: SmolStr::default(),
            write_prot: SmolStr::default(),
            failback: SmolStr::default(),
            vendor: SmolStr::default(),
            product: SmolStr::default(),
            revision: SmolStr::default(),
            serial: None,
            path_faults: 0,
            groups: Vec::new(),
            incomplete: false,
        }
    }
}

/// A physical volume of LVM's. Of what is not known there is nothing, and of a volume not all is unknown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Pv {
    /// As LVM prints it, 6-4-4-4-4-4-6 characters.
    pub uuid: Option<String>,
    /// The volume group's name on this node.
    pub vg_name: Option<String>,
    /// The volume group's UUID, as LVM prints it; known where one of its logical volumes is active.
    pub vg_uuid: Option<String>,
}

/// One path group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathGroup {
    /// E.g. `service-time 0`.
    pub selector: SmolStr,
    /// Priority.
    pub priority: i32,
    /// `active`, `enabled`, `disabled`, … as printed. `enabled` is no alarm: it has seen no I/O yet.
    pub status: SmolStr,
    /// Whether multipathd calls it marginal.
    pub marginal: bool,
    /// Its paths in multipathd's order.
    pub paths: Vec<PathDevice>,
}

/// What ALUA says of a path, from the kernel's `access_state`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Access {
    /// `active/optimized`.
    Optimized,
    /// `active/non-optimized`.
    NonOptimized,
    /// `standby`.
    Standby,
    /// `unavailable`, `offline`, `lba-dependent`, `transitioning`: I/O is not for this path now.
    Other,
    /// The device has no such state, or it was not read.
    #[default]
    Unknown,
}

/// One path device: a route to a LUN.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathDevice {
    /// `sdX`, `nvme…`.
    pub dev: SmolStr,
    /// `major:minor`.
    pub dev_t: SmolStr,
    /// The LUN it says it leads to, where known.
    pub wwid: Option<Wwid>,
    /// The kernel's word about the path.
    pub dm: DmState,
    /// The checker's word.
    pub check: CheckState,
    /// The device's state.
    pub device: DevState,
    /// The three words as they were printed, for people.
    pub words: [SmolStr; 3],
    /// Priority; −1 where the prioritizer failed.
    pub priority: i32,
    /// `host:channel:target:lun`, where known.
    pub hctl: Option<SmolStr>,
    /// Adapter, e.g. `host7`; for NVMe the controller.
    pub adapter: Option<SmolStr>,
    /// WWPN of the adapter, initiator IP or IQN, where known.
    pub adapter_port: Option<SmolStr>,
    /// WWPN, IQN or address of the target port, where known.
    pub target_port: Option<SmolStr>,
    /// Node name of the target (WWNN or IQN), where known.
    pub target_node: Option<SmolStr>,
    /// `fc`, `iscsi`, …, where known.
    pub transport: Option<SmolStr>,
    /// Bytes, from /sys/block/DEV/size.
    pub size_bytes: Option<u64>,
    /// Serial number.
    pub serial: Option<SmolStr>,
    /// Vendor and product, as one text, where known (for devices that no map took).
    pub product: Option<SmolStr>,
    /// Failures counted for this path, where known.
    pub failures: Option<u64>,
    /// Whether multipathd calls it marginal.
    pub marginal: bool,
    /// What udev's database says is on it, in words (`LVM PV of VG prod`), for devices that no map took. `None` proves
    /// nothing: nobody looks at a standby path.
    pub signature: Option<SmolStr>,
    /// Why no map took it, as far as multipathd says (`orphan`, `blacklisted`…); empty for a path in a map.
    pub loose_because: SmolStr,
    /// The blacklist rule that excludes it, with file and line where a file says it; for devices that no map took.
    pub rule: Option<SmolStr>,
    /// Who uses it by itself, in words (`mounted at /srv`, `LVM (vg0-data)`, `md127`), for devices that no map took.
    pub used_by: Option<SmolStr>,
    /// ALUA target port group of the port that it leads to.
    pub port_group: Option<u16>,
    /// Its ALUA state as the kernel has it, from sysfs' `access_state`.
    pub access: Access,
}

impl PathDevice {
    /// A path of which nothing but the names is known: a start for those who fill it.
    pub fn unknown(dev: &str, dev_t: &str) -> Self {
        Self {
            dev: dev.into(),
            dev_t: dev_t.into(),
            wwid: None,
            dm: DmState::Unknown,
            check: CheckState::Unknown,
            device: DevState::Unknown,
            words: [SmolStr::default(), SmolStr::default(), SmolStr::default()],
            priority: -1,
            hctl: None,
            adapter: None,
            adapter_port: None,
            target_port: None,
            target_node: None,
            transport: None,
            size_bytes: None,
            serial: None,
            product: None,
            failures: None,
            marginal: false,
            signature: None,
            loose_because: SmolStr::default(),
            rule: None,
            used_by: None,
            port_group: None,
            access: Access::Unknown,
        }
    }
}

/// One map as the kernel's device-mapper tells it (`dmsetup table` and `status`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KernelMap {
    /// Map name.
    pub name: String,
    /// The LUN: the dm UUID without `mpath-`.
    pub wwid: Wwid,
    /// `major:minor` of the map.
    pub dev_t: String,
    /// Bytes.
    pub size_bytes: u64,
    /// Open count.
    pub open_count: u32,
    /// Suspended: I/O is blocked.
    pub suspended: bool,
    /// `queue_if_no_path` is set in the table's features.
    pub queue_if_no_path: bool,
    /// I/O is being held back now while a group is brought up (the status line's first feature); 0 while it waits for a path.
    pub queued: u32,
    /// Each path: `major:minor`, active or failed, fail count.
    pub paths: Vec<KernelPath>,
    /// The status line could not be read, so `paths` proves nothing.
    pub unreadable: bool,
}

/// One path of a kernel map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KernelPath {
    /// `major:minor`.
    pub dev_t: SmolStr,
    /// `A` in the status line; anything else is false.
    pub active: bool,
    /// How often the kernel failed it.
    pub fail_count: u64,
}

/// One host adapter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adapter {
    /// `host7`.
    pub name: String,
    /// `fc`, `iscsi`, `sas`, …
    pub transport: String,
    /// WWPN, initiator name or address.
    pub port_name: Option<String>,
    /// FC: `fabric_name`.
    pub fabric: Option<String>,
    /// As the kernel prints it: `Online`, `Linkdown`, …
    pub link: Option<String>,
    /// Speed as printed.
    pub speed: Option<String>,
    /// Error counters by their kernel name (`link_failure_count`, …).
    pub counters: Vec<(String, u64)>,
}
