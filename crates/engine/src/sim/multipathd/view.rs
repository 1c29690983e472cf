//! The daemon's knowledge at one moment, in its own terms.

use std::fmt;
use std::str::FromStr;

/// Which multipath-tools the simulated daemon is. Replies differ in error texts, wildcards and a few words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Version {
    /// 0.9.4: Debian 12, Proxmox VE 8.
    V0_9_4,
    /// 0.11.1: Debian 13, Proxmox VE 9.
    V0_11_1,
    /// 0.14.3: upstream of 2026.
    V0_14_3,
}

impl Version {
    /// Every version that can be simulated, oldest first.
    pub const ALL: [Version; 3] = [Version::V0_9_4, Version::V0_11_1, Version::V0_14_3];

    /// `0.9.4`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Version::V0_9_4 => "0.9.4",
            Version::V0_11_1 => "0.11.1",
            Version::V0_14_3 => "0.14.3",
        }
    }

    /// The line that stands above the list of commands.
    pub fn banner(self) -> &'static str {
        match self {
            Version::V0_9_4 => "multipath-tools v0.9.4 (12/19, 2022)",
            Version::V0_11_1 => "multipath-tools v0.11.1 (01/24, 2025)",
            Version::V0_14_3 => "multipath-tools v0.14.3 (02/05, 2026)",
        }
    }

    /// From 0.9.8 every error begins with a line `fail`.
    pub(super) fn says_fail_first(self) -> bool {
        self > Version::V0_9_4
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Version {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|v| v.as_str() == text).ok_or_else(|| {
            format!("no simulation of multipath-tools {text:?}; there are 0.9.4, 0.11.1 and 0.14.3")
        })
    }
}

/// All that one daemon knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// Its process id.
    pub pid: u32,
    /// The word of `show daemon`: `idle`, `running`, `configure`, …
    pub phase: String,
    /// It is stuck in its configuration: every command that needs the lock ends in `timeout`.
    pub locked: bool,
    /// Maps in its order.
    pub maps: Vec<Map>,
    /// Every path device in its order, in a map or not.
    pub paths: Vec<Path>,
}

/// One map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Map {
    /// Alias or WWID.
    pub name: String,
    /// WWID without `mpath-`.
    pub wwid: String,
    /// `dm-N`.
    pub dm: String,
    /// `immediate`, `manual`, … as 0.9.9 and later write it.
    pub failback: String,
    /// The setting `no_path_retry`.
    pub retry: Retry,
    /// Seconds of retrying that are left; 0 while paths are up or when they are used up.
    pub retry_left_s: u32,
    /// `rw` or `ro`.
    pub write_prot: String,
    /// `suspend` instead of `active`.
    pub suspended: bool,
    /// Size in sectors of 512 bytes.
    pub sectors: u64,
    /// E.g. `0`, `1 queue_if_no_path`.
    pub features: String,
    /// E.g. `0`, `1 alua`.
    pub hwhandler: String,
    /// The last action: empty, `create`, `reload`, …
    pub action: String,
    /// Vendor.
    pub vendor: String,
    /// Product.
    pub product: String,
    /// Revision.
    pub revision: String,
    /// Times that all paths were gone.
    pub failures: u32,
    /// Path failures.
    pub path_faults: u32,
    /// Group switches.
    pub switch_grp: u32,
    /// Table loads.
    pub map_loads: u32,
    /// Seconds spent queueing with retries.
    pub total_q_time_s: u32,
    /// Entries into the retry mode.
    pub q_timeouts: u32,
    /// Path groups, best first.
    pub groups: Vec<Group>,
}

/// `no_path_retry`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// Not set.
    Undef,
    /// `fail`.
    Fail,
    /// `queue`: for ever.
    Queue,
    /// So many checks.
    Checks(u32),
}

/// One path group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// E.g. `service-time 0`.
    pub selector: String,
    /// Mean priority of its usable paths.
    pub pri: i32,
    /// `active`, `enabled`, `disabled`, `undef`.
    pub status: &'static str,
    /// Called marginal.
    pub marginal: bool,
    /// Positions in [`View::paths`].
    pub paths: Vec<usize>,
}

/// The kernel's word on a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathDm {
    /// `undef`: in no map.
    Undef,
    /// `active`.
    Active,
    /// `failed`.
    Failed,
}

