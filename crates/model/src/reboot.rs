//! Why a node would not come back from a reboot with all of its LUNs.

use rustc_hash::FxHashSet;

use crate::ids::{EpochS, Wwid};
use crate::local::{Daemon, IscsiManual, NodeRead, OldInitramfs, UnitState};

/// A node's doubts about its own reboot, as far as it tells. Empty proves nothing where the node could not read its files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RebootDoubts {
    /// Live maps that its wwids file does not name, where multipathd takes only what is named: name and WWID.
    pub not_in_wwids: Vec<(String, Wwid)>,
    /// The initramfs that would be booted carries an older configuration.
    pub initramfs_old: Option<OldInitramfs>,
    /// iSCSI sessions that live LUNs use and that nothing logs in again.
    pub iscsi_manual: Vec<IscsiManual>,
    /// What starts multipathd, where that is nothing.
    pub daemon_unit: Option<UnitState>,
}

/// One doubt in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Doubt {
    /// What is wrong, a clause: `2 live maps are not in /etc/multipath/wwids: a, b`.
    pub what: String,
    /// The commands that cure it; they change something.
    pub command: String,
}

/// No more names are told in one sentence.
const NAMED_MAX: usize = 5;

impl RebootDoubts {
    /// What a read of the node says.
    pub fn of(read: &NodeRead) -> Self {
        let host = &read.host;
        Self {
            not_in_wwids: not_in_wwids(read),
            initramfs_old: host.initramfs_old.clone(),
            iscsi_manual: host.iscsi_manual.clone(),
            daemon_unit: host
                .daemon_unit
                .filter(|unit| matches!(unit, UnitState::Disabled | UnitState::Masked))
                .filter(|_| has_maps(read)),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each in words, with the command that cures it; most important first.
    pub fn reasons(&self) -> Vec<Doubt> {
        let mut out = Vec::new();
        match self.daemon_unit {
            Some(UnitState::Masked) => out.push(Doubt {
                what: "multipathd.service is masked: nothing starts it".into(),
                command: "systemctl unmask multipathd && systemctl enable multipathd".into(),
            }),
            Some(UnitState::Disabled) => out.push(Doubt {
                what: "multipathd.service is not enabled: nothing starts it".into(),
                command: "systemctl enable multipathd".into(),
            }),
            _ => {}
        }
        if !self.not_in_wwids.is_empty() {
            let n = self.not_in_wwids.len();
            let (maps, are) = if n == 1 { ("map", "is") } else { ("maps", "are") };
            let names = few(self.not_in_wwids.iter().map(|(name, _)| name.as_str()));
            let wwids: Vec<&str> =
                self.not_in_wwids.iter().take(NAMED_MAX).map(|(_, wwid)| wwid.as_str()).collect();
            out.push(Doubt {
                what: format!("{n} live {maps} {are} not in /etc/multipath/wwids: {names}"),
                command: format!("multipath -a WWID for each ({})", wwids.join(" ")),
            });
        }
        if let Some(old) = &self.initramfs_old {
            let command = if old.image.contains("initramfs-") {
                "dracut --force"
            } else {
                "update-initramfs -u -k all"
            };
            out.push(Doubt {
                what: format!(
                    "{} (made {}) is older than {} (changed {})",
                    old.image,
                    day(old.made),
                    old.newer,
                    day(old.changed)
                ),
                command: command.into(),
            });
        }
        if let Some(first) = self.iscsi_manual.first() {
            let n = self.iscsi_manual.len();
            let sessions = if n == 1 { "iSCSI session is" } else { "iSCSI sessions are" };
            let names = few(self.iscsi_manual.iter().map(|of| of.portal.as_str()));
            let why = match &first.startup {
                Some(startup) => format!("node.startup is {startup}"),
                None => "there is no node record".into(),
            };
            let command = match &first.startup {
                Some(_) => format!(
                    "iscsiadm -m node -T {} -o update -n node.startup -v automatic",
                    crate::problems::word(&first.target)
                ),
                None => format!(
                    "iscsiadm -m discovery -t sendtargets -p {}, then iscsiadm -m node -T {} -o update -n node.startup -v automatic",
                    crate::problems::word(&first.portal),
                    crate::problems::word(&first.target)
                ),
            };
            out.push(Doubt {
                what: format!("{n} {sessions} not logged in at boot ({names}): {why}"),
                command,
            });
        }
        out
    }
}

fn has_maps(read: &NodeRead) -> bool {
    !read.maps.is_empty() || read.kernel.as_ref().is_ok_and(|maps| !maps.is_empty())
}

/// With find_multipaths strict (as it is without a setting) only LUNs that the file names are assembled; with `yes` also
/// those that have two paths; with the others all.
fn not_in_wwids(read: &NodeRead) -> Vec<(String, Wwid)> {
    let Some(own) = &read.own_wwids else { return Vec::new() };
    if !matches!(read.daemon, Daemon::Answering { .. }) {
        return Vec::new();
    }
    let one_path_alone = match read.host.setting("find_multipaths") {
        None | Some("strict") => false,
        Some("yes" | "on") => true,
        Some(_) => return Vec::new(),
    };
    let own: FxHashSet<&Wwid> = own.iter().collect();
    let paths = |map: &crate::local::Map| map.groups.iter().map(|group| group.paths.len()).sum::<usize>();
    read.maps
        .iter()
        .filter(|map| !own.contains(&map.wwid))
        .filter(|map| !one_path_alone || paths(map) < 2)
        .map(|map| (map.name.clone(), map.wwid.clone()))
        .collect()
}

fn few<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let left_out = names.len().saturating_sub(NAMED_MAX);
    let mut out = names.take(NAMED_MAX).collect::<Vec<_>>().join(", ");
    if left_out > 0 {
        out.push_str(&format!(", {left_out} more"));
    }
    out
}

/// `2026-10-03`.
fn day(at: EpochS) -> String {
    crate::problems::utc(at).chars().take(10).collect()
}
