//! Which volume group lies on a map, told without LVM and without the disk.
//!
//! LVM's own programs read every device that they find, and a LUN that queues holds them for as long as it is away. What is
//! read here lies in memory: udev's record of what it found on the device, the names under which device-mapper has logical
//! volumes on it, and LVM's note of the group to which a physical volume said that it belongs. Last come LVM's text backups,
//! on the root disk, which may be older than what is there. Each may be absent, and nothing in them is taken that has not
//! the form in which LVM writes it.

mod backup;

pub(crate) use backup::Backups;

use crate::roots::Roots;
use crate::sysfs::file::{is_plain, names, read_at_most, read_text};
use pathkeeper_model::local::Pv;

/// Devices on top of one that are looked at.
const HOLDERS_MAX: usize = 256;
/// Partitions of one map that are looked at: a GPT has 128.
const PARTITIONS_MAX: usize = 128;
/// udev's record of one device: some 2 KiB, and more where it has many links.
const UDEV_BYTES_MAX: usize = 64 << 10;
/// LVM's `NAME_LEN` (128) counts the NUL.
const VG_NAME_BYTES_MAX: usize = 127;
/// LVM's `ID_LEN`.
const ID_CHARS: usize = 32;

/// What is known of the physical volumes on a map: on the whole of it, or on its partitions. `dm` is its `dm-N`.
pub(crate) fn read_pvs(roots: &Roots, dm: &str, backups: &mut Backups) -> Vec<Pv> {
    let whole = look(roots, dm);
    let mut out: Vec<Pv> = whole.pv.into_iter().collect();
    out.extend(whole.partitions.iter().filter_map(|partition| look(roots, partition).pv));
    for pv in out.iter_mut().filter(|pv| pv.vg_name.is_none()) {
        pv.vg_name = pv.uuid.as_deref().and_then(|uuid| backups.vg_of(roots, uuid));
    }
    out
}

#[derive(Default)]
struct Found {
    pv: Option<Pv>,
    partitions: Vec<String>,
}

/// One device, its holders and what udev says of it.
fn look(roots: &Roots, dev: &str) -> Found {
    if !is_plain(dev) {
        return Found::default();
    }
    let block = roots.sys.join("block").join(dev);
    let mut pv = Pv { uuid: pv_uuid(roots, &block), ..Pv::default() };
    let mut partitions = Vec::new();
    for holder in names(&block.join("holders"), HOLDERS_MAX) {
        let at = block.join("holders").join(&holder).join("dm");
        let Some(uuid) = read_text(&at.join("uuid")) else { continue };
        if let Some(vg_uuid) = vg_of_dm_uuid(&uuid) {
            pv.vg_uuid = Some(vg_uuid);
            pv.vg_name = read_text(&at.join("name")).as_deref().and_then(vg_of_dm_name);
            // All logical volumes on one physical volume are of one group, and there may be hundreds.
            break;
        }
        if is_partition(&uuid) && partitions.len() < PARTITIONS_MAX {
            partitions.push(holder);
        }
    }
    if pv.vg_name.is_none()
        && let Some(uuid) = &pv.uuid
    {
        pv.vg_name = noted_vg(roots, uuid);
    }
    Found { pv: Some(pv).filter(|pv| *pv != Pv::default()), partitions }
}

/// What is on a device that no map took, in words, as far as udev's database or what stands on the device tells. `None` is
/// no proof that it is empty: a standby path cannot be looked at, and udev does not look at what multipathd claims.
pub(crate) fn read_signature(roots: &Roots, dev: &str) -> Option<String> {
    if let Some(pv) = look(roots, dev).pv {
        return Some(pv.vg_name.map_or_else(|| "LVM PV".into(), |vg| format!("LVM PV of VG {vg}")));
    }
    if !is_plain(dev) {
        return None;
    }
    let record = udev_record(roots, &roots.sys.join("block").join(dev))?;
    let word = |key| {
        let word = said(&record, key)?;
        let is_word =
            word.len() <= 64 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        Some(word).filter(|word| !word.is_empty() && is_word)
    };
    match (word("ID_FS_TYPE="), word("ID_PART_TABLE_TYPE=")) {
        // That it is a path is no news, and no content.
        (Some("mpath_member"), _) | (None, None) => None,
        (Some("LVM2_member"), _) => Some("LVM PV".into()),
        (Some(kind), _) => Some(kind.to_owned()),
        (None, Some(table)) => Some(format!("partition table {table}")),
    }
}

/// udev's database, written after `blkid` looked: lines such as `E:ID_FS_TYPE=LVM2_member`.
fn udev_record(roots: &Roots, block: &std::path::Path) -> Option<String> {
    let file = format!("b{}", read_text(&block.join("dev"))?);
    if !is_plain(&file) {
        return None;
    }
    let record = read_at_most(&roots.run.join("udev/data").join(file), UDEV_BYTES_MAX)?;
    Some(String::from_utf8_lossy(&record).into_owned())
}

