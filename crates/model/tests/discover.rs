//! Which LUNs are seen and not watched: what nodes published in, the list with its notes out.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::fmt::Write as _;

use crate::large;
use pathkeeper_model::discover::*;
use pathkeeper_model::local::*;
use pathkeeper_model::{NodeName, Wwid};

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).expect("not empty")
}

fn name(text: &str) -> NodeName {
    NodeName::new(text).expect("not empty")
}

/// `WWID TARGET LUN` and what else is to be said: `size=`, `tr=`, `sg=`, `why=`; a `-` is nothing.
fn device(n: usize, text: &str) -> PathDevice {
    let mut words = text.split_whitespace();
    let mut next = || words.next().filter(|word| *word != "-");
    let (wwid, target, lun) = (next(), next(), next());
    let mut path = PathDevice {
        wwid: wwid.and_then(Wwid::new),
        target_node: target.map(Into::into),
        target_port: target.map(|target| format!("{target}:{n}").into()),
        hctl: lun.map(|lun| format!("6:0:{n}:{lun}").into()),
        transport: Some("fc".into()),
        size_bytes: Some(1 << 40),
        product: Some("NETAPP LUN C-Mode".into()),
        loose_because: "orphan".into(),
        ..PathDevice::unknown(&format!("sd{n}"), &format!("8:{n}"))
    };
    for word in words {
        let (key, value) = word.split_once('=').expect("a key");
        match key {
            "size" => path.size_bytes = value.parse().ok(),
            "tr" => path.transport = Some(value.into()),
            "sg" => path.signature = Some(value.replace('_', " ").into()),
            "why" => path.loose_because = value.replace('_', " ").into(),
            "port" => path.target_port = Some(value.into()),
            _ => panic!("{key}"),
        }
    }
    path
}

/// A node as a test writes it: lines `loose …`, `map …` (a path each), `own WWID…`, `hung`, `doubt WHY`, `new`.
struct Written {
    name: NodeName,
    doubt: Option<String>,
    is_new: bool,
    read: NodeRead,
}

fn written(node: &str, lines: &[&str]) -> Written {
    let mut out = Written { name: name(node), doubt: None, is_new: false, read: large::node(0, 0) };
    for (n, line) in lines.iter().enumerate() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "loose" => out.read.loose.push(device(n, rest)),
            "map" => {
                let path = device(n, rest);
                let wwid = path.wwid.clone().expect("a map has one");
                let mut map = Map::unknown("m", wwid);
                map.groups.push(PathGroup {
                    selector: "".into(),
                    priority: 1,
                    status: "".into(),
                    marginal: false,
                    paths: vec![path],
                });
                out.read.maps.push(map);
            }
            "own" => out.read.own_wwids = Some(rest.split_whitespace().map(wwid).collect()),
            "hung" => out.read.daemon = Daemon::Hung { waited_ms: 5000 },
            "doubt" => out.doubt = Some(rest.to_owned()),
            "new" => out.is_new = true,
            _ => panic!("{word}"),
        }
    }
    out
}

fn discover<'a>(known: &[&str], nodes: impl Iterator<Item = &'a Written>) -> Discovered {
    let mut discovery = Discovery::new(known.iter().map(|text| wwid(text)));
    for node in nodes {
        let of = Node { name: &node.name, doubt: node.doubt.as_deref(), is_new: node.is_new };
        discovery.add(&of, &node.read);
    }
    discovery.finish()
}

fn print(found: &Discovered) -> String {
    let mut out = String::new();
    for (kind, luns) in [("lun", &found.luns), ("partly", &found.partly)] {
        for lun in luns {
            let nodes: Vec<String> = lun.nodes.iter().map(|(n, on)| format!("{n}:{}", on.paths)).collect();
            let size = lun.size_bytes.map_or_else(|| "?".into(), |n| (n >> 30).to_string());
            let number = lun.lun.map_or_else(|| "?".into(), |n| n.to_string());
            let carried: Vec<&str> = lun.carried.iter().map(NodeName::as_str).collect();
            let carried =
                if carried.is_empty() { String::new() } else { format!(" on {}", carried.join(" ")) };
            let array = lun.array.join("+");
            let nodes = nodes.join(" ");
            writeln!(out, "{kind} {} [{array}] {size} GiB LUN {number}, {nodes}{carried}", lun.wwid)
                .expect("memory");
            for note in &lun.notes {
                writeln!(out, "  {} {}", if note.warning { '!' } else { '-' }, note.text).expect("memory");
            }
        }
    }
    for (kind, devices) in [("local", &found.local), ("nameless", &found.nameless)] {
        for device in devices {
            writeln!(out, "{kind} {} {}", device.node, device.dev).expect("memory");
        }
    }
    if found.left_out > 0 {
        writeln!(out, "left out {}", found.left_out).expect("memory");
    }
    out
}

