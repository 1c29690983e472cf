//! Paths that are gone without a trace: the map is whole as far as multipathd knows, and the node remembers more.

use std::collections::BTreeMap;

use expect_test::expect;
use pathkeeper_model::orders::OrderKind;

use super::world::{MINUTE, SECOND, World};

#[test]
fn the_kernel_forgets_a_path() {
    let mut world = World::settled(2, 1, 4);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 4/4; ledger
        exit 0"#]]);
    world.play("+0s pve1 path 1 2 delete");
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 degraded: pve1 degraded 3/4, pve2 4/4; ledger
        LUN_BELOW_EXPECTED LUN1 pve1
        exit 1"#]]);
    // Days later it is no better.
    world.run(24 * 60 * MINUTE);
    world.check(&expect![[r#"
        LUN1 degraded: pve1 degraded 3/4, pve2 4/4; ledger
        LUN_BELOW_EXPECTED LUN1 pve1
        exit 1"#]]);
    // Only a person says that it is gone for good: with what stood on the screen.
    let paths = BTreeMap::from([(world.node(1), 3)]);
    world.order(OrderKind::AckPaths { paths }, 1, Some(1));
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 3/3, pve2 4/4; ledger
        LUN_PATHS_UNEVEN pve1
        exit 0"#]]);
    // From then on it is the new one that counts.
    world.play("+0s pve1 path 1 3 delete");
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 degraded: pve1 degraded 2/3, pve2 4/4; ledger
        LUN_BELOW_EXPECTED LUN1 pve1
        exit 1"#]]);
}

#[test]
fn more_paths_are_lost_while_somebody_acknowledges() {
    let mut world = World::settled(1, 1, 4);
    world.play("+0s pve1 path 1 1 delete");
    world.run(20 * SECOND);
    world.play("+0s pve1 path 1 2 delete");
    let paths = BTreeMap::from([(world.node(1), 3)]);
    world.order(OrderKind::AckPaths { paths }, 1, None);
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 degraded: pve1 degraded 2/3; ledger
        LUN_BELOW_EXPECTED LUN1 pve1
        LUN_SINGLE_FABRIC LUN1 pve1
        exit 1"#]]);
}

#[test]
fn multipathd_is_reconfigured_while_paths_are_down() {
    let mut world = World::settled(2, 1, 4);
    world.play("+0s pve1 adapter host7 down");
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 degraded: pve1 degraded 2/4, pve2 4/4; ledger
        HBA_DOWN pve1 21:00:00:24:ff:4a:11:07
        exit 1"#]]);
    // The kernel gives the devices up, and multipathd builds its maps anew from what is left: two of two.
    world.play("+40s pve1 path 1 3 delete\n+0s pve1 path 1 4 delete\n+1s pve1 multipathd reconfigure");
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 degraded: pve1 degraded 2/4, pve2 4/4; ledger
        MULTIPATHD_HUNG pve1
        exit 1"#]]);
    world.play("+0s pve1 multipathd start");
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 degraded: pve1 degraded 2/4, pve2 4/4; ledger
        HBA_DOWN pve1 21:00:00:24:ff:4a:11:07
        exit 1"#]]);
    world.play("+0s pve1 adapter host7 up\n+0s pve1 path 1 3 up\n+0s pve1 path 1 4 up");
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 4/4; ledger
        exit 0"#]]);
}

#[test]
fn target_ports_migrate_to_other_ones() {
    let mut world = World::settled(2, 1, 4);
    // One port after the other gets another name, as when a controller is replaced; each time the paths over it are
    // new ones, and for some minutes there are the old devices, dead, and not yet the new ones.
    for port in 0..world.san.ports.len() {
        let name = world.san.ports[port].name.clone();
        world.play(&format!("+0s array port {name} down"));
        world.run(5 * MINUTE);
        world.san.ports[port].wwpn ^= 0xff_0000;
        world.play(&format!("+0s array port {name} up"));
        world.run(20 * MINUTE);
    }
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 4/4; ledger
        exit 0"#]]);
    // Four paths are remembered and not eight: a lost one is one of four.
    world.play("+0s pve2 path 1 1 fail");
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 degraded: pve1 4/4, pve2 degraded 3/4; ledger
        LUN_DEGRADED LUN1 pve2
        exit 1"#]]);
}

#[test]
fn what_people_expect_counts_more_than_what_was_seen() {
    let mut world = World::new(2, 2, 4);
    // Zoned with two paths of four from the first day on.
    for path in [3, 4] {
        world.play(&format!("+0s pve2 path 1 {path} delete\n+0s pve2 path 2 {path} delete"));
    }
    world.install_all();
    world.run(15 * MINUTE);
    world.check(&expect![[r#"
        LUN1 optimal: pve1 4/4, pve2 2/2; ledger
        LUN2 optimal: pve1 4/4, pve2 2/2; ledger
        LUN_PATHS_UNEVEN pve2
        exit 0"#]]);
    world.config(Some("defaults: global\n\texpected-paths 4\n\nwwid: LUN2\n\texpected-paths 2\n"));
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 degraded: pve1 4/4, pve2 degraded 2/4; ledger
        LUN2 optimal: pve1 4/2, pve2 2/2; ledger
        LUN_BELOW_EXPECTED LUN1 pve2
        exit 1"#]]);
    // A document that cannot be followed changes nothing.
    world.config(Some("defaults: global\n\texpected-paths none\n"));
    world.run(20 * SECOND);
    world.check(&expect![[r#"
        LUN1 degraded: pve1 4/4, pve2 degraded 2/4; ledger
        LUN2 optimal: pve1 4/2, pve2 2/2; ledger
        CONFIG_INVALID multipath.cfg
        LUN_BELOW_EXPECTED LUN1 pve2
        exit 1"#]]);
}

#[test]
fn an_adapter_that_flaps_is_one_cause_until_half_an_hour_was_quiet() {
    use pathkeeper_engine::cluster::Cluster;
    use pathkeeper_model::finding::Code;

    let mut world = World::settled(2, 2, 4);
    let causes = |observer: &Cluster| -> Vec<(Code, String)> {
        let found = observer.causes().list().iter();
        found.map(|cause| (cause.code, cause.scope.object.clone().unwrap_or_default())).collect()
    };
    let flaps = |world: &World, node: usize| {
        let cell = world.observer().causes().cell(&world.node(node), &world.wwid(1));
        cell.is_some_and(|cell| cell.flaps)
    };
    let flap = |world: &mut World, times: usize| {
        for _ in 0..times {
            world.play("+0s pve1 adapter host7 down");
            world.run(40 * SECOND);
            world.play("+0s pve1 adapter host7 up");
            world.run(40 * SECOND);
        }
    };
    // Three times, and then quiet, is none.
    flap(&mut world, 3);
    assert!(causes(world.observer()).iter().all(|(code, _)| *code != Code::PortFlapping));
    world.run(40 * MINUTE);
    flap(&mut world, 5);
    let flapping = [(Code::PortFlapping, "21:00:00:24:ff:4a:11:07".to_owned())];
    world.run(2 * MINUTE);
    assert_eq!(causes(world.observer()), flapping);
    assert_eq!(causes(&world.fresh_observer()), flapping);
    let cause = &world.observer().causes().list()[0];
    assert_eq!(cause.scope.node, Some(world.node(1)));
    assert!(
        cause.evidence.iter().any(|line| line == "paths went or came 10 times in 30 minutes"),
        "{cause:?}"
    );
    // Everything is usable, and the cells are marked all the same: on that node alone.
    assert_eq!((flaps(&world, 1), flaps(&world, 2)), (true, false));
    // multipathd's restart is no change, and ends nothing.
    world.play("+0s pve1 multipathd stop");
    world.run(20 * SECOND);
    world.play("+0s pve1 multipathd start");
    world.run(24 * MINUTE);
    assert_eq!(causes(world.observer()), flapping);
    world.run(8 * MINUTE);
    assert_eq!(causes(world.observer()), []);
    assert_eq!((flaps(&world, 1), flaps(&world, 2)), (false, false));
}
