//! `storage.cfg`: every trap of Proxmox VE's reader, LUNs in volume names, any bytes.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fmt::Write as _;

use pathkeeper_model::storage_cfg::{Storage, StorageCfg, StorageKind};
use proptest::prelude::*;

fn show(storage: &Storage) -> String {
    let mut out = storage.id.clone();
    match &storage.kind {
        StorageKind::Lvm { vg, base, shared } => {
            write!(out, " lvm {vg}{}", if *shared { " shared" } else { "" }).expect("memory");
            if let Some(base) = base {
                let wwid = base.wwid.as_ref().map_or("-", |wwid| wwid.as_str());
                write!(out, " on {}:{wwid}", base.storage).expect("memory");
            }
        }
        StorageKind::LvmThin { vg } => write!(out, " thin {vg}").expect("memory"),
        StorageKind::Iscsi { portal, target } => write!(out, " iscsi {portal} {target}").expect("memory"),
        StorageKind::Multipath { wwids } => {
            let wwids = wwids.as_ref().map_or("all".to_owned(), |w| format!("{w:?}").replace('"', ""));
            write!(out, " multipath {wwids}").expect("memory");
        }
        StorageKind::Other(kind) => write!(out, " {kind}").expect("memory"),
    }
    if storage.disabled {
        out.push_str(" disabled");
    }
    if let Some(nodes) = &storage.nodes {
        let nodes: Vec<&str> = nodes.iter().map(|node| node.as_str()).collect();
        write!(out, " @{}", nodes.join("+")).expect("memory");
    }
    out
}

/// All storages but the `local` that is always there, and the lines with problems.
fn read(text: &str) -> (Vec<String>, Vec<u32>) {
    let cfg = StorageCfg::parse(text.as_bytes());
    let storages = cfg.storages.iter().filter(|s| s.line > 0 || s.id != "local").map(show).collect();
    (storages, cfg.problems.iter().map(|problem| problem.line).collect())
}

fn check(text: &str, storages: &[&str], problems: &[u32]) {
    let (got, lines) = read(text);
    assert_eq!(got, storages, "{text}");
    assert_eq!(lines, problems, "{text}{:#?}", StorageCfg::parse(text.as_bytes()).problems);
}

/// An lvm storage with this line, and whether the line is a problem.
fn lvm(line: &str, expect: &str, bad: bool) {
    let text = format!("lvm: st\n\tvgname vg0\n\t{line}\n");
    check(&text, &[expect], if bad { &[3] } else { &[] });
}

#[test]
fn a_usual_file() {
    check(
        "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl,backup\n\n\
         lvmthin: local-lvm\n\tthinpool data\n\tvgname pve\n\tcontent rootdir,images\n\n\
         iscsi: netapp1\n\tportal 10.0.0.1\n\ttarget iqn.1992-08.com.netapp:sn.1\n\tcontent none\n\tnodes pve1,pve2\n\n\
         lvm: oracle\n\tvgname oracle\n\tbase netapp1:0.0.3.scsi-3600a098038304479363f4c4870455a71\n\tshared 1\n\n\
         lvm: vm-prod\n\tvgname vm-prod\n\tcontent rootdir,images\n\tshared 1\n\tdisable\n\tnodes pve3\n\n\
         nfs: share\n\texport /x\n\tpath /mnt/pve/share\n\tserver 10.0.0.9\n\toptions vers=4\n",
        &[
            "local dir",
            "local-lvm thin pve",
            "netapp1 iscsi 10.0.0.1 iqn.1992-08.com.netapp:sn.1 @pve1+pve2",
            "oracle lvm oracle shared on netapp1:3600a098038304479363f4c4870455a71",
            "vm-prod lvm vm-prod shared disabled @pve3",
            "share nfs",
        ],
        &[],
    );
}

#[test]
fn a_local_storage_is_always_there() {
    for empty in ["", "\n", "lvm: st\n\tvgname vg0\n"] {
        let cfg = StorageCfg::parse(empty.as_bytes());
        assert_eq!((show(&cfg.storages[0]), cfg.storages[0].line), ("local dir".to_owned(), 0), "{empty}");
    }
    check("dir: local\n\tpath /var/lib/vz\n\tnodes pve1\n", &["local dir"], &[1]);
    check("dir: local\n\tpath /var/lib/vz\n\tdisable\n", &["local dir disabled"], &[]);
    check("dir: local\n\tpath /srv\n\tdisable\n", &["local dir"], &[1]);
    check("lvm: local\n\tvgname vg0\n\tshared 1\n", &["local dir"], &[1]);
}

