//! One table: what is broken, and what is then said.

use std::collections::BTreeSet;

use pathkeeper_model::cause::Causes;

use pathkeeper_model::topology::LooseSeen;

use super::lab::{Fault, Known, Lab, Shape, find, listed, node_name, wwid};

/// Broken things, and the list in its order.
fn check(lab: &Lab, faults: &[Fault], expect: &[&str]) -> Causes {
    let whole = lab.clone().with(&[]).find(&Causes::default());
    assert_eq!(listed(&whole), [""; 0]);
    let causes = lab.clone().with(faults).find(&whole);
    assert_eq!(listed(&causes), expect, "{:?} {faults:?}", lab.shape);
    causes
}

fn lab(change: impl FnOnce(&mut Shape)) -> Lab {
    let mut shape = Shape::default();
    change(&mut shape);
    Lab::new(shape)
}

const PORT_0: &str = "50:06:01:60:88:60:0f:a2";

#[test]
fn one_thing_is_broken() {
    for absent in [false, true] {
        for links in [false, true] {
            for known in [Known::Wiring, Known::People, Known::Switch] {
                let lab = lab(|shape| (shape.absent, shape.links, shape.known) = (absent, links, known));
                check(&lab, &[], &[]);
                check(&lab, &[Fault::Adapter(1, 1)], &["warning HBA_DOWN pve02/host7"]);
                check(&lab, &[Fault::AdapterQuiet(1, 1)], &["warning HBA_DOWN pve02/host7"]);
                check(&lab, &[Fault::Port(0)], &[&format!("warning TARGET_PORT_DOWN {PORT_0}")]);
                let group = "50:06:01:60:88:60:0f:00 group 1";
                check(&lab, &[Fault::Controller(0)], &[&format!("warning CONTROLLER_DOWN {group}")]);
                let name = lab.fabric_name(1);
                check(&lab, &[Fault::FabricQuiet(1)], &[&format!("warning FABRIC_DOWN {name}")]);
                let expect = format!("error LUN_UNMAPPED pve03/{}", wwid(3));
                check(&lab, &[Fault::UnmapOn(3, 2)], &[&expect]);
                check(&lab, &[Fault::Unmap(3)], &[&format!("error LUN_UNMAPPED {}", wwid(3))]);
                let expect = format!("warning PORT_PAIR_DOWN pve01/host6 to {PORT_0}");
                check(&lab, &[Fault::Pair(0, 0, 0)], &[&expect]);
                check(&lab, &[Fault::Path(0, 0, 0, 5)], &[]);
            }
        }
    }
}

#[test]
fn a_lun_whose_devices_are_there_is_not_unmapped() {
    let lab = lab(|shape| shape.absent = true).with(&[Fault::UnmapOn(3, 2)]);
    let whole = lab.clone().with(&[]).find(&Causes::default());
    for devices in [0, 1, 4] {
        let mut told = lab.told();
        let paths = &mut told.get_mut(&node_name(2)).unwrap().0;
        let lun = paths.luns.iter_mut().find(|lun| lun.wwid == wwid(3)).unwrap();
        assert!(lun.map.is_none());
        // As of devices that are blacklisted: multipathd does not say how they are reached.
        lun.loose = (0..devices).map(|_| LooseSeen::default()).collect();
        let causes = find(&told, &BTreeSet::new(), &lab.names(), lab.now_ms, &whole);
        let expect = (devices == 0).then(|| format!("error LUN_UNMAPPED pve03/{}", wwid(3)));
        assert_eq!(listed(&causes), Vec::from_iter(expect), "{devices} devices without a map");
    }
}

#[test]
fn an_iscsi_adapter_is_called_by_its_address_however_many_sessions_it_has() {
    for controllers in [1, 2] {
        for absent in [false, true] {
            let lab =
                lab(|shape| (shape.iscsi, shape.controllers, shape.absent) = (true, controllers, absent));
            check(&lab, &[Fault::AdapterQuiet(1, 1)], &["warning HBA_DOWN pve02/10.9.2.105"]);
        }
    }
    // A logout takes one of two hosts away.
    let lab = lab(|shape| (shape.iscsi, shape.absent) = (true, true));
    let expect = "warning PORT_PAIR_DOWN pve01/10.9.1.100 to 10.9.1.1:3260";
    check(&lab, &[Fault::Pair(0, 0, 0)], &[expect]);
}

