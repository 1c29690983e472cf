//! One node's paths, packed small: what findings and causes are made of.
//!
//! It is made from a node's published detail ([`crate::detail::Packed::unpack`]) and kept for every node, so texts are shared
//! and a path takes a few bytes. Who needs a device's name or the printed words unpacks the whole detail.

mod brief;
mod pack;
mod texts;

use std::sync::Arc;

use crate::detail::Detail;
use crate::ids::{EpochS, Wwid};
use crate::local::{HostFacts, Pv, Queueing};
use crate::reboot::RebootDoubts;

pub use crate::local::Access;
pub use brief::{Brief, Briefs, has_stranger, is_nonoptimal, is_resized};
pub use texts::Texts;

/// What a node's last published read says of its LUNs and paths, and what its ledger remembers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodePaths {
    /// When the read began, the node's wall clock.
    pub read_at: Option<EpochS>,
    /// multipathd gave its maps. If not, `paths` of every LUN is empty, and maps are the kernel's.
    pub answered: bool,
    /// Each pair of adapter and target port that paths or the ledger name.
    pub routes: Vec<Route>,
    /// LUNs that it has a map or devices of, or remembers; in byte order, each once.
    pub luns: Vec<LunSeen>,
    /// The same in brief: [`Self::briefs`].
    pub briefs: Briefs,
    /// What it would do after a reboot, and other things of the node itself.
    pub host: HostSeen,
}

impl NodePaths {
    /// What a detail says, packed. Total: what is out of bounds is left out.
    pub fn of(detail: &Detail, texts: &mut Texts) -> Self {
        pack::pack(detail, texts)
    }

    /// One LUN.
    pub fn lun(&self, wwid: &Wwid) -> Option<&LunSeen> {
        let at = self.luns.binary_search_by(|lun| lun.wwid.cmp(wwid)).ok()?;
        self.luns.get(at)
    }
}

/// An adapter and a target port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Route {
    /// `host7`. Where only the ledger knows the route: the one adapter that has this port now, if there is one.
    pub adapter: Option<Arc<str>>,
    /// The adapter's port as [`port_text`] writes it, else `adapter`: what the ledger calls an adapter. Empty: not known.
    pub adapter_port: Arc<str>,
    /// The target port as [`port_text`] writes it. Empty: not known.
    pub target_port: Arc<str>,
    /// WWNN or IQN of the target, as [`port_text`] writes it.
    pub target_node: Option<Arc<str>>,
    /// `fc`, `iscsi`, …
    pub transport: Option<Arc<str>>,
    /// ALUA target port group of the target port.
    pub port_group: Option<u16>,
    /// What the kernel says of the pair: FC's remote port (`Online`, `Blocked`, `Not Present`), iSCSI's session (`LOGGED_IN`,
    /// `FAILED`, `FREE`).
    pub link: Option<Arc<str>>,
    /// How often usable paths over it were lost or came back in the last 30 minutes before the read, each read's changes
    /// counted once; 0 where nothing is known.
    pub changes_30_min: u16,
    /// When that happened last, the node's wall clock.
    pub changed_last: Option<EpochS>,
}

/// One LUN on one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LunSeen {
    /// The LUN.
    pub wwid: Wwid,
    /// Its map; `None` = there is none.
    pub map: Option<Box<MapSeen>>,
    /// The map's paths, in its order.
    pub paths: Box<[PathSeen]>,
    /// What the ledger remembers: routes, and how many usable paths were held over each. Empty: nothing.
    pub remembered: Box<[(u16, u16)]>,
    /// Devices of this LUN that no map took.
    pub loose: Box<[LooseSeen]>,
    /// Its WWID is in the node's wwids file; `None` = that was not read.
    pub in_wwids: Option<bool>,
}