/// Nodes and their lines in; what is found, whoever is taken in first.
fn check(known: &[&str], nodes: &[(&str, &[&str])], expect: &str) {
    let written: Vec<Written> = nodes.iter().map(|(name, lines)| written(name, lines)).collect();
    let forward = print(&discover(known, written.iter()));
    let expect: String = expect.lines().skip(1).map(|l| format!("{}\n", l.trim_start_matches('|'))).collect();
    assert_eq!(forward, expect);
    assert_eq!(print(&discover(known, written.iter().rev())), expect, "the order does not matter");
}

#[test]
fn a_new_lun_that_all_nodes_see() {
    let both: &[&str] = &["loose w1 a 14", "loose w1 a 14", "own"];
    check(
        &["w9"],
        &[("pve1", both), ("pve2", both)],
        "
|lun w1 [a] 1024 GiB LUN 14, pve1:2 pve2:2
|  - not in the wwids file of any of pve1 pve2",
    );
}

#[test]
fn who_does_not_see_it_is_named_with_what_it_does_see() {
    check(
        &[],
        &[
            ("pve1", &["loose w1 a 1"]),
            ("pve2", &["loose w1 a 1"]),
            ("pve3", &["map w0 a 0"]),
            ("pve4", &["map w2 b 0"]),
        ],
        "
|lun w1 [a] 1024 GiB LUN 1, pve1:1 pve2:1
|  - pve3: no device (mapping?)
|  - pve4: no device of this array (zoning?)",
    );
}

#[test]
fn an_array_that_one_node_alone_sees_may_be_anothers() {
    let others: &[&str] = &["map w0 a 0"];
    check(
        &[],
        &[("pve1", others), ("pve2", others), ("pve4", &["new", "loose w3 e 3", "loose w3 e 3"])],
        "
|lun w3 [e] 1024 GiB LUN 3, pve4:2
|  ! only the new node pve4 sees this array: zoned to another cluster?",
    );
    // What it has carried before is no new node; and alone nobody can compare.
    check(
        &[],
        &[("pve1", others), ("pve4", &["map w0 a 0", "loose w3 e 3"])],
        "
|lun w3 [e] 1024 GiB LUN 3, pve4:1
|  ! only pve4 sees this array: zoned to another cluster?",
    );
    check(
        &[],
        &[("pve1", &["new", "map w0 a 0"]), ("pve4", &["new", "loose w3 e 3"])],
        "
|lun w3 [e] 1024 GiB LUN 3, pve4:1
|  ! only pve4 sees this array: zoned to another cluster?",
    );
    check(
        &[],
        &[("pve4", &["new", "loose w3 e 3"])],
        "
|lun w3 [e] 1024 GiB LUN 3, pve4:1",
    );
}

#[test]
fn an_array_is_what_its_luns_join() {
    // pve2 sees the other controller alone: that is the same array, by w0.
    check(
        &[],
        &[
            ("pve1", &["map w0 c1 0", "map w0 c2 0", "loose w1 c1 5", "loose w2 c2 6"]),
            ("pve2", &["map w0 c2 0", "loose w2 c2 6"]),
        ],
        "
|lun w1 [c1+c2] 1024 GiB LUN 5, pve1:1
|  - pve2: no device (mapping?)
|lun w2 [c1+c2] 1024 GiB LUN 6, pve1:1 pve2:1",
    );
}

#[test]
fn doubt_is_no_absence() {
    check(
        &[],
        &[
            ("pve1", &["loose w1 a 1"]),
            ("pve2", &["doubt nothing new for 190 s", "map w0 a 0"]),
            ("pve3", &["hung", "map w0 a 0"]),
        ],
        "
|lun w1 [a] 1024 GiB LUN 1, pve1:1",
    );
    check(
        &[],
        &[("pve1", &["loose w1 a 1"]), ("pve2", &["doubt nothing new for 190 s", "loose w1 a 1"])],
        "
|lun w1 [a] 1024 GiB LUN 1, pve1:1 pve2:1
|  - pve2: as it was when it last spoke, which may be so no more",
    );
}