fn said<'a>(record: &'a str, key: &str) -> Option<&'a str> {
    record.lines().find_map(|line| line.strip_prefix("E:")?.strip_prefix(key))
}

fn pv_uuid(roots: &Roots, block: &std::path::Path) -> Option<String> {
    let record = udev_record(roots, block)?;
    if said(&record, "ID_FS_TYPE=")? != "LVM2_member" {
        return None;
    }
    dashed(&said(&record, "ID_FS_UUID=")?.replace('-', ""))
}

/// What LVM's event activation notes of each physical volume that it sees (its lib/device/online.c): `major:minor`,
/// `vg:NAME`, `dev:…`, a line each, in a file that is named by the UUID without dashes.
fn noted_vg(roots: &Roots, pv_uuid: &str) -> Option<String> {
    let note = read_text(&roots.run.join("lvm/pvs_online").join(pv_uuid.replace('-', "")))?;
    note.lines().find_map(|line| line.strip_prefix("vg:")).and_then(vg_name)
}

/// `LVM-`, the group's UUID, the logical volume's UUID, and for LVM's inner devices a `-` and more.
fn vg_of_dm_uuid(uuid: &str) -> Option<String> {
    let (vg, rest) = uuid.strip_prefix("LVM-")?.split_at_checked(ID_CHARS)?;
    let (lv, rest) = rest.split_at_checked(ID_CHARS)?;
    dashed(lv)?;
    dashed(vg).filter(|_| rest.is_empty() || rest.starts_with('-'))
}

/// Group, `-`, logical volume; a `-` in either stands there twice.
fn vg_of_dm_name(name: &str) -> Option<String> {
    let mut vg = String::new();
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '-' && chars.next_if_eq(&'-').is_none() {
            return vg_name(&vg);
        }
        vg.push(c);
    }
    None
}

/// What `kpartx` names its devices: `part1-mpath-3600…`.
fn is_partition(uuid: &str) -> bool {
    uuid.strip_prefix("part").and_then(|rest| rest.split_once('-')).is_some_and(|(number, whole)| {
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) && whole.starts_with("mpath-")
    })
}

/// A UUID of LVM's as LVM prints it, 6-4-4-4-4-4-6; `None` for what is none.
fn dashed(id: &str) -> Option<String> {
    // `!` and `#` are in LVM's alphabet and in UUIDs of its first years.
    let right = id.len() == ID_CHARS && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#".contains(&b));
    if !right {
        return None;
    }
    let mut out = String::with_capacity(ID_CHARS + 6);
    for (n, c) in id.chars().enumerate() {
        if matches!(n, 6 | 10 | 14 | 18 | 22 | 26) {
            out.push('-');
        }
        out.push(c);
    }
    Some(out)
}