#[test]
fn types() {
    // In lower case, whatever stands there.
    check("LVM: st\n\tvgname vg0\n", &["st lvm vg0"], &[]);
    check("Nfs: st\n", &["st nfs"], &[]);
    check("lmv: st\n\tvgname vg0\n\nlvm: su\n\tvgname vg1\n", &["su lvm vg1"], &[1]);
    check("linstor: st\n\tvgname vg0\n", &[], &[1]);
    check("lvm:x: st\n\tvgname vg0\n", &[], &[1]);
}

#[test]
fn ids() {
    for good in ["ab", "A1", "a-b_c.d", "a..b", "aB-9"] {
        check(&format!("lvm: {good}\n\tvgname vg0\n"), &[&format!("{good} lvm vg0")], &[]);
    }
    for bad in ["a", "1a", "-a", "a-", "a.", "a_", "a:b", "aé", "a/b", "é1"] {
        check(&format!("lvm: {bad}\n\tvgname vg0\n"), &[], &[1]);
    }
}

#[test]
fn an_unknown_key_is_dropped_and_its_section_stays() {
    lvm("colour red", "st lvm vg0", true);
    lvm("portal 10.0.0.1", "st lvm vg0", true);
    lvm("Disable 1", "st lvm vg0", true);
    lvm("saferemove 1", "st lvm vg0", false);
    lvm("snapshot-as-volume-chain 1", "st lvm vg0", false);
    lvm("type lvm", "st lvm vg0", false);
    lvm("type iscsi", "st lvm vg0", true);
    // A thin pool is never shared.
    check("lvmthin: st\n\tvgname vg0\n\tthinpool t0\n\tshared 1\n", &["st thin vg0"], &[4]);
}

#[test]
fn booleans_are_one_zero_or_bare() {
    lvm("disable", "st lvm vg0 disabled", false);
    lvm("disable 1", "st lvm vg0 disabled", false);
    lvm("disable 0", "st lvm vg0", false);
    lvm("shared 1", "st lvm vg0 shared", false);
    lvm("shared", "st lvm vg0 shared", false);
    for bad in ["yes", "true", "on", "no", "TRUE", "2", "01", "1 ,", "10"] {
        lvm(&format!("disable {bad}"), "st lvm vg0", true);
        lvm(&format!("shared {bad}"), "st lvm vg0", true);
    }
}

#[test]
fn of_a_key_that_stands_twice_the_first_good_one_counts() {
    check("lvm: st\n\tvgname vg0\n\tvgname vg1\n", &["st lvm vg0"], &[3]);
    check("lvm: st\n\tvgname -\n\tvgname vg1\n", &["st lvm vg1"], &[2]);
    check(
        "lvm: st\n\tvgname vg0\n\tdisable yes\n\tdisable 1\n\tdisable 0\n",
        &["st lvm vg0 disabled"],
        &[3, 5],
    );
    check("lvm: st\n\tvgname vg0\n\tnodes pve_1\n\tnodes pve2\n", &["st lvm vg0 @pve2"], &[3]);
    check("lvm: st\n\tvgname vg0\n\tsaferemove 1\n\tsaferemove 1\n", &["st lvm vg0"], &[4]);
}

#[test]
fn of_an_id_that_stands_twice_the_last_section_counts() {
    check(
        "lvm: st\n\tvgname vg0\n\nlvm: su\n\tvgname vg1\n\nlvm: st\n\tvgname vg2\n\tdisable\n",
        &["su lvm vg1", "st lvm vg2 disabled"],
        &[1],
    );
    // Also if it cannot be used: then there is none.
    check("lvm: st\n\tvgname vg0\n\nlvm: st\n\tshared 1\n", &[], &[1, 4]);
    // But a section that is passed over whole takes nobody's place.
    check("lvm: st\n\tvgname vg0\n\nlmv: st\n\tvgname vg1\n", &["st lvm vg0"], &[4]);
}

