//! Whether this machine has a pmxcfs. Asks the kernel's list of mounts, and nothing below the mount itself.

use super::PmxcfsConfig;
use super::qb::Library;

/// A list of mounts is read up to this; a node with ten thousand containers has less.
const MOUNTINFO_BYTES_MAX: u64 = 16 << 20;

/// Whether this machine has a pmxcfs that can be spoken to: its mount is there and libqb loads. `Err` says in words
/// what is absent. Touches nothing below the mount: that hangs with a hung pmxcfs.
pub fn find(config: &PmxcfsConfig) -> Result<(), String> {
    let mounts =
        read(&config.mountinfo).map_err(|e| format!("cannot read {}: {e}", config.mountinfo.display()))?;
    let mount = config.mount.to_string_lossy();
    if !is_mounted(&mounts, &mount) {
        return Err(format!("{mount} is no mount of pmxcfs (Proxmox VE's pve-cluster is absent or stopped)"));
    }
    Library::get().map(drop)
}

fn read(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOUNTINFO_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether the last mount at `point` is one of FUSE whose source is FUSE's device or `pmxcfs` (proc_pid_mountinfo(5):
/// id, parent, device, root, mount point, options, optional fields, `-`, type, source, options).
fn is_mounted(mountinfo: &str, point: &str) -> bool {
    let mut mounts = mountinfo.lines().filter_map(|line| {
        let (place, what) = line.split_once(" - ")?;
        let mut what = what.split(' ');
        (plain(place.split(' ').nth(4)?) == point).then_some((what.next()?, what.next()?))
    });
    mounts.next_back().is_some_and(|(kind, source)| {
        (kind == "fuse" || kind.starts_with("fuse."))
            && (source.rsplit('/').next() == Some("fuse") || source == "pmxcfs")
    })
}

/// The kernel writes space, tab, newline and backslash in octal.
fn plain(field: &str) -> String {
    let mut out = field.to_owned();
    for (code, character) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        out = out.replace(code, character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pmxcfs_is_found_by_its_mount() {
        let root = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n";
        let pve = "91 22 0:45 / /etc/pve rw,nosuid,nodev,relatime shared:52 - fuse /dev/fuse rw,user_id=0,group_id=0\n";
        let check = |text: &str, point: &str, expect: bool| {
            assert_eq!(is_mounted(text, point), expect, "{point} in {text}");
        };
        check(&format!("{root}{pve}"), "/etc/pve", true);
        check(&pve.replace("fuse /dev/fuse", "fuse.pmxcfs pmxcfs"), "/etc/pve", true);
        check(&pve.replace("/etc/pve", "/a\\040b"), "/a b", true);
        check(&pve.replace("shared:52 ", ""), "/etc/pve", true);
        check(root, "/etc/pve", false);
        check(&pve.replace("/etc/pve", "/etc/pve2"), "/etc/pve", false);
        check(&pve.replace("fuse /dev/fuse", "fuse.sshfs host:/x"), "/etc/pve", false);
        check(&pve.replace("fuse /dev/fuse", "ext4 pmxcfs"), "/etc/pve", false);
        // What was mounted over it later is what is there.
        check(&format!("{pve}{}", pve.replace("fuse /dev/fuse", "tmpfs tmpfs")), "/etc/pve", false);
        check("rubbish\n\n - \n1 2 3 - fuse\n", "/etc/pve", false);
    }

    #[test]
    fn pmxcfs_that_is_absent_is_told_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let mountinfo = dir.path().join("mountinfo");
        std::fs::write(&mountinfo, "22 1 8:1 / / rw - ext4 /dev/root rw\n").unwrap();
        let config = PmxcfsConfig { mountinfo, ..PmxcfsConfig::default() };
        let e = find(&config).unwrap_err();
        assert!(e.contains("/etc/pve is no mount of pmxcfs"), "{e}");
        let config = PmxcfsConfig { mountinfo: dir.path().join("absent"), ..config };
        assert!(find(&config).unwrap_err().contains("cannot read"));
    }
}