#[test]
fn cells_say_what_explains_them() {
    let lab = lab(|_| {});
    let causes =
        check(&lab, &[Fault::Adapter(1, 1), Fault::Path(1, 0, 0, 4)], &["warning HBA_DOWN pve02/host7"]);
    let cell = causes.cell(&node_name(1), &wwid(4)).unwrap();
    assert_eq!((cell.usable, cell.known, cell.expected, cell.explained), (1, 4, 4, 2));
    assert_eq!(
        (cell.causes.as_slice(), cell.hbas, cell.fabrics, cell.controllers),
        (&[0][..], (1, 2), (1, 2), (1, 2))
    );
    let cell = causes.cell(&node_name(0), &wwid(4)).unwrap();
    assert_eq!((cell.usable, cell.expected, cell.explained, cell.causes.len()), (4, 4, 0, 0));
    assert_eq!(causes.cell(&node_name(9), &wwid(4)), None);
    assert_eq!(causes.cell(&node_name(0), &wwid(99)), None);
    let explains = causes.list()[0].explains.as_ref().unwrap();
    assert_eq!((explains.luns, explains.cells, explains.paths), (12, 12, 24));
    assert_eq!(explains.nodes, [node_name(1)]);
}

#[test]
fn what_leaves_a_lun_without_a_path_is_an_error() {
    let lab = lab(|_| {});
    check(
        &lab,
        &[Fault::Adapter(1, 0), Fault::Adapter(1, 1)],
        &["error HBA_DOWN pve02/host6", "error HBA_DOWN pve02/host7"],
    );
    check(
        &lab,
        &[Fault::FabricQuiet(1), Fault::Adapter(1, 0)],
        &["error FABRIC_DOWN B", "error HBA_DOWN pve02/host6"],
    );
}

#[test]
fn a_silent_node_is_no_witness() {
    let mut lab = lab(|shape| shape.links = false).with(&[Fault::FabricQuiet(1)]);
    lab.silent = BTreeSet::from([3]);
    let causes = lab.find(&Causes::default());
    assert_eq!(listed(&causes), ["warning FABRIC_DOWN B"]);
    let said = causes.list()[0].evidence.join("\n");
    assert!(said.contains("judged by 3 nodes that can tell; 1 other cannot now"), "{said}");
    assert_eq!(causes.cell(&node_name(3), &wwid(0)), None);
    // One node's word is no fabric.
    lab.silent = BTreeSet::from([0, 2, 3]);
    assert_eq!(listed(&lab.find(&Causes::default())), ["warning HBA_DOWN pve02/host7"]);
    lab.silent = BTreeSet::from([0, 1, 2, 3]);
    assert_eq!(listed(&lab.find(&Causes::default())), [""; 0]);
}

/// At each moment, milliseconds: what is broken then, and the list.
fn play(lab: Lab, script: &[(u64, &[Fault], &[&str])]) {
    let (mut lab, mut before) = (lab, Causes::default());
    for (at, faults, expect) in script {
        lab.now_ms = 1_000_000 + at;
        lab = lab.with(faults);
        before = lab.find(&before);
        let names: Vec<String> = before.list().iter().map(|f| f.fingerprint().to_string()).collect();
        assert_eq!(&names, expect, "at {at}");
    }
}

#[test]
fn adapters_of_different_days_are_no_fabric() {
    use Fault::AdapterQuiet as Down;
    let two = |shape: &mut Shape| (shape.nodes, shape.links) = (2, false);
    play(
        lab(two),
        &[
            (0, &[Down(0, 1)], &["HBA_DOWN pve01/host7"]),
            (3_600_000, &[Down(0, 1), Down(1, 1)], &["HBA_DOWN pve01/host7", "HBA_DOWN pve02/host7"]),
            (3_700_000, &[Down(1, 1)], &["HBA_DOWN pve02/host7"]),
            (3_710_000, &[], &[]),
        ],
    );
    // Reports roll in: what is young may turn out to be larger.
    play(
        lab(two),
        &[
            (0, &[Down(0, 1)], &["HBA_DOWN pve01/host7"]),
            (5_000, &[Down(0, 1), Down(1, 1)], &["FABRIC_DOWN B"]),
            (5_100, &[Down(0, 1), Down(1, 1)], &["FABRIC_DOWN B"]),
        ],
    );
}

#[test]
fn a_fabric_on_its_way_back_does_not_fall_apart() {
    use Fault::AdapterQuiet as Down;
    play(
        lab(|shape| shape.links = false),
        &[
            (0, &[Fault::FabricQuiet(1)], &["FABRIC_DOWN B"]),
            (600_000, &[Down(1, 1), Down(2, 1), Down(3, 1)], &["FABRIC_DOWN B"]),
            (610_000, &[Down(3, 1)], &["FABRIC_DOWN B"]),
            (659_000, &[Down(3, 1)], &["FABRIC_DOWN B"]),
            (660_000, &[Down(3, 1)], &["HBA_DOWN pve04/host7"]),
            (661_000, &[], &[]),
        ],
    );
}
