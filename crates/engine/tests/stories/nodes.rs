//! Nodes that boot, that lose their memory, that are new.

use expect_test::expect;

use super::world::{MINUTE, SECOND, World};

#[test]
fn a_node_comes_back_from_a_reboot_with_half_its_paths() {
    let mut world = World::settled(2, 2, 4);
    world.goes_down(2);
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 unknown; ledger
        LUN2 optimal: pve1 4/4, pve2 unknown; ledger
        NODE_OFFLINE pve2
        exit 3"#]]);
    // One adapter finds nothing after the boot, and the second LUN is in no wwids file.
    world.play("+0s pve2 path 1 3 delete\n+0s pve2 path 1 4 delete\n+0s pve2 lun 2 forget");
    world.boots(2);
    world.check(&expect![[r#"
        LUN1 degraded: pve1 4/4, pve2 degraded 2/4; ledger
        LUN2 optimal: pve1 4/4, pve2 unknown; ledger
        LUN_BELOW_EXPECTED LUN1 pve2
        NODE_SETTLING pve2
        exit 1"#]]);
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 degraded: pve1 4/4, pve2 degraded 2/4; ledger
        LUN2 missing: pve1 4/4, pve2 missing; ledger
        LUN_MISSING LUN2 pve2
        HBA_DOWN pve2 21:00:00:24:ff:4a:12:07
        exit 2"#]]);
}

#[test]
fn while_a_node_boots_its_luns_are_not_missing_yet() {
    let mut world = World::settled(2, 2, 4);
    world.goes_down(2);
    world.run(MINUTE);
    // multipathd is there and busy, and no map is.
    world.play("+0s pve2 multipathd reconfigure\n+0s pve2 lun 1 forget\n+0s pve2 lun 2 forget");
    world.boots(2);
    world.play("+0s pve2 multipathd reconfigure");
    world.run(30 * SECOND);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 unknown; ledger
        LUN2 optimal: pve1 4/4, pve2 unknown; ledger
        MULTIPATHD_HUNG pve2
        NODE_SETTLING pve2
        exit 3"#]]);
    // One comes, the other never does. Two minutes after the boot that is what it is.
    world.play("+0s pve2 lun 1 assemble");
    world.run(3 * MINUTE);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 unknown 4/4; ledger
        LUN2 missing: pve1 4/4, pve2 missing; ledger
        MULTIPATHD_HUNG pve2
        exit 2"#]]);
    world.play("+0s pve2 multipathd start");
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 4/4; ledger
        LUN2 missing: pve1 4/4, pve2 missing; ledger
        LUN_MISSING LUN2 pve2
        exit 2"#]]);
}

#[test]
fn an_agent_loses_its_state_directory_while_a_lun_is_gone() {
    let mut world = World::settled(2, 2, 4);
    world.play("+0s pve2 lun 1 forget\n+0s pve2 path 2 4 delete");
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 missing: pve1 4/4, pve2 missing; ledger
        LUN2 degraded: pve1 4/4, pve2 degraded 3/4; ledger
        LUN_MISSING LUN1 pve2
        PORT_PAIR_DOWN pve2 21:00:00:24:ff:4a:12:07 to 20:04:00:a0:98:33:8a:ca
        exit 2"#]]);
    world.stop_agent(2);
    world.lose_state_directory(2);
    world.run(MINUTE);
    world.install(2);
    world.run(MINUTE);
    world.check(&expect![[r#"
        LUN1 missing: pve1 4/4, pve2 missing; ledger
        LUN2 degraded: pve1 4/4, pve2 degraded 3/4; ledger
        LUN_MISSING LUN1 pve2
        PORT_PAIR_DOWN pve2 21:00:00:24:ff:4a:12:07 to 20:04:00:a0:98:33:8a:ca
        exit 2"#]]);
}

#[test]
fn a_new_node_is_badly_zoned() {
    let mut world = World::new(3, 2, 4);
    world.vgs.insert(1, ("vg0", "uuid-of-vg0"));
    world.vgs.insert(2, ("vg1", "uuid-of-vg1"));
    world
        .storages(Some("lvm: vm-prod\n\tvgname vg0\n\tshared 1\n\nlvm: vm-test\n\tvgname vg1\n\tshared 1\n"));
    world.set_member(3, None);
    world.install(1);
    world.install(2);
    world.run(15 * MINUTE);
    world.check(&expect![[r#"
        LUN1 for vm-prod optimal: pve1 4/4, pve2 4/4; storage:vm-prod
        LUN2 for vm-test optimal: pve1 4/4, pve2 4/4; storage:vm-test
        exit 0"#]]);
    // It joins; its second adapter reaches nothing, and the second LUN is not mapped to it.
    world.play("+0s pve3 path 1 3 delete\n+0s pve3 path 1 4 delete\n+0s pve3 lun 2 forget");
    world.set_member(3, Some(true));
    world.install(3);
    world.run(15 * MINUTE);
    world.check(&expect![[r#"
        LUN1 for vm-prod optimal: pve1 4/4, pve2 4/4, pve3 2/2; storage:vm-prod
        LUN2 for vm-test missing: pve1 4/4, pve2 4/4, pve3 missing; storage:vm-test
        LUN_MISSING LUN2 pve3
        LUN_PATHS_UNEVEN pve3
        exit 2"#]]);
    // It never had more than two paths, so it misses none: who knows better says so.
    world.config(Some("defaults: global\n\texpected-paths 4\n"));
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 for vm-prod degraded: pve1 4/4, pve2 4/4, pve3 degraded 2/4; storage:vm-prod
        LUN2 for vm-test missing: pve1 4/4, pve2 4/4, pve3 missing; storage:vm-test
        LUN_MISSING LUN2 pve3
        LUN_BELOW_EXPECTED LUN1 pve3
        exit 2"#]]);
}

#[test]
fn a_node_that_is_not_a_member_any_more_is_missed_until_it_is_forgotten() {
    let mut world = World::settled(2, 1, 4);
    world.goes_down(2);
    world.run(10 * MINUTE);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 unknown; ledger
        NODE_OFFLINE pve2
        exit 3"#]]);
    world.set_member(2, None);
    world.run(10 * MINUTE);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 unknown; ledger
        NODE_OFFLINE pve2
        exit 3"#]]);
}