/// A name that LVM would allow: lvm(8), "Valid names".
fn vg_name(name: &str) -> Option<String> {
    let right = !name.is_empty()
        && name.len() <= VG_NAME_BYTES_MAX
        && name != "."
        && name != ".."
        && !name.starts_with('-')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+_.-".contains(&b));
    right.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    const PV: &str = "HgbGaUQmLBpWdmGeGBN2mDtJ3uB1v4Xy";
    const PV_DASHED: &str = "HgbGaU-QmLB-pWdm-GeGB-N2mD-tJ3u-B1v4Xy";
    const VG: &str = "2Vb0ZcYrNsBq8wJk1fTgXeDh5MuLoA7P";
    const VG_DASHED: &str = "2Vb0Zc-YrNs-Bq8w-Jk1f-TgXe-Dh5M-uLoA7P";
    const LV: &str = "c3PqRs7TuVwXyZ0123456789abcdefGH";

    fn pv(uuid: Option<&str>, vg_name: Option<&str>, vg_uuid: Option<&str>) -> Pv {
        let [uuid, vg_name, vg_uuid] = [uuid, vg_name, vg_uuid].map(|text| text.map(str::to_owned));
        Pv { uuid, vg_name, vg_uuid }
    }

    fn read(tree: &Tree) -> Vec<Pv> {
        read_pvs(&Roots::below(tree.root()), "dm-3", &mut Backups::default())
    }

    /// A map that udev says to be a physical volume.
    fn member() -> Tree {
        let tree = Tree::new();
        let record = format!(
            "S:mapper/data01\nI:88\nE:DM_UUID=mpath-3600a1\nE:ID_FS_UUID_ENC={PV_DASHED}\nE:ID_FS_UUID={PV_DASHED}\n\
             E:ID_FS_VERSION=LVM2 001\nE:ID_FS_TYPE=LVM2_member\nE:ID_FS_USAGE=raid\nG:systemd\nV:1\n"
        );
        tree.file("sys/block/dm-3/dev", "253:3\n").file("run/udev/data/b253:3", &record);
        tree
    }

    fn holder(tree: &Tree, on: &str, dm: &str, uuid: &str, name: &str) {
        tree.file(&format!("sys/block/{dm}/dm/uuid"), &format!("{uuid}\n"))
            .file(&format!("sys/block/{dm}/dm/name"), &format!("{name}\n"))
            .link(&format!("sys/block/{on}/holders/{dm}"), &format!("../../{dm}"));
    }

    #[test]
    fn the_group_is_known_by_its_volumes_and_before_they_are_active_by_lvms_note() {
        let tree = member();
        assert_eq!(read(&tree), [pv(Some(PV_DASHED), None, None)]);
        let backup = format!(
            "old {{\n\tseqno = 1\n\tphysical_volumes {{\n\t\tpv0 {{\n\t\t\tid = \"{PV_DASHED}\"\n\t\t}}\n\t}}\n}}\n"
        );
        tree.file("etc/lvm/backup/old", &backup);
        assert_eq!(read(&tree), [pv(Some(PV_DASHED), Some("old"), None)]);
        tree.file(&format!("run/lvm/pvs_online/{PV}"), "253:3\nvg:vg-noted\ndev:/dev/mapper/data01\n");
        assert_eq!(read(&tree), [pv(Some(PV_DASHED), Some("vg-noted"), None)]);
        // A name that was changed since is known by what is active.
        holder(&tree, "dm-3", "dm-7", &format!("LVM-{VG}{LV}"), "vg--san-vm--100--disk--0");
        assert_eq!(read(&tree), [pv(Some(PV_DASHED), Some("vg-san"), Some(VG_DASHED))]);
        // Without udev the volumes still tell.
        std::fs::remove_file(tree.root().join("run/udev/data/b253:3")).unwrap();
        assert_eq!(read(&tree), [pv(None, Some("vg-san"), Some(VG_DASHED))]);
    }

    #[test]
    fn partitions_bear_physical_volumes_too() {
        let tree = Tree::new();
        tree.file("sys/block/dm-3/dev", "253:3\n").file("run/udev/data/b253:3", "E:ID_PART_TABLE_TYPE=gpt\n");
        for part in ["dm-4", "dm-5"] {
            let n = part.trim_start_matches("dm-");
            holder(&tree, "dm-3", part, &format!("part{n}-mpath-3600a1"), &format!("data01-part{n}"));
            tree.file(&format!("sys/block/{part}/dev"), &format!("253:{n}\n"));
        }
        assert_eq!(read(&tree), []);
        tree.file("run/udev/data/b253:5", &format!("E:ID_FS_TYPE=LVM2_member\nE:ID_FS_UUID={PV_DASHED}\n"));
        holder(&tree, "dm-5", "dm-8", &format!("LVM-{VG}{LV}-tdata"), "pool-thin_tdata");
        assert_eq!(read(&tree), [pv(Some(PV_DASHED), Some("pool"), Some(VG_DASHED))]);
        // No partition has partitions, and a device that is its own holder ends nothing.
        holder(&tree, "dm-5", "dm-3", "part9-mpath-3600a1", "loop");
        assert_eq!(read(&tree).len(), 1);
    }

    #[test]
    fn what_is_on_a_path_is_what_udev_says_and_nothing_is_no_proof() {
        let check = |record: &str, expect: Option<&str>| {
            let tree = Tree::new();
            tree.file("sys/block/sdb/dev", "8:16\n").file("run/udev/data/b8:16", record);
            let roots = Roots::below(tree.root());
            assert_eq!(read_signature(&roots, "sdb").as_deref(), expect, "{record}");
        };
        let pv = format!("E:ID_FS_TYPE=LVM2_member\nE:ID_FS_UUID={PV_DASHED}\n");
        check(&pv, Some("LVM PV"));
        check("E:ID_FS_TYPE=LVM2_member\nE:ID_FS_UUID=odd\n", Some("LVM PV"));
        check("E:ID_FS_TYPE=ext4\nE:ID_PART_TABLE_TYPE=gpt\n", Some("ext4"));
        check("E:ID_PART_TABLE_TYPE=gpt\n", Some("partition table gpt"));
        for nothing in ["", "E:ID_FS_TYPE=mpath_member\n", "E:ID_FS_TYPE=\n", "E:ID_FS_TYPE=\u{1b}[2J\n"] {
            check(nothing, None);
        }
        let tree = Tree::new();
        tree.file("sys/block/sdb/dev", "8:16\n").file("run/udev/data/b8:16", &pv);
        tree.file(&format!("run/lvm/pvs_online/{PV}"), "8:16\nvg:prod-erp\ndev:/dev/sdb\n");
        let roots = Roots::below(tree.root());
        assert_eq!(read_signature(&roots, "sdb").as_deref(), Some("LVM PV of VG prod-erp"));
        assert_eq!(read_signature(&roots, "../sdb"), None);
        assert_eq!(read_signature(&roots, "sdc"), None);
    }

    #[test]
    fn what_has_not_lvms_form_is_as_if_absent() {
        let nothing = |change: &dyn Fn(&Tree)| {
            let tree = member();
            change(&tree);
            assert_eq!(read(&tree), []);
        };
        let record = |text: &str| {
            let text = text.to_owned();
            move |tree: &Tree| {
                tree.file("run/udev/data/b253:3", &text);
            }
        };
        nothing(&record(""));
        nothing(&record(&format!("E:ID_FS_TYPE=ext4\nE:ID_FS_UUID={PV_DASHED}\n")));
        nothing(&record(&format!("E:ID_FS_UUID={PV_DASHED}\n")));
        nothing(&record("E:ID_FS_TYPE=LVM2_member\n"));
        nothing(&record("E:ID_FS_TYPE=LVM2_member\nE:ID_FS_UUID=../../../etc/passwd\n"));
        nothing(&record(
            "E:ID_FS_TYPE=LVM2_member\nE:ID_FS_UUID=HgbGaU-QmLB-pWdm-GeGB-N2mD-tJ3u-B1v4X\u{e9}\n",
        ));
        // Longer than is read.
        let long = format!("E:X={}\n", "x".repeat(100)).repeat(1_000);
        nothing(&record(&format!("{long}E:ID_FS_TYPE=LVM2_member\nE:ID_FS_UUID={PV_DASHED}\n")));
        nothing(&|tree| {
            tree.file("sys/block/dm-3/dev", "../../../etc/passwd\n");
        });
        nothing(&|tree| {
            let at = tree.root().join("run/udev/data/b253:3");
            std::fs::remove_file(&at).unwrap();
            rustix::fs::mknodat(rustix::fs::CWD, at, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
                .unwrap();
        });
        // A record that is no text, or has lines without end, is no reason to miss the lines that are right.
        let tree = member();
        std::fs::write(
            tree.root().join("run/udev/data/b253:3"),
            [b"\xff\xfe\0E:\n", format!("E:ID_FS_TYPE=LVM2_member\nE:ID_FS_UUID={PV_DASHED}").as_bytes()]
                .concat(),
        )
        .unwrap();
        assert_eq!(read(&tree), [pv(Some(PV_DASHED), None, None)]);
        for note in
            ["", "vg:\n", "vg:-x\n", "vg:a/b\n", "vg:..\n", "VG:x\n", &format!("vg:{}\n", "x".repeat(128))]
        {
            tree.file(&format!("run/lvm/pvs_online/{PV}"), note);
            assert_eq!(read(&tree), [pv(Some(PV_DASHED), None, None)], "{note}");
        }
        // Holders of other kinds, and of bad names.
        for (n, uuid) in ["CRYPT-LUKS2-x", "LVM-", &format!("LVM-{VG}"), &format!("LVM-{VG}{LV}x"), "\u{e9}"]
            .into_iter()
            .enumerate()
        {
            holder(&tree, "dm-3", &format!("dm-1{n}"), uuid, "vg-lv");
        }
        tree.file("sys/block/dm-3/holders/md127", "");
        assert_eq!(read(&tree), [pv(Some(PV_DASHED), None, None)]);
        holder(&tree, "dm-3", "dm-7", &format!("LVM-{VG}{LV}"), "noseparator");
        assert_eq!(read(&tree), [pv(Some(PV_DASHED), None, Some(VG_DASHED))]);
        assert_eq!(read_pvs(&Roots::below(tree.root()), "../dm-3", &mut Backups::default()), []);
        assert_eq!(read_pvs(&Roots::below(tree.root()), "dm-99", &mut Backups::default()), []);
    }

    #[test]
    fn names_of_groups_in_names_of_devices() {
        for (name, vg) in [
            ("vg-lv", Some("vg")),
            ("my--vg-vm--1--disk", Some("my-vg")),
            ("odd-----lv", Some("odd--")),
            ("v.g+1_x-lv-real", Some("v.g+1_x")),
            ("vg", None),
            ("vg--lv", None),
            ("-lv", None),
            ("--vg-lv", None),
            ("", None),
            ("v g-lv", None),
        ] {
            assert_eq!(vg_of_dm_name(name).as_deref(), vg, "{name}");
        }
        for (uuid, is) in [
            ("part1-mpath-x", true),
            ("part128-mpath-x", true),
            ("part-mpath-x", false),
            ("partx-mpath-", false),
            ("part1-LVM-", false),
        ] {
            assert_eq!(is_partition(uuid), is, "{uuid}");
        }
    }
}