#[test]
fn nodes() {
    lvm("nodes pve1", "st lvm vg0 @pve1", false);
    lvm("nodes pve2,pve1;pve3 pve4\t, pve5", "st lvm vg0 @pve1+pve2+pve3+pve4+pve5", false);
    lvm("nodes pve1,,pve2,", "st lvm vg0 @pve1+pve2", false);
    lvm("nodes PVE-1,9", "st lvm vg0 @9+PVE-1", false);
    // A list of nobody is not the same as no list.
    lvm("nodes ,", "st lvm vg0 @", false);
    lvm("nodes ; ,", "st lvm vg0 @", false);
    lvm("nodes", "st lvm vg0", true);
    // One bad name drops the whole key, and then the storage counts for every node.
    for bad in ["pve1,pve_2", "pve1.example.com", "pve1,-pve2", "pve1 pve2-", "pvé"] {
        lvm(&format!("nodes {bad}"), "st lvm vg0", true);
    }
    // Where there is a NUL, it alone separates.
    lvm("nodes pve1\0pve2\0", "st lvm vg0 @pve1+pve2", false);
    lvm("nodes pve1\0pve2,pve3", "st lvm vg0", true);
    lvm("nodes pve1\0\0pve2", "st lvm vg0", true);
}

#[test]
fn what_must_be_there() {
    check("lvm: st\n\tshared 1\n", &[], &[1]);
    check("lvm: st\n\tvgname\n", &[], &[1, 2]);
    check("lvmthin: st\n\tvgname vg0\n", &[], &[1]);
    check("lvmthin: st\n\tthinpool t0\n", &[], &[1]);
    check("iscsi: st\n\tportal 10.0.0.1:3260\n", &[], &[1]);
    check("iscsi: st\n\ttarget iqn.x\n", &[], &[1]);
    check("iscsi: st\n\tportal [fd00::1]:3260\n\ttarget iqn.x\n", &["st iscsi [fd00::1]:3260 iqn.x"], &[]);
    check("iscsi: st\n\tportal two words\n\ttarget iqn.x\n", &[], &[1, 2]);
}

#[test]
fn volume_groups() {
    for good in ["vg", "0a", "vg_0.1-x", "VG"] {
        check(&format!("lvm: st\n\tvgname {good}\n"), &[&format!("st lvm {good}")], &[]);
    }
    for bad in ["v", "-vg", "vg-", "_vg", "v g", "vg/x", "vé0"] {
        check(&format!("lvm: st\n\tvgname {bad}\n"), &[], &[1, 2]);
    }
}

#[test]
fn content_that_cannot_be_drops_the_key_or_the_storage() {
    lvm("content images,rootdir", "st lvm vg0", false);
    lvm("content images,iso", "st lvm vg0", false);
    lvm("content imagse", "st lvm vg0", true);
    check("lvm: st\n\tvgname vg0\n\tcontent iso\n", &[], &[1]);
    check("lvm: st\n\tvgname vg0\n\tcontent ,\n", &[], &[1]);
    check("lvm: st\n\tvgname vg0\n\tcontent none\n", &[], &[1]);
    let iscsi = "iscsi: st\n\tportal p\n\ttarget t\n\tcontent";
    check(&format!("{iscsi} none\n"), &["st iscsi p t"], &[]);
    check(&format!("{iscsi} images\n"), &["st iscsi p t"], &[]);
    check(&format!("{iscsi} none,images\n"), &[], &[1]);
}

#[test]
fn bases() {
    let good = |volume: &str, wwid: &str| {
        lvm(&format!("base san:{volume}"), &format!("st lvm vg0 on san:{wwid}"), false);
    };
    good("0.0.1.scsi-36001405abc", "36001405abc");
    good("12.0.255.dm-uuid-mpath-36001405abc", "36001405abc");
    good("0.0.1.scsi-SLIO-ORG_x:y", "SLIO-ORG_x:y");
    // These name a volume and tell no WWID.
    for none in [
        "0.0.1.wwn-0x6001405abc",
        "0.0.1.scsi-",
        "0.0.scsi-36001405abc",
        "0.0.x.scsi-36001405abc",
        "0..1.scsi-36001405abc",
        "scsi-36001405abc",
        "0.0.1.scsi-3600/x",
        "0.0.1.scsi-3600 x",
        "lun1",
    ] {
        good(none, "-");
    }
    for bad in ["san", "s:0.0.1.scsi-3600", ":x", "san:", "1san:x", "san-:x"] {
        lvm(&format!("base {bad}"), "st lvm vg0", true);
    }
}

