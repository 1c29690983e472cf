//! `multipath-detail`: there and back, bounds, parts, and whatever else may stand under the key.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::io::Write as _;

use crate::large;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pathkeeper_model::detail::*;
use pathkeeper_model::ledger::{Ledger, Lun, Port};
use pathkeeper_model::local::*;
use pathkeeper_model::report::{Joined, Pieces, REPORT_BYTES_MAX, Stamp};
use pathkeeper_model::{EpochS, Instance, NodeName, Wwid};
use proptest::prelude::*;

const WALL: i64 = 1_783_082_400;

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).expect("not empty")
}

fn head(seq: u64) -> Head {
    Head {
        node: NodeName::new("pve1").expect("not empty"),
        stamp: Stamp { instance: Instance(7), seq },
        time: EpochS(WALL + 5),
    }
}

fn packed(parts: &[Vec<u8>]) -> Packed {
    let mut pieces = Pieces::default();
    for (n, part) in parts.iter().enumerate().rev() {
        let n = n as u32 + 1;
        assert!(part.len() <= REPORT_BYTES_MAX);
        if let Joined::Whole(set) = pieces.set(n, DetailPart::decode(part).expect("a part")) {
            return Packed::new(set);
        }
    }
    panic!("it did not become whole");
}

fn packed_text(text: &str) -> Packed {
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(text.as_bytes()).expect("memory");
    let data = BASE64.encode(zip.finish().expect("memory"));
    Packed::new(vec![DetailPart { stamp: head(1).stamp, time: None, part: 1, parts: 1, data: data.into() }])
}

fn path(dev: &str) -> PathDevice {
    PathDevice {
        dm: DmState::Active,
        check: CheckState::Ready,
        device: DevState::Running,
        words: ["active", "ready", "running"].map(Into::into),
        ..PathDevice::unknown(dev, "8:16")
    }
}