#[test]
fn what_is_on_it_and_what_differs_comes_first() {
    check(
        &[],
        &[
            ("pve1", &["loose w1 a 3 size=536870912000 sg=LVM_PV_of_VG_prod", "own w1"]),
            ("pve2", &["loose w1 a 4 why=orphan,_udev-missing", "own"]),
        ],
        "
|lun w1 [a] ? GiB LUN ?, pve1:1 pve2:1
|  ! NOT EMPTY: LVM PV of VG prod, says udev's database of pve1
|  ! the sizes differ: 536870912000 bytes on pve1, 1099511627776 bytes on pve2; resized on the array and not rescanned everywhere?
|  - the LUN numbers differ: 3 on pve1, 4 on pve2
|  - not in the wwids file of pve2
|  - pve1: in the wwids file, and multipathd calls its devices: orphan
|  - pve2: multipathd calls its devices: orphan, udev-missing",
    );
}

#[test]
fn what_is_watched_or_carried_elsewhere_is_told_apart() {
    check(
        &["w2"],
        &[
            ("pve1", &["map w1 a 1", "loose w1 a 1", "loose w2 a 2"]),
            ("pve2", &["loose w1 a 1", "own w9"]),
            ("pve3", &["map w1 a 1"]),
        ],
        "
|partly w1 [a] 1024 GiB LUN 1, pve2:1 on pve1 pve3
|  - not in the wwids file of pve2
|partly w2 [a] 1024 GiB LUN 2, pve1:1
|  - pve2 pve3: no device (mapping?)",
    );
}

#[test]
fn own_disks_and_devices_without_a_name_are_no_luns() {
    check(
        &[],
        &[
            ("pve1", &["loose d1 - 0 tr=ata", "loose - a 1", "loose d2 5000c5 0 tr=sas", "loose w1 a 1"]),
            ("pve2", &["loose s1 x 0 tr=sas", "loose s1 x 0 tr=sas", "loose w1 a 1"]),
            ("pve3", &["loose n1 nqn 0 tr=nvme port=0000:01:00.0", "loose s2 x 0 tr=sas", "loose w1 a 1"]),
            ("pve4", &["loose n2 nqn 0 tr=nvme port=traddr=10.0.0.1,trsvcid=4420", "loose s2 x 0 tr=sas"]),
        ],
        "
|lun n2 [nqn] 1024 GiB LUN 0, pve4:1
|  - pve3: no device (mapping?)
|  - pve1 pve2: no device of this array (zoning?)
|lun s1 [x] 1024 GiB LUN 0, pve2:2
|  - pve3 pve4: no device (mapping?)
|  - pve1: no device of this array (zoning?)
|lun s2 [x] 1024 GiB LUN 0, pve3:1 pve4:1
|  - pve2: no device (mapping?)
|  - pve1: no device of this array (zoning?)
|lun w1 [a] 1024 GiB LUN 1, pve1:1 pve2:1 pve3:1
|  - pve4: no device of this array (zoning?)
|local pve1 sd0
|local pve1 sd2
|local pve3 sd0
|nameless pve1 sd1",
    );
}

#[test]
fn nothing_is_found_where_nobody_tells() {
    check(&[], &[], "");
    check(&[], &[("pve1", &["hung"])], "");
    let mut discovery = Discovery::new([]);
    discovery.add_unknown(&name("pve1"));
    assert_eq!(discovery.finish(), Discovered::default());
}

#[test]
fn a_node_that_says_too_much_is_cut_and_said_to_be() {
    let mut read = large::node(0, 0);
    read.loose = (0..70_000).map(|n| device(n, &format!("w{n} a 1"))).collect();
    read.loose.push(device(1, &format!("{} a 1", "x".repeat(300))));
    read.loose.extend((0..2_000).map(|n| device(n, "- a 1")));
    let mut discovery = Discovery::new([]);
    discovery.add(&Node { name: &name("pve1"), doubt: None, is_new: false }, &read);
    let found = discovery.finish();
    assert_eq!((found.luns.len(), found.nameless.len()), (65_536, 1_024));
    assert_eq!(found.left_out, (70_000 - 65_536) + (2_001 - 1_024));
}