/// A map.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MapSeen {
    /// Its name.
    pub name: Arc<str>,
    /// `dm-3`.
    pub dm: Option<Arc<str>>,
    /// Bytes.
    pub size_bytes: Option<u64>,
    /// Least and most bytes of its paths' devices, where known.
    pub path_size_bytes: Option<(u64, u64)>,
    /// What happens to I/O without a path.
    pub queueing: Queueing,
    /// When queueing ends, the node's wall clock; only while it counts down.
    pub queue_ends: Option<EpochS>,
    /// I/O is blocked.
    pub suspended: bool,
    /// How many have it open.
    pub open_count: Option<u32>,
    /// Devices on top of it.
    pub holders: u16,
    /// What the array says that it is; the same value is shared by many.
    pub identity: Arc<Identity>,
    /// LVM's physical volumes on it.
    pub pvs: Box<[Pv]>,
    /// Its path groups: priority, and whether the kernel sends I/O to it (`active`).
    pub groups: Box<[(i32, bool)]>,
    /// There may be more paths than these: something of it could not be read.
    pub incomplete: bool,
    /// The kernel's count where multipathd gave no maps: active and all paths.
    pub kernel_paths: Option<(u16, u16)>,
}

/// Who made a LUN. Empty texts are not known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Identity {
    /// Vendor.
    pub vendor: Box<str>,
    /// Product.
    pub product: Box<str>,
    /// Serial number.
    pub serial: Box<str>,
}

/// What a path's three words amount to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum PathWord {
    /// All three say that it can be used.
    Usable,
    /// It is proven down, and nobody says otherwise.
    Down,
    /// Sources disagree: it is not usable.
    Contradiction,
    /// Nothing is proven: being checked, or words that are not known.
    #[default]
    Undecided,
}

/// One path of a map.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PathSeen {
    /// Place in [`NodePaths::routes`].
    pub route: u16,
    /// Place of its group in [`MapSeen::groups`].
    pub group: u8,
    /// What its words amount to.
    pub word: PathWord,
    /// What ALUA says of it.
    pub access: Access,
    /// multipathd calls it marginal.
    pub marginal: bool,
    /// The device says another WWID than its map's.
    pub other_wwid: bool,
    /// The device says another serial number than its map's.
    pub other_serial: bool,
    /// The device says another vendor or product than its map's.
    pub other_product: bool,
}

/// A device that no map took.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LooseSeen {
    /// `sdk`.
    pub dev: Arc<str>,
    /// Its route, where known.
    pub route: Option<u16>,
    /// Why, as multipathd says.
    pub because: LooseWhy,
    /// The rule that excludes it, as far as known: `wwid ".*"`, with file and line where they are known.
    pub rule: Option<Arc<str>>,
    /// What is on it (`LVM PV of VG prod`), or who uses it (`mounted at /srv`, `LVM (dm-7)`, `md127`).
    pub used_by: Option<Arc<str>>,
}

/// Why no map took a device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum LooseWhy {
    /// multipathd has the device and made no map of it.
    Orphan,
    /// A blacklist rule excludes it.
    Blacklisted,
    /// multipathd says something else, or nothing.
    #[default]
    Unknown,
}

/// What is known of the node beside its LUNs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HostSeen {
    /// Why it would not come back from a reboot with all of its LUNs.
    pub reboot: RebootDoubts,
    /// What its files, services and kernel say; the same value is shared with whoever holds the read.
    pub facts: Arc<HostFacts>,
}

/// A port's name as it is written everywhere: a WWN (`0x21000024ff4a1107`, `naa.2100…`) as `21:00:00:24:ff:4a:11:07`, anything
/// else as it came.
pub fn port_text(raw: &str) -> Arc<str> {
    let digits = raw.strip_prefix("0x").or_else(|| raw.strip_prefix("naa.")).unwrap_or_default();
    if digits.len() != 16 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Arc::from(raw);
    }
    let mut out = String::with_capacity(23);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 2 == 0 {
            out.push(':');
        }
        out.push(digit.to_ascii_lowercase());
    }
    Arc::from(out)
}

#[cfg(test)]
mod tests {
    use super::port_text;

    #[test]
    fn ports() {
        for (raw, expect) in [
            ("0x21000024ff4a1107", "21:00:00:24:ff:4a:11:07"),
            ("0x21000024FF4A1107", "21:00:00:24:ff:4a:11:07"),
            ("naa.5006016108e00fa2", "50:06:01:61:08:e0:0f:a2"),
            ("0x2100", "0x2100"),
            ("0x21000024ff4a110g", "0x21000024ff4a110g"),
            ("10.9.0.1:3260", "10.9.0.1:3260"),
            ("", ""),
        ] {
            assert_eq!(&*port_text(raw), expect);
        }
    }
}
