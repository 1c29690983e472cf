//! Who should carry a LUN: one table a source, then the sources against each other.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod lab;
mod law;

use lab::{World, all, facts, lines, name, orders, storages, wwid};
use pathkeeper_model::expect::Expectations;
use pathkeeper_model::finding::{Code, Severity};
use pathkeeper_model::matrix::Matrix;
use pathkeeper_model::{Entry, State};

fn check(world: World, expect: &[&str]) {
    assert_eq!(world.lines(), expect);
}

const SHARED: &str = "lvm: san\n\tvgname vg0\n\tshared 1\n";

#[test]
fn explicit_nodes_are_exactly_these() {
    let world = World::new("a b c").node("c", "w1").storages("multipath: mp\n\twwids w1\n");
    check(world.clone().config("wwid: w1\n\tnodes a,b\n"), &["w1 a,b nodes"]);
    // Also one that the cluster has not: it is shown as unknown.
    check(world.clone().config("wwid: w1\n\tnodes b,x\n"), &["w1 b,x nodes"]);
    check(world.config("wwid: w1\n\talias one\n"), &["w1 a,b,c storage:mp"]);
}

#[test]
fn an_allowed_lun_that_nothing_else_names_is_expected_on_active_nodes() {
    let world = World::new("a b c").config("wwid: w1\n\tused-by backup\n\nwwid: w2\n");
    check(world.clone(), &["w1  active", "w2  active"]);
    let made = world.clone().made();
    assert_eq!(made.of(&wwid("w1")).unwrap().used_by.as_deref(), Some("backup"));
    // "Every active node" would have those that it is retired on.
    check(world.orders("retire w1 b\nretire w2"), &["w1 a,c active"]);
}

#[test]
fn the_ledger_expects_where_nothing_stronger_does() {
    let world = World::new("a b c").node("a", "led:w1@70 w2").node("b", "w1@50");
    check(world.clone(), &["w1 a,b ledger@50", "w2 a ledger@100"]);
    check(world.clone().config("wwid: w1\n"), &["w1 a,b ledger@50", "w2 a ledger@100"]);
    // A map alone, for less than ten minutes, is no expectation.
    check(World::new("a").node("a", "map:w1"), &[]);
    // A node that left the cluster has carried it all the same.
    check(World::new("a").node("a", "w1").node("gone", "w1"), &["w1 a,gone ledger@100"]);
}

#[test]
fn lvm_with_a_base_is_the_lun_in_its_name() {
    let iscsi = "iscsi: target\n\tportal 10.0.0.1\n\ttarget iqn.t\n";
    let lvm = "lvm: san\n\tvgname vg0\n\tbase target:0.0.1.scsi-w1\n";
    let check = |iscsi: &str, lvm: &str, expect: &[&str], codes: &[&str]| {
        let world = World::new("a b c").storages(&format!("{iscsi}\n{lvm}"));
        assert_eq!(
            (world.lines(), world.codes()),
            (
                expect.iter().map(ToString::to_string).collect::<Vec<_>>(),
                codes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ),
            "{iscsi}{lvm}"
        );
    };
    check(iscsi, lvm, &["w1 a,b,c storage:san"], &[]);
    check(&format!("{iscsi}\tnodes a,b\n"), &format!("{lvm}\tnodes b,c\n"), &["w1 b storage:san"], &[]);
    check(&format!("{iscsi}\tnodes a\n"), &format!("{lvm}\tnodes b\n"), &[], &["STORAGE_NOBODY san"]);
    check(&format!("{iscsi}\tdisable\n"), lvm, &[], &["STORAGE_NOBODY san"]);
    // To remove the base makes nothing look better.
    check("", &format!("{lvm}\tnodes a,b\n"), &["w1 a,b storage:san"], &["STORAGE_BASE_MISSING san"]);
    check("dir: target\n\tpath /x\n", lvm, &["w1 a,b,c storage:san"], &["STORAGE_BASE_MISSING san"]);
    check(iscsi, &lvm.replace("scsi-w1", "sdx"), &[], &["STORAGE_BASE_MISSING san"]);
}

