//! A published detail, packed: routes that many share, the ledger's routes beside the live ones, and no input that panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;

use crate::large;
use pathkeeper_model::detail::Detail;
use pathkeeper_model::ledger::{Ledger, Lun, Port};
use pathkeeper_model::local::*;
use pathkeeper_model::topology::*;
use pathkeeper_model::{EpochS, Wwid};
use proptest::prelude::*;

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).unwrap()
}

/// `host7 0x2100000000000001 > 0x5006000000000001`, words as letters as on the wire.
fn path(route: &str, words: &str) -> PathDevice {
    let (adapter, target) = route.split_once('>').map_or((route, ""), |(a, t)| (a.trim(), t.trim()));
    let (adapter, port) = adapter.split_once(' ').unwrap_or((adapter, ""));
    let some = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Into::into);
    let letter = |n| words.chars().nth(n).unwrap();
    PathDevice {
        adapter: some(adapter),
        adapter_port: some(port),
        target_port: some(target),
        dm: match letter(0) {
            'a' => DmState::Active,
            'f' => DmState::Failed,
            _ => DmState::Undef,
        },
        check: match letter(1) {
            'r' => CheckState::Ready,
            'g' => CheckState::Ghost,
            'f' => CheckState::Faulty,
            'p' => CheckState::Pending,
            _ => CheckState::Undef,
        },
        device: match letter(2) {
            'r' => DevState::Running,
            'o' => DevState::Offline,
            _ => DevState::Undef,
        },
        ..PathDevice::unknown("sda", "8:0")
    }
}

fn map(of: &str, paths: Vec<PathDevice>) -> Map {
    let group =
        PathGroup { selector: "".into(), priority: 50, status: "active".into(), marginal: false, paths };
    Map { groups: vec![group], ..Map::unknown(of, wwid(of)) }
}

/// A LUN of the ledger's: its ports as adapter, target, paths.
type Remembered<'a> = (&'a str, &'a [(&'a str, &'a str, u32)]);

