//! Who uses a disk by itself, beside any map: mounts, swap, LVM, md and other device-mapper devices on it or on its
//! partitions. It is told from the users' side, for these are fewer than a large node's disks: `/proc`, the slaves of
//! `dm-N` and `mdN` in sysfs, and LVM's notes in `/run`.

use std::path::Path;

use rustc_hash::FxHashMap;

use crate::roots::Roots;
use crate::sysfs::file::{is_plain, names, read_at_most, read_bytes, read_text};

/// Block devices that are looked at.
const DEVICES_MAX: usize = 65_536;
/// Devices below one.
const SLAVES_MAX: usize = 1_024;
/// A machine of many containers has some thousand mounts.
const MOUNTS_BYTES_MAX: usize = 4 << 20;
/// LVM's notes.
const NOTES_MAX: usize = 16_384;
/// What is shown of a name.
const WORDS_BYTES_MAX: usize = 160;

/// Disks by their kernel name, each with the first user that was found, in words.
#[derive(Debug, Default)]
pub(super) struct Users(FxHashMap<String, String>);

impl Users {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn of(&self, dev: &str) -> Option<&str> {
        self.0.get(dev).map(String::as_str)
    }

    /// Looks; a mount is the strongest word, then swap, what stands in the kernel, LVM's notes.
    pub(super) fn read(roots: &Roots) -> Self {
        let mut users = Self::default();
        users.mounts(roots);
        users.swaps(roots);
        users.stacked(roots);
        users.notes(roots);
        users
    }

    fn add(&mut self, disk: Option<String>, part: &str, what: impl FnOnce() -> String) {
        let Some(disk) = disk else { return };
        let words = |disk: &str| {
            let mut words = what();
            if part != disk && !part.is_empty() {
                words.push_str(&format!(" (on {part})"));
            }
            let mut end = words.len().min(WORDS_BYTES_MAX);
            while !words.is_char_boundary(end) {
                end -= 1;
            }
            words.truncate(end);
            words
        };
        let said = words(&disk);
        self.0.entry(disk).or_insert(said);
    }

    /// `36 35 98:0 /mnt1 /mnt2 rw,noatime - ext3 /dev/root rw` (proc_pid_mountinfo(5)).
    fn mounts(&mut self, roots: &Roots) {
        let Some(bytes) = read_at_most(&roots.proc.join("self/mountinfo"), MOUNTS_BYTES_MAX) else { return };
        for line in String::from_utf8_lossy(&bytes).lines() {
            let mut fields = line.split(' ');
            let (dev_t, at) = (fields.nth(2), fields.nth(1));
            let source = line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').nth(1));
            let (Some(dev_t), Some(at), Some(source)) = (dev_t, at, source) else { continue };
            // Some file systems (btrfs) have device numbers of their own.
            let name = match dev_t.starts_with("0:") {
                true => source.strip_prefix("/dev/").map(str::to_owned),
                false => name_of_dev_t(roots, dev_t),
            };
            let Some(name) = name else { continue };
            self.add(disk_of(roots, &name), &name, || format!("mounted at {}", unescape(at)));
        }
    }

    fn swaps(&mut self, roots: &Roots) {
        let Some(bytes) = read_at_most(&roots.proc.join("swaps"), MOUNTS_BYTES_MAX) else { return };
        for line in String::from_utf8_lossy(&bytes).lines().skip(1) {
            let Some(name) = line.split_whitespace().next().and_then(|at| at.strip_prefix("/dev/")) else {
                continue;
            };
            self.add(disk_of(roots, name), name, || "swap".to_owned());
        }
    }

