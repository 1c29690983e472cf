//! Whether this node is managed or only observed, as the agent, `doctor` and `manage` say it alike.

use pathkeeper_io::{Managing, Roots, managing::NotManaged};

/// What a node that nobody told to be managed says of itself.
pub const OBSERVE: &str = "observe";
/// And one that bears its mark.
pub const MANAGE: &str = "manage";

/// What the node's mark says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode {
    /// Files of multipath's may be written here.
    pub manages: bool,
    /// There is a mark, and it does not count: why, and what to do.
    pub doubt: Option<String>,
}

impl Mode {
    /// Looks for the mark. `beside_series`: Proxmox VE's own multipath series, where it is installed, writes into the same
    /// store as this agent, and then the applying here is the series' (docs/proxmox.md).
    pub fn of_node(roots: &Roots, beside_series: bool) -> Self {
        let observes = |doubt: Option<String>| Self { manages: false, doubt };
        match Managing::of_node(roots) {
            Ok(_) if beside_series && roots.has_pve_series() => observes(Some(format!(
                "this node was told to be managed, but {SERIES}: it observes; pathkeeper manage disable"
            ))),
            Ok(_) => Self { manages: true, doubt: None },
            Err(NotManaged::Observing) => observes(None),
            Err(doubtful @ NotManaged::Doubtful { .. }) => observes(Some(format!(
                "{doubtful}; look who made it, then pathkeeper manage disable or enable as root"
            ))),
        }
    }

    /// As it goes over the wire.
    pub fn as_str(&self) -> &'static str {
        if self.manages { MANAGE } else { OBSERVE }
    }
}

/// Who else manages multipath.
pub const SERIES: &str = "Proxmox VE's own multipath series is installed and manages multipath here";

#[cfg(test)]
mod tests {
    use super::*;
    use pathkeeper_io::managing::{MARK_FILE, MARK_LINE};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_mark_decides_and_what_does_not_count_is_said() {
        let root = tempfile::tempdir().unwrap();
        let roots = Roots::below(root.path());
        let put = |path: std::path::PathBuf, text: &str| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let check = |beside_series: bool, mode: &str, doubt: &str| {
            let seen = Mode::of_node(&roots, beside_series);
            let said = seen.doubt.clone().unwrap_or_default();
            assert_eq!((seen.as_str(), doubt.is_empty()), (mode, said.is_empty()), "{said}");
            assert!(said.contains(doubt), "{said}");
        };
        check(true, "observe", "");
        put(roots.usr.join("share/perl5/PVE/Multipath.pm"), "1;");
        check(true, "observe", "");
        let mark = roots.etc.join(MARK_FILE);
        put(mark.clone(), MARK_LINE);
        check(true, "observe", "Proxmox VE's own multipath series");
        // In another store the series has nothing to say.
        check(false, "manage", "");
        std::fs::set_permissions(&mark, std::fs::Permissions::from_mode(0o666)).unwrap();
        check(false, "observe", "not to be believed: others may write it");
        std::fs::remove_file(&mark).unwrap();
        check(false, "observe", "");
    }
}
