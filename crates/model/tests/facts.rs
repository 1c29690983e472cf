//! What expectations need of a published detail: targets, volumes and ledger.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::io::Write as _;

use crate::large;
use base64::Engine as _;
use pathkeeper_model::detail::{Carried, DetailPart, Facts, Head, OnMap, Packed, encode};
use pathkeeper_model::ledger::{Ledger, Lun, VgMark};
use pathkeeper_model::local::{NodeRead, Pv};
use pathkeeper_model::report::Stamp;
use pathkeeper_model::{EpochS, Instance, NodeName, Wwid};

const STAMP: Stamp = Stamp { instance: Instance(7), seq: 1 };

fn packed(read: &NodeRead, ledger: &Ledger) -> Packed {
    let head = Head { node: NodeName::new("a").unwrap(), stamp: STAMP, time: EpochS(1) };
    let parts = encode(&head, read, Some(ledger)).unwrap();
    Packed::new(parts.iter().map(|part| DetailPart::decode(part).unwrap()).collect())
}

fn packed_text(text: &str) -> Packed {
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(text.as_bytes()).unwrap();
    let data = base64::engine::general_purpose::STANDARD.encode(zip.finish().unwrap());
    Packed::new(vec![DetailPart { stamp: STAMP, time: None, part: 1, parts: 1, data: data.into() }])
}

fn facts(packed: &Packed) -> Facts {
    Facts::of(&packed.unpack().unwrap())
}

#[test]
fn they_are_what_the_whole_detail_says() {
    let mut read = large::node(40, 4);
    let mut luns = BTreeMap::new();
    for (n, map) in read.maps.iter_mut().enumerate() {
        let vg_name = (n % 3 > 0).then(|| format!("vg{}", n % 5));
        let vg_uuid = (n % 2 > 0).then(|| format!("uuid-{}", n % 5));
        let vg = vg_name.clone().map(|name| VgMark { name, uuid: vg_uuid.clone() });
        map.pvs =
            (n % 4 > 0).then(|| Pv { uuid: Some(n.to_string()), vg_name, vg_uuid }).into_iter().collect();
        for path in map.groups.iter_mut().flat_map(|group| &mut group.paths).filter(|_| n % 7 == 0) {
            path.transport = Some("iscsi".into());
            path.target_node = Some(format!("iqn.2026-01.example:t{}", n % 2).into());
        }
        let since = EpochS(1_000 + n as i64);
        luns.insert(map.wwid.clone(), Lun { since, seen: since, ports: Vec::new(), vg });
    }
    // A LUN of which only the ledger knows.
    read.maps.truncate(39);
    let packed = packed(&read, &Ledger { luns, ..Ledger::default() });
    let facts = facts(&packed);
    let mark = |n: &str| VgMark { name: format!("vg{n}"), uuid: None };
    let at = |n: usize| Wwid::new(read.maps[n].wwid.as_str()).unwrap();
    assert_eq!(facts.ledger[&at(2)], Carried { since: EpochS(1_002), vg: Some(mark("2")) });
    assert_eq!(facts.ledger[&at(3)], Carried { since: EpochS(1_003), vg: None });
    assert_eq!(facts.maps[&at(14)].pvs, read.maps[14].pvs);
    let targets = ["iqn.2026-01.example:t0".to_owned()];
    assert_eq!(facts.maps[&at(14)], OnMap { pvs: read.maps[14].pvs.clone(), targets: targets.into() });
    assert_eq!(facts.maps[&at(15)].targets, [].into());
    assert_eq!((facts.ledger.len(), facts.maps.len()), (40, 39));
    assert_eq!(facts.maps.values().map(|map| map.targets.len()).sum::<usize>(), 6);
}

#[test]
fn whatever_stands_there_it_is_understood_in_part() {
    let wwid = |text| Wwid::new(text).unwrap();
    let text = r#"{"v":1,"m":[{"w":"w1","pv":[{"n":"vg0"},7,{}],"g":[{"d":[{"r":0},{"r":1},{"r":99},{"r":"x"}]}]},{"n":"x"},3],
        "r":[{"tn":"iqn.a","tr":"iscsi"},{"tn":"5000","tr":"fc"}],"led":{"v":2},"other":[1]}"#;
    let of_text = facts(&packed_text(text));
    let pv = Pv { vg_name: Some("vg0".into()), ..Pv::default() };
    let on = OnMap { pvs: vec![pv], targets: ["iqn.a".to_owned()].into() };
    assert_eq!(of_text, Facts { maps: [(wwid("w1"), on)].into(), ..Facts::default() });
}