    /// Devices of device-mapper and md, but for maps of multipath: by what lies below them.
    fn stacked(&mut self, roots: &Roots) {
        let block = roots.sys.join("block");
        for name in names(&block, DEVICES_MAX) {
            let what = if name.starts_with("dm-") {
                // A device whose kind is not told proves nothing: it may be a map.
                let Some(uuid) = read_bytes(&block.join(&name).join("dm/uuid")) else { continue };
                if uuid.starts_with(b"mpath-") {
                    continue;
                }
                let called = read_text(&block.join(&name).join("dm/name")).unwrap_or_else(|| name.clone());
                match uuid.starts_with(b"LVM-") {
                    true => format!("LVM ({called})"),
                    false => format!("{name} ({called})"),
                }
            } else if name.starts_with("md") || name.starts_with("bcache") {
                match name.starts_with("md") {
                    true => name.clone(),
                    false => format!("held by {name}"),
                }
            } else {
                continue;
            };
            for slave in names(&block.join(&name).join("slaves"), SLAVES_MAX) {
                if !slave.starts_with("dm-") && !slave.starts_with("md") {
                    self.add(disk_of(roots, &slave), &slave, || what.clone());
                }
            }
        }
    }

    /// `8:16`, `vg:NAME`, `dev:/dev/sdb`, a line each: by which device LVM took a physical volume (its lib/device/online.c).
    fn notes(&mut self, roots: &Roots) {
        let at = roots.run.join("lvm/pvs_online");
        for note in names(&at, NOTES_MAX) {
            let Some(text) = read_text(&at.join(&note)) else { continue };
            let Some(name) = text.lines().next().and_then(|dev_t| name_of_dev_t(roots, dev_t.trim())) else {
                continue;
            };
            if name.starts_with("dm-") || name.starts_with("md") {
                continue;
            }
            let vg = text.lines().find_map(|line| line.strip_prefix("vg:")).filter(|vg| !vg.is_empty());
            self.add(disk_of(roots, &name), &name, || match vg {
                Some(vg) => format!("LVM (PV of VG {vg}, by its note in /run/lvm/pvs_online)"),
                None => "LVM (a PV, by its note in /run/lvm/pvs_online)".to_owned(),
            });
        }
    }
}

/// The whole disk of `8:16` or of a partition's number.
pub(super) fn disk_of_dev_t(roots: &Roots, dev_t: &str) -> Option<String> {
    disk_of(roots, &name_of_dev_t(roots, dev_t)?)
}

/// `8:17` to `sda1`.
fn name_of_dev_t(roots: &Roots, dev_t: &str) -> Option<String> {
    let plain = dev_t.len() <= 16 && dev_t.bytes().all(|b| b.is_ascii_digit() || b == b':');
    if !plain {
        return None;
    }
    let link = std::fs::read_link(roots.sys.join("dev/block").join(dev_t)).ok()?;
    Some(link.file_name()?.to_str()?.to_owned())
}

/// `sda1` to `sda`, `sda` to itself. `None` for what sysfs does not know, and for stacked devices.
fn disk_of(roots: &Roots, name: &str) -> Option<String> {
    if !is_plain(name) || name.starts_with("dm-") || name.starts_with("md") || name.starts_with("loop") {
        return None;
    }
    if roots.sys.join("block").join(name).exists() {
        return Some(name.to_owned());
    }
    // `../../devices/…/block/sda/sda1`.
    let link = std::fs::read_link(roots.sys.join("class/block").join(name)).ok()?;
    let parent = link.parent().and_then(Path::file_name)?.to_str()?;
    (is_plain(parent) && roots.sys.join("block").join(parent).exists()).then(|| parent.to_owned())
}