#[test]
fn lvm_without_a_base_counts_across_nodes_only_if_shared() {
    let world = World::new("a b c").node("a", "w1=vg0/U1");
    check(world.clone().storages(SHARED), &["w1 a,b,c storage:san"]);
    check(world.clone().storages(&format!("{SHARED}\tnodes a,b\n")), &["w1 a,b storage:san"]);
    check(world.clone().storages(&SHARED.replace("shared 1", "shared 0")), &["w1 a ledger@100"]);
    check(world.clone().storages("lvmthin: san\n\tvgname vg0\n\tthinpool t\n"), &["w1 a ledger@100"]);
    let used_by = |world: &World| world.made().of(&wwid("w1")).unwrap().used_by.clone();
    let local = world.clone().storages("lvm: other\n\tvgname vg0\n\nmultipath: mp\n\twwids w1\n");
    assert_eq!(used_by(&local).as_deref(), Some("other"), "a node's own group still says who uses it");
    assert_eq!(local.lines(), ["w1 a,b,c storage:mp"]);
}

#[test]
fn several_lvm_storages_are_a_union_and_what_is_below_lvm_counts_only_alone() {
    let two =
        "lvm: one\n\tvgname vg0\n\tshared 1\n\tnodes a\n\nlvm: two\n\tvgname vg0\n\tshared 1\n\tnodes b\n";
    let world = World::new("a b c d").node("a", "w1=vg0/U1 map:w2>iqn.t").node("d", "w1");
    check(world.clone().storages(two), &["w1 a,b storage:one+two"]);
    let below =
        "iscsi: target\n\tportal 10.0.0.1\n\ttarget iqn.t\n\nmultipath: mp\n\twwids w1,w3\n\tnodes c\n";
    check(
        world.clone().storages(&format!("{two}\n{below}")),
        &["w1 a,b storage:one+two", "w2 a,b,c,d storage:target", "w3 c storage:mp"],
    );
    let every = world.storages("multipath: mp\n\tnodes c\n").config("wwid: w1\n\nwwid: w4\n");
    check(every, &["w1 c storage:mp", "w4 c storage:mp"]);
}

#[test]
fn a_disabled_storage_leaves_its_luns_to_the_ledger_and_says_so() {
    let world = World::new("a b c").node("a", "w1=vg0/U1").node("b", "w1");
    let off = world.clone().storages(&format!("{SHARED}\tdisable\n"));
    assert_eq!(off.lines(), ["w1 a,b ledger@100"]);
    assert_eq!(off.codes(), ["STORAGE_NOBODY san"]);
    assert_eq!(off.made().of(&wwid("w1")).unwrap().used_by.as_deref(), Some("san"));
    // Another one that still consumes the LUN does not drop who carried it by the disabled one.
    let two = format!("{SHARED}\tnodes b,c\n\tdisable\n\nlvm: other\n\tvgname vg0\n\tshared 1\n\tnodes a\n");
    check(world.clone().storages(&two), &["w1 a,b storage:other ledger@100"]);
    assert!(world.storages(&two).codes().is_empty(), "the LUN has somebody");
}

#[test]
fn nodes_that_the_cluster_has_not_are_told() {
    let world = World::new("a b").node("a", "w1=vg0/U1").storages(&format!("{SHARED}\tnodes b,x,y\n"));
    assert_eq!(world.lines(), ["w1 b storage:san"]);
    assert_eq!(world.codes(), ["STORAGE_NODE_UNKNOWN san"]);
    let nobody = World { members: "a".into(), ..world.clone() };
    assert_eq!(nobody.lines(), ["w1 a ledger@100"]);
    assert_eq!(nobody.codes(), ["STORAGE_NODE_UNKNOWN san", "STORAGE_NOBODY san"]);
    // Without any membership all that speak are the cluster.
    let alone = World::new("").node("a", "w1=vg0/U1").node("b", "").storages(SHARED);
    assert_eq!(alone.lines(), ["w1 a,b storage:san"]);
}

/// The LUNs of vg0, as two nodes tell.
fn check_vg(a: &str, b: &str, luns: &[&str]) {
    let world = World::new("a b c").storages(&format!("{SHARED}\tnodes c\n"));
    let world = world.node("a", a).node("b", b);
    let found: Vec<String> = world.lines().into_iter().filter(|line| line.contains("storage:san")).collect();
    let found: Vec<&str> = found.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(found, luns, "a tells {a}, b tells {b}");
}