/// A detail of one map over one route, with `paths` paths in `groups` groups, all alike.
fn alike(route: &str, groups: usize, paths: usize, path: &str) -> Packed {
    let group = format!(r#"{{"p":1,"d":[{}]}}"#, vec![path; paths].join(","));
    packed_text(&format!(
        r#"{{"v":1,"t":1,"d":{{"s":"running"}},"r":[{{"a":"{route}","ap":"{route}","tp":"{route}","tn":"{route}","tr":"{route}"}}],"m":[{{"w":"w1","g":[{}]}},{{"w":"w2","i":false,"g":[{{"d":[{{"s":"afr"}}]}}]}}]}}"#,
        vec![group; groups].join(",")
    ))
}

fn pv(uuid: Option<&str>, vg_name: Option<&str>, vg_uuid: Option<&str>) -> Pv {
    let [uuid, vg_name, vg_uuid] = [uuid, vg_name, vg_uuid].map(|text| text.map(str::to_owned));
    Pv { uuid, vg_name, vg_uuid }
}

/// One of everything that can be said beside the maps.
fn host() -> HostFacts {
    HostFacts {
        daemon_unit: Some(UnitState::Masked),
        daemon_end: Some(DaemonEnd::Broken),
        initramfs_old: Some(OldInitramfs {
            image: "/boot/initrd.img-6.1".into(),
            made: EpochS(5),
            newer: "/etc/multipath.conf".into(),
            changed: EpochS(9),
        }),
        iscsi_manual: [Some("manual"), None]
            .map(|startup| IscsiManual {
                target: "iqn.x".into(),
                portal: "10.9.0.1:3260".into(),
                startup: startup.map(str::to_owned),
            })
            .into(),
        nvme_native: vec![NvmeNative { nqn: "nqn.x".into(), controllers: vec!["nvme0".into()] }],
        bypassed: vec![Bypassed { dev: "sdb".into(), wwid: wwid("3600a1"), what: "swap".into() }],
        settings: vec![Setting { name: "defaults.prio".into(), value: "\"alua\"".into() }],
        lints: vec![Lint { name: "a".into(), at: "f:1".into(), why: "b".into(), advice: "c".into() }],
        // It stays on the node.
        shown: ShownConfig::default(),
    }
}

/// One of everything that can be said.
fn read() -> NodeRead {
    let routed = PathDevice {
        wwid: Some(wwid("3600a1")),
        priority: 50,
        hctl: Some("6:0:0:1".into()),
        adapter: Some("host6".into()),
        adapter_port: Some("21:00:00:24:ff:4a:11:07".into()),
        target_port: Some("50:0a:09:81".into()),
        target_node: Some("50:0a:09:80".into()),
        transport: Some("fc".into()),
        port_group: Some(1_000),
        access: Access::NonOptimized,
        size_bytes: Some(1 << 40),
        serial: Some("80D8".into()),
        failures: Some(3),
        ..path("sdb")
    };
    let odd = PathDevice {
        dm: DmState::Failed,
        check: CheckState::Unknown,
        device: DevState::Offline,
        words: ["failed", "quarantined", "transport-offline"].map(Into::into),
        wwid: None,
        size_bytes: None,
        serial: Some("other".into()),
        marginal: true,
        priority: -1,
        ..routed.clone()
    };
    let group = |priority, paths| PathGroup {
        selector: "service-time 0".into(),
        priority,
        status: "active".into(),
        marginal: priority < 0,
        paths,
    };
    let map = Map {
        dm: Some("dm-3".into()),
        size_bytes: Some(1 << 40),
        open_count: Some(2),
        holders: vec!["dm-7".into(), "dm-8".into()],
        pvs: vec![
            pv(Some("HgbGaU-QmLB-pWdm-GeGB-N2mD-tJ3u-B1v4Xy"), None, None),
            pv(Some("x"), Some("vg-san"), Some("2Vb0Zc-YrNs-Bq8w-Jk1f-TgXe-Dh5M-uLoA7P")),
            pv(None, Some("other"), None),
        ],
        suspended: true,
        queueing: Queueing::Seconds(16),
        features: "1 queue_if_no_path".into(),
        hwhandler: "1 alua".into(),
        write_prot: "rw".into(),
        failback: "immediate".into(),
        vendor: "NETAPP".into(),
        product: "LUN C-Mode".into(),
        revision: "9131".into(),
        serial: Some("80D8".into()),
        path_faults: 9,
        groups: vec![group(50, vec![routed.clone(), odd]), group(-1, vec![])],
        incomplete: true,
        ..Map::unknown("data01", wwid("3600a1"))
    };
    let mut maps = vec![map];
    for (n, queueing) in
        [Queueing::Off, Queueing::On, Queueing::Checks(5), Queueing::Unset, Queueing::Unknown]
            .iter()
            .enumerate()
    {
        let name = format!("w{n}");
        maps.push(Map { queueing: *queueing, ..Map::unknown(&name, wwid(&name)) });
    }
    let loose = PathDevice {
        wwid: Some(wwid("3600b2")),
        signature: Some("LVM PV of VG prod".into()),
        product: Some("LABSAN,VDISK".into()),
        loose_because: "blacklisted".into(),
        rule: Some("wwid \"3600b\" (/etc/multipath.conf:12)".into()),
        used_by: Some("mounted at /srv".into()),
        ..path("sdz")
    };
    let kernel = KernelMap {
        name: "forgotten".into(),
        wwid: wwid("3600c3"),
        dev_t: "254:9".into(),
        size_bytes: 5,
        open_count: 1,
        suspended: true,
        queue_if_no_path: true,
        queued: 2,
        paths: vec![KernelPath { dev_t: "8:1".into(), active: true, fail_count: 4 }],
        unreadable: true,
    };
    NodeRead {
        maps,
        loose: vec![loose],
        kernel: Ok(vec![kernel]),
        tools_version: Some("0.9.4".into()),
        own_wwids: Some(["3600a", "3600b"].into_iter().filter_map(Wwid::new).collect()),
        problems: vec!["/sys/block/sdx/size: gone".into()],
        host: host().into(),
        ..NodeRead::empty(EpochS(WALL), Daemon::Answering { pid: Some(612) })
    }
}

fn ledger() -> Ledger {
    let port = |adapter: &str, paths| Port { adapter: adapter.into(), target: "50:0a".into(), paths };
    let lun = Lun { since: EpochS(5), seen: EpochS(9), ports: vec![port("a", 2), port("b", 1)], vg: None };
    Ledger { luns: [(wwid("3600a1"), lun)].into(), ..Ledger::default() }
}

fn same(a: &NodeRead, b: &NodeRead) {
    assert_eq!(
        (a.began, &a.daemon, &a.maps, &a.loose, &a.kernel, &a.tools_version, &a.problems, &a.host),
        (b.began, &b.daemon, &b.maps, &b.loose, &b.kernel, &b.tools_version, &b.problems, &b.host)
    );
}

#[test]
fn all_that_is_said_comes_back() {
    let ledger = ledger();
    let parts = encode(&head(3), &read(), Some(&ledger)).expect("small");
    assert_eq!(parts.len(), 1);
    let packed = packed(&parts);
    assert_eq!((packed.stamp(), packed.time()), (Some(head(3).stamp), Some(EpochS(WALL + 5))));
    let detail = packed.unpack().expect("what we write we read");
    same(&detail.read, &read());
    assert_eq!(detail.ledger, Some(ledger));
    // Without multipathd the kernel's maps are told, all of them.
    for daemon in [
        Daemon::Absent,
        Daemon::Stopped,
        Daemon::Refused { why: "no".into() },
        Daemon::Hung { waited_ms: 4500 },
        Daemon::Reconfiguring { phase: "configure".into() },
        Daemon::Unreadable { why: "rubbish".into() },
    ] {
        let silent = NodeRead { daemon, maps: vec![], ..read() };
        let parts = encode(&head(3), &silent, None).expect("small");
        same(&self::packed(&parts).unpack().expect("readable").read, &silent);
    }
    let blind = NodeRead { kernel: Err("no dm".into()), daemon: Daemon::Stopped, maps: vec![], ..read() };
    same(
        &self::packed(&encode(&head(3), &blind, None).expect("small")).unpack().expect("readable").read,
        &blind,
    );
}

#[test]
fn a_large_node_fits_into_few_parts() {
    let read = large::node(500, 8);
    let parts = encode(&head(1), &read, None).expect("it fits");
    let bytes: usize = parts.iter().map(Vec::len).sum();
    eprintln!("500 maps of 8 paths: {} parts, {bytes} bytes", parts.len());
    assert!(bytes < 200_000, "{bytes} bytes");
    same(&packed(&parts).unpack().expect("readable").read, &read);
}

#[test]
fn what_counts_by_itself_is_no_change() {
    let of = Fingerprint::of;
    let base = of(&read());
    let check = |same: bool, change: &dyn Fn(&mut NodeRead)| {
        let mut other = read();
        change(&mut other);
        assert_eq!(base.says_the_same(&of(&other)), same);
    };
    check(true, &|r| (r.took_ms, r.began) = (77, EpochS(WALL + 1)));
    check(true, &|r| r.maps[0].groups[0].paths[0].failures = Some(999));
    check(true, &|r| r.maps[0].path_faults = 999);
    check(true, &|r| r.maps[0].open_count = Some(3));
    check(true, &|r| (r.maps[0].queueing, r.began) = (Queueing::Seconds(6), EpochS(WALL + 10)));
    check(true, &|r| r.adapters.push(large::adapter(6)));
    check(false, &|r| r.maps[0].queueing = Queueing::Seconds(60));
    check(false, &|r| r.maps[0].queueing = Queueing::On);
    check(false, &|r| r.maps[0].open_count = Some(0));
    check(false, &|r| r.maps[0].name = "data02".into());
    check(false, &|r| r.maps[0].pvs[0].vg_name = Some("vg".into()));
    check(false, &|r| r.maps[0].groups[0].paths[0].check = CheckState::Ghost);
    check(false, &|r| r.loose[0].loose_because = "orphan".into());
    check(false, &|r| r.loose[0].rule = None);
    check(false, &|r| r.loose[0].used_by = None);
    check(false, &|r| r.maps[0].groups[0].paths[0].access = Access::Standby);
    check(false, &|r| r.host = Default::default());
    check(false, &|r| drop(r.loose.pop()));
    check(false, &|r| r.daemon = Daemon::Answering { pid: Some(613) });
    check(false, &|r| r.kernel = Ok(vec![]));
}

#[test]
fn rubbish_is_an_error_in_words() {
    let good = String::from_utf8(encode(&head(1), &read(), None).expect("small").remove(0)).expect("text");
    let check = |value: &str, words: &str| {
        let error = DetailPart::decode(value.as_bytes()).expect_err(value).to_string();
        assert!(error.contains(words), "{value}: {error}");
    };
    check("", "no JSON");
    check("[]", "not an object");
    check("{}", "no instance and seq");
    check(&good.replace("\"part\":1", "\"part\":2"), "part 2 of 1");
    check(&good.replace("\"parts\":1", "\"parts\":257"), "part 1 of 257");
    check(&good.replace("\"parts\":1", "\"parts\":-1"), "no part and parts");
    check(&good.replace("\"data\":\"", "\"data\":7,\"x\":\""), "no data");
    check(&format!("{good}{}", " ".repeat(REPORT_BYTES_MAX)), "longer than a value may be");

    let error = |packed: &Packed| packed.unpack().expect_err("rubbish").to_string();
    let with = |data: &str| {
        Packed::new(vec![DetailPart {
            stamp: head(1).stamp,
            time: None,
            part: 1,
            parts: 1,
            data: data.into(),
        }])
    };
    assert!(error(&with("#")).contains("no base64"));
    assert!(error(&with("")).contains("cannot be unpacked"));
    let data = DetailPart::decode(good.as_bytes()).expect("a part").data;
    let cut = &data[..data.len() / 8 * 4];
    assert!(error(&with(cut)).contains("cannot be unpacked"), "{}", error(&with(cut)));
    assert!(error(&packed_text("no json")).contains("no JSON"));
    assert!(error(&packed_text("[1]")).contains("not an object"));
    assert!(error(&packed_text("{}")).contains("no v"));
    assert!(error(&packed_text(r#"{"v":2}"#)).contains("version 2"));
    // A bomb: a few kilobytes that would be gigabytes.
    let bomb = format!("{{\"v\":1,\"x\":\"{}\"}}", " ".repeat(UNPACKED_BYTES_MAX));
    assert_eq!(packed_text(&bomb).unpack().expect_err("a bomb"), DetailError::TooLong);
    assert!(packed_text(&bomb).bytes() < 1 << 20);
    // And one of many small things: what is too much is left out and told.
    let many = format!("{{\"v\":1,\"m\":[{}{{}}]}}", "{\"w\":\"x\"},".repeat(100_000));
    let read = packed_text(&many).unpack().expect("readable").read;
    assert_eq!(read.maps.len(), 16_384);
    assert!(read.problems[0].contains("83617 entries"), "{:?}", read.problems);
    let map = format!("{{\"w\":\"x\",\"pv\":[{}{{}}]}},", "{\"u\":\"\"},".repeat(300));
    let read =
        packed_text(&format!("{{\"v\":1,\"m\":[{}{{}}]}}", map.repeat(600))).unpack().expect("readable").read;
    assert!(read.maps.iter().all(|map| map.pvs.len() <= 256));
    assert!(read.maps.iter().map(|map| map.pvs.len()).sum::<usize>() <= 131_072);
    assert!(read.maps[0].pvs.len() == 256 && read.maps[599].pvs.is_empty());
}

#[test]
fn a_map_that_lost_paths_is_never_judged_by_their_number() {
    let usable = r#"{"s":"arr"}"#;
    let states = |packed: &Packed| {
        let read = packed.unpack().expect("it is whole").read;
        let judged =
            |map: &Map| (map.incomplete, pathkeeper_model::judge::judge_map(map, None).state.as_str());
        (read.maps.iter().map(judged).collect::<Vec<_>>(), read.problems)
    };
    // 128 groups of 1,024 paths are what is read.
    let (maps, problems) = states(&alike("", 128, 1023, usable));
    assert_eq!(maps[0], (false, "optimal"));
    assert_eq!((maps[1], problems.len()), ((false, "failed"), 0));
    let (maps, problems) = states(&alike("", 129, 1024, usable));
    assert_eq!(maps[0], (true, "degraded"));
    // Of the other nothing is left: that is no proof that all its paths are down.
    assert_eq!((maps[1], problems.len()), ((true, "unknown"), 1));
    // Groups that nobody reads may hold the paths that are down.
    let (maps, _) = states(&alike("", 257, 1, usable));
    assert_eq!(maps[0], (true, "degraded"));
}

#[test]
fn what_is_said_once_for_many_paths_does_not_fill_the_readers_memory() {
    let error = |packed: &Packed| packed.unpack().err();
    // A route's five texts of 255 letters, and the map's WWID: 1,277 bytes a path.
    let long = "x".repeat(255);
    assert_eq!(error(&alike(&long, 51, 1024, r#"{"r":0}"#)), None);
    let bomb = alike(&long, 52, 1024, r#"{"r":0}"#);
    assert!(bomb.bytes() < 16 << 10, "it fits into one value: {}", bomb.bytes());
    assert_eq!(error(&bomb), Some(DetailError::TooMuchText));
    // What is printed in six letters counts six.
    let bomb = alike(&"\\u0001".repeat(255), 9, 1024, r#"{"r":0}"#);
    assert_eq!(error(&bomb), Some(DetailError::TooMuchText));
    assert!(DetailError::TooMuchText.to_string().contains("over 64 MiB of text"));

    // The same with what is small to say and large to keep.
    let group = vec!["{}"; 256].join(",");
    let map = format!(r#"{{"w":"w","h":[{}],"g":[{group}]}}"#, vec!["\"\""; 256].join(","));
    let many = packed_text(&format!(r#"{{"v":1,"m":[{}]}}"#, vec![map.as_str(); 600].join(",")));
    let read = many.unpack().expect("it is whole").read;
    let groups: usize = read.maps.iter().map(|map| map.groups.len()).sum();
    let holders: usize = read.maps.iter().map(|map| map.holders.len()).sum();
    assert_eq!((groups, holders, read.maps.len()), (131_072, 131_072, 600));
    assert!(read.maps[599].incomplete && !read.maps[0].incomplete);
}

#[test]
fn bad_fields_are_as_if_absent_and_unknown_ones_are_ignored() {
    let text = r#"{"new":{"a":[1]},"v":1,"t":5,"d":{"s":"running","p":"x","new":1},"r":[{"a":"host1","new":2},7],"led":{"v":9},
        "m":[{"w":"w1","z":-1,"q":"s","h":[1,"dm-1"],"u":"yes","new":1e999,
              "pv":["a",{},{"u":7},{"u":"pv1","n":null,"g":["x"],"new":1},[]],"vg":"x",
              "g":[{"p":"x","d":[{"d":"sda","s":"arr","r":0,"z":null},{"d":"sdb","s":"a","r":99,"p":-3},{"s":"zzz","x":["only","two"]},5]},3]},
             {"n":"without a wwid"},8],
        "l":[{"d":"sdz","w":"w9"}],"k":[{"w":"w2","p":[["8:0",1,2,3],["8:1","x"],[]]},{}],"p":["told",7]}"#;
    let detail = packed_text(text).unpack().expect("readable");
    let read = detail.read;
    assert_eq!(detail.ledger, None);
    assert_eq!(read.daemon, Daemon::Answering { pid: None });
    let map = &read.maps[0];
    assert_eq!((map.size_bytes, map.queueing, map.suspended), (None, Queueing::Unknown, false));
    assert_eq!(map.holders, ["dm-1"]);
    assert_eq!(map.pvs, [pv(Some("pv1"), None, None)]);
    let paths = &map.groups[0].paths;
    assert_eq!((paths[0].adapter.as_deref(), paths[0].check), (Some("host1"), CheckState::Ready));
    assert_eq!((paths[1].dm, paths[1].check, paths[1].priority), (DmState::Active, CheckState::Unknown, -3));
    assert_eq!(paths[2].dm, DmState::Unknown);
    let kernel = read.kernel.as_ref().expect("asked");
    assert_eq!((kernel.len(), kernel[0].paths.len(), kernel[0].paths[1].active), (1, 3, false));
    assert_eq!(read.problems.len(), 2, "{:?}", read.problems);
    // A word of a newer version's is doubt, and doubt is never health.
    let read = packed_text(r#"{"v":1,"d":{"s":"dancing"}}"#).unpack().expect("readable").read;
    assert!(matches!(read.daemon, Daemon::Unreadable { .. }));
}

#[test]
fn keys_have_numbers_as_they_are_written() {
    for n in [1, 2, 17, DETAIL_PARTS_MAX] {
        assert_eq!(part_of_detail_key(&detail_key(n)), Some(n));
    }
    for other in [
        "multipath",
        "multipath-detail-1",
        "multipath-detail-02",
        "multipath-detail-257",
        "multipath-details",
    ] {
        assert_eq!(part_of_detail_key(other), None);
    }
    assert_eq!(pathkeeper_model::report::part_of_key(&detail_key(1)), None);
    assert_eq!(pathkeeper_model::report::part_of_key(&detail_key(2)), None);
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
        let _ = DetailPart::decode(&bytes);
        let _ = DetailPart::decode(text.as_bytes());
        let _ = packed_text(&text).unpack();
        let data = BASE64.encode(&bytes);
        let part = DetailPart { stamp: head(1).stamp, time: None, part: 1, parts: 1, data: data.into() };
        prop_assert!(Packed::new(vec![part]).unpack().is_err());
    }

    /// A text with one byte changed is an error or something that can be shown, never a panic.
    #[test]
    fn one_wrong_byte(at in 0usize..3000, byte in any::<u8>()) {
        let parts = encode(&head(1), &read(), Some(&ledger())).expect("small");
        let mut zipped = BASE64.decode(&*DetailPart::decode(&parts[0]).expect("a part").data).expect("base64");
        let mut plain = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&zipped[..]), &mut plain).expect("gzip");
        let n = plain.len();
        plain[at % n] = byte;
        if let Ok(text) = String::from_utf8(plain)
            && let Ok(detail) = packed_text(&text).unpack()
        {
            // Writing makes spaces of control characters, which a wrong byte can bring in (`\n`): what was written once stays.
            let again = encode(&head(2), &detail.read, detail.ledger.as_ref()).expect("small");
            let once = packed(&again).unpack().expect("what we write we read");
            let again = encode(&head(3), &once.read, once.ledger.as_ref()).expect("small");
            same(&packed(&again).unpack().expect("what we write we read").read, &once.read);
        }
        let n = zipped.len();
        zipped[at % n] = byte;
        let part = DetailPart { stamp: head(1).stamp, time: None, part: 1, parts: 1, data: BASE64.encode(&zipped).into() };
        let _ = Packed::new(vec![part]).unpack();
    }
}

#[test]
fn how_often_ports_changed_comes_back() {
    let change = |count_30_min: u16, last: i64| PortChange {
        adapter_port: Some("0x2100000000000009".into()),
        count_30_min,
        last: EpochS(last),
    };
    let mut read = read();
    let known = read.maps[0].groups[0].paths[0].clone();
    let port = port_of(&known).expect("it has a route");
    let known =
        PortChange { adapter_port: known.adapter_port.as_deref().map(Into::into), ..change(7, WALL - 3) };
    let gone = ("host9".into(), "50:00:00:00:00:00:00:01".into());
    let changes = PortChanges::from([
        (port, known),
        (gone, change(0, WALL - 4_000)),
        (("host9".into(), "".into()), change(u16::MAX, WALL)),
    ]);
    read.port_changes = std::sync::Arc::new(changes.clone());
    let packed = packed(&encode(&head(3), &read, None).expect("small"));
    let detail = packed.unpack().expect("what we write we read");
    assert_eq!(*detail.read.port_changes, changes);
    same(&detail.read, &read);
    // Told again it is the same, and a detail that says nothing of it knows of no change.
    let again = self::packed(&encode(&head(3), &detail.read, None).expect("small"));
    assert_eq!(*again.unpack().expect("readable").read.port_changes, changes);
    let old = packed_text(
        r#"{"v":1,"t":5,"d":{"s":"running"},"r":[{"a":"host7","tp":"x"},{"a":"host8","c":9}],"m":[]}"#,
    );
    assert_eq!(*old.unpack().expect("readable").read.port_changes, PortChanges::new());
    // What is rubbish is bounded.
    let bad = packed_text(
        r#"{"v":1,"t":5,"d":{"s":"running"},"r":[{"a":"host7","c":99999,"ct":3},{"a":"host8","c":-1,"ct":"x"}],"m":[]}"#,
    );
    let bad = bad.unpack().expect("readable").read.port_changes;
    assert_eq!(bad.values().map(|of| of.count_30_min).collect::<Vec<_>>(), [u16::MAX]);
}