/// mountinfo writes blanks and the like as `\040`.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(|code| (0x20..0x7f).contains(code)) {
            Some(code) => {
                out.push(char::from(code));
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    /// sda with a partition, sdb, sdc, sdd, and a map dm-0 on sdb.
    fn disks() -> Tree {
        let tree = Tree::new();
        for (disk, number) in [("sda", 0), ("sdb", 16), ("sdc", 32), ("sdd", 48)] {
            let at = format!("sys/devices/pci0/{disk}/block/{disk}");
            tree.file(&format!("{at}/dev"), &format!("8:{number}\n"))
                .link(&format!("sys/block/{disk}"), &format!("../devices/pci0/{disk}/block/{disk}"))
                .link(
                    &format!("sys/dev/block/8:{number}"),
                    &format!("../../devices/pci0/{disk}/block/{disk}"),
                );
        }
        tree.file("sys/devices/pci0/sda/block/sda/sda1/dev", "8:1\n")
            .link("sys/class/block/sda1", "../../devices/pci0/sda/block/sda/sda1")
            .link("sys/dev/block/8:1", "../../devices/pci0/sda/block/sda/sda1");
        stack(&tree, "dm-0", "mpath-3600a", "data01", "sdb");
        tree
    }

    fn stack(tree: &Tree, name: &str, uuid: &str, called: &str, on: &str) {
        tree.file(&format!("sys/block/{name}/dm/uuid"), &format!("{uuid}\n"))
            .file(&format!("sys/block/{name}/dm/name"), &format!("{called}\n"))
            .file(&format!("sys/block/{name}/slaves/{on}/x"), "");
    }

    fn of(tree: &Tree, dev: &str) -> Option<String> {
        Users::read(&Roots::below(tree.root())).of(dev).map(str::to_owned)
    }

    #[test]
    fn a_map_is_no_user_of_its_paths_and_what_stands_on_the_map_is_none() {
        let tree = disks();
        stack(&tree, "dm-1", "LVM-abc", "vg0-data", "dm-0");
        // Of a device without a kind nothing is known.
        tree.file("sys/block/dm-4/slaves/sdb/x", "");
        tree.file("proc/self/mountinfo", "22 1 253:1 / /srv rw - ext4 /dev/mapper/vg0-data rw\n");
        assert!(Users::read(&Roots::below(tree.root())).is_empty());
    }

    #[test]
    fn mounts_swap_lvm_md_and_notes() {
        let tree = disks();
        stack(&tree, "dm-2", "LVM-abc", "vg1-lv", "sdb");
        assert_eq!(of(&tree, "sdb").as_deref(), Some("LVM (vg1-lv)"));
        stack(&tree, "dm-3", "CRYPT-LUKS2-x", "secret", "sdc");
        assert_eq!(of(&tree, "sdc").as_deref(), Some("dm-3 (secret)"));
        tree.file("sys/block/md127/slaves/sdd/x", "");
        assert_eq!(of(&tree, "sdd").as_deref(), Some("md127"));
        tree.file(
            "proc/self/mountinfo",
            "22 1 8:1 / /srv\\040x rw,relatime shared:1 - ext4 /dev/sda1 rw\n23 1 0:45 / /b rw - btrfs /dev/sdd rw\nrubbish\n",
        );
        assert_eq!(of(&tree, "sda").as_deref(), Some("mounted at /srv x (on sda1)"));
        assert_eq!(of(&tree, "sdd").as_deref(), Some("mounted at /b"));
        tree.file("proc/self/mountinfo", "").file(
            "proc/swaps",
            "Filename Type Size Used Priority\n/dev/sda1 partition 1 0 -2\n/swapfile file 1 0 -3\n",
        );
        assert_eq!(of(&tree, "sda").as_deref(), Some("swap (on sda1)"));
        let tree = disks();
        tree.file("run/lvm/pvs_online/HgbGaUQm", "8:16\nvg:prod\ndev:/dev/sdb\n")
            .file("run/lvm/pvs_online/other", "253:0\nvg:prod\n")
            .file("run/lvm/pvs_online/odd", "../../x\n");
        let words = "LVM (PV of VG prod, by its note in /run/lvm/pvs_online)";
        assert_eq!(of(&tree, "sdb").as_deref(), Some(words));
        assert_eq!(Users::read(&Roots::below(tree.root())).0.len(), 1);
    }

    #[test]
    fn whatever_stands_in_mountinfo_is_read() {
        for (text, expect) in [
            ("a\\040b", "a b"),
            ("a\\", "a\\"),
            ("\\1", "\\1"),
            ("\\999", "\\999"),
            ("\\é40", "\\é40"),
            ("\\001x", "\\001x"),
        ] {
            assert_eq!(unescape(text), expect);
        }
        let roots = Roots::below(Path::new("/nowhere"));
        assert_eq!(name_of_dev_t(&roots, "../../etc"), None);
        assert_eq!(disk_of(&roots, "../sda"), None);
    }
}