#[test]
fn a_volume_group_keeps_its_luns_until_one_that_sees_all_of_it_says_otherwise() {
    // What is named now, or was.
    check_vg("map:w1=vg0/U1", "", &["w1"]);
    check_vg("led:w1=vg0/U1", "", &["w1"]);
    check_vg("map:w1=vg0", "", &["w1"]);
    check_vg("map:w1=vg0/U1 map:w2=vg0", "led:w3=vg0/U1", &["w1", "w2", "w3"]);
    check_vg("w1=other/U2 map:w2=?", "", &[]);
    // Reduced: a sees the rest by device-mapper, and w2 without it.
    check_vg("map:w1=vg0/U1 map:w2", "led:w2=vg0/U1", &["w1"]);
    check_vg("map:w1=vg0/U1 map:w2=vg9/U9", "led:w2=vg0/U1", &["w1"]);
    // Its own mark is as old as any.
    check_vg("map:w1=vg0/U1 map:w2 led:w2=vg0/U1", "", &["w1"]);
    // It has no map of w2; it does not know the group's UUID; it does not see w3; what is on w2 is not known.
    check_vg("map:w1=vg0/U1", "led:w2=vg0/U1", &["w1", "w2"]);
    check_vg("map:w1=vg0 map:w2", "led:w2=vg0/U1", &["w1", "w2"]);
    check_vg("map:w1=vg0/U1 map:w2", "led:w2=vg0/U1 led:w3=vg0/U1", &["w1", "w2", "w3"]);
    check_vg("map:w1=vg0/U1 map:w2=?", "led:w2=vg0/U1", &["w1", "w2"]);
    // b knows of a part that a does not see.
    check_vg("map:w1=vg0/U1 map:w2", "map:w2=vg0/U1", &["w1", "w2"]);
    check_vg("map:w1=vg0/U1 map:w2", "map:w2=vg0", &["w1", "w2"]);
    check_vg("map:w1=vg0/U1 map:w2", "map:w2=?/U1 led:w2=vg0/U1", &["w1", "w2"]);
    // No part of the group is to be seen: then nobody sees all of it.
    check_vg("map:w1 map:w2", "led:w1=vg0/U1 led:w2=vg0/U1", &["w1", "w2"]);
}

#[test]
fn who_is_not_heard_now_takes_no_lun_off() {
    let world = World::new("a b").storages(SHARED).node("b", "led:w2=vg0/U1");
    let world = world.node("a", "map:w1=vg0/U1 map:w2");
    check(world.clone(), &["w1 a,b storage:san", "w2 b ledger@100"]);
    check(world.clone().silent("a"), &["w1 a,b storage:san", "w2 a,b storage:san"]);
    let mut made = world.made();
    made.set_heard(&name("a"), false);
    assert_eq!(made.take_changes().luns.len(), 1);
    assert_eq!(lines(&made), ["w1 a,b storage:san", "w2 a,b storage:san"]);
}

#[test]
fn of_two_groups_of_one_name_the_storage_has_the_one_that_most_nodes_report() {
    let world = |c: &'static str| {
        let world =
            World::new("a b c").storages(SHARED).node("a", "map:w1=vg0/U2").node("b", "map:w1=vg0/U2");
        world.node("c", c)
    };
    let most = world("w3=vg0/U1");
    assert_eq!(most.lines(), ["w1 a,b,c storage:san", "w3 c ledger@100"]);
    assert_eq!(most.codes(), ["STORAGE_VG_AMBIGUOUS san"]);
    // A node that knows no UUID has the one that others know of that LUN, else any.
    check(
        world("w3=vg0/U1 map:w1=vg0 map:w2=vg0"),
        &["w1 a,b,c storage:san", "w2 a,b,c storage:san", "w3 c ledger@100"],
    );
    let tie = World::new("a b").storages(SHARED).node("a", "map:w1=vg0/U2").node("b", "map:w2=vg0/U1");
    check(tie, &["w2 a,b storage:san"]);
    // While its volumes are not active a group's UUID is the one that it had.
    check(world("led:w3=vg0/U1 map:w3=vg0"), &["w1 a,b,c storage:san", "w3 c ledger@100"]);
}

#[test]
fn a_retired_lun_is_expected_nowhere() {
    let world = World::new("a b c").storages(SHARED).node("a", "w1=vg0/U1").node("b", "w1 w2");
    let check = |orders: &str, expect: &[&str]| check(world.clone().orders(orders), expect);
    check("retire w1", &["w2 b ledger@100"]);
    check("retire w1 b\nretire w2 b", &["w1 a,c storage:san"]);
    check("retire w1\nforget w1", &["w1 a,b,c storage:san", "w2 b ledger@100"]);
    check("retire w1\nforget w1 b", &["w1 b storage:san", "w2 b ledger@100"]);
    check("retire w1 a\nretire w1\nack-paths w1", &["w2 b ledger@100"]);
    let named = world.config("wwid: w1\n\tnodes a,b\n");
    assert_eq!(named.clone().orders("retire w1 a").lines(), ["w1 b nodes", "w2 b ledger@100"]);
    assert_eq!(named.orders("retire w1 a\nretire w1 b").lines(), ["w2 b ledger@100"], "the last one too");
}

