//! LUNs that vanish and come back, on clusters that nobody ever configured and on some that have storages.

use expect_test::expect;
use pathkeeper_model::orders::OrderKind;

use super::world::{MINUTE, SECOND, World};

/// Two storages of Proxmox VE on the first LUN's volume group and none on the second's.
const STORAGE_CFG: &str = "dir: local\n\tpath /var/lib/vz\n\nlvm: vm-prod\n\tvgname vg0\n\tshared 1\n";

/// Three nodes, two LUNs, the first of them with the volume group of a shared storage.
fn with_storage() -> World {
    let mut world = World::new(3, 2, 4);
    world.vgs.insert(1, ("vg0", "uuid-of-vg0"));
    world.storages(Some(STORAGE_CFG));
    world.install_all();
    world.run(15 * MINUTE);
    world
}

#[test]
fn a_lun_vanishes_on_one_node() {
    let mut world = World::settled(3, 2, 4);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        LUN2 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        exit 0"#]]);
    world.play("+0s pve2 lun 1 forget");
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 missing: pve1 4/4, pve2 missing, pve3 4/4; ledger
        LUN2 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        LUN_MISSING LUN1 pve2
        exit 2"#]]);
    // Nor does anybody get used to it.
    world.run(60 * MINUTE);
    world.check(&expect![[r#"
        LUN1 missing: pve1 4/4, pve2 missing, pve3 4/4; ledger
        LUN2 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        LUN_MISSING LUN1 pve2
        exit 2"#]]);
    world.play("+0s pve2 lun 1 assemble");
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        LUN2 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        exit 0"#]]);
}

#[test]
fn a_lun_vanishes_on_all_nodes() {
    let mut world = World::settled(3, 2, 4);
    world.play("+0s pve1 lun 1 forget\n+1s pve2 lun 1 forget\n+1s pve3 lun 1 forget");
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 missing: pve1 missing, pve2 missing, pve3 missing; ledger
        LUN2 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        LUN_MISSING LUN1 pve1
        LUN_MISSING LUN1 pve2
        LUN_MISSING LUN1 pve3
        exit 2"#]]);
}

#[test]
fn a_lun_that_was_there_for_a_moment_only_is_nobody_s() {
    let mut world = World::new(2, 2, 4);
    world.play("+0s pve2 lun 2 forget");
    world.install_all();
    world.run(15 * MINUTE);
    world.play("+0s pve2 lun 2 assemble");
    world.run(5 * MINUTE);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 4/4; ledger
        LUN2 optimal: pve1 4/4, pve2 4/4; ledger
        exit 0"#]]);
    world.play("+0s pve2 lun 2 forget");
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 4/4; ledger
        LUN2 optimal: pve1 4/4; ledger
        exit 0"#]]);
}

#[test]
fn the_last_map_of_a_node_is_lost() {
    let mut world = World::settled(2, 1, 4);
    world.play("+0s pve2 lun 1 forget");
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 missing: pve1 4/4, pve2 missing; ledger
        LUN_MISSING LUN1 pve2
        exit 2"#]]);
    // An agent that starts anew has never seen a map; it knows what it had.
    world.stop_agent(2);
    world.run(MINUTE);
    world.install(2);
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 missing: pve1 4/4, pve2 missing; ledger
        LUN_MISSING LUN1 pve2
        exit 2"#]]);
}

#[test]
fn everybody_loses_a_volume_group() {
    let mut world = with_storage();
    world.check(&expect![[r#"
        LUN1 for vm-prod optimal: pve1 4/4, pve2 4/4, pve3 4/4; storage:vm-prod
        LUN2 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        exit 0"#]]);
    world.play("+0s pve1 lun 1 forget\n+1s pve2 lun 1 forget\n+1s pve3 lun 1 forget");
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 for vm-prod missing: pve1 missing, pve2 missing, pve3 missing; storage:vm-prod
        LUN2 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        LUN_MISSING LUN1 pve1
        LUN_MISSING LUN1 pve2
        LUN_MISSING LUN1 pve3
        exit 2"#]]);
    // Agents that start anew cannot see the volume group any more and remember where it lay.
    (1..=3).for_each(|node| world.stop_agent(node));
    world.run(MINUTE);
    world.install_all();
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 for vm-prod missing: pve1 missing, pve2 missing, pve3 missing; storage:vm-prod
        LUN2 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        LUN_MISSING LUN1 pve1
        LUN_MISSING LUN1 pve2
        LUN_MISSING LUN1 pve3
        exit 2"#]]);
}

#[test]
fn a_storage_is_disabled_while_its_lun_is_missing() {
    let mut world = with_storage();
    world.play("+0s pve3 lun 1 forget");
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 for vm-prod missing: pve1 4/4, pve2 4/4, pve3 missing; storage:vm-prod
        LUN2 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        LUN_MISSING LUN1 pve3
        exit 2"#]]);
    world.storages(Some(&STORAGE_CFG.replace("shared 1", "shared 1\n\tdisable 1")));
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 for vm-prod missing: pve1 4/4, pve2 4/4, pve3 missing; ledger
        LUN2 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        LUN_MISSING LUN1 pve3
        STORAGE_NOBODY vm-prod
        exit 2"#]]);
    // What looks like disabling and is none to Proxmox VE.
    world.storages(Some(&STORAGE_CFG.replace("shared 1", "shared 1\n\tdisable yes")));
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 for vm-prod missing: pve1 4/4, pve2 4/4, pve3 missing; storage:vm-prod
        LUN2 optimal: pve1 4/4, pve2 4/4, pve3 4/4; ledger
        LUN_MISSING LUN1 pve3
        CONFIG_INVALID storage.cfg
        exit 2"#]]);
}

#[test]
fn a_lun_is_retired_and_returns() {
    let mut world = World::settled(2, 2, 4);
    world.play("+0s pve1 lun 1 forget\n+0s pve2 lun 1 forget");
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 missing: pve1 missing, pve2 missing; ledger
        LUN2 optimal: pve1 4/4, pve2 4/4; ledger
        LUN_MISSING LUN1 pve1
        LUN_MISSING LUN1 pve2
        exit 2"#]]);
    world.order(OrderKind::Retire, 1, None);
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN2 optimal: pve1 4/4, pve2 4/4; ledger
        exit 0"#]]);
    // The array still maps it, and a node takes it up again.
    world.play("+0s pve2 lun 1 assemble");
    world.run(15 * MINUTE);
    world.check(&expect![[r#"
        LUN1 optimal: pve2 4/4
        LUN2 optimal: pve1 4/4, pve2 4/4; ledger
        LUN_STILL_VISIBLE LUN1
        exit 0"#]]);
    // To have it back is an order too.
    world.order(OrderKind::Forget, 1, None);
    world.run(15 * MINUTE);
    world.check(&expect![[r#"
        LUN1 optimal: pve2 4/4; ledger
        LUN2 optimal: pve1 4/4, pve2 4/4; ledger
        exit 0"#]]);
    world.play("+0s pve2 lun 1 forget");
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 missing: pve2 missing; ledger
        LUN2 optimal: pve1 4/4, pve2 4/4; ledger
        LUN_MISSING LUN1 pve2
        exit 2"#]]);
}

#[test]
fn a_lun_is_retired_on_one_node() {
    let mut world = World::settled(2, 1, 4);
    world.play("+0s pve2 lun 1 forget");
    world.order(OrderKind::Retire, 1, Some(2));
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4; ledger
        exit 0"#]]);
    // That says nothing of the other node.
    world.play("+0s pve1 lun 1 forget");
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 missing: pve1 missing; ledger
        LUN_MISSING LUN1 pve1
        exit 2"#]]);
}
