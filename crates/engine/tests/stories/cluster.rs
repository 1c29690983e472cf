//! Many nodes at once.

use expect_test::expect;
use pathkeeper_model::State;

use super::world::{MINUTE, SECOND, World};

#[test]
fn agents_are_installed_on_sixteen_nodes_one_after_the_other() {
    let mut world = World::new(16, 2, 2);
    world.check(&expect![[r#"
        NODE_SILENT pve1
        NODE_SILENT pve10
        NODE_SILENT pve11
        NODE_SILENT pve12
        NODE_SILENT pve13
        NODE_SILENT pve14
        NODE_SILENT pve15
        NODE_SILENT pve16
        NODE_SILENT pve2
        NODE_SILENT pve3
        NODE_SILENT pve4
        NODE_SILENT pve5
        NODE_SILENT pve6
        NODE_SILENT pve7
        NODE_SILENT pve8
        NODE_SILENT pve9
        exit 0"#]]);
    // Without any configuration a node that says nothing makes no LUN bad.
    for node in 1..=16 {
        world.install(node);
        world.run(20 * SECOND);
        assert_eq!(world.state(1), Some(State::Optimal), "after {node} nodes:\n{}", world.status());
        assert_eq!(world.status(), world.status_of_a_new_observer());
    }
    world.run(15 * MINUTE);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 2/2, pve10 2/2, pve11 2/2, pve12 2/2, pve13 2/2, pve14 2/2, pve15 2/2, pve16 2/2, pve2 2/2, pve3 2/2, pve4 2/2, pve5 2/2, pve6 2/2, pve7 2/2, pve8 2/2, pve9 2/2; ledger
        LUN2 optimal: pve1 2/2, pve10 2/2, pve11 2/2, pve12 2/2, pve13 2/2, pve14 2/2, pve15 2/2, pve16 2/2, pve2 2/2, pve3 2/2, pve4 2/2, pve5 2/2, pve6 2/2, pve7 2/2, pve8 2/2, pve9 2/2; ledger
        exit 0"#]]);
    // And each is missed from then on.
    world.play("+0s pve9 lun 2 forget");
    world.run(20 * SECOND);
    assert_eq!(world.state(2), Some(State::Missing), "{}", world.status());
}

#[test]
fn agents_are_installed_where_storages_say_who_should_carry_what() {
    let mut world = World::new(4, 1, 2);
    world.vgs.insert(1, ("vg0", "uuid-of-vg0"));
    world.storages(Some("lvm: vm-prod\n\tvgname vg0\n\tshared 1\n"));
    world.check(&expect![[r#"
        NODE_SILENT pve1
        NODE_SILENT pve2
        NODE_SILENT pve3
        NODE_SILENT pve4
        exit 0"#]]);
    world.install(1);
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 for vm-prod missing: pve1 2/2, pve2 missing, pve3 missing, pve4 missing; storage:vm-prod
        NODE_SILENT pve2
        NODE_SILENT pve3
        NODE_SILENT pve4
        exit 2"#]]);
    for node in 2..=4 {
        world.install(node);
        world.run(20 * SECOND);
    }
    world.check(&expect![[r#"
        LUN1 for vm-prod optimal: pve1 2/2, pve2 2/2, pve3 2/2, pve4 2/2; storage:vm-prod
        exit 0"#]]);
}

#[test]
fn agents_are_replaced_on_sixteen_nodes_while_a_lun_is_bad() {
    let mut world = World::settled(16, 2, 2);
    world.play("+0s pve5 lun 2 forget\n+0s pve7 path 1 1 fail");
    world.run(20 * SECOND);
    let bad = world.status();
    for node in 1..=16 {
        world.stop_agent(node);
        world.run(5 * SECOND);
        assert_eq!(world.status(), bad, "the agent of pve{node} is away");
        world.install(node);
        world.run(20 * SECOND);
        assert_eq!(world.status(), bad, "the agent of pve{node} is new");
    }
}
