//! Guides: which step is next, for what the nodes show.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use pathkeeper_model::detail::Detail;
use pathkeeper_model::expect::Expectations;
use pathkeeper_model::guests::{Guest, GuestKind, Guests};
use pathkeeper_model::guide::{Aim, Guide, guide};
use pathkeeper_model::local::{Daemon, Map, NodeRead, PathDevice, PathGroup, Pv};
use pathkeeper_model::matrix::Matrix;
use pathkeeper_model::names::Names;
use pathkeeper_model::orders::{Order, OrderKind, Orders};
use pathkeeper_model::picture::{NodePicture, Picture};
use pathkeeper_model::topology::{NodePaths, Texts};
use pathkeeper_model::{Entry, EpochS, MonoMs, NodeName, Now, State, Wwid};

const NOW: Now = Now { mono: MonoMs(1_000_000), wall: EpochS(1_783_082_400) };
const GIB: u64 = 1 << 30;

/// A line for each node: `pve1 map=750 paths=750,750 open=1 vg=prod` (GiB), `pve1 loose=500,500 sig`, `pve1` without the LUN,
/// `pve1 unheard`.
fn check(aim: Aim, used_by: Option<&str>, retired: bool, nodes: &str, expect: Expect) {
    let wwid = Wwid::new("3600a1").unwrap();
    let details: BTreeMap<NodeName, Detail> =
        nodes.lines().filter(|l| !l.trim().is_empty()).map(node).collect();
    let mut matrix = Matrix::new();
    let mut expectations = Expectations::new();
    let mut texts = Texts::default();
    let mut paths = BTreeMap::new();
    for (name, detail) in &details {
        let entry = detail.read.maps.iter().map(|map| (map.wwid.clone(), Entry::of(State::Optimal)));
        matrix.set_report(name, Some(&entry.collect::<Vec<_>>()));
        matrix.set_online(name, true);
        paths.insert(name.clone(), NodePaths::of(detail, &mut texts));
    }
    matrix.set_used_by(&wwid, used_by);
    if retired {
        let order = Order {
            id: "1".into(),
            kind: OrderKind::Retire,
            wwid: wwid.clone(),
            node: None,
            by: "kb".into(),
            time: NOW.wall,
        };
        expectations.set_orders(&Orders { entries: vec![order] });
    }
    let guest = Guest {
        id: 311,
        kind: GuestKind::Vm,
        name: None,
        node: NodeName::new("pve1").unwrap(),
        storages: BTreeSet::from(["busy".to_owned()]),
        volumes: BTreeSet::new(),
        ha: false,
    };
    let guests = Guests { all: Some(BTreeMap::from([(311, guest)])) };
    let nodes: BTreeMap<NodeName, NodePicture<'_>> = details
        .keys()
        .map(|name| {
            let heard = !name.as_str().ends_with("unheard");
            let node = NodePicture {
                online: Some(true),
                heard,
                swallowed: None,
                about: None,
                paths: paths.get(name),
                report_time: Some(NOW.wall),
                paths_age_ms: Some(1),
            };
            (name.clone(), node)
        })
        .collect();
    let picture = Picture {
        matrix: &matrix,
        expectations: &expectations,
        nodes: &nodes,
        names: &Names::default(),
        guests: &guests,
        first_seen: &BTreeMap::new(),
        members_trusted: true,
        now: NOW,
    };
    let got = guide(aim, &wwid, &picture, &|name| details.get(name).cloned());
    expect.assert_eq(&text(&got));
}