fn detail(maps: Vec<Map>, ledger: &[Remembered<'_>]) -> Detail {
    let port = |(a, t, n): &(&str, &str, u32)| Port { adapter: (*a).into(), target: (*t).into(), paths: *n };
    let lun = |(of, ports): &(&str, &[(&str, &str, u32)])| {
        let ports = ports.iter().map(port).collect();
        (wwid(of), Lun { since: EpochS(1), seen: EpochS(2), ports, vg: None })
    };
    let luns: BTreeMap<_, _> = ledger.iter().map(lun).collect();
    let read = NodeRead { maps, ..NodeRead::empty(EpochS(100), Daemon::Answering { pid: None }) };
    Detail { read, ledger: Some(Ledger { luns, ..Ledger::default() }) }
}

fn of(detail: &Detail) -> NodePaths {
    NodePaths::of(detail, &mut Texts::default())
}

#[test]
fn three_words_amount_to_one() {
    for (words, expect) in [
        ("arr", PathWord::Usable),
        ("agr", PathWord::Usable),
        // The usual failure: only the device runs.
        ("ffr", PathWord::Down),
        ("ffo", PathWord::Down),
        ("fpr", PathWord::Down),
        ("ufr", PathWord::Down),
        ("afr", PathWord::Contradiction),
        ("frr", PathWord::Contradiction),
        ("aro", PathWord::Contradiction),
        ("uro", PathWord::Contradiction),
        ("apr", PathWord::Undecided),
        ("uur", PathWord::Undecided),
    ] {
        let got = of(&detail(vec![map("w", vec![path("host7>t", words)])], &[]));
        assert_eq!(got.lun(&wwid("w")).unwrap().paths[0].word, expect, "{words}");
    }
}

#[test]
fn routes_are_shared_and_the_ledgers_join_them() {
    let live = |n: u8| path(&format!("host7 0x210000000000000{n} > 0x500600000000000{n}"), "arr");
    let other = path("host8 0x2100000000000008 > 0x5006000000000002", "arr");
    let ledger: &[Remembered<'_>] = &[
        // Written as multipathd and as sysfs write ports.
        (
            "a",
            &[
                ("0x2100000000000001", "naa.5006000000000001", 1),
                ("21:00:00:00:00:00:00:08", "0x5006000000000009", 2),
            ],
        ),
        ("gone", &[("host7", "", 3), ("21:00:00:00:00:00:00:08", "0x5006000000000002", 70_000)]),
    ];
    let mut with_node = live(1);
    with_node.target_node = Some("0x5006000000000000".into());
    with_node.transport = Some("fc".into());
    let got = of(&detail(vec![map("a", vec![live(1), with_node, other]), map("b", vec![live(1)])], ledger));
    let said: Vec<String> = got
        .routes
        .iter()
        .map(|r| format!("{} {}>{}", r.adapter.as_deref().unwrap_or("-"), r.adapter_port, r.target_port))
        .collect();
    assert_eq!(
        said,
        [
            "host7 21:00:00:00:00:00:00:01>50:06:00:00:00:00:00:01",
            "host8 21:00:00:00:00:00:00:08>50:06:00:00:00:00:00:02",
            // Only the ledger knows this port; its adapter is there.
            "host8 21:00:00:00:00:00:00:08>50:06:00:00:00:00:00:09",
            "- host7>",
        ]
    );
    assert_eq!(got.routes[0].target_node.as_deref(), Some("50:06:00:00:00:00:00:00"));
    assert_eq!(got.routes[0].transport.as_deref(), Some("fc"));
    let lun = |of: &str| got.lun(&wwid(of)).unwrap();
    assert_eq!(lun("a").paths.iter().map(|p| p.route).collect::<Vec<_>>(), [0, 0, 1]);
    assert_eq!(&*lun("a").remembered, [(0, 1), (2, 2)]);
    assert_eq!(&*lun("gone").remembered, [(1, u16::MAX), (3, 3)]);
    assert!(lun("gone").map.is_none() && lun("b").remembered.is_empty());
    assert!(got.lun(&wwid("nobody")).is_none());
}

#[test]
fn an_iscsi_sessions_adapter_is_not_guessed() {
    // Each session is an adapter of its own with the same local address.
    let paths =
        vec![path("host3 10.9.0.2 > 10.9.0.1:3260", "arr"), path("host4 10.9.0.2 > 10.9.0.1:3261", "arr")];
    let got = of(&detail(vec![map("a", paths)], &[("a", &[("10.9.0.2", "10.9.0.1:3262", 1)])]));
    assert_eq!((got.routes[2].adapter.as_deref(), &*got.routes[2].adapter_port), (None, "10.9.0.2"));
}

#[test]
fn what_a_map_says() {
    let mut one = map("a", vec![path("h>t", "arr"), path("h>t", "arr")]);
    one.queueing = Queueing::Seconds(30);
    one.serial = Some("s1".into());
    one.groups[0].paths[0].size_bytes = Some(7);
    one.groups[0].paths[1].size_bytes = Some(5);
    one.groups[0].paths[0].wwid = Some(wwid("a"));
    one.groups[0].paths[1].wwid = Some(wwid("other"));
    one.groups[0].paths[0].serial = Some("s1".into());
    one.groups[0].paths[1].serial = Some("s2".into());
    let mut said = detail(vec![one], &[]);
    said.read.own_wwids = Some(vec![wwid("b"), wwid("a")]);
    said.read.loose = vec![
        PathDevice { wwid: Some(wwid("a")), loose_because: "orphan".into(), ..path("h>t", "uuu") },
        PathDevice {
            wwid: Some(wwid("b")),
            loose_because: "blacklisted by wwid".into(),
            ..PathDevice::unknown("sdb", "8:16")
        },
        PathDevice::unknown("nameless", "8:32"),
    ];
    let got = of(&said);
    let lun = got.lun(&wwid("a")).unwrap();
    let map = lun.map.as_ref().unwrap();
    assert_eq!((map.queue_ends, map.path_size_bytes), (Some(EpochS(130)), Some((5, 7))));
    assert_eq!(&*map.groups, [(50, true)]);
    assert_eq!(
        lun.paths.iter().map(|p| (p.other_wwid, p.other_serial)).collect::<Vec<_>>(),
        [(false, false), (true, true)]
    );
    assert_eq!(
        (lun.in_wwids, lun.loose[0].because, lun.loose[0].route),
        (Some(true), LooseWhy::Orphan, Some(0))
    );
    let other = got.lun(&wwid("b")).unwrap();
    assert_eq!((other.map.is_none(), other.in_wwids), (true, Some(true)));
    assert_eq!((other.loose[0].because, other.loose[0].route), (LooseWhy::Blacklisted, None));
    assert_eq!(got.luns.len(), 2);
}

#[test]
fn where_only_the_kernel_speaks_its_count_is_shown() {
    let kernel = |of: &str, paths: &[bool], unreadable| KernelMap {
        name: "m".into(),
        wwid: wwid(of),
        dev_t: "253:4".into(),
        size_bytes: 9,
        open_count: 1,
        suspended: false,
        queue_if_no_path: true,
        queued: 0,
        paths: paths.iter().map(|a| KernelPath { dev_t: "".into(), active: *a, fail_count: 0 }).collect(),
        unreadable,
    };
    let mut said = detail(vec![], &[]);
    said.read.daemon = Daemon::Stopped;
    said.read.kernel = Ok(vec![kernel("a", &[true, false, true], false), kernel("b", &[], true)]);
    let got = of(&said);
    assert!(!got.answered);
    let map = |of: &str| got.lun(&wwid(of)).unwrap().map.clone().unwrap();
    assert_eq!(
        (map("a").kernel_paths, map("a").dm.as_deref(), map("a").queueing),
        (Some((2, 3)), Some("dm-4"), Queueing::On)
    );
    assert_eq!((map("b").kernel_paths, map("b").incomplete), (None, true));
}

#[test]
fn more_routes_than_have_a_place_are_one_that_is_not_known() {
    let paths = (0..70_000).map(|n| path(&format!("host1 p{n}>t"), "arr")).collect();
    let got = of(&detail(vec![map("a", paths)], &[("a", &[("x", "y", 1)])]));
    assert_eq!(got.routes.len(), 65_535);
    let lun = got.lun(&wwid("a")).unwrap();
    let last = usize::from(lun.paths.last().unwrap().route);
    assert_eq!(got.routes[last], Route::default());
    assert_eq!(usize::from(lun.remembered[0].0), last);
}

#[test]
fn texts_that_nobody_holds_are_dropped() {
    let mut texts = Texts::default();
    let mut most = 0;
    for round in 0..200 {
        let paths = (0..100).map(|n| path(&format!("host1 {round}p{n}>t"), "arr")).collect();
        let kept = NodePaths::of(&detail(vec![map(&format!("w{round}"), paths)], &[]), &mut texts);
        assert_eq!(kept.routes.len(), 100);
        most = most.max(texts.len());
    }
    // Some hundred in use at any time.
    assert!(most < 1_300, "{most}");
    let read = large::node(50, 8);
    let (a, b) = (Detail { read: read.clone(), ledger: None }, Detail { read, ledger: None });
    let a = NodePaths::of(&a, &mut texts);
    let before = texts.len();
    let b = NodePaths::of(&b, &mut texts);
    assert_eq!((texts.len(), &a), (before, &b));
    assert!(std::ptr::eq(a.luns[0].wwid.as_str(), b.luns[0].wwid.as_str()));
}

fn name() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        Just(Some(String::new())),
        "[ab]{1,2}".prop_map(Some),
        "0x[0-9a-f]{16}".prop_map(Some),
        "\\PC{0,20}".prop_map(Some)
    ]
}