/// The checker's state; the daemon has two sets of words for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Chk {
    /// Never checked: `undef`, counted as `unchecked`.
    Unchecked,
    /// `faulty`, counted as `down`.
    Down,
    /// `ready`, counted as `up`.
    Up,
    /// `shaky`.
    Shaky,
    /// `ghost`.
    Ghost,
    /// `i/o pending`, counted as `pending`.
    Pending,
    /// `i/o timeout`, counted as `timeout`.
    Timeout,
    /// `delayed`.
    Delayed,
}

impl Chk {
    /// In the daemon's own order.
    pub(super) const ALL: [Chk; 8] = [
        Chk::Unchecked,
        Chk::Down,
        Chk::Up,
        Chk::Shaky,
        Chk::Ghost,
        Chk::Pending,
        Chk::Timeout,
        Chk::Delayed,
    ];

    /// The word in lists and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Chk::Unchecked => "undef",
            Chk::Down => "faulty",
            Chk::Up => "ready",
            Chk::Shaky => "shaky",
            Chk::Ghost => "ghost",
            Chk::Pending => "i/o pending",
            Chk::Timeout => "i/o timeout",
            Chk::Delayed => "delayed",
        }
    }

    /// The word in `show status`.
    pub(super) fn status_word(self) -> &'static str {
        match self {
            Chk::Unchecked => "unchecked",
            Chk::Down => "down",
            Chk::Up => "up",
            Chk::Shaky => "shaky",
            Chk::Ghost => "ghost",
            Chk::Pending => "pending",
            Chk::Timeout => "timeout",
            Chk::Delayed => "delayed",
        }
    }
}

/// The column `next_check`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NextCheck {
    /// In no map.
    Orphan,
    /// A bar of ten, then `tick/of`.
    In {
        /// Seconds passed.
        tick: u32,
        /// Seconds of the interval.
        of: u32,
    },
}

/// One path device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path {
    /// WWID.
    pub wwid: String,
    /// `host:channel:target:lun`.
    pub hcil: String,
    /// `sdX`.
    pub dev: String,
    /// `major:minor`.
    pub dev_t: String,
    /// Priority.
    pub pri: i32,
    /// The kernel's word.
    pub dm: PathDm,
    /// The checker's.
    pub chk: Chk,
    /// Device state: `running`, `offline`, `unknown`.
    pub dev_st: &'static str,
    /// Vendor.
    pub vendor: String,
    /// Product.
    pub product: String,
    /// Revision.
    pub revision: String,
    /// Checker's name; `None` prints `(null)`.
    pub checker: Option<&'static str>,
    /// When it is checked next.
    pub next_check: NextCheck,
    /// Size in sectors of 512 bytes.
    pub sectors: u64,
    /// Serial number.
    pub serial: String,
    /// Called marginal.
    pub marginal: bool,
    /// The map's name, or a word in brackets (`[orphan]`).
    pub map: String,
    /// `0x…` or `[undef]`.
    pub host_wwnn: String,
    /// `0x…`, an IQN, or `[undef]`.
    pub target_wwnn: String,
    /// `0x…` or `[undef]`.
    pub host_wwpn: String,
    /// `0x…` or `[undef]`.
    pub target_wwpn: String,
    /// PCI address or initiator address, or `[undef]`.
    pub host_adapter: String,
    /// Failures seen.
    pub failures: u32,
    /// `scsi:fcp`, …
    pub protocol: &'static str,
    /// 16 hex digits with `0x`.
    pub lun_hex: String,
    /// ALUA target port group; −1 where there is none.
    pub tpg: i32,
}

impl Path {
    /// The daemon counts it as usable: ready or ghost, whatever the kernel says.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.chk, Chk::Up | Chk::Ghost)
    }
}

impl View {
    /// How many of a map's paths are up (the number that multipathd calls `paths`).
    pub(super) fn paths_up(&self, map: &Map) -> usize {
        map.groups
            .iter()
            .flat_map(|g| &g.paths)
            .filter(|&&i| self.paths.get(i).is_some_and(Path::is_up))
            .count()
    }

    /// The word for what happens without a path.
    pub(super) fn queueing(&self, map: &Map) -> String {
        match map.retry {
            Retry::Undef => "-".into(),
            Retry::Fail => "off".into(),
            Retry::Queue => "on".into(),
            Retry::Checks(_) if map.retry_left_s > 0 => format!("{} sec", map.retry_left_s),
            Retry::Checks(n) if self.paths_up(map) > 0 => format!("{n} chk"),
            Retry::Checks(_) => "off".into(),
        }
    }
}

/// `failback` as a version writes it: before 0.9.9 manual was a dash.
pub(super) fn failback(map: &Map, version: Version) -> &str {
    if version == Version::V0_9_4 && map.failback == "manual" { "-" } else { &map.failback }
}