#[test]
fn findings_that_depend_on_what_is_seen() {
    let seen = |total| Entry { paths_total: total, ..Entry::of(State::Optimal) };
    let found = |world: &World, reports: &[(&str, &[(&str, Entry)])]| -> Vec<String> {
        let mut matrix = Matrix::new();
        for (node, entries) in reports {
            let entries: Vec<_> = entries.iter().map(|(w, e)| (wwid(w), e.clone())).collect();
            matrix.set_online(&name(node), true);
            matrix.set_report(&name(node), Some(&entries));
        }
        let mut made = Expectations::new();
        world.tell(&mut made);
        let changes = made.take_changes();
        for (wwid, outcome) in &changes.luns {
            matrix.set_expected(wwid, if outcome.watched { &outcome.nodes } else { &[] });
        }
        matrix.set_watched(changes.watched.unwrap_or_default());
        let found = made.findings(&matrix);
        found
            .iter()
            .map(|f| format!("{} {:?} {}", f.code.as_str(), f.severity, f.evidence.join("; ")))
            .collect()
    };
    let world = World::new("a b").node("a", "led:w1").node("b", "led:w1");
    assert_eq!(found(&world, &[("a", &[]), ("b", &[])]), ["LUN_GONE Error in the ledger of a, b"]);
    assert_eq!(
        found(&world, &[("a", &[("w1", seen(Some(2)))]), ("b", &[])]),
        [""; 0],
        "b lacks it, and it is there"
    );
    assert_eq!(found(&world, &[]), [""; 0], "nobody can tell");
    assert_eq!(found(&world.clone().config("wwid: w1\n\tnodes a,b\n"), &[("a", &[]), ("b", &[])]), [""; 0]);
    let retired = world.clone().orders("retire w1 a");
    let both = [("a", &[("w1", seen(Some(2)))][..]), ("b", &[("w1", seen(Some(2)))])];
    assert_eq!(found(&retired, &both), ["LUN_STILL_VISIBLE Warning nodes that see it: a"]);
    assert_eq!(found(&retired, &[("a", &[("w1", seen(None))])]), [""; 0], "named, and without any path");
    assert_eq!(
        found(&world.orders("retire w1"), &both),
        ["LUN_STILL_VISIBLE Warning nodes that see it: a, b"]
    );
}

#[test]
fn lines_that_proxmox_passes_over_are_evidence() {
    let world = World::new("a").storages("lvm: san\n\tvgname vg0\n\tshared yes\n");
    let found = world.made().findings(&Matrix::new());
    assert_eq!((found[0].code, found[0].severity), (Code::ConfigInvalid, Severity::Warning));
    assert!(found[0].evidence[0].starts_with("line 3: "), "{:?}", found[0].evidence);
}

#[test]
fn only_what_is_different_is_told() {
    let mut made = World::new("a b").storages(SHARED).node("a", "w1=vg0/U1 w2").node("b", "w2").made();
    let told = |made: &mut Expectations| {
        let changes = made.take_changes();
        changes.luns.into_iter().map(|(wwid, _)| wwid.to_string()).collect::<Vec<_>>()
    };
    assert!(made.take_changes() == Default::default());
    made.set_node(&name("b"), Some(&facts("w2")));
    made.set_storages(Some(&storages(SHARED)));
    made.set_orders(&orders(""));
    assert!(made.take_changes() == Default::default(), "the same again");
    made.set_node(&name("b"), Some(&facts("w2 map:w1=vg0")));
    assert_eq!(told(&mut made), [""; 0], "it is in the set already");
    made.set_storages(Some(&storages(&format!("{SHARED}\tnodes a\n"))));
    assert_eq!(told(&mut made), ["w1"]);
    made.set_node(&name("b"), None);
    assert_eq!(told(&mut made), ["w2"]);
    made.set_node(&name("a"), None);
    assert_eq!(told(&mut made), ["w1", "w2"]);
    assert!(all(&made).is_empty(), "nothing is left of them");
}