prop_compose! {
    fn any_path()(
        dev in "[a-z]{0,3}", names in [name(), name(), name(), name(), name()], own in name(), serial in name(),
        words in (0..4usize, 0..10usize, 0..4usize), size in any::<Option<u64>>(), because in "(orphan|blacklisted|\\PC{0,8})",
    ) -> PathDevice {
        use CheckState::*;
        let [adapter, adapter_port, target_port, target_node, transport] = names.map(|name| name.map(Into::into));
        PathDevice {
            adapter, adapter_port, target_port, target_node, transport, serial: serial.map(Into::into),
            wwid: own.as_deref().and_then(Wwid::new),
            dm: [DmState::Active, DmState::Failed, DmState::Undef, DmState::Unknown][words.0],
            check: [Ready, Ghost, Faulty, Shaky, Pending, Timeout, Delayed, Disconnected, Undef, Unknown][words.1],
            device: [DevState::Running, DevState::Offline, DevState::Undef, DevState::Unknown][words.2],
            size_bytes: size, loose_because: because.into(),
            ..PathDevice::unknown(&dev, "8:0")
        }
    }
}

prop_compose! {
    fn any_map()(
        of in "[ab]{1,2}", name in "\\PC{0,9}", left in any::<u32>(), serial in name(), incomplete in any::<bool>(),
        groups in proptest::collection::vec((any::<i32>(), proptest::collection::vec(any_path(), 0..4)), 0..4), many in 0..50u8,
    ) -> Map {
        let group = |(priority, paths)| PathGroup { selector: "".into(), priority, status: "active".into(), marginal: false, paths };
        let mut groups: Vec<_> = groups.into_iter().map(group).collect();
        if many == 0 {
            groups = groups.iter().cycle().take(groups.len() * 300).cloned().collect();
        }
        Map { queueing: Queueing::Seconds(left), groups, serial: serial.map(Into::into), incomplete, ..Map::unknown(&name, wwid(&of)) }
    }
}

