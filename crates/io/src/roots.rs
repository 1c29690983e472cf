//! Where the machine's own files are, so that tests can put others in their place.

use std::path::{Path, PathBuf};

/// Below `/usr`: Proxmox VE's own multipath series, which reports and applies where it is installed.
const PVE_SERIES: &str = "share/perl5/PVE/Multipath.pm";

/// The folders that this crate reads from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roots {
    /// `/sys`.
    pub sys: PathBuf,
    /// `/proc`.
    pub proc: PathBuf,
    /// `/run`.
    pub run: PathBuf,
    /// `/etc`.
    pub etc: PathBuf,
    /// `/usr`.
    pub usr: PathBuf,
    /// `/dev`.
    pub dev: PathBuf,
    /// `/boot`.
    pub boot: PathBuf,
    /// `/var`.
    pub var: PathBuf,
    /// Folders in which multipathd's program may lie.
    pub programs: Vec<PathBuf>,
}

impl Roots {
    /// Whether Proxmox VE's own multipath series is installed on this machine.
    pub fn has_pve_series(&self) -> bool {
        self.usr.join(PVE_SERIES).exists()
    }

    /// All folders below this one; `/` is the real machine.
    pub fn below(root: &Path) -> Self {
        Self {
            sys: root.join("sys"),
            proc: root.join("proc"),
            run: root.join("run"),
            etc: root.join("etc"),
            usr: root.join("usr"),
            dev: root.join("dev"),
            boot: root.join("boot"),
            var: root.join("var"),
            programs: ["sbin", "usr/sbin", "usr/local/sbin", "usr/bin", "bin"]
                .map(|dir| root.join(dir))
                .into(),
        }
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self::below(Path::new("/"))
    }
}