fn node(line: &str) -> (NodeName, Detail) {
    let mut words = line.split_whitespace();
    let name = NodeName::new(words.next().unwrap()).unwrap();
    let mut read = NodeRead::empty(NOW.wall, Daemon::Answering { pid: None });
    let mut map = Map { open_count: Some(0), ..Map::unknown("backup-01", Wwid::new("3600a1").unwrap()) };
    let mut there = false;
    let device = |n: usize, gib: &str| PathDevice {
        wwid: Wwid::new("3600a1"),
        size_bytes: gib.parse::<u64>().ok().map(|n| n * GIB),
        loose_because: "orphan".into(),
        ..PathDevice::unknown(&format!("sd{}", char::from(b'a' + n as u8)), &format!("8:{n}"))
    };
    let devices = |list: &str| -> Vec<PathDevice> {
        list.split(',').enumerate().map(|(n, gib)| device(n, gib)).collect()
    };
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "map" => (there, map.size_bytes) = (true, value.parse::<u64>().ok().map(|n| n * GIB)),
            "paths" => {
                map.groups = vec![PathGroup {
                    selector: "".into(),
                    priority: 50,
                    status: "active".into(),
                    marginal: false,
                    paths: devices(value),
                }];
            }
            "open" => map.open_count = value.parse().ok(),
            "vg" => map.pvs = vec![Pv { vg_name: Some(value.into()), ..Pv::default() }],
            "loose" => read.loose = devices(value),
            "sig" => read.loose.iter_mut().for_each(|p| p.signature = Some("LVM PV of VG prod".into())),
            other => panic!("{other}"),
        }
    }
    if there {
        read.maps = vec![map];
    }
    (name, Detail { read, ledger: None })
}

fn text(guide: &Guide) -> String {
    let mut out: String = guide.cautions.iter().map(|line| format!("! {line}\n")).collect();
    for stage in &guide.stages {
        out.push_str(&format!("{}\n", stage.title));
        for step in &stage.steps {
            let node = step.node.as_ref().map_or("-", NodeName::as_str);
            out.push_str(&format!("  {} {node}: {}\n", step.standing.as_str(), step.seen));
            if step.standing.as_str() == "next" {
                step.commands.iter().for_each(|command| out.push_str(&format!("    {command}\n")));
            }
        }
    }
    out
}