prop_compose! {
    fn any_detail()(
        maps in proptest::collection::vec(any_map(), 0..4), loose in proptest::collection::vec(any_path(), 0..4),
        kernel in proptest::collection::vec(("[ab]{1,2}", "\\PC{0,6}", any::<bool>()), 0..3),
        ports in proptest::collection::vec(("[ab]{1,2}", name(), name(), any::<u32>()), 0..5),
        began in any::<i64>(), answering in any::<bool>(), own in proptest::option::of(proptest::collection::vec("[ab]{1,2}", 0..3)),
    ) -> Detail {
        let daemon = if answering { Daemon::Answering { pid: None } } else { Daemon::Stopped };
        let kernel = kernel.into_iter().map(|(of, dev_t, flag)| KernelMap {
            name: of.clone(), wwid: wwid(&of), dev_t, size_bytes: 1, open_count: 0, suspended: flag, queue_if_no_path: flag,
            queued: 0, paths: vec![KernelPath { dev_t: "".into(), active: flag, fail_count: 0 }], unreadable: flag,
        });
        let mut ledger = Ledger::default();
        for (of, adapter, target, paths) in ports {
            let lun = ledger.luns.entry(wwid(&of)).or_insert(Lun { since: EpochS(0), seen: EpochS(0), ports: vec![], vg: None });
            let text = |text: Option<String>| text.unwrap_or_default().into();
            lun.ports.push(Port { adapter: text(adapter), target: text(target), paths });
        }
        let own_wwids = own.map(|own| own.iter().map(|own| wwid(own)).collect());
        let read = NodeRead { maps, loose, kernel: Ok(kernel.collect()), own_wwids, ..NodeRead::empty(EpochS(began), daemon) };
        Detail { read, ledger: Some(ledger) }
    }
}

proptest! {
    #[test]
    fn whatever_it_says_every_place_is_valid(detail in any_detail()) {
        let mut texts = Texts::default();
        let got = NodePaths::of(&detail, &mut texts);
        prop_assert!(got.luns.windows(2).all(|pair| pair[0].wwid < pair[1].wwid));
        let valid = |route: u16| usize::from(route) < got.routes.len();
        for lun in &got.luns {
            let groups = lun.map.as_ref().map_or(0, |map| map.groups.len());
            prop_assert!(lun.paths.iter().all(|path| valid(path.route) && usize::from(path.group) < groups));
            prop_assert!(lun.remembered.iter().all(|(route, _)| valid(*route)));
            prop_assert!(lun.remembered.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert!(lun.loose.iter().filter_map(|loose| loose.route).all(valid));
            prop_assert!(lun.map.is_some() || lun.paths.is_empty());
            prop_assert!(lun.map.is_some() || !lun.loose.is_empty() || detail.ledger.as_ref().unwrap().luns.contains_key(&lun.wwid));
        }
        // Nobody is forgotten, and each route stands there once.
        for map in &detail.read.maps {
            prop_assert!(got.lun(&map.wwid).is_some_and(|lun| lun.map.is_some()));
        }
        let all: std::collections::BTreeSet<_> = got.routes.iter().map(|r| (&r.adapter, &r.adapter_port, &r.target_port)).collect();
        prop_assert_eq!(all.len(), got.routes.len());
        prop_assert_eq!(NodePaths::of(&detail, &mut texts), got);
    }
}

#[test]
fn how_often_a_route_changed_is_said_once() {
    let live = path("host7 0x2100000000000001 > 0x5006000000000001", "arr");
    let ledger: &[Remembered<'_>] = &[("a", &[("21:00:00:00:00:00:00:08", "0x5006000000000002", 1)])];
    let mut detail = detail(vec![map("a", vec![live])], ledger);
    let change = |port: &str, n: u16| PortChange {
        adapter_port: Some(port.into()),
        count_30_min: n,
        last: EpochS(90 + i64::from(n)),
    };
    detail.read.port_changes = std::sync::Arc::new(PortChanges::from([
        (("host7".into(), "50:06:00:00:00:00:00:01".into()), change("0x2100000000000001", 3)),
        // All of its paths are gone, and the ledger remembers them under the adapter's port.
        (("host8".into(), "50:06:00:00:00:00:00:02".into()), change("0x2100000000000008", 7)),
        (("host9".into(), "50:06:00:00:00:00:00:03".into()), change("0x2100000000000009", 0)),
    ]));
    let said: Vec<String> = of(&detail)
        .routes
        .iter()
        .map(|r| {
            format!(
                "{}>{} {} {:?}",
                r.adapter_port,
                r.target_port,
                r.changes_30_min,
                r.changed_last.map(|at| at.0)
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            "21:00:00:00:00:00:00:01>50:06:00:00:00:00:00:01 3 Some(93)",
            "21:00:00:00:00:00:00:08>50:06:00:00:00:00:00:02 7 Some(97)",
            "21:00:00:00:00:00:00:09>50:06:00:00:00:00:00:03 0 Some(90)",
        ]
    );
}