#[test]
fn multipath_storages() {
    check("multipath: mp\n", &["mp multipath all"], &[]);
    check("multipath: mp\n\tnodes pve1\n\tdisable\n", &["mp multipath all disabled @pve1"], &[]);
    check(
        "multipath: mp\n\twwids 3600b 3600a,3600b\n\tcontent images\n",
        &["mp multipath {3600a, 3600b}"],
        &[],
    );
    check("multipath: mp\n\twwids ,\n", &["mp multipath {}"], &[]);
    check("multipath: mp\n\twwids\n", &["mp multipath all"], &[2]);
    check(&format!("multipath: mp\n\twwids 3600a,{}\n", "3".repeat(300)), &["mp multipath all"], &[2]);
    check("multipath: mp\n\tvgname vg0\n", &["mp multipath all"], &[2]);
}

#[test]
fn what_the_grammar_passes_over_is_told() {
    // The header is not one, and its properties fall into the storage before.
    check(
        "lvm: st\n\tvgname vg0\nlvm: su\n\tvgname vg1\n\tshared 1\n\tnodes pve1\n",
        &["st lvm vg0 shared @pve1"],
        &[3, 4],
    );
    check("lvm: st\n\tvgname vg0\n \nlvm: su\n\tvgname vg1\n", &["st lvm vg0"], &[4, 5]);
    check("lvm: st\r\n\tvgname vg0\r\n\r\nlvm: su\r\n\tvgname vg1\r\n", &["st lvm vg0"], &[4, 5]);
    check("lvm: st\n\tvgname vg0\nnodes pve1\n", &["st lvm vg0"], &[3]);
    check("lvm: st\n\tvgname vg0\n#\tnodes pve1\n\tshared 1\n", &["st lvm vg0 shared"], &[]);
    check("lvm: st\n\tvgname vg0\n0\n\tshared 1\n", &["st lvm vg0"], &[4]);
    check("nodes pve1\n\nlvm: st\n\tvgname vg0\n", &["st lvm vg0"], &[1]);
}

#[test]
fn problems_are_for_people_and_bounded() {
    let cfg = StorageCfg::parse(b"lvm: st\n\tvgname vg0\n\tnodes pve1,pve_2\n");
    assert_eq!(
        cfg.problems[0].to_string(),
        "line 3: \"nodes\" of the storage st does not count: \"pve_2\" is no node's name (letters, digits, dashes \
         between), so no node is left out: the storage counts for all"
    );
    let many = "lmv: st\n\n".repeat(130);
    let problems = StorageCfg::parse(many.as_bytes()).problems;
    assert_eq!((problems.len(), problems[100].to_string()), (101, "and 30 more".to_owned()));
}

fn files() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "(lvm|LVM|iscsi|lvmthin|multipath|dir|nfs|lmv): (aa|bb|local|c|-)",
        "\t(vgname|thinpool|base|portal|target|nodes|shared|disable|content|wwids|path|odd)( [ab01,; ]{0,4})?",
        "\t(vgname vg0|thinpool tt|portal p|target t|path /srv|base aa:0.0.1.scsi-3600)",
        Just(String::new()),
        "[ \t\r0#]{0,2}",
        "\\PC{0,5}",
    ];
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn any_file_is_read(text in files(), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = StorageCfg::parse(&bytes);
        let cfg = StorageCfg::parse(text.as_bytes());
        let mut ids: Vec<&str> = cfg.storages.iter().map(|storage| storage.id.as_str()).collect();
        prop_assert!(ids.contains(&"local"));
        prop_assert!(cfg.get("local").is_some_and(|local| local.nodes.is_none()));
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(count, ids.len());
        prop_assert!(cfg.problems.is_sorted());
    }
}