#[test]
fn a_lun_is_retired_users_first_and_the_array_last() {
    check(
        Aim::Retire,
        Some("busy"),
        false,
        "pve1 map=500 paths=500,500 open=1 vg=prod\npve2",
        expect![[r#"
            nobody uses it
              next -: disks of 1 guest are on it (stopped ones and unused disks count): 311
                pvesm list busy
            no storage names it
              later -: storage busy names it
            every node has closed it
              later pve1: open 1 time, 0 devices on it
            nobody misses it
              later -: it is expected
            no node has it
              later pve1: map backup-01 with 2 devices is there
            the array takes it away
              later -: a node sees it, or is not heard
        "#]],
    );
    check(
        Aim::Retire,
        None,
        false,
        "pve1 map=500 paths=500,500 vg=prod\npve2",
        expect![[r#"
            no storage names it
              done -: no storage names it
            every node has closed it
              done pve1: not open
            nobody misses it
              next -: it is expected
                pathkeeper lun retire 3600a1
            no node has it
              later pve1: map backup-01 with 2 devices is there
            the array takes it away
              later -: a node sees it, or is not heard
        "#]],
    );
    check(
        Aim::Retire,
        None,
        true,
        "pve1 map=500 paths=500,500\npve2 loose=500",
        expect![[r#"
            no storage names it
              done -: no storage names it
            every node has closed it
              done pve1: not open
            nobody misses it
              done -: it is retired on every node that carried it
            no node has it
              next pve1: map backup-01 with 2 devices is there
                multipath -f backup-01
                multipath -w 3600a1
                for d in sda sdb; do echo 1 > /sys/block/$d/device/delete; done
              next pve2: no map, 1 device
                multipath -w 3600a1
                for d in sda; do echo 1 > /sys/block/$d/device/delete; done
            the array takes it away
              later -: a node sees it, or is not heard
        "#]],
    );
    check(
        Aim::Retire,
        None,
        true,
        "pve1\npve2",
        expect![[r#"
            no storage names it
              done -: no storage names it
            nobody misses it
              done -: it is retired on every node that carried it
            the array takes it away
              unknown -: no node sees it
        "#]],
    );
    check(
        Aim::Retire,
        None,
        true,
        "pve1\npve2unheard",
        expect![[r#"
            ! pve2unheard is not heard: nobody can tell what is done there
            no storage names it
              done -: no storage names it
            every node has closed it
              unknown pve2unheard: what it published is not of now
            nobody misses it
              done -: it is retired on every node that carried it
            no node has it
              unknown pve2unheard: what it published is not of now
            the array takes it away
              later -: a node sees it, or is not heard
        "#]],
    );
}

#[test]
fn a_lun_grows_path_by_path_then_map_by_map() {
    check(
        Aim::Resize,
        None,
        false,
        "pve1 map=500 paths=750,500\npve2 map=500 paths=500,500",
        expect![[r#"
            every path sees the new size
              next pve1: 1 of 2 paths have not 750 GiB
                for d in sda sdb; do echo 1 > /sys/block/$d/device/rescan; done
              next pve2: 2 of 2 paths have not 750 GiB
                for d in sda sdb; do echo 1 > /sys/block/$d/device/rescan; done
            every map has the new size
              later pve1: its map has 500 GiB
              later pve2: its map has 500 GiB
            only then what lies on it
              later -: not seen from here: pvs shows it
        "#]],
    );
    check(
        Aim::Resize,
        None,
        false,
        "pve1 map=500 paths=750,750\npve2 map=750 paths=750,750 vg=prod",
        expect![[r#"
            every path sees the new size
              done pve1: all of its paths have 750 GiB
              done pve2: all of its paths have 750 GiB
            every map has the new size
              next pve1: its map has 500 GiB
                multipathd resize map backup-01
              done pve2: its map has 750 GiB
            only then what lies on it
              later -: not seen from here: pvs shows it
        "#]],
    );
    check(
        Aim::Resize,
        None,
        false,
        "pve1 map=750 paths=750,750 vg=prod\npve2 map=750 paths=750,750",
        expect![[r#"
            ! every path and map has 750 GiB: if that is not the new size, no node has seen it yet
            every path sees the new size
              unknown pve1: all of its paths have 750 GiB
              unknown pve2: all of its paths have 750 GiB
            every map has the new size
              done pve1: its map has 750 GiB
              done pve2: its map has 750 GiB
            only then what lies on it
              unknown -: not seen from here: pvs shows it
        "#]],
    );
    check(
        Aim::Resize,
        None,
        false,
        "pve1",
        expect![[r#"
        ! no node that is heard tells a size of it
    "#]],
    );
}

#[test]
fn a_new_lun_is_seen_everywhere_before_anybody_writes_on_it() {
    check(
        Aim::New,
        None,
        false,
        "pve1 loose=500,500\npve2 loose=500\npve3",
        expect![[r#"
            every node sees it, over all ports
              done pve1: 2 devices
              next pve2: 1 device, other nodes have 2: zoning, or a session that is missing
                for h in /sys/class/fc_host/*; do echo '- - -' > /sys/class/scsi_host/${h##*/}/scan; done
                iscsiadm -m session --rescan
              next pve3: no device of it: is it mapped to this host on the array?
                for h in /sys/class/fc_host/*; do echo '- - -' > /sys/class/scsi_host/${h##*/}/scan; done
                iscsiadm -m session --rescan
            every node has a map of it
              later pve1: no map
              later pve2: no map
              later pve3: no map
            one node writes on it, the others look again
              later -: no storage uses it
        "#]],
    );
    check(
        Aim::New,
        None,
        false,
        "pve1 loose=500,500 sig\npve2 map=500 paths=500,500",
        expect![[r#"
        ! NOT EMPTY: LVM PV of VG prod is on it. Is it another cluster's?
        every node sees it, over all ports
          done pve1: 2 devices
          done pve2: 2 devices
        every node has a map of it
          next pve1: no map
            multipath -a 3600a1
            multipath /dev/sda
          done pve2: map backup-01 with 2 paths
        one node writes on it, the others look again
          later -: no storage uses it
    "#]],
    );
    check(
        Aim::New,
        Some("fast"),
        false,
        "pve1 map=500 paths=500,500\npve2 map=500 paths=500,500",
        expect![[r#"
            every node sees it, over all ports
              done pve1: 2 devices
              done pve2: 2 devices
            every node has a map of it
              done pve1: map backup-01 with 2 paths
              done pve2: map backup-01 with 2 paths
            one node writes on it, the others look again
              done -: storage fast uses it
        "#]],
    );
}
