//! What a node's files, services and kernel say beside its maps: facts that change seldom.
//!
//! Every list is bounded by whoever fills it and by whoever reads it from the wire ([`LIST_MAX`]).

use crate::ids::{EpochS, Wwid};

/// No list in here is longer.
pub const LIST_MAX: usize = 256;

/// All of it. What could not be read is absent, and absence proves nothing.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct HostFacts {
    /// Whether something starts multipathd when the machine boots.
    pub daemon_unit: Option<UnitState>,
    /// How multipathd ended, where it runs no more.
    pub daemon_end: Option<DaemonEnd>,
    /// The initramfs that would be booted, where it carries multipath and is older than multipath's files.
    pub initramfs_old: Option<OldInitramfs>,
    /// iSCSI sessions that live LUNs use and that nothing logs in again after a reboot.
    pub iscsi_manual: Vec<IscsiManual>,
    /// NVMe subsystems whose paths the kernel itself joins: device-mapper does not see them.
    pub nvme_native: Vec<NvmeNative>,
    /// What stands on single paths of maps, beside the maps.
    pub bypassed: Vec<Bypassed>,
    /// Settings in force, as multipathd prints them: `defaults.no_path_retry` and the like, and of long sections a digest.
    pub settings: Vec<Setting>,
    /// Settings that are written in its files and known to hurt.
    pub lints: Vec<Lint>,
    /// The whole of what multipathd printed; it stays on the node.
    pub shown: ShownConfig,
}

/// What multipathd printed on `show config`. It is not published: `settings` tells others what differs.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ShownConfig(pub Option<std::sync::Arc<str>>);

impl std::hash::Hash for ShownConfig {
    /// Some thousand lines at each poll would cost more than all the rest, and what changes in them changes `settings` too.
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

impl std::fmt::Debug for ShownConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ShownConfig({:?} bytes)", self.0.as_ref().map(|text| text.len()))
    }
}

impl HostFacts {
    /// The value in force of a setting of the section `overrides`, else of `defaults`.
    pub fn setting(&self, key: &str) -> Option<&str> {
        ["overrides", "defaults"].iter().find_map(|section| {
            let is = |of: &&Setting| {
                of.name.split_once('.').is_some_and(|(of, name)| of == *section && name == key)
            };
            self.settings.iter().find(is).map(|of| of.value.as_str())
        })
    }
}

/// What starts multipathd at boot, by systemd's links.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnitState {
    /// Its service is wanted by a target.
    Enabled,
    /// Only its socket is: it is started when somebody connects (udev's rules do, at boot).
    Socket,
    /// Nothing starts it.
    Disabled,
    /// It is masked: nothing can start it.
    Masked,
}

impl UnitState {
    const ALL: [UnitState; 4] =
        [UnitState::Enabled, UnitState::Socket, UnitState::Disabled, UnitState::Masked];

    /// systemd's word, or `socket`.
    pub fn as_str(self) -> &'static str {
        match self {
            UnitState::Enabled => "enabled",
            UnitState::Socket => "socket",
            UnitState::Disabled => "disabled",
            UnitState::Masked => "masked",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|of| of.as_str() == word)
    }
}

/// How a multipathd ended, by what it left behind. Its exit status is known to systemd alone, which is not asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DaemonEnd {
    /// It took its pid file away, as it does when it is told to end.
    InOrder,
    /// Its pid file names a process that is not there: it was killed, or crashed.
    Broken,
}

impl DaemonEnd {
    /// `in-order`, `broken`.
    pub fn as_str(self) -> &'static str {
        match self {
            DaemonEnd::InOrder => "in-order",
            DaemonEnd::Broken => "broken",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        [DaemonEnd::InOrder, DaemonEnd::Broken].into_iter().find(|of| of.as_str() == word)
    }
}

/// An initramfs that is older than what it carries a copy of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OldInitramfs {
    /// The image, e.g. `/boot/initrd.img-6.1.0-56-amd64`.
    pub image: String,
    /// When it was made, the node's wall clock.
    pub made: EpochS,
    /// The newest of multipath's files.
    pub newer: String,
    /// When that was changed.
    pub changed: EpochS,
}

/// A node record of open-iscsi's that does not log in at boot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IscsiManual {
    /// The target's IQN.
    pub target: String,
    /// Its portal, `10.9.0.1:3260`.
    pub portal: String,
    /// The record's `node.startup`; `None` = there is no record of it.
    pub startup: Option<String>,
}

/// A subsystem with the kernel's own multipathing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NvmeNative {
    /// Its NQN.
    pub nqn: String,
    /// Its controllers (`nvme2`): one path each.
    pub controllers: Vec<String>,
}

/// Something that stands on one path of a map.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Bypassed {
    /// The path device, `sdk`.
    pub dev: String,
    /// Its map's LUN.
    pub wwid: Wwid,
    /// What, in words: `mounted at /srv`, `LVM (vg0-data)`.
    pub what: String,
}

/// A setting in force.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Setting {
    /// Section and key, `defaults.no_path_retry`; a whole section by its name.
    pub name: String,
    /// As multipathd prints it; of a whole section a digest.
    pub value: String,
}

/// A setting that is known to hurt.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Lint {
    /// What names the kind of it from one read to the next and on all nodes: mostly the keyword.
    pub name: String,
    /// Where it stands, `/etc/multipath.conf:12`; empty where no file says it.
    pub at: String,
    /// What is wrong, and why that hurts: one sentence.
    pub why: String,
    /// What to do.
    pub advice: String,
}
