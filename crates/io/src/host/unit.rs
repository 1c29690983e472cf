//! Whether something starts multipathd at boot, and how one that runs no more ended: by what systemd and the daemon itself
//! leave in files.

use std::path::Path;

use pathkeeper_model::local::{Daemon, DaemonEnd, UnitState};

use crate::roots::Roots;
use crate::sysfs::file::names;

const SERVICE: &str = "multipathd.service";
const SOCKET: &str = "multipathd.socket";
/// Folders of units; more entries are not looked at.
const ENTRIES_MAX: usize = 4_096;

/// `None` where no unit of multipathd's is installed.
pub(super) fn state(roots: &Roots) -> Option<UnitState> {
    let own = roots.etc.join("systemd/system");
    // A mask in /run does not outlive a boot.
    if is_mask(&own.join(SERVICE)) {
        return Some(UnitState::Masked);
    }
    let places = [own, roots.usr.join("lib/systemd/system")];
    if !places.iter().any(|place| place.join(SERVICE).exists()) {
        return None;
    }
    let wanted = |unit: &str| places.iter().any(|place| is_wanted(place, unit));
    Some(if wanted(SERVICE) {
        UnitState::Enabled
    } else if wanted(SOCKET) && !is_mask(&roots.etc.join("systemd/system").join(SOCKET)) {
        UnitState::Socket
    } else {
        UnitState::Disabled
    })
}

/// A link to /dev/null, or an empty file (systemd.unit(5)).
fn is_mask(unit: &Path) -> bool {
    match std::fs::read_link(unit) {
        Ok(to) => to == Path::new("/dev/null"),
        Err(_) => std::fs::metadata(unit).is_ok_and(|at| at.is_file() && at.len() == 0),
    }
}

/// Some unit there wants or requires it.
fn is_wanted(place: &Path, unit: &str) -> bool {
    let folders = names(place, ENTRIES_MAX);
    let mut folders = folders.iter().filter(|name| name.ends_with(".wants") || name.ends_with(".requires"));
    // The link alone counts: what it leads to may lie on another root in tests and images.
    folders.any(|folder| std::fs::symlink_metadata(place.join(folder).join(unit)).is_ok())
}

/// multipathd removes its pid file when it is told to end, and cannot when it is killed or crashes.
pub(super) fn end(roots: &Roots, daemon: &Daemon) -> Option<DaemonEnd> {
    if *daemon != Daemon::Stopped {
        return None;
    }
    let left = roots.run.join("multipathd.pid").exists();
    Some(if left { DaemonEnd::Broken } else { DaemonEnd::InOrder })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn what_starts_it() {
        let tree = Tree::new();
        let roots = Roots::below(tree.root());
        assert_eq!(state(&roots), None);
        tree.file("usr/lib/systemd/system/multipathd.service", "[Unit]\n");
        assert_eq!(state(&roots), Some(UnitState::Disabled));
        tree.file("etc/systemd/system/sockets.target.wants/multipathd.socket", "");
        assert_eq!(state(&roots), Some(UnitState::Socket));
        tree.link("etc/systemd/system/multipathd.socket", "/dev/null");
        assert_eq!(state(&roots), Some(UnitState::Disabled));
        tree.file("etc/systemd/system/sysinit.target.wants/multipathd.service", "");
        assert_eq!(state(&roots), Some(UnitState::Enabled));
        // Its own copy of the unit is no mask, an empty one is.
        tree.file("etc/systemd/system/multipathd.service", "[Unit]\n");
        assert_eq!(state(&roots), Some(UnitState::Enabled));
        tree.file("etc/systemd/system/multipathd.service", "");
        assert_eq!(state(&roots), Some(UnitState::Masked));
        tree.link("etc/systemd/system/multipathd.service", "/dev/null");
        assert_eq!(state(&roots), Some(UnitState::Masked));
    }

    #[test]
    fn what_it_left_behind() {
        let tree = Tree::new();
        let roots = Roots::below(tree.root());
        assert_eq!(end(&roots, &Daemon::Stopped), Some(DaemonEnd::InOrder));
        tree.file("run/multipathd.pid", "167\n");
        assert_eq!(end(&roots, &Daemon::Stopped), Some(DaemonEnd::Broken));
        assert_eq!(end(&roots, &Daemon::Answering { pid: Some(167) }), None);
        assert_eq!(end(&roots, &Daemon::Absent), None);
    }
}
